builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a red circle\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.score" ["image", "text"](%img, %0) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    gflow.yield %1 : !gflow.type<"float">
  }) : () -> ()
}
// -----
// 1 call of models became their stages
builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a red circle\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
    %2 = gflow.call "method" "judge.embed" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %3 = gflow.call "method" "judge.compare" ["image", "text"](%1, %2) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
    gflow.yield %3 : !gflow.type<"float">
  }) : () -> ()
}
