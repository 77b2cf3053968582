builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.score" ["image", "text"](%1, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    gflow.yield %3 : !gflow.type<"float">
  }) : () -> ()
}
// -----
// 1 call of models became their stages
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.embed" ["image"](%1) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
    %4 = gflow.call "method" "judge.embed" ["text"](%2) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %5 = gflow.call "method" "judge.compare" ["image", "text"](%3, %4) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
    gflow.yield %5 : !gflow.type<"float">
  }) : () -> ()
}
