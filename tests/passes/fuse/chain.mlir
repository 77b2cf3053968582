builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "other"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %other: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "[64, 64]" : !gflow.type<"size">
    %1 = gflow.call "op" "resize" ["image", "size"](%img, %0) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    %2 = gflow.const "0.1" : !gflow.type<"float">
    %3 = gflow.call "op" "brightness" ["image", "factor"](%1, %2) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %4 = gflow.const "0.5" : !gflow.type<"float">
    %5 = gflow.call "op" "blend" ["image", "other", "amount"](%3, %other, %4) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %6 = gflow.const "1.0" : !gflow.type<"float">
    %7 = gflow.call "op" "sharpen" ["image", "amount"](%5, %6) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %8 = gflow.const "[32, 32]" : !gflow.type<"size">
    %9 = gflow.call "op" "crop" ["image", "size"](%7, %8) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    gflow.yield %9 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// resize+brightness+blend+sharpen+crop became one kernel
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "other"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %other: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "[64, 64]" : !gflow.type<"size">
    %1 = gflow.const "0.1" : !gflow.type<"float">
    %2 = gflow.const "0.5" : !gflow.type<"float">
    %3 = gflow.const "1.0" : !gflow.type<"float">
    %4 = gflow.const "[32, 32]" : !gflow.type<"size">
    %5 = gflow.fused "resize+brightness+blend+sharpen+crop" {
      %6 = gflow.call "op" "resize" ["image", "size"](%img, %0) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
      %7 = gflow.call "op" "brightness" ["image", "factor"](%6, %1) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %8 = gflow.call "op" "blend" ["image", "other", "amount"](%7, %other, %2) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %9 = gflow.call "op" "sharpen" ["image", "amount"](%8, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %10 = gflow.call "op" "crop" ["image", "size"](%9, %4) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
      gflow.yield %10 : !gflow.type<"image">
    } -> !gflow.type<"image">
    gflow.yield %5 : !gflow.type<"image">
  }) : () -> ()
}
