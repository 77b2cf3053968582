builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.call "extern" "plain" ["line"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %3 = gflow.call "extern" "plain" ["line"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %4 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %5 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %6 = gflow.call "op" "[]" [](%0, %1, %2, %3, %4, %5) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %6 : !gflow.type<"list<text>">
  }) : () -> ()
}
// -----
// plain is shared by 2 places
builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.call "extern" "plain" ["line"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %3 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %4 = gflow.call "op" "[]" [](%0, %1, %2, %2, %3, %3) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %4 : !gflow.type<"list<text>">
  }) : () -> ()
}
