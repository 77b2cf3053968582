builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %a = gflow.call "extern" "note" ["line"](%0) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.const "\22b\22" : !gflow.type<"text">
    %b = gflow.call "extern" "plain" ["line"](%1) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "\22c\22" : !gflow.type<"text">
    %3 = gflow.call "extern" "note" ["line"](%2) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %4 = gflow.const "\22c\22" : !gflow.type<"text">
    %5 = gflow.call "op" "==" ["left", "right"](%3, %4) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
    %c = gflow.if %5 {
      %6 = gflow.const "\22d\22" : !gflow.type<"text">
      gflow.yield %6 : !gflow.type<"text">
    } else {
      %7 = gflow.const "\22e\22" : !gflow.type<"text">
      gflow.yield %7 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %8 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %8 : !gflow.type<"list<text>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %a = gflow.call "extern" "note" ["line"](%0) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.const "\22b\22" : !gflow.type<"text">
    %b = gflow.call "extern" "plain" ["line"](%1) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "\22c\22" : !gflow.type<"text">
    %3 = gflow.call "extern" "note" ["line"](%2) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %4 = gflow.const "\22c\22" : !gflow.type<"text">
    %5 = gflow.call "op" "==" ["left", "right"](%3, %4) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
    %c = gflow.if %5 {
      %6 = gflow.const "\22d\22" : !gflow.type<"text">
      gflow.yield %6 : !gflow.type<"text">
    } else {
      %7 = gflow.const "\22e\22" : !gflow.type<"text">
      gflow.yield %7 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %8 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %8 : !gflow.type<"list<text>">
  }) : () -> ()
}
