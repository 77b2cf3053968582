builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: 9, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "images"
    %images = gflow.map %1 key %2 together #builtin.int<8> {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "\22a\22" : !gflow.type<"text">
      %6 = gflow.const "2" : !gflow.type<"int">
      %7 = gflow.const "\22\22" : !gflow.type<"text">
      %8 = gflow.call "method" "painter.encode_text" ["text"](%5) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %9 = gflow.call "method" "painter.encode_text" ["text"](%7) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %10 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%8, %9, %6, %4) batch "1 2 4 8" : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
      %11 = gflow.call "method" "painter.decode" ["latent"](%10) batch "1 2 4 8" : (!gflow.type<"latent">) -> !gflow.type<"image">
      gflow.yield %11 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %12 = gflow.map %images key %key together #builtin.int<8> {
    ^bb0(%image: !gflow.type<"image">, %13: !gflow.type<"int">, %14: !gflow.key):
      %15 = gflow.const "\22a\22" : !gflow.type<"text">
      %16 = gflow.call "method" "judge.embed" ["image"](%image) batch "1 2 4 8" : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %17 = gflow.call "method" "judge.embed" ["text"](%15) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %18 = gflow.call "method" "judge.compare" ["image", "text"](%16, %17) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      gflow.yield %18 : !gflow.type<"float">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<float>">
    gflow.yield %12 : !gflow.type<"list<float>">
  }) : () -> ()
}
// -----
// networks are loaded in the order painter.text_encoder (2.0 MB), painter.network (20.0 MB), painter.decoder (4.0 MB), judge.image (3.0 MB), judge.text (2.0 MB)
// their weights take 31.0 MB at most
// 18 calls of painter.encode_text in batches of 8, 8, 2
// 9 calls of painter.denoise in batches of 8, 1
// 9 calls of painter.decode in batches of 8, 1
// 9 calls of judge.embed in batches of 8, 1
// 9 calls of judge.embed in batches of 8, 1
// (`f` has a schedule)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: 9, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "images"
    %images = gflow.map %1 key %2 together #builtin.int<8> {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "\22a\22" : !gflow.type<"text">
      %6 = gflow.const "2" : !gflow.type<"int">
      %7 = gflow.const "\22\22" : !gflow.type<"text">
      %8 = gflow.call "method" "painter.encode_text" ["text"](%5) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %9 = gflow.call "method" "painter.encode_text" ["text"](%7) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %10 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%8, %9, %6, %4) batch "1 2 4 8" : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
      %11 = gflow.call "method" "painter.decode" ["latent"](%10) batch "1 2 4 8" : (!gflow.type<"latent">) -> !gflow.type<"image">
      gflow.yield %11 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %12 = gflow.map %images key %key together #builtin.int<8> {
    ^bb0(%image: !gflow.type<"image">, %13: !gflow.type<"int">, %14: !gflow.key):
      %15 = gflow.const "\22a\22" : !gflow.type<"text">
      %16 = gflow.call "method" "judge.embed" ["image"](%image) batch "1 2 4 8" : (!gflow.type<"image">) -> !gflow.type<"list<float>">
      %17 = gflow.call "method" "judge.embed" ["text"](%15) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"list<float>">
      %18 = gflow.call "method" "judge.compare" ["image", "text"](%16, %17) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
      gflow.yield %18 : !gflow.type<"float">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<float>">
    gflow.yield %12 : !gflow.type<"list<float>">
  }) : () -> ()
}
