builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "op" "upper" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.const "\22size\22" : !gflow.type<"text">
    %3 = gflow.call "op" "." ["value", "name"](%img, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"size">
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.const "2" : !gflow.type<"int">
    %6 = gflow.call "op" "{}" ["x", "y"](%4, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"{ x: int, y: int }">
    %made = gflow.call "op" "{}" ["name", "size", "at"](%1, %3, %6) : (!gflow.type<"text">, !gflow.type<"size">, !gflow.type<"{ x: int, y: int }">) -> !gflow.type<"{ name: text, size: size, at: { x: int, y: int } }">
    %7 = gflow.const "\22name\22" : !gflow.type<"text">
    %8 = gflow.call "op" "." ["value", "name"](%made, %7) : (!gflow.type<"{ name: text, size: size, at: { x: int, y: int } }">, !gflow.type<"text">) -> !gflow.type<"text">
    %9 = gflow.const "\22 \22" : !gflow.type<"text">
    %10 = gflow.const "\22size\22" : !gflow.type<"text">
    %11 = gflow.call "op" "." ["value", "name"](%made, %10) : (!gflow.type<"{ name: text, size: size, at: { x: int, y: int } }">, !gflow.type<"text">) -> !gflow.type<"size">
    %12 = gflow.const "\22width\22" : !gflow.type<"text">
    %13 = gflow.call "op" "." ["value", "name"](%11, %12) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"int">
    %14 = gflow.const "\22 \22" : !gflow.type<"text">
    %15 = gflow.const "\22at\22" : !gflow.type<"text">
    %16 = gflow.call "op" "." ["value", "name"](%made, %15) : (!gflow.type<"{ name: text, size: size, at: { x: int, y: int } }">, !gflow.type<"text">) -> !gflow.type<"{ x: int, y: int }">
    %17 = gflow.const "\22y\22" : !gflow.type<"text">
    %18 = gflow.call "op" "." ["value", "name"](%16, %17) : (!gflow.type<"{ x: int, y: int }">, !gflow.type<"text">) -> !gflow.type<"int">
    %19 = gflow.call "op" "text" [](%8, %9, %13, %14, %18) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"int">, !gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
    gflow.yield %19 : !gflow.type<"text">
  }) : () -> ()
}
// -----
// 6 calls of known values became constants
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%img: !gflow.type<"image">, %key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.const "\22A\22" : !gflow.type<"text">
    %2 = gflow.const "\22size\22" : !gflow.type<"text">
    %3 = gflow.call "op" "." ["value", "name"](%img, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"size">
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.const "2" : !gflow.type<"int">
    %6 = gflow.const "{\22x\22: 1, \22y\22: 2}" : !gflow.type<"{ x: int, y: int }">
    %made = gflow.call "op" "{}" ["name", "size", "at"](%1, %3, %6) : (!gflow.type<"text">, !gflow.type<"size">, !gflow.type<"{ x: int, y: int }">) -> !gflow.type<"{ name: text, size: size, at: { x: int, y: int } }">
    %7 = gflow.const "\22name\22" : !gflow.type<"text">
    %8 = gflow.const "\22 \22" : !gflow.type<"text">
    %9 = gflow.const "\22size\22" : !gflow.type<"text">
    %10 = gflow.const "\22width\22" : !gflow.type<"text">
    %11 = gflow.call "op" "." ["value", "name"](%3, %10) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"int">
    %12 = gflow.const "\22 \22" : !gflow.type<"text">
    %13 = gflow.const "\22at\22" : !gflow.type<"text">
    %14 = gflow.const "\22y\22" : !gflow.type<"text">
    %15 = gflow.const "2" : !gflow.type<"int">
    %16 = gflow.call "op" "text" [](%1, %8, %11, %12, %15) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"int">, !gflow.type<"text">, !gflow.type<"int">) -> !gflow.type<"text">
    gflow.yield %16 : !gflow.type<"text">
  }) : () -> ()
}
