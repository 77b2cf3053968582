builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "diffusion", args = "{\22source\22: \22nobody/sharing\22, \22loras\22: []}", lowered = "lowered/sharing"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "first"
    %2 = gflow.const "\22\22" : !gflow.type<"text">
    %3 = gflow.call "method" "painter.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%3, %4, %1) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
    %first = gflow.call "method" "painter.decode" ["latent"](%5) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %6 = gflow.derive %key, "second"
    %7 = gflow.call "method" "other.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %8 = gflow.call "method" "other.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %9 = gflow.call "method" "other.encode_image" ["image"](%first) : (!gflow.type<"image">) -> !gflow.type<"latent">
    %10 = gflow.call "method" "other.denoise" ["prompt", "negative_prompt", "image", "@key"](%7, %8, %9, %6) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %second = gflow.call "method" "other.decode" ["latent", "image"](%10, %first) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
    %11 = gflow.call "method" "painter.encode_image" ["image"](%second) : (!gflow.type<"image">) -> !gflow.type<"latent">
    %12 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "image", "@key"](%3, %4, %11, %key) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %13 = gflow.call "method" "painter.decode" ["latent", "image"](%12, %second) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
    gflow.yield %13 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// networks are loaded in the order painter.text_encoder (2.0 MB), painter.network (20.0 MB), painter.decoder (4.0 MB), painter.encoder (2.5 MB), other.network (20.0 MB), painter.encoder (2.5 MB), painter.network (20.0 MB)
// their weights take 24.0 MB at most; 2 loads more than without a budget
// (`f` has a schedule)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "diffusion", args = "{\22source\22: \22nobody/sharing\22, \22loras\22: []}", lowered = "lowered/sharing"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "first"
    %2 = gflow.const "\22\22" : !gflow.type<"text">
    %3 = gflow.call "method" "painter.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%3, %4, %1) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
    %first = gflow.call "method" "painter.decode" ["latent"](%5) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %6 = gflow.derive %key, "second"
    %7 = gflow.call "method" "other.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %8 = gflow.call "method" "other.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %9 = gflow.call "method" "other.encode_image" ["image"](%first) : (!gflow.type<"image">) -> !gflow.type<"latent">
    %10 = gflow.call "method" "other.denoise" ["prompt", "negative_prompt", "image", "@key"](%7, %8, %9, %6) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %second = gflow.call "method" "other.decode" ["latent", "image"](%10, %first) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
    %11 = gflow.call "method" "painter.encode_image" ["image"](%second) : (!gflow.type<"image">) -> !gflow.type<"latent">
    %12 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "image", "@key"](%3, %4, %11, %key) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
    %13 = gflow.call "method" "painter.decode" ["latent", "image"](%12, %second) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
    gflow.yield %13 : !gflow.type<"image">
  }) : () -> ()
}
