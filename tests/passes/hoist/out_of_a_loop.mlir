builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%idea: !gflow.type<"text">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "\22one of \22" : !gflow.type<"text">
      %6 = gflow.call "op" "text" [](%5, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %7 = gflow.const "4" : !gflow.type<"int">
      %8 = gflow.const "\22\22" : !gflow.type<"text">
      %9 = gflow.call "method" "painter.encode_text" ["text"](%6) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %10 = gflow.call "method" "painter.encode_text" ["text"](%8) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
      %11 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%9, %10, %7, %4) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
      %12 = gflow.call "method" "painter.decode" ["latent"](%11) : (!gflow.type<"latent">) -> !gflow.type<"image">
      %13 = gflow.call "op" "/" ["left", "right"](%i, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
      %14 = gflow.call "op" "brightness" ["image", "factor"](%12, %13) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %14 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    gflow.yield %2 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// painter.encode_text left a loop
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["idea", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%idea: !gflow.type<"text">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.const "\22one of \22" : !gflow.type<"text">
    %3 = gflow.call "op" "text" [](%2, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %4 = gflow.const "4" : !gflow.type<"int">
    %5 = gflow.const "\22\22" : !gflow.type<"text">
    %6 = gflow.call "method" "painter.encode_text" ["text"](%3) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %7 = gflow.call "method" "painter.encode_text" ["text"](%5) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %8 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %9: !gflow.type<"int">, %10: !gflow.key):
      %11 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "steps", "@key"](%6, %7, %4, %10) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"latent">
      %12 = gflow.call "method" "painter.decode" ["latent"](%11) : (!gflow.type<"latent">) -> !gflow.type<"image">
      %13 = gflow.call "op" "/" ["left", "right"](%i, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
      %14 = gflow.call "op" "brightness" ["image", "factor"](%12, %13) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %14 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    gflow.yield %8 : !gflow.type<"list<image>">
  }) : () -> ()
}
