builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "again", provider = "diffusion", args = "{\22source\22: \22nobody/two\22, \22loras\22: []}", lowered = "lowered/two"}> : () -> ()
  "gflow.flow"() <{sym_name = "other", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "method" "again.generate" ["prompt", "seed", "@key"](%line, %0, %key) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.const "1" : !gflow.type<"int">
    %2 = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%0, %1, %key) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    %3 = gflow.const "\22a\22" : !gflow.type<"text">
    %4 = gflow.derive %key, "#1"
    %5 = gflow.call "flow" "other" ["line", "@key"](%3, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %6 = gflow.const "\22b\22" : !gflow.type<"text">
    %7 = gflow.derive %key, "#2"
    %8 = gflow.call "method" "again.generate" ["prompt", "@key"](%6, %7) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %9 = gflow.call "op" "[]" [](%2, %5, %8) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %9 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// `again` is the same model as `painter`
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.flow"() <{sym_name = "other", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%line, %0, %key) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.const "1" : !gflow.type<"int">
    %2 = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%0, %1, %key) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    %3 = gflow.const "\22a\22" : !gflow.type<"text">
    %4 = gflow.derive %key, "#1"
    %5 = gflow.call "flow" "other" ["line", "@key"](%3, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %6 = gflow.const "\22b\22" : !gflow.type<"text">
    %7 = gflow.derive %key, "#2"
    %8 = gflow.call "method" "painter.generate" ["prompt", "@key"](%6, %7) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %9 = gflow.call "op" "[]" [](%2, %5, %8) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %9 : !gflow.type<"list<image>">
  }) : () -> ()
}
