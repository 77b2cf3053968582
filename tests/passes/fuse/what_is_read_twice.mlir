builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %1 = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %2 = gflow.const "1.1" : !gflow.type<"float">
    %bright = gflow.call "op" "contrast" ["image", "factor"](%1, %2) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %3 = gflow.const "2.0" : !gflow.type<"float">
    %4 = gflow.call "op" "blur" ["image", "radius"](%bright, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %a = gflow.call "op" "invert" ["image"](%4) : (!gflow.type<"image">) -> !gflow.type<"image">
    %5 = gflow.const "0.5" : !gflow.type<"float">
    %b = gflow.call "op" "saturation" ["image", "factor"](%bright, %5) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %6 = gflow.call "op" "[]" [](%bright, %a, %b) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %6 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// brightness+contrast became one kernel
// blur+invert became one kernel
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %1 = gflow.const "1.1" : !gflow.type<"float">
    %bright = gflow.fused "brightness+contrast" {
      %2 = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %bright_1 = gflow.call "op" "contrast" ["image", "factor"](%2, %1) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %bright_1 : !gflow.type<"image">
    } -> !gflow.type<"image">
    %3 = gflow.const "2.0" : !gflow.type<"float">
    %a = gflow.fused "blur+invert" {
      %4 = gflow.call "op" "blur" ["image", "radius"](%bright, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %a_1 = gflow.call "op" "invert" ["image"](%4) : (!gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %a_1 : !gflow.type<"image">
    } -> !gflow.type<"image">
    %5 = gflow.const "0.5" : !gflow.type<"float">
    %b = gflow.call "op" "saturation" ["image", "factor"](%bright, %5) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %6 = gflow.call "op" "[]" [](%bright, %a, %b) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %6 : !gflow.type<"list<image>">
  }) : () -> ()
}
