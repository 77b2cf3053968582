builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "8" : !gflow.type<"int">
    %1 = gflow.const "4" : !gflow.type<"int">
    %2 = gflow.call "op" "*" ["left", "right"](%0, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %3 = gflow.const "1" : !gflow.type<"int">
    %a = gflow.call "op" "+" ["left", "right"](%2, %3) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %4 = gflow.const "\22red \22" : !gflow.type<"text">
    %5 = gflow.const "\22 times\22" : !gflow.type<"text">
    %6 = gflow.call "op" "text" [](%4, %a, %5) : (!gflow.type<"text">, !gflow.type<"int">, !gflow.type<"text">) -> !gflow.type<"text">
    %b = gflow.call "op" "upper" ["text"](%6) : (!gflow.type<"text">) -> !gflow.type<"text">
    %7 = gflow.const "1" : !gflow.type<"int">
    %8 = gflow.const "4" : !gflow.type<"int">
    %9 = gflow.call "op" ".." ["left", "right"](%7, %8) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %10 = gflow.const "[64, 64]" : !gflow.type<"size">
    %11 = gflow.const "2" : !gflow.type<"int">
    %12 = gflow.call "op" "/" ["left", "right"](%n, %11) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
    %13 = gflow.call "op" "{}" ["a", "b", "c", "d", "e"](%a, %b, %9, %10, %12) : (!gflow.type<"int">, !gflow.type<"text">, !gflow.type<"list<int>">, !gflow.type<"size">, !gflow.type<"float">) -> !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">
    gflow.yield %13 : !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">
  }) : () -> ()
}
// -----
// 5 calls of known values became constants
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "8" : !gflow.type<"int">
    %1 = gflow.const "4" : !gflow.type<"int">
    %2 = gflow.const "32" : !gflow.type<"int">
    %3 = gflow.const "1" : !gflow.type<"int">
    %a = gflow.const "33" : !gflow.type<"int">
    %4 = gflow.const "\22red \22" : !gflow.type<"text">
    %5 = gflow.const "\22 times\22" : !gflow.type<"text">
    %6 = gflow.const "\22red 33 times\22" : !gflow.type<"text">
    %b = gflow.const "\22RED 33 TIMES\22" : !gflow.type<"text">
    %7 = gflow.const "1" : !gflow.type<"int">
    %8 = gflow.const "4" : !gflow.type<"int">
    %9 = gflow.const "[1, 2, 3, 4]" : !gflow.type<"list<int>">
    %10 = gflow.const "[64, 64]" : !gflow.type<"size">
    %11 = gflow.const "2" : !gflow.type<"int">
    %12 = gflow.call "op" "/" ["left", "right"](%n, %11) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
    %13 = gflow.call "op" "{}" ["a", "b", "c", "d", "e"](%a, %b, %9, %10, %12) : (!gflow.type<"int">, !gflow.type<"text">, !gflow.type<"list<int>">, !gflow.type<"size">, !gflow.type<"float">) -> !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">
    gflow.yield %13 : !gflow.type<"{ a: int, b: text, c: list<int>, d: size, e: float }">
  }) : () -> ()
}
