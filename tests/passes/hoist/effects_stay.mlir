builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %told = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %5 = gflow.call "op" "upper" ["text"](%told) : (!gflow.type<"text">) -> !gflow.type<"text">
      %6 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %7 = gflow.call "op" "+" ["left", "right"](%5, %6) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %7 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    gflow.yield %2 : !gflow.type<"list<text>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %3 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %4: !gflow.type<"int">, %5: !gflow.key):
      %told = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %6 = gflow.call "op" "upper" ["text"](%told) : (!gflow.type<"text">) -> !gflow.type<"text">
      %7 = gflow.call "op" "+" ["left", "right"](%6, %2) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %7 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    gflow.yield %3 : !gflow.type<"list<text>">
  }) : () -> ()
}
