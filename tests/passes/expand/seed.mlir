builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int?">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.const "7" : !gflow.type<"int">
    %2 = gflow.derive %key, "a"
    %a = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%0, %1, %2) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"image">
    %3 = gflow.const "\22a\22" : !gflow.type<"text">
    %4 = gflow.derive %key, "b"
    %b = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%3, %n, %4) : (!gflow.type<"text">, !gflow.type<"int?">, !gflow.key) -> !gflow.type<"image">
    %5 = gflow.const "\22b\22" : !gflow.type<"text">
    %6 = gflow.const "7" : !gflow.type<"int">
    %7 = gflow.derive %key, "c"
    %8 = gflow.call "method" "writer.generate" ["prompt", "seed", "@key"](%5, %6, %7) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.key) -> !gflow.type<"text">
    %9 = gflow.derive %key, "c#1"
    %c = gflow.call "method" "painter.generate" ["prompt", "@key"](%8, %9) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %10 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %10 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: false, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int?">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.const "7" : !gflow.type<"int">
    %2 = gflow.derive %key, "a"
    %a = gflow.call "method" "painter.generate" ["prompt", "seed"](%0, %1) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"image">
    %3 = gflow.const "\22a\22" : !gflow.type<"text">
    %4 = gflow.derive %key, "b"
    %b = gflow.call "method" "painter.generate" ["prompt", "seed", "@key"](%3, %n, %4) : (!gflow.type<"text">, !gflow.type<"int?">, !gflow.key) -> !gflow.type<"image">
    %5 = gflow.const "\22b\22" : !gflow.type<"text">
    %6 = gflow.const "7" : !gflow.type<"int">
    %7 = gflow.derive %key, "c"
    %8 = gflow.call "method" "writer.generate" ["prompt", "seed"](%5, %6) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
    %9 = gflow.derive %key, "c#1"
    %c = gflow.call "method" "painter.generate" ["prompt", "@key"](%8, %9) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %10 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    gflow.yield %10 : !gflow.type<"list<image>">
  }) : () -> ()
}
