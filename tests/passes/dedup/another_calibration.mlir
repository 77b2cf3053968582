builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "scorer", args = "{\22source\22: \22nobody/calibrated\22}", lowered = "lowered/calibrated"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.score" ["image", "text"](%img, %0) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "other.score" ["image", "text"](%img, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.call "op" "+" ["left", "right"](%1, %3) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    gflow.yield %4 : !gflow.type<"float">
  }) : () -> ()
}
// -----
// judge.image and other.image are one component: 3.0 MB less to load
// judge.text and other.text are one component: 2.0 MB less to load
builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.model"() <{sym_name = "other", provider = "scorer", args = "{\22source\22: \22nobody/calibrated\22}", lowered = "lowered/calibrated"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.score" ["image", "text"](%img, %0) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %2 = gflow.const "\22a\22" : !gflow.type<"text">
    %3 = gflow.call "method" "other.score" ["image", "text"](%img, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.call "op" "+" ["left", "right"](%1, %3) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    gflow.yield %4 : !gflow.type<"float">
  }) : () -> ()
}
