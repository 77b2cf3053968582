builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "[8, 8]" : !gflow.type<"size">
    %1 = gflow.call "op" "resize" ["image", "size"](%img, %0) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "[8, 8]" : !gflow.type<"size">
    %1 = gflow.call "op" "resize" ["image", "size"](%img, %0) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
