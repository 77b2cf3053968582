builtin.module {
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22endpoint\22: \22http://127.0.0.1:9/v1\22, \22name\22: \22none\22, \22source\22: null}"}> : () -> ()
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}"}> : () -> ()
  "gflow.flow"() <{sym_name = "poster", kind = "flow", params = ["idea", "drafts"], options = ["{\22doc\22: \22What it shows.\22, \22required\22: false, \22default\22: \22a red circle\22, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: false, \22default\22: 8, \22low\22: 1, \22high\22: 16}"], doc = "A poster from one idea.", result_type = !gflow.type<"image">}> ({
  ^bb0(%idea: !gflow.type<"text">, %drafts: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22Describe \22" : !gflow.type<"text">
    %1 = gflow.call "op" "text" [](%0, %idea) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "40" : !gflow.type<"int">
    %3 = gflow.derive %key, "prompt"
    %prompt = gflow.call "method" "writer.generate" ["prompt", "max_tokens", "@key"](%1, %2, %3) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"text">
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.call "op" ".." ["left", "right"](%4, %drafts) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %6 = gflow.derive %key, "images"
    %images = gflow.map %5 key %6 {
    ^bb0(%i: !gflow.type<"int">, %7: !gflow.type<"int">, %8: !gflow.key):
      %9 = gflow.const "[64, 64]" : !gflow.type<"size">
      %10 = gflow.const "12" : !gflow.type<"int">
      %11 = gflow.call "method" "painter.generate" ["prompt", "size", "steps", "@key"](%prompt, %9, %10, %8) : (!gflow.type<"text">, !gflow.type<"size">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %11 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %12 = gflow.map %images key %key {
    ^bb0(%img: !gflow.type<"image">, %13: !gflow.type<"int">, %14: !gflow.key):
      %15 = gflow.call "method" "judge.score" ["image", "text"](%img, %prompt) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %15 : !gflow.type<"float">
    } : !gflow.type<"list<image>"> -> !gflow.type<"list<float>">
    %16 = gflow.call "op" "best" ["items", "by"](%images, %12) : (!gflow.type<"list<image>">, !gflow.type<"list<float>">) -> !gflow.type<"image">
    %17 = gflow.const "[512, 512]" : !gflow.type<"size">
    %18 = gflow.call "op" "resize" ["image", "size"](%16, %17) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    gflow.yield %18 : !gflow.type<"image">
  }) : () -> ()
}
