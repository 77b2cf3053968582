builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "scale", "photo", "hole"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%idea: !gflow.type<"text">, %scale: !gflow.type<"float">, %photo: !gflow.type<"image">, %hole: !gflow.type<"mask">, %key: !gflow.key):
    %0 = gflow.const "\22grey\22" : !gflow.type<"text">
    %1 = gflow.const "4" : !gflow.type<"int">
    %2 = gflow.derive %key, "guided"
    %guided = gflow.call "method" "painter.generate" ["prompt", "negative_prompt", "steps", "@key"](%idea, %0, %1, %2) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    %3 = gflow.derive %key, "maybe"
    %maybe = gflow.call "method" "painter.generate" ["prompt", "guidance_scale", "@key"](%idea, %scale, %3) : (!gflow.type<"text">, !gflow.type<"float">, !gflow.key) -> !gflow.type<"image">
    %4 = gflow.const "[64, 64]" : !gflow.type<"size">
    %5 = gflow.const "1.0" : !gflow.type<"float">
    %6 = gflow.derive %key, "plain"
    %plain = gflow.call "method" "painter.generate" ["prompt", "size", "guidance_scale", "@key"](%idea, %4, %5, %6) : (!gflow.type<"text">, !gflow.type<"size">, !gflow.type<"float">, !gflow.key) -> !gflow.type<"image">
    %7 = gflow.const "[64, 64]" : !gflow.type<"size">
    %8 = gflow.const "0.5" : !gflow.type<"float">
    %9 = gflow.derive %key, "again"
    %again = gflow.call "method" "painter.generate" ["prompt", "size", "image", "strength", "@key"](%idea, %7, %photo, %8, %9) : (!gflow.type<"text">, !gflow.type<"size">, !gflow.type<"image">, !gflow.type<"float">, !gflow.key) -> !gflow.type<"image">
    %10 = gflow.derive %key, "filled"
    %filled = gflow.call "method" "painter.generate" ["prompt", "image", "mask", "@key"](%idea, %photo, %hole, %10) : (!gflow.type<"text">, !gflow.type<"image">, !gflow.type<"mask">, !gflow.key) -> !gflow.type<"image">
    %11 = gflow.call "op" "[]" [](%guided, %maybe, %plain, %again, %filled) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %11 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// 5 calls of models became their stages
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "scale", "photo", "hole"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%idea: !gflow.type<"text">, %scale: !gflow.type<"float">, %photo: !gflow.type<"image">, %hole: !gflow.type<"mask">, %key: !gflow.key):
    %0 = gflow.const "\22grey\22" : !gflow.type<"text">
    %1 = gflow.const "4" : !gflow.type<"int">
    %2 = gflow.derive %key, "guided"
    %3 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%3, %4, %1, %2) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
    %guided = gflow.call "method" "painter.decode" ["latent"](%5) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %6 = gflow.derive %key, "maybe"
    %7 = gflow.const "\22\22" : !gflow.type<"text">
    %8 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %9 = gflow.call "method" "painter.encode_text" ["text"](%7) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %10 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "guidance_scale", "@key"](%8, %9, %scale, %6) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"float">, !gflow.key) -> !gflow.type<"latent">
    %maybe = gflow.call "method" "painter.decode" ["latent"](%10) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %11 = gflow.const "[64, 64]" : !gflow.type<"size">
    %12 = gflow.const "1.0" : !gflow.type<"float">
    %13 = gflow.derive %key, "plain"
    %14 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %15 = gflow.call "method" "painter.denoise" ["prompt", "size", "guidance_scale", "@key"](%14, %11, %12, %13) : (!gflow.type<"conditioning">, !gflow.type<"size">, !gflow.type<"float">, !gflow.key) -> !gflow.type<"latent">
    %plain = gflow.call "method" "painter.decode" ["latent"](%15) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %16 = gflow.const "[64, 64]" : !gflow.type<"size">
    %17 = gflow.const "0.5" : !gflow.type<"float">
    %18 = gflow.derive %key, "again"
    %19 = gflow.const "\22\22" : !gflow.type<"text">
    %20 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %21 = gflow.call "method" "painter.encode_text" ["text"](%19) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %22 = gflow.call "method" "painter.encode_image" ["image", "size"](%photo, %16) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"latent">
    %23 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "size", "strength", "image", "@key"](%20, %21, %16, %17, %22, %18) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"size">, !gflow.type<"float">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %again = gflow.call "method" "painter.decode" ["latent", "image"](%23, %photo) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
    %24 = gflow.derive %key, "filled"
    %25 = gflow.const "\22\22" : !gflow.type<"text">
    %26 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %27 = gflow.call "method" "painter.encode_text" ["text"](%25) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %28 = gflow.call "method" "painter.encode_image" ["image", "mask"](%photo, %hole) : (!gflow.type<"image">, !gflow.type<"mask">) -> !gflow.type<"latent">
    %29 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "mask", "image", "@key"](%26, %27, %hole, %28, %24) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"mask">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %filled = gflow.call "method" "painter.decode" ["latent", "image", "mask"](%29, %photo, %hole) : (!gflow.type<"latent">, !gflow.type<"image">, !gflow.type<"mask">) -> !gflow.type<"image">
    %30 = gflow.call "op" "[]" [](%guided, %maybe, %plain, %again, %filled) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %30 : !gflow.type<"list<image>">
  }) : () -> ()
}
