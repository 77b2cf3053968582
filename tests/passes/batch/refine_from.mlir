builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "8" : !gflow.type<"int">
    %1 = "gflow.refine"(%0, %img, %key) <{operandSegmentSizes = array<i32: 1, 1, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%x: !gflow.type<"image">, %2: !gflow.key):
      %3 = gflow.const "\22a\22" : !gflow.type<"text">
      %4 = gflow.call "method" "painter.generate" ["prompt", "image", "@key"](%3, %x, %2) : (!gflow.type<"text">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    }, {
    ^bb0(%x_1: !gflow.type<"image">):
      %5 = gflow.const "false" : !gflow.type<"bool">
      gflow.yield %5 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "8" : !gflow.type<"int">
    %1 = "gflow.refine"(%0, %img, %key) <{operandSegmentSizes = array<i32: 1, 1, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%x: !gflow.type<"image">, %2: !gflow.key):
      %3 = gflow.const "\22a\22" : !gflow.type<"text">
      %4 = gflow.call "method" "painter.generate" ["prompt", "image", "@key"](%3, %x, %2) : (!gflow.type<"text">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    }, {
    ^bb0(%x_1: !gflow.type<"image">):
      %5 = gflow.const "false" : !gflow.type<"bool">
      gflow.yield %5 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
