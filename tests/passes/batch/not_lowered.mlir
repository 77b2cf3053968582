builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %6 = gflow.call "method" "writer.generate" ["prompt", "@key"](%5, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %7 = gflow.derive %4, "#1"
      %8 = gflow.call "method" "painter.generate" ["prompt", "@key"](%6, %7) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %8 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    gflow.yield %2 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/paints\22, \22loras\22: []}"}> : () -> ()
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %6 = gflow.call "method" "writer.generate" ["prompt", "@key"](%5, %4) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %7 = gflow.derive %4, "#1"
      %8 = gflow.call "method" "painter.generate" ["prompt", "@key"](%6, %7) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
      gflow.yield %8 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    gflow.yield %2 : !gflow.type<"list<image>">
  }) : () -> ()
}
