builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line", "go", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %go: !gflow.type<"bool">, %n: !gflow.type<"int">, %key: !gflow.key):
    %a = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %b = gflow.if %go {
      %0 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %1 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %2 = gflow.call "op" "+" ["left", "right"](%0, %1) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %2 : !gflow.type<"text">
    } else {
      %3 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %3 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %4 = gflow.const "1" : !gflow.type<"int">
    %5 = gflow.call "op" ".." ["left", "right"](%4, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %6 = gflow.derive %key, "c"
    %c = gflow.map %5 key %6 {
    ^bb0(%i: !gflow.type<"int">, %7: !gflow.type<"int">, %8: !gflow.key):
      %9 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %10 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %11 = gflow.call "op" "+" ["left", "right"](%9, %10) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %11 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    %d = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %12 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %13 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %14 = gflow.call "op" "+" ["left", "right"](%12, %13) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %15 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %16 = gflow.call "op" "+" ["left", "right"](%14, %15) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %16 : !gflow.type<"text">
    }, {
      %17 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %17 : !gflow.type<"text">
    }) : () -> !gflow.type<"text">
    %18 = gflow.const "\22\22" : !gflow.type<"text">
    %19 = gflow.call "op" "join" ["items", "separator"](%c, %18) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
    %20 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %21 = gflow.call "op" "[]" [](%a, %b, %19, %d, %20) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %21 : !gflow.type<"list<text>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["line", "go", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%line: !gflow.type<"text">, %go: !gflow.type<"bool">, %n: !gflow.type<"int">, %key: !gflow.key):
    %a = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %b = gflow.if %go {
      %0 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %1 = gflow.call "op" "+" ["left", "right"](%a, %0) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %1 : !gflow.type<"text">
    } else {
      %2 = gflow.call "op" "lower" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %2 : !gflow.type<"text">
    } : !gflow.type<"bool"> -> !gflow.type<"text">
    %3 = gflow.const "1" : !gflow.type<"int">
    %4 = gflow.call "op" ".." ["left", "right"](%3, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %5 = gflow.derive %key, "c"
    %c = gflow.map %4 key %5 {
    ^bb0(%i: !gflow.type<"int">, %6: !gflow.type<"int">, %7: !gflow.key):
      %8 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %9 = gflow.call "op" "+" ["left", "right"](%a, %8) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %9 : !gflow.type<"text">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
    %d = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %10 = gflow.call "op" "upper" ["text"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %11 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      %12 = gflow.call "op" "+" ["left", "right"](%10, %11) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      %13 = gflow.call "op" "+" ["left", "right"](%12, %11) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %13 : !gflow.type<"text">
    }, {
      %14 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
      gflow.yield %14 : !gflow.type<"text">
    }) : () -> !gflow.type<"text">
    %15 = gflow.const "\22\22" : !gflow.type<"text">
    %16 = gflow.call "op" "join" ["items", "separator"](%c, %15) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
    %17 = gflow.call "op" "trim" ["value"](%line) : (!gflow.type<"text">) -> !gflow.type<"text">
    %18 = gflow.call "op" "[]" [](%a, %b, %16, %d, %17) : (!gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"list<text>">
    gflow.yield %18 : !gflow.type<"list<text>">
  }) : () -> ()
}
