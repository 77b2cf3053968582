builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22x\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "a"
    %a = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %1) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22x\22" : !gflow.type<"text">
    %3 = gflow.derive %key, "b"
    %b = gflow.call "method" "painter.generate" ["prompt", "@key"](%2, %3) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %4 = gflow.const "\22x\22" : !gflow.type<"text">
    %5 = gflow.const "3" : !gflow.type<"int">
    %6 = gflow.derive %key, "c"
    %c = gflow.call "method" "painter.generate" ["prompt", "seed"](%4, %5) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"image">
    %7 = gflow.const "\22x\22" : !gflow.type<"text">
    %8 = gflow.const "3" : !gflow.type<"int">
    %9 = gflow.derive %key, "d"
    %d = gflow.call "method" "painter.generate" ["prompt", "seed"](%7, %8) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"image">
    %10 = gflow.call "op" "[]" [](%a, %b, %c, %d) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %10 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// painter.generate is shared by 2 places
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22x\22" : !gflow.type<"text">
    %1 = gflow.derive %key, "a"
    %a = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %1) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.derive %key, "b"
    %b = gflow.call "method" "painter.generate" ["prompt", "@key"](%0, %2) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %3 = gflow.const "3" : !gflow.type<"int">
    %4 = gflow.derive %key, "c"
    %c = gflow.call "method" "painter.generate" ["prompt", "seed"](%0, %3) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"image">
    %5 = gflow.derive %key, "d"
    %6 = gflow.call "op" "[]" [](%a, %b, %c, %c) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %6 : !gflow.type<"list<image>">
  }) : () -> ()
}
