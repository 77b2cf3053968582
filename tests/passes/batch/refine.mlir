builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = "gflow.refine"(%0, %key) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%2: !gflow.type<"any">, %3: !gflow.key):
      %4 = gflow.const "\22a\22" : !gflow.type<"text">
      %5 = gflow.const "\22\22" : !gflow.type<"text">
      %6 = gflow.call "method" "painter.encode_text" ["text"](%4) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %7 = gflow.call "method" "painter.encode_text" ["text"](%5) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %8 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%6, %7, %3) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
      %9 = gflow.call "method" "painter.decode" ["latent"](%8) : (!gflow.type<"latent">) -> !gflow.type<"image">
      gflow.yield %9 : !gflow.type<"image">
    }, {
    ^bb0(%img: !gflow.type<"image">):
      %10 = gflow.const "\22a\22" : !gflow.type<"text">
      %11 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %12 = gflow.call "method" "judge.embed" ["text"](%10) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %13 = gflow.call "method" "judge.compare" ["image", "text"](%11, %12) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %14 = gflow.const "0.5" : !gflow.type<"float">
      %15 = gflow.call "op" ">" ["left", "right"](%13, %14) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
      gflow.yield %15 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// 2 calls of `painter.encode_text` may meet in a batch
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "4" : !gflow.type<"int">
    %1 = "gflow.refine"(%0, %key) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%2: !gflow.type<"any">, %3: !gflow.key):
      %4 = gflow.const "\22a\22" : !gflow.type<"text">
      %5 = gflow.const "\22\22" : !gflow.type<"text">
      %6 = gflow.call "method" "painter.encode_text" ["text"](%4) batch "1 2" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %7 = gflow.call "method" "painter.encode_text" ["text"](%5) batch "1 2" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %8 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%6, %7, %3) batch "1" : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
      %9 = gflow.call "method" "painter.decode" ["latent"](%8) batch "1" : (!gflow.type<"latent">) -> !gflow.type<"image">
      gflow.yield %9 : !gflow.type<"image">
    }, {
    ^bb0(%img: !gflow.type<"image">):
      %10 = gflow.const "\22a\22" : !gflow.type<"text">
      %11 = gflow.call "method" "judge.embed" ["image"](%img) batch "1" : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %12 = gflow.call "method" "judge.embed" ["text"](%10) batch "1" : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %13 = gflow.call "method" "judge.compare" ["image", "text"](%11, %12) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      %14 = gflow.const "0.5" : !gflow.type<"float">
      %15 = gflow.call "op" ">" ["left", "right"](%13, %14) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
      gflow.yield %15 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
