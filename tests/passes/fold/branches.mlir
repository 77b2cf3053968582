builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.const "2" : !gflow.type<"int">
    %2 = gflow.call "op" ">" ["left", "right"](%0, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %a = gflow.if %2 {
      %3 = gflow.const "\22never\22" : !gflow.type<"text">
      %4 = gflow.derive %key, "a"
      %5 = gflow.call "method" "painter.generate" ["prompt", "@key"](%3, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %5 : !gflow.type<"image">
    } else {
      %6 = gflow.const "\22always\22" : !gflow.type<"text">
      %7 = gflow.derive %key, "a#1"
      %8 = gflow.call "method" "painter.generate" ["prompt", "@key"](%6, %7) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %8 : !gflow.type<"image">
    } : !gflow.type<"bool"> -> !gflow.type<"image">
    %9 = gflow.const "\22b\22" : !gflow.type<"text">
    %10 = gflow.call "op" "upper" ["text"](%9) : (!gflow.type<"text">) -> !gflow.type<"text">
    %b = gflow.match %10 ["\22A\22", "\22B\22"] {
      gflow.yield %a : !gflow.type<"image">
    }, {
      %11 = gflow.const "[8, 8]" : !gflow.type<"size">
      %12 = gflow.const "\22red\22" : !gflow.type<"text">
      %13 = gflow.call "op" "solid" ["size", "color"](%11, %12) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"image">
      gflow.yield %13 : !gflow.type<"image">
    }, {
      gflow.yield %a : !gflow.type<"image">
    } : !gflow.type<"text"> -> !gflow.type<"image">
    %14 = gflow.const "\22z\22" : !gflow.type<"text">
    %c = gflow.match %14 ["\22A\22"] {
      gflow.yield %b : !gflow.type<"image">
    }, {
      %15 = gflow.const "1" : !gflow.type<"int">
      %16 = gflow.const "1" : !gflow.type<"int">
      %17 = gflow.call "op" "+" ["left", "right"](%15, %16) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
      %18 = gflow.const "2" : !gflow.type<"int">
      %19 = gflow.call "op" "==" ["left", "right"](%17, %18) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
      %20 = gflow.if %19 {
        %21 = gflow.const "1" : !gflow.type<"int">
        %22 = gflow.call "op" ">" ["left", "right"](%n, %21) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
        %23 = gflow.if %22 {
          gflow.yield %b : !gflow.type<"image">
        } else {
          gflow.yield %a : !gflow.type<"image">
        } : !gflow.type<"bool"> -> !gflow.type<"image">
        gflow.yield %23 : !gflow.type<"image">
      } else {
        gflow.yield %b : !gflow.type<"image">
      } : !gflow.type<"bool"> -> !gflow.type<"image">
      gflow.yield %20 : !gflow.type<"image">
    } : !gflow.type<"text"> -> !gflow.type<"image">
    %24 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %24 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// 4 calls of known values became constants
// 4 branches with a known condition became one
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.const "2" : !gflow.type<"int">
    %2 = gflow.const "false" : !gflow.type<"bool">
    %3 = gflow.const "\22always\22" : !gflow.type<"text">
    %4 = gflow.derive %key, "a#1"
    %a = gflow.call "method" "painter.generate" ["prompt", "@key"](%3, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %5 = gflow.const "\22b\22" : !gflow.type<"text">
    %6 = gflow.const "\22B\22" : !gflow.type<"text">
    %7 = gflow.const "[8, 8]" : !gflow.type<"size">
    %8 = gflow.const "\22red\22" : !gflow.type<"text">
    %b = gflow.call "op" "solid" ["size", "color"](%7, %8) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"image">
    %9 = gflow.const "\22z\22" : !gflow.type<"text">
    %10 = gflow.const "1" : !gflow.type<"int">
    %11 = gflow.const "1" : !gflow.type<"int">
    %12 = gflow.const "2" : !gflow.type<"int">
    %13 = gflow.const "2" : !gflow.type<"int">
    %14 = gflow.const "true" : !gflow.type<"bool">
    %15 = gflow.const "1" : !gflow.type<"int">
    %16 = gflow.call "op" ">" ["left", "right"](%n, %15) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %c = gflow.if %16 {
      gflow.yield %b : !gflow.type<"image">
    } else {
      gflow.yield %a : !gflow.type<"image">
    } : !gflow.type<"bool"> -> !gflow.type<"image">
    %17 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %17 : !gflow.type<"list<image>">
  }) : () -> ()
}
