builtin.module {
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["a", "b"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">}> ({
  ^bb0(%a: !gflow.type<"int">, %b: !gflow.type<"float">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %p = gflow.call "op" "+" ["left", "right"](%a, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %1 = gflow.const "1" : !gflow.type<"int">
    %q = gflow.call "op" "+" ["left", "right"](%b, %1) : (!gflow.type<"float">, !gflow.type<"int">) -> !gflow.type<"float">
    %2 = gflow.const "\22x\22" : !gflow.type<"text">
    %3 = gflow.const "1" : !gflow.type<"int">
    %4 = gflow.derive %key, "r"
    %r = gflow.call "method" "writer.generate" ["prompt", "seed"](%2, %3) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
    %5 = gflow.const "\22x\22" : !gflow.type<"text">
    %6 = gflow.const "1" : !gflow.type<"int">
    %7 = gflow.derive %key, "s"
    %s = gflow.call "method" "writer.generate" ["prompt", "seed"](%5, %6) as <"int"> : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"int">
    %8 = gflow.const "\22x\22" : !gflow.type<"text">
    %9 = gflow.const "1" : !gflow.type<"int">
    %10 = gflow.derive %key, "t"
    %t = gflow.call "method" "writer.generate" ["prompt", "seed"](%8, %9) as <"int"> : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"int">
    %11 = gflow.call "op" "{}" ["p", "q", "r", "s", "t"](%p, %q, %r, %s, %t) : (!gflow.type<"int">, !gflow.type<"float">, !gflow.type<"text">, !gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">
    gflow.yield %11 : !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">
  }) : () -> ()
}
// -----
// writer.generate is shared by 2 places
builtin.module {
  "gflow.model"() <{sym_name = "writer", provider = "language", args = "{\22source\22: \22nobody/writes\22, \22endpoint\22: null, \22name\22: null}"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["a", "b"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">}> ({
  ^bb0(%a: !gflow.type<"int">, %b: !gflow.type<"float">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %p = gflow.call "op" "+" ["left", "right"](%a, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %q = gflow.call "op" "+" ["left", "right"](%b, %0) : (!gflow.type<"float">, !gflow.type<"int">) -> !gflow.type<"float">
    %1 = gflow.const "\22x\22" : !gflow.type<"text">
    %2 = gflow.derive %key, "r"
    %r = gflow.call "method" "writer.generate" ["prompt", "seed"](%1, %0) : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
    %3 = gflow.derive %key, "s"
    %s = gflow.call "method" "writer.generate" ["prompt", "seed"](%1, %0) as <"int"> : (!gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"int">
    %4 = gflow.derive %key, "t"
    %5 = gflow.call "op" "{}" ["p", "q", "r", "s", "t"](%p, %q, %r, %s, %s) : (!gflow.type<"int">, !gflow.type<"float">, !gflow.type<"text">, !gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">
    gflow.yield %5 : !gflow.type<"{ p: int, q: float, r: text, s: int, t: int }">
  }) : () -> ()
}
