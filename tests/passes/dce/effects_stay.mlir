builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "op" "upper" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "\22A\22" : !gflow.type<"text">
    %3 = gflow.call "op" "==" ["left", "right"](%1, %2) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
    gflow.expect %3 "upper(\22a\22) == \22A\22" ["upper(\22a\22)"](%1) : !gflow.type<"bool">, (!gflow.type<"text">)
    %4 = gflow.const "\22a\22" : !gflow.type<"text">
    %a = gflow.call "extern" "plain" ["line"](%4) : (!gflow.type<"text">) -> !gflow.type<"text">
    %5 = gflow.const "1" : !gflow.type<"int">
    %6 = gflow.call "op" ">" ["left", "right"](%n, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %b = gflow.if %6 {
      %7 = gflow.const "\22b\22" : !gflow.type<"text">
      %8 = gflow.call "extern" "plain" ["line"](%7) : (!gflow.type<"text">) -> !gflow.type<"text">
      %9 = gflow.call "extern" "note" ["line"](%8) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %9 : !gflow.type<"text">
    } else {
      %10 = gflow.const "\22c\22" : !gflow.type<"text">
      gflow.yield %10 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %11 = gflow.const "1" : !gflow.type<"int">
    %12 = gflow.call "op" ".." ["left", "right"](%11, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %13 = gflow.derive %key, "c"
    %c = gflow.map %12 key %13 {
    ^bb0(%i: !gflow.type<"int">, %14: !gflow.type<"int">, %15: !gflow.key):
      %16 = gflow.const "2" : !gflow.type<"int">
      %17 = gflow.call "op" ">" ["left", "right"](%i, %16) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
      %18 = gflow.if %17 {
        %19 = gflow.const "\22c\22" : !gflow.type<"text">
        %20 = gflow.call "extern" "note" ["line"](%19) impure : (!gflow.type<"text">) -> !gflow.type<"text">
        gflow.yield %20 : !gflow.type<"text">
      } else {
        %21 = gflow.const "\22c\22" : !gflow.type<"text">
        gflow.yield %21 : !gflow.type<"text">
      } : !gflow.type<"bool"> -> !gflow.type<"text">
      gflow.yield %18 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    %d = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %22 = gflow.const "\22d\22" : !gflow.type<"text">
      %23 = gflow.call "extern" "note" ["line"](%22) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %23 : !gflow.type<"text">
    }, {
      %24 = gflow.const "\22e\22" : !gflow.type<"text">
      gflow.yield %24 : !gflow.type<"text">
    }) : () -> !gflow.type<"text">
    gflow.yield %n : !gflow.type<"int">
  }) : () -> ()
}
// -----
// 2 steps that nothing needs went
builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.extern"() <{sym_name = "plain", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "op" "upper" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "\22A\22" : !gflow.type<"text">
    %3 = gflow.call "op" "==" ["left", "right"](%1, %2) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
    gflow.expect %3 "upper(\22a\22) == \22A\22" ["upper(\22a\22)"](%1) : !gflow.type<"bool">, (!gflow.type<"text">)
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.call "op" ">" ["left", "right"](%n, %4) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %b = gflow.if %5 {
      %6 = gflow.const "\22b\22" : !gflow.type<"text">
      %7 = gflow.call "extern" "plain" ["line"](%6) : (!gflow.type<"text">) -> !gflow.type<"text">
      %8 = gflow.call "extern" "note" ["line"](%7) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %8 : !gflow.type<"text">
    } else {
      %9 = gflow.const "\22c\22" : !gflow.type<"text">
      gflow.yield %9 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %10 = gflow.const "1" : !gflow.type<"int">
    %11 = gflow.call "op" ".." ["left", "right"](%10, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %12 = gflow.derive %key, "c"
    %c = gflow.map %11 key %12 {
    ^bb0(%i: !gflow.type<"int">, %13: !gflow.type<"int">, %14: !gflow.key):
      %15 = gflow.const "2" : !gflow.type<"int">
      %16 = gflow.call "op" ">" ["left", "right"](%i, %15) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
      %17 = gflow.if %16 {
        %18 = gflow.const "\22c\22" : !gflow.type<"text">
        %19 = gflow.call "extern" "note" ["line"](%18) impure : (!gflow.type<"text">) -> !gflow.type<"text">
        gflow.yield %19 : !gflow.type<"text">
      } else {
        %20 = gflow.const "\22c\22" : !gflow.type<"text">
        gflow.yield %20 : !gflow.type<"text">
      } : !gflow.type<"bool"> -> !gflow.type<"text">
      gflow.yield %17 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    %d = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %21 = gflow.const "\22d\22" : !gflow.type<"text">
      %22 = gflow.call "extern" "note" ["line"](%21) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %22 : !gflow.type<"text">
    }, {
      %23 = gflow.const "\22e\22" : !gflow.type<"text">
      gflow.yield %23 : !gflow.type<"text">
    }) : () -> !gflow.type<"text">
    gflow.yield %n : !gflow.type<"int">
  }) : () -> ()
}
