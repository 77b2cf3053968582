builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "one", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.derive %key, "drawn"
    %drawn = gflow.call "method" "painter.generate" ["prompt", "@key"](%line, %0) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %drawn : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "first_one"
    %first_one = gflow.call "flow" "one" ["line", "@key"](%0, %1) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "1" : !gflow.type<"int">
    %3 = gflow.call "op" ".." ["left", "right"](%2, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %4 = gflow.derive %key, "rest"
    %rest = gflow.map %3 key %4 {
    ^bb0(%i: !gflow.type<"int">, %5: !gflow.type<"int">, %6: !gflow.key):
      %7 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %8 = gflow.call "flow" "one" ["line", "@key"](%7, %6) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %8 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %9 = gflow.const "\22a\22" : !gflow.type<"text">
    %10 = gflow.call "flow" "one" ["line", "@key"](%9, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %11 = gflow.call "op" "[]" [](%first_one, %10) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %12 = gflow.call "op" "[]" [](%11, %rest) : (!gflow.type<"list<image>">, !gflow.type<"list<image>">) -> !gflow.type<"list<list<image>>">
    %13 = gflow.call "op" "flatten" ["lists"](%12) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %13 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// 3 flow calls became part of the calling flow
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "one", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.derive %key, "drawn"
    %drawn = gflow.call "method" "painter.generate" ["prompt", "@key"](%line, %0) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    gflow.yield %drawn : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "first_one"
    %2 = gflow.derive %1, "one"
    %3 = gflow.derive %2, "drawn"
    %drawn = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %3) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.call "op" ".." ["left", "right"](%4, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %6 = gflow.derive %key, "rest"
    %rest = gflow.map %5 key %6 {
    ^bb0(%i: !gflow.type<"int">, %7: !gflow.type<"int">, %8: !gflow.key):
      %9 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %10 = gflow.derive %8, "one"
      %11 = gflow.derive %10, "drawn"
      %drawn_1 = gflow.call "method" "painter.generate" ["prompt", "@key"](%9, %11) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %drawn_1 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %12 = gflow.const "\22a\22" : !gflow.type<"text">
    %13 = gflow.derive %key, "one"
    %14 = gflow.derive %13, "drawn"
    %drawn_2 = gflow.call "method" "painter.generate" ["prompt", "@key"](%12, %14) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %15 = gflow.call "op" "[]" [](%drawn, %drawn_2) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %16 = gflow.call "op" "[]" [](%15, %rest) : (!gflow.type<"list<image>">, !gflow.type<"list<image>">) -> !gflow.type<"list<list<image>>">
    %17 = gflow.call "op" "flatten" ["lists"](%16) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %17 : !gflow.type<"list<image>">
  }) : () -> ()
}
