builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.extern"() <{sym_name = "one", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.extern"() <{sym_name = "other", path = "py.py", function = "plain", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "inner", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "one" ["line"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %0 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "unused", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "extern" "other" ["line"](%0) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.call "method" "judge.score" ["image", "text"](%img, %1) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    gflow.yield %2 : !gflow.type<"float">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "flow" "inner" ["line", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
    %2 = gflow.derive %key, "#1"
    %3 = gflow.call "method" "painter.generate" ["prompt", "@key"](%1, %2) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %3 : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test unused", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "[8, 8]" : !gflow.type<"size">
    %1 = gflow.const "\22red\22" : !gflow.type<"text">
    %2 = gflow.call "op" "solid" ["size", "color"](%0, %1) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"image">
    %3 = gflow.call "flow" "unused" ["img", "@key"](%2, %key) : (!gflow.type<"image">, !gflow.key) -> !gflow.type<"float">
    %4 = gflow.const "0" : !gflow.type<"int">
    %5 = gflow.call "op" ">" ["left", "right"](%3, %4) : (!gflow.type<"float">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %5 "unused(solid(8x8, \22red\22)) > 0" ["unused(solid(8x8, \22red\22))"](%3) : !gflow.type<"bool">, (!gflow.type<"float">)
    gflow.yield
  }) : () -> ()
}
// -----
// the model `judge` is not needed
// 1 flow that nothing calls went
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.extern"() <{sym_name = "one", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "true"}> : () -> ()
  "gflow.flow"() <{sym_name = "inner", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "one" ["line"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %0 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "flow" "inner" ["line", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
    %2 = gflow.derive %key, "#1"
    %3 = gflow.call "method" "painter.generate" ["prompt", "@key"](%1, %2) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %3 : !gflow.type<"image">
  }) : () -> ()
}
