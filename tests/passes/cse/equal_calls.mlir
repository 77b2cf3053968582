builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ images: list<image>, scores: list<float> }">}> ({
  ^bb0(%idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = gflow.derive %key, "images"
    %2 = gflow.const "\22\22" : !gflow.type<"text">
    %3 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%3, %4, %0, %1) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
    %6 = gflow.call "method" "painter.decode" ["latent"](%5) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %7 = gflow.const "8" : !gflow.type<"int">
    %8 = gflow.derive %key, "images#1"
    %9 = gflow.const "\22\22" : !gflow.type<"text">
    %10 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %11 = gflow.call "method" "painter.encode_text" ["text"](%9) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %12 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%10, %11, %7, %8) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
    %13 = gflow.call "method" "painter.decode" ["latent"](%12) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %images = gflow.call "op" "[]" [](%6, %13) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %14 = gflow.derive %key, "scores"
    %scores = gflow.map %images key %14 {
    ^bb0(%img: !gflow.type<"image">, %15: !gflow.type<"int">, %16: !gflow.key):
      %17 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %18 = gflow.call "method" "judge.embed" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %19 = gflow.call "method" "judge.compare" ["image", "text"](%17, %18) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %20 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %21 = gflow.call "method" "judge.embed" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %22 = gflow.call "method" "judge.compare" ["image", "text"](%20, %21) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %23 = gflow.call "op" "+" ["left", "right"](%19, %22) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
      gflow.yield %23 : !gflow.type<"float">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<float>">
    %24 = gflow.call "op" "{}" ["images", "scores"](%images, %scores) : (!gflow.type<"list<image>">, !gflow.type<"list<float>">) -> !gflow.type<"{ images: list<image>, scores: list<float> }">
    gflow.yield %24 : !gflow.type<"{ images: list<image>, scores: list<float> }">
  }) : () -> ()
}
// -----
// painter.encode_text is shared by 3 places
// judge.embed is shared by 3 places
// judge.compare is shared by 2 places
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ images: list<image>, scores: list<float> }">}> ({
  ^bb0(%idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = gflow.derive %key, "images"
    %2 = gflow.const "\22\22" : !gflow.type<"text">
    %3 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%3, %4, %0, %1) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
    %6 = gflow.call "method" "painter.decode" ["latent"](%5) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %7 = gflow.const "8" : !gflow.type<"int">
    %8 = gflow.derive %key, "images#1"
    %9 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%3, %4, %7, %8) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
    %10 = gflow.call "method" "painter.decode" ["latent"](%9) : (!gflow.type<"latent">) -> !gflow.type<"image">
    %images = gflow.call "op" "[]" [](%6, %10) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %11 = gflow.derive %key, "scores"
    %scores = gflow.map %images key %11 {
    ^bb0(%img: !gflow.type<"image">, %12: !gflow.type<"int">, %13: !gflow.key):
      %14 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %15 = gflow.call "method" "judge.embed" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %16 = gflow.call "method" "judge.compare" ["image", "text"](%14, %15) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %17 = gflow.call "op" "+" ["left", "right"](%16, %16) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
      gflow.yield %17 : !gflow.type<"float">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<float>">
    %18 = gflow.call "op" "{}" ["images", "scores"](%images, %scores) : (!gflow.type<"list<image>">, !gflow.type<"list<float>">) -> !gflow.type<"{ images: list<image>, scores: list<float> }">
    gflow.yield %18 : !gflow.type<"{ images: list<image>, scores: list<float> }">
  }) : () -> ()
}
