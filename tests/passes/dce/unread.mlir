builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "a"
    %a = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %1) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "1" : !gflow.type<"int">
    %3 = gflow.call "op" ".." ["left", "right"](%2, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %4 = gflow.derive %key, "b"
    %b = gflow.map %3 key %4 {
    ^bb0(%i: !gflow.type<"int">, %5: !gflow.type<"int">, %6: !gflow.key):
      %7 = gflow.const "\22b\22" : !gflow.type<"text">
      %8 = gflow.call "op" "text" [](%7, %i) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
      %9 = gflow.call "method" "painter.generate" ["prompt", "@key"](%8, %6) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %9 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %10 = gflow.const "\22a\22" : !gflow.type<"text">
    %c = gflow.call "method" "judge.score" ["image", "text"](%a, %10) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %d = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %11 = gflow.const "3" : !gflow.type<"int">
      %12 = gflow.derive %key, "d"
      %13 = "gflow.refine"(%11, %12) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
      ^bb0(%14: !gflow.type<"any">, %15: !gflow.key):
        %16 = gflow.const "\22x\22" : !gflow.type<"text">
        %17 = gflow.call "method" "judge.score" ["image", "text"](%a, %16) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
        gflow.yield %17 : !gflow.type<"float">
      }, {
      ^bb0(%x: !gflow.type<"float">):
        %18 = gflow.call "op" ">" ["left", "right"](%x, %c) : (!gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"bool">
        gflow.yield %18 : !gflow.type<"bool">
      }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"float">
      gflow.yield %13 : !gflow.type<"float">
    }, {
      %19 = gflow.const "0.0" : !gflow.type<"float">
      gflow.yield %19 : !gflow.type<"float">
    }) : () -> !gflow.type<"float">
    %20 = gflow.const "\22e\22" : !gflow.type<"text">
    %21 = gflow.call "method" "painter.generate" ["prompt", "@key"](%20, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %21 : !gflow.type<"image">
  }) : () -> ()
}
// -----
// 10 steps that nothing needs went
// the model `judge` is not needed
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22e\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %1 : !gflow.type<"image">
  }) : () -> ()
}
