builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["photo", "hole"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%photo: !gflow.type<"image?">, %hole: !gflow.type<"mask">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "writer.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
    %2 = gflow.derive %key, "#1"
    %3 = gflow.call "method" "painter.generate" ["prompt", "image", "@key"](%1, %photo, %2) : (!gflow.type<"text">, !gflow.type<"image?">, !gflow.key) -> !gflow.type<"image">
    %4 = gflow.const "\22b\22" : !gflow.type<"text">
    %5 = gflow.derive %key, "#2"
    %6 = gflow.call "method" "painter.generate" ["prompt", "mask", "@key"](%4, %hole, %5) : (!gflow.type<"text">, !gflow.type<"mask">, !gflow.key) -> !gflow.type<"image">
    %7 = gflow.call "op" "[]" [](%3, %6) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %7 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["photo", "hole"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%photo: !gflow.type<"image?">, %hole: !gflow.type<"mask">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "writer.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
    %2 = gflow.derive %key, "#1"
    %3 = gflow.call "method" "painter.generate" ["prompt", "image", "@key"](%1, %photo, %2) : (!gflow.type<"text">, !gflow.type<"image?">, !gflow.key) -> !gflow.type<"image">
    %4 = gflow.const "\22b\22" : !gflow.type<"text">
    %5 = gflow.derive %key, "#2"
    %6 = gflow.call "method" "painter.generate" ["prompt", "mask", "@key"](%4, %hole, %5) : (!gflow.type<"text">, !gflow.type<"mask">, !gflow.key) -> !gflow.type<"image">
    %7 = gflow.call "op" "[]" [](%3, %6) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %7 : !gflow.type<"list<image>">
  }) : () -> ()
}
