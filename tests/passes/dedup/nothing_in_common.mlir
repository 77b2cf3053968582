builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.model"() <{sym_name = "far", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "farther", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.score" ["image", "text"](%1, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.const "\22b\22" : !gflow.type<"text">
    %5 = gflow.derive %key, "#1"
    %6 = gflow.call "method" "far.generate" ["prompt", "@key"](%4, %5) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %7 = gflow.const "\22b\22" : !gflow.type<"text">
    %8 = gflow.call "method" "judge.score" ["image", "text"](%6, %7) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %9 = gflow.const "\22b\22" : !gflow.type<"text">
    %10 = gflow.derive %key, "#2"
    %11 = gflow.call "method" "farther.generate" ["prompt", "@key"](%9, %10) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %12 = gflow.const "\22b\22" : !gflow.type<"text">
    %13 = gflow.call "method" "judge.score" ["image", "text"](%11, %12) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %14 = gflow.call "op" "[]" [](%3, %8, %13) : (!gflow.type<"float">, !gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"list<float>">
    gflow.yield %14 : !gflow.type<"list<float>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.model"() <{sym_name = "far", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "farther", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.score" ["image", "text"](%1, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.const "\22b\22" : !gflow.type<"text">
    %5 = gflow.derive %key, "#1"
    %6 = gflow.call "method" "far.generate" ["prompt", "@key"](%4, %5) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %7 = gflow.const "\22b\22" : !gflow.type<"text">
    %8 = gflow.call "method" "judge.score" ["image", "text"](%6, %7) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %9 = gflow.const "\22b\22" : !gflow.type<"text">
    %10 = gflow.derive %key, "#2"
    %11 = gflow.call "method" "farther.generate" ["prompt", "@key"](%9, %10) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %12 = gflow.const "\22b\22" : !gflow.type<"text">
    %13 = gflow.call "method" "judge.score" ["image", "text"](%11, %12) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %14 = gflow.call "op" "[]" [](%3, %8, %13) : (!gflow.type<"float">, !gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"list<float>">
    gflow.yield %14 : !gflow.type<"list<float>">
  }) : () -> ()
}
