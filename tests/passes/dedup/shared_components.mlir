builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "diffusion", args = "{\22source\22: \22nobody/sharing\22, \22loras\22: []}", lowered = "lowered/sharing"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.derive %key, "#1"
    %4 = gflow.call "method" "other.generate" ["prompt", "@key"](%2, %3) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %5 = gflow.call "op" "[]" [](%1, %4) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %5 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// painter.text_encoder and other.text_encoder are one component: 2.0 MB less to load
// painter.encoder and other.encoder are one component: 2.5 MB less to load
// painter.decoder and other.decoder are one component: 4.0 MB less to load
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "diffusion", args = "{\22source\22: \22nobody/sharing\22, \22loras\22: []}", lowered = "lowered/sharing"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.derive %key, "#1"
    %4 = gflow.call "method" "other.generate" ["prompt", "@key"](%2, %3) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %5 = gflow.call "op" "[]" [](%1, %4) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %5 : !gflow.type<"list<image>">
  }) : () -> ()
}
