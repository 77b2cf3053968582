builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %bright = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %tried = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %1 = gflow.const "1.1" : !gflow.type<"float">
      %2 = gflow.call "op" "contrast" ["image", "factor"](%bright, %1) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %3 = gflow.const "2.0" : !gflow.type<"float">
      %4 = gflow.call "op" "gamma" ["image", "value"](%2, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    }, {
      %5 = gflow.call "op" "invert" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"image">
      %6 = gflow.const "1.0" : !gflow.type<"float">
      %7 = gflow.call "op" "blur" ["image", "radius"](%5, %6) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %7 : !gflow.type<"image">
    }) : () -> !gflow.type<"image">
    %8 = gflow.const "1.0" : !gflow.type<"float">
    %9 = gflow.call "op" "sharpen" ["image", "amount"](%tried, %8) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    gflow.yield %9 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// contrast+gamma became one kernel
// invert+blur became one kernel
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %bright = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %tried = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %1 = gflow.const "1.1" : !gflow.type<"float">
      %2 = gflow.const "2.0" : !gflow.type<"float">
      %3 = gflow.fused "contrast+gamma" {
        %4 = gflow.call "op" "contrast" ["image", "factor"](%bright, %1) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        %5 = gflow.call "op" "gamma" ["image", "value"](%4, %2) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        gflow.yield %5 : !gflow.type<"image">
      } -> !gflow.type<"image">
      gflow.yield %3 : !gflow.type<"image">
    }, {
      %6 = gflow.const "1.0" : !gflow.type<"float">
      %7 = gflow.fused "invert+blur" {
        %8 = gflow.call "op" "invert" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"image">
        %9 = gflow.call "op" "blur" ["image", "radius"](%8, %6) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        gflow.yield %9 : !gflow.type<"image">
      } -> !gflow.type<"image">
      gflow.yield %7 : !gflow.type<"image">
    }) : () -> !gflow.type<"image">
    %10 = gflow.const "1.0" : !gflow.type<"float">
    %11 = gflow.call "op" "sharpen" ["image", "amount"](%tried, %10) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    gflow.yield %11 : !gflow.type<"image">
  }) : () -> ()
}
