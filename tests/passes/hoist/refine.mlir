builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "photo"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%idea: !gflow.type<"text">, %photo: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = "gflow.refine"(%0, %photo, %key) <{operandSegmentSizes = array<i32: 1, 1, 1>, regionSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
    ^bb0(%img: !gflow.type<"image">, %2: !gflow.key):
      %3 = gflow.const "\22better: \22" : !gflow.type<"text">
      %4 = gflow.call "op" "text" [](%3, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %5 = gflow.const "\22\22" : !gflow.type<"text">
      %6 = gflow.call "method" "painter.encode_text" ["text"](%4) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %7 = gflow.call "method" "painter.encode_text" ["text"](%5) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %8 = gflow.call "method" "painter.encode_image" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"latent">
      %9 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "image", "@key"](%6, %7, %8, %2) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
      %10 = gflow.call "method" "painter.decode" ["latent", "image"](%9, %img) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %10 : !gflow.type<"image">
    }, {
    ^bb0(%img_1: !gflow.type<"image">):
      %11 = gflow.const "\22good: \22" : !gflow.type<"text">
      %12 = gflow.call "op" "text" [](%11, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %13 = gflow.call "method" "judge.embed" ["image"](%img_1) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %14 = gflow.call "method" "judge.embed" ["text"](%12) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %15 = gflow.call "method" "judge.compare" ["image", "text"](%13, %14) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %16 = gflow.const "0.5" : !gflow.type<"float">
      %17 = gflow.call "op" ">" ["left", "right"](%15, %16) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
      gflow.yield %17 : !gflow.type<"bool">
    }, {
    ^bb0(%img_2: !gflow.type<"image">):
      %18 = gflow.const "\22best: \22" : !gflow.type<"text">
      %19 = gflow.call "op" "text" [](%18, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %20 = gflow.call "method" "judge.embed" ["image"](%img_2) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %21 = gflow.call "method" "judge.embed" ["text"](%19) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %22 = gflow.call "method" "judge.compare" ["image", "text"](%20, %21) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      gflow.yield %22 : !gflow.type<"float">
    }) : (!gflow.type<"int">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// painter.encode_text left a loop
// judge.embed left a loop
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "photo"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%idea: !gflow.type<"text">, %photo: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = gflow.const "\22better: \22" : !gflow.type<"text">
    %2 = gflow.call "op" "text" [](%1, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %3 = gflow.const "\22\22" : !gflow.type<"text">
    %4 = gflow.call "method" "painter.encode_text" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %5 = gflow.call "method" "painter.encode_text" ["text"](%3) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %6 = gflow.const "\22good: \22" : !gflow.type<"text">
    %7 = gflow.call "op" "text" [](%6, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %8 = gflow.call "method" "judge.embed" ["text"](%7) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %9 = gflow.const "0.5" : !gflow.type<"float">
    %10 = gflow.const "\22best: \22" : !gflow.type<"text">
    %11 = gflow.call "op" "text" [](%10, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %12 = gflow.call "method" "judge.embed" ["text"](%11) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %13 = "gflow.refine"(%0, %photo, %key) <{operandSegmentSizes = array<i32: 1, 1, 1>, regionSegmentSizes = array<i32: 1, 1, 1, 0>}> ({
    ^bb0(%img: !gflow.type<"image">, %14: !gflow.key):
      %15 = gflow.call "method" "painter.encode_image" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"latent">
      %16 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "image", "@key"](%4, %5, %15, %14) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"latent">, !gflow.key) -> !gflow.type<"latent">
      %17 = gflow.call "method" "painter.decode" ["latent", "image"](%16, %img) : (!gflow.type<"latent">, !gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %17 : !gflow.type<"image">
    }, {
    ^bb0(%img_1: !gflow.type<"image">):
      %18 = gflow.call "method" "judge.embed" ["image"](%img_1) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %19 = gflow.call "method" "judge.compare" ["image", "text"](%18, %8) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %20 = gflow.call "op" ">" ["left", "right"](%19, %9) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
      gflow.yield %20 : !gflow.type<"bool">
    }, {
    ^bb0(%img_2: !gflow.type<"image">):
      %21 = gflow.call "method" "judge.embed" ["image"](%img_2) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %22 = gflow.call "method" "judge.compare" ["image", "text"](%21, %12) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      gflow.yield %22 : !gflow.type<"float">
    }) : (!gflow.type<"int">, !gflow.type<"image">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %13 : !gflow.type<"image">
  }) : () -> ()
}
