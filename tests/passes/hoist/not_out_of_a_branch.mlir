builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %1 = gflow.call "op" ">" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %2 = gflow.if %1 {
      %3 = gflow.const "2.0" : !gflow.type<"float">
      %4 = gflow.call "op" "blur" ["image", "radius"](%img, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    } else {
      %5 = gflow.const "[8, 8]" : !gflow.type<"size">
      %6 = gflow.call "op" "resize" ["image", "size"](%img, %5) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
      gflow.yield %6 : !gflow.type<"image">
    } : !gflow.type<"bool"> -> !gflow.type<"image">
    gflow.yield %2 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %1 = gflow.call "op" ">" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    %2 = gflow.if %1 {
      %3 = gflow.const "2.0" : !gflow.type<"float">
      %4 = gflow.call "op" "blur" ["image", "radius"](%img, %3) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    } else {
      %5 = gflow.const "[8, 8]" : !gflow.type<"size">
      %6 = gflow.call "op" "resize" ["image", "size"](%img, %5) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
      gflow.yield %6 : !gflow.type<"image">
    } : !gflow.type<"bool"> -> !gflow.type<"image">
    gflow.yield %2 : !gflow.type<"image">
  }) : () -> ()
}
