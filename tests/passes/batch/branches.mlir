builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "go"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %go: !gflow.type<"bool">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.score" ["image", "text"](%img, %0) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %2 = gflow.const "\22b\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.score" ["image", "text"](%img, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.call "op" "+" ["left", "right"](%1, %3) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    %5 = gflow.if %go {
      %6 = gflow.const "\22c\22" : !gflow.type<"text">
      %7 = gflow.call "method" "judge.score" ["image", "text"](%img, %6) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %7 : !gflow.type<"float">
    } else {
      %8 = gflow.const "0.0" : !gflow.type<"float">
      gflow.yield %8 : !gflow.type<"float">
    } : !gflow.type<"bool"> -> !gflow.type<"float">
    %9 = gflow.call "op" "+" ["left", "right"](%4, %5) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    gflow.yield %9 : !gflow.type<"float">
  }) : () -> ()
}
// -----
// 3 calls of `judge.score` may meet in a batch
builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "go"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %go: !gflow.type<"bool">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "method" "judge.score" ["image", "text"](%img, %0) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %2 = gflow.const "\22b\22" : !gflow.type<"text">
    %3 = gflow.call "method" "judge.score" ["image", "text"](%img, %2) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %4 = gflow.call "op" "+" ["left", "right"](%1, %3) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    %5 = gflow.if %go {
      %6 = gflow.const "\22c\22" : !gflow.type<"text">
      %7 = gflow.call "method" "judge.score" ["image", "text"](%img, %6) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %7 : !gflow.type<"float">
    } else {
      %8 = gflow.const "0.0" : !gflow.type<"float">
      gflow.yield %8 : !gflow.type<"float">
    } : !gflow.type<"bool"> -> !gflow.type<"float">
    %9 = gflow.call "op" "+" ["left", "right"](%4, %5) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"float">
    gflow.yield %9 : !gflow.type<"float">
  }) : () -> ()
}
