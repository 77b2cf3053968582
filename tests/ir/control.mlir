builtin.module {
  "gflow.extern"() <{sym_name = "shade", path = "tests/ir/shade.py", function = "shade", result_type = !gflow.type<"image">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "pick", kind = "flow", params = ["kind", "n", "wait"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: false, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: false, \22default\22: 2.0, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%kind: !gflow.type<"\22a\22 | \22b\22">, %n: !gflow.type<"int?">, %wait: !gflow.type<"duration">, %key: !gflow.key):
    %0 = gflow.const "null" : !gflow.type<"none">
    %1 = gflow.call "op" "==" ["left", "right"](%n, %0) : (!gflow.type<"int?">, !gflow.type<"none">) -> !gflow.type<"bool">
    %2 = gflow.if %1 {
      %3 = gflow.const "1" : !gflow.type<"int">
      gflow.yield %3 : !gflow.type<"int">
    } else {
      %4 = gflow.call "op" "present" ["value"](%n) : (!gflow.type<"int?">) -> !gflow.type<"int">
      gflow.yield %4 : !gflow.type<"int">
    } : !gflow.type<"bool"> -> !gflow.type<"int">
    %5 = gflow.const "0" : !gflow.type<"int">
    %6 = gflow.call "op" ">" ["left", "right"](%2, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %6 "(n ?? 1) > 0" ["(n ?? 1)"](%2) : !gflow.type<"bool">, (!gflow.type<"int">)
    %7 = gflow.match %kind ["\22a\22", "\22b\22"] {
      %8 = gflow.const "1" : !gflow.type<"int">
      %9 = gflow.const "1.0" : !gflow.type<"float">
      gflow.yield %9 : !gflow.type<"float">
    }, {
      %10 = gflow.const "1.0" : !gflow.type<"duration">
      %11 = gflow.call "op" ">" ["left", "right"](%wait, %10) : (!gflow.type<"duration">, !gflow.type<"duration">) -> !gflow.type<"bool">
      %12 = gflow.if %11 {
        %13 = gflow.const "\22b\22" : !gflow.type<"\22a\22 | \22b\22">
        %14 = gflow.call "op" "==" ["left", "right"](%kind, %13) : (!gflow.type<"\22a\22 | \22b\22">, !gflow.type<"\22a\22 | \22b\22">) -> !gflow.type<"bool">
        gflow.yield %14 : !gflow.type<"bool">
      } else {
        %15 = gflow.const "false" : !gflow.type<"bool">
        gflow.yield %15 : !gflow.type<"bool">
      } : !gflow.type<"bool"> -> !gflow.type<"bool">
      %16 = gflow.if %12 {
        %17 = gflow.const "0.5" : !gflow.type<"float">
        gflow.yield %17 : !gflow.type<"float">
      } else {
        %18 = gflow.const "0.25" : !gflow.type<"float">
        gflow.yield %18 : !gflow.type<"float">
      } : !gflow.type<"bool"> -> !gflow.type<"float">
      gflow.yield %16 : !gflow.type<"float">
    } : !gflow.type<"\22a\22 | \22b\22"> -> !gflow.type<"float">
    gflow.yield %7 : !gflow.type<"float">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "tried", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.call "op" "[]" [](%img, %img) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %1 = gflow.map %0 key %key {
    ^bb0(%each: !gflow.type<"image">, %place: !gflow.type<"int">, %2: !gflow.key):
      %3 = gflow.const "2" : !gflow.type<"int">
      %4 = gflow.const "0.01" : !gflow.type<"duration">
      %5 = gflow.const "5.0" : !gflow.type<"duration">
      %darker = "gflow.try"(%3, %4, %5) <{operandSegmentSizes = array<i32: 1, 1, 1>}> ({
        %6 = gflow.call "op" "float" ["value"](%place) : (!gflow.type<"int">) -> !gflow.type<"float">
        %7 = gflow.call "extern" "shade" ["img", "by"](%each, %6) impure : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        gflow.yield %7 : !gflow.type<"image">
      }, {
        gflow.yield %each : !gflow.type<"image">
      }) : (!gflow.type<"int">, !gflow.type<"duration">, !gflow.type<"duration">) -> !gflow.type<"image">
      %8 = gflow.const "3" : !gflow.type<"int">
      %9 = "gflow.refine"(%8, %darker, %2) <{operandSegmentSizes = array<i32: 1, 1, 1>, regionSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
      ^bb0(%kept: !gflow.type<"image">, %10: !gflow.key):
        %11 = gflow.const "2" : !gflow.type<"int">
        %12 = gflow.const "2.0" : !gflow.type<"float">
        %13 = gflow.call "op" "brightness" ["image", "factor"](%kept, %12) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        gflow.yield %13 : !gflow.type<"image">
      }, {
      ^bb0(%kept_1: !gflow.type<"image">):
        %14 = gflow.const "\22a\22" : !gflow.type<"\22a\22 | \22b\22">
        %15 = gflow.const "null" : !gflow.type<"none">
        %16 = gflow.const "2.0" : !gflow.type<"duration">
        %17 = gflow.derive %2, "#1"
        %18 = gflow.call "flow" "pick" ["kind", "n", "wait", "@key"](%14, %15, %16, %17) impure : (!gflow.type<"\22a\22 | \22b\22">, !gflow.type<"none">, !gflow.type<"duration">, !gflow.key) -> !gflow.type<"float">
        %19 = gflow.const "0.5" : !gflow.type<"float">
        %20 = gflow.call "op" ">" ["left", "right"](%18, %19) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
        gflow.yield %20 : !gflow.type<"bool">
      }, {
      ^bb0(%kept_2: !gflow.type<"image">):
        %21 = gflow.const "1" : !gflow.type<"int">
        %22 = gflow.const "1.0" : !gflow.type<"float">
        gflow.yield %22 : !gflow.type<"float">
      }) : (!gflow.type<"int">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %9 : !gflow.type<"image">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<image>">
    gflow.yield %1 : !gflow.type<"list<image>">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test half", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22b\22" : !gflow.type<"\22a\22 | \22b\22">
    %1 = gflow.const "3" : !gflow.type<"int">
    %2 = gflow.const "1.0" : !gflow.type<"duration">
    %3 = gflow.call "flow" "pick" ["kind", "n", "wait", "@key"](%0, %1, %2, %key) impure : (!gflow.type<"\22a\22 | \22b\22">, !gflow.type<"int">, !gflow.type<"duration">, !gflow.key) -> !gflow.type<"float">
    %4 = gflow.const "0.25" : !gflow.type<"float">
    %5 = gflow.call "op" "==" ["left", "right"](%3, %4) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
    gflow.expect %5 "pick(\22b\22, 3, wait: 1s) == 0.25" ["pick(\22b\22, 3, wait: 1s)"](%3) : !gflow.type<"bool">, (!gflow.type<"float">)
    gflow.yield
  }) : () -> ()
}
