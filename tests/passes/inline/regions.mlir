builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "told", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %1 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["go"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%go: !gflow.type<"bool">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %a = "gflow.try"(%0) <{operandSegmentSizes = array<i32: 1, 0, 0>}> ({
      %1 = gflow.const "\22a\22" : !gflow.type<"text">
      %2 = gflow.derive %key, "a"
      %3 = gflow.call "flow" "told" ["line", "@key"](%1, %2) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      gflow.yield %3 : !gflow.type<"text">
    }, {
      %4 = gflow.const "\22b\22" : !gflow.type<"text">
      %5 = gflow.derive %key, "a#1"
      %6 = gflow.call "flow" "told" ["line", "@key"](%4, %5) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      gflow.yield %6 : !gflow.type<"text">
    }) : (!gflow.type<"int">) -> !gflow.type<"text">
    %b = gflow.if %go {
      %7 = gflow.const "\22c\22" : !gflow.type<"text">
      %8 = gflow.derive %key, "b"
      %9 = gflow.call "flow" "told" ["line", "@key"](%7, %8) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      gflow.yield %9 : !gflow.type<"text">
    } else {
      %10 = gflow.const "\22\22" : !gflow.type<"text">
      gflow.yield %10 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %11 = gflow.const "3" : !gflow.type<"int">
    %12 = gflow.derive %key, "c"
    %c = "gflow.refine"(%11, %12) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
    ^bb0(%13: !gflow.type<"any">, %14: !gflow.key):
      %15 = gflow.const "\22d\22" : !gflow.type<"text">
      %16 = gflow.call "flow" "told" ["line", "@key"](%15, %14) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      gflow.yield %16 : !gflow.type<"text">
    }, {
    ^bb0(%x: !gflow.type<"text">):
      %17 = gflow.derive %key, "c#1"
      %18 = gflow.call "flow" "told" ["line", "@key"](%x, %17) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %19 = gflow.const "\22D\22" : !gflow.type<"text">
      %20 = gflow.call "op" "==" ["left", "right"](%18, %19) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
      gflow.yield %20 : !gflow.type<"bool">
    }, {
    ^bb0(%x_1: !gflow.type<"text">):
      %21 = gflow.const "\22e\22" : !gflow.type<"text">
      %22 = gflow.derive %key, "c#2"
      %23 = gflow.call "flow" "told" ["line", "@key"](%21, %22) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %24 = gflow.call "op" "words" ["text"](%23) : (!gflow.type<"text">) -> !gflow.type<"list<text>">
      %25 = gflow.call "op" "count" ["items"](%24) : (!gflow.type<"list<text>">) -> !gflow.type<"int">
      %26 = gflow.call "op" "float" ["value"](%25) : (!gflow.type<"int">) -> !gflow.type<"float">
      gflow.yield %26 : !gflow.type<"float">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"text">
    %27 = gflow.call "op" "+" ["left", "right"](%a, %b) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %28 = gflow.call "op" "+" ["left", "right"](%27, %c) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %28 : !gflow.type<"text">
  }) : () -> ()
}
// -----
// 6 flow calls became part of the calling flow
builtin.module {
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "told", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    %1 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %1 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["go"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%go: !gflow.type<"bool">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %a = "gflow.try"(%0) <{operandSegmentSizes = array<i32: 1, 0, 0>}> ({
      %1 = gflow.const "\22a\22" : !gflow.type<"text">
      %2 = gflow.derive %key, "a"
      %3 = gflow.derive %2, "told"
      %4 = gflow.call "extern" "note" ["line"](%1) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %5 = gflow.call "op" "upper" ["text"](%1) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %5 : !gflow.type<"text">
    }, {
      %6 = gflow.const "\22b\22" : !gflow.type<"text">
      %7 = gflow.derive %key, "a#1"
      %8 = gflow.derive %7, "told"
      %9 = gflow.call "extern" "note" ["line"](%6) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %10 = gflow.call "op" "upper" ["text"](%6) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %10 : !gflow.type<"text">
    }) : (!gflow.type<"int">) -> !gflow.type<"text">
    %b = gflow.if %go {
      %11 = gflow.const "\22c\22" : !gflow.type<"text">
      %12 = gflow.derive %key, "b"
      %13 = gflow.derive %12, "told"
      %14 = gflow.call "extern" "note" ["line"](%11) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %15 = gflow.call "op" "upper" ["text"](%11) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %15 : !gflow.type<"text">
    } else {
      %16 = gflow.const "\22\22" : !gflow.type<"text">
      gflow.yield %16 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %17 = gflow.const "3" : !gflow.type<"int">
    %18 = gflow.derive %key, "c"
    %c = "gflow.refine"(%17, %18) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
    ^bb0(%19: !gflow.type<"any">, %20: !gflow.key):
      %21 = gflow.const "\22d\22" : !gflow.type<"text">
      %22 = gflow.derive %20, "told"
      %23 = gflow.call "extern" "note" ["line"](%21) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %24 = gflow.call "op" "upper" ["text"](%21) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %24 : !gflow.type<"text">
    }, {
    ^bb0(%x: !gflow.type<"text">):
      %25 = gflow.derive %key, "c#1"
      %26 = gflow.derive %25, "told"
      %27 = gflow.call "extern" "note" ["line"](%x) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %28 = gflow.call "op" "upper" ["text"](%x) : (!gflow.type<"text">) -> !gflow.type<"text">
      %29 = gflow.const "\22D\22" : !gflow.type<"text">
      %30 = gflow.call "op" "==" ["left", "right"](%28, %29) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"bool">
      gflow.yield %30 : !gflow.type<"bool">
    }, {
    ^bb0(%x_1: !gflow.type<"text">):
      %31 = gflow.const "\22e\22" : !gflow.type<"text">
      %32 = gflow.derive %key, "c#2"
      %33 = gflow.derive %32, "told"
      %34 = gflow.call "extern" "note" ["line"](%31) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %35 = gflow.call "op" "upper" ["text"](%31) : (!gflow.type<"text">) -> !gflow.type<"text">
      %36 = gflow.call "op" "words" ["text"](%35) : (!gflow.type<"text">) -> !gflow.type<"list<text>">
      %37 = gflow.call "op" "count" ["items"](%36) : (!gflow.type<"list<text>">) -> !gflow.type<"int">
      %38 = gflow.call "op" "float" ["value"](%37) : (!gflow.type<"int">) -> !gflow.type<"float">
      gflow.yield %38 : !gflow.type<"float">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"text">
    %39 = gflow.call "op" "+" ["left", "right"](%a, %b) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %40 = gflow.call "op" "+" ["left", "right"](%39, %c) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %40 : !gflow.type<"text">
  }) : () -> ()
}
