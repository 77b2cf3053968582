builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "rows"
    %rows = gflow.map %1 key %2 {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "1" : !gflow.type<"int">
      %6 = gflow.const "2" : !gflow.type<"int">
      %7 = gflow.call "op" ".." ["left", "right"](%5, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
      %8 = gflow.map %7 key %4 {
      ^bb0(%j: !gflow.type<"int">, %9: !gflow.type<"int">, %10: !gflow.key):
        %11 = gflow.const "\22 \22" : !gflow.type<"text">
        %12 = gflow.call "op" "text" [](%i, %11, %j) : (!gflow.type<"int">, !gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
        %13 = gflow.const "[64, 64]" : !gflow.type<"size">
        %14 = gflow.const "\22\22" : !gflow.type<"text">
        %15 = gflow.call "method" "painter.encode_text" ["text"](%12) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
        %16 = gflow.call "method" "painter.encode_text" ["text"](%14) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
        %17 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "size", "@key"](%15, %16, %13, %10) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"size">, !gflow.key) -> !gflow.type<"latent">
        %18 = gflow.call "method" "painter.decode" ["latent"](%17) : (!gflow.type<"latent">) -> !gflow.type<"image">
        %19 = gflow.call "op" "invert" ["image"](%18) : (!gflow.type<"image">) -> !gflow.type<"image">
        gflow.yield %19 : !gflow.type<"image">
      } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
      gflow.yield %8 : !gflow.type<"list<image>">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<list<image>>">
    %20 = gflow.call "op" "flatten" ["lists"](%rows) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %20 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// up to 4 iterations run together: diffusion.encode_text, diffusion.denoise, diffusion.decode
// up to 8 iterations run together: diffusion.encode_text, diffusion.denoise, diffusion.decode
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "rows"
    %rows = gflow.map %1 key %2 together #builtin.int<4> {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "1" : !gflow.type<"int">
      %6 = gflow.const "2" : !gflow.type<"int">
      %7 = gflow.call "op" ".." ["left", "right"](%5, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
      %8 = gflow.map %7 key %4 together #builtin.int<8> {
      ^bb0(%j: !gflow.type<"int">, %9: !gflow.type<"int">, %10: !gflow.key):
        %11 = gflow.const "\22 \22" : !gflow.type<"text">
        %12 = gflow.call "op" "text" [](%i, %11, %j) : (!gflow.type<"int">, !gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
        %13 = gflow.const "[64, 64]" : !gflow.type<"size">
        %14 = gflow.const "\22\22" : !gflow.type<"text">
        %15 = gflow.call "method" "painter.encode_text" ["text"](%12) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
        %16 = gflow.call "method" "painter.encode_text" ["text"](%14) batch "1 2 4 8" : (!gflow.type<"text">) -> !gflow.type<"conditioning">
        %17 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "size", "@key"](%15, %16, %13, %10) batch "1 2 4 8" : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"size">, !gflow.key) -> !gflow.type<"latent">
        %18 = gflow.call "method" "painter.decode" ["latent"](%17) batch "1 2 4 8" : (!gflow.type<"latent">) -> !gflow.type<"image">
        %19 = gflow.call "op" "invert" ["image"](%18) : (!gflow.type<"image">) -> !gflow.type<"image">
        gflow.yield %19 : !gflow.type<"image">
      } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
      gflow.yield %8 : !gflow.type<"list<image>">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<list<image>>">
    %20 = gflow.call "op" "flatten" ["lists"](%rows) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %20 : !gflow.type<"list<image>">
  }) : () -> ()
}
