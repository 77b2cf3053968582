builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["rows", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%rows: !gflow.type<"list<text>">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.map %rows key %key {
    ^bb0(%row: !gflow.type<"text">, %1: !gflow.type<"int">, %2: !gflow.key):
      %3 = gflow.const "\22,\22" : !gflow.type<"text">
      %4 = gflow.call "op" "join" ["items", "separator"](%rows, %3) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
      %before = gflow.call "op" "upper" ["text"](%4) : (!gflow.type<"text">) -> !gflow.type<"text">
      %5 = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
        %6 = gflow.const "\22;\22" : !gflow.type<"text">
        %inside = gflow.call "op" "join" ["items", "separator"](%rows, %6) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
        %7 = gflow.const "1" : !gflow.type<"int">
        %8 = gflow.call "op" ".." ["left", "right"](%7, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
        %9 = gflow.derive %2, "joined"
        %joined = gflow.map %8 key %9 {
        ^bb0(%i: !gflow.type<"int">, %10: !gflow.type<"int">, %11: !gflow.key):
          %12 = gflow.const "\22/\22" : !gflow.type<"text">
          %13 = gflow.call "op" "join" ["items", "separator"](%rows, %12) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
          %14 = gflow.call "op" "+" ["left", "right"](%13, %row) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
          gflow.yield %14 : !gflow.type<"text">
        } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
        %15 = gflow.const "2" : !gflow.type<"int">
        %16 = gflow.call "op" ">" ["left", "right"](%n, %15) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
        %17 = gflow.if %16 {
          %18 = gflow.call "op" "lower" ["text"](%inside) : (!gflow.type<"text">) -> !gflow.type<"text">
          %19 = gflow.call "op" "join" ["items", "separator"](%joined, %18) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
          %20 = gflow.call "op" "+" ["left", "right"](%inside, %19) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
          gflow.yield %20 : !gflow.type<"text">
        } else {
          %21 = gflow.call "op" "+" ["left", "right"](%row, %before) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
          gflow.yield %21 : !gflow.type<"text">
        } : !gflow.type<"bool"> -> !gflow.type<"text">
        gflow.yield %17 : !gflow.type<"text">
      }, {
        %22 = gflow.call "op" "reverse" ["items"](%rows) : (!gflow.type<"list<text>">) -> !gflow.type<"list<text>">
        %23 = gflow.const "0" : !gflow.type<"int">
        %24 = gflow.call "op" "index" ["items", "index"](%22, %23) : (!gflow.type<"list<text>">, !gflow.type<"int">) -> !gflow.type<"text">
        %25 = gflow.call "op" "+" ["left", "right"](%24, %row) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
        gflow.yield %25 : !gflow.type<"text">
      }) : () -> !gflow.type<"text">
      gflow.yield %5 : !gflow.type<"text">
    } : !gflow.type<"list<text>"> -> !gflow.type<"list<text>">
    gflow.yield %0 : !gflow.type<"list<text>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["rows", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<text>">}> ({
  ^bb0(%rows: !gflow.type<"list<text>">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "\22,\22" : !gflow.type<"text">
    %1 = gflow.call "op" "join" ["items", "separator"](%rows, %0) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
    %before = gflow.call "op" "upper" ["text"](%1) : (!gflow.type<"text">) -> !gflow.type<"text">
    %2 = gflow.map %rows key %key {
    ^bb0(%row: !gflow.type<"text">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
        %6 = gflow.const "\22;\22" : !gflow.type<"text">
        %inside = gflow.call "op" "join" ["items", "separator"](%rows, %6) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
        %7 = gflow.const "1" : !gflow.type<"int">
        %8 = gflow.call "op" ".." ["left", "right"](%7, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
        %9 = gflow.derive %4, "joined"
        %10 = gflow.const "\22/\22" : !gflow.type<"text">
        %11 = gflow.call "op" "join" ["items", "separator"](%rows, %10) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
        %12 = gflow.call "op" "+" ["left", "right"](%11, %row) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
        %joined = gflow.map %8 key %9 {
        ^bb0(%i: !gflow.type<"int">, %13: !gflow.type<"int">, %14: !gflow.key):
          gflow.yield %12 : !gflow.type<"text">
        } : !gflow.type<"list<int>"> -> !gflow.type<"list<text>">
        %15 = gflow.const "2" : !gflow.type<"int">
        %16 = gflow.call "op" ">" ["left", "right"](%n, %15) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
        %17 = gflow.if %16 {
          %18 = gflow.call "op" "lower" ["text"](%inside) : (!gflow.type<"text">) -> !gflow.type<"text">
          %19 = gflow.call "op" "join" ["items", "separator"](%joined, %18) : (!gflow.type<"list<text>">, !gflow.type<"text">) -> !gflow.type<"text">
          %20 = gflow.call "op" "+" ["left", "right"](%inside, %19) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
          gflow.yield %20 : !gflow.type<"text">
        } else {
          %21 = gflow.call "op" "+" ["left", "right"](%row, %before) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
          gflow.yield %21 : !gflow.type<"text">
        } : !gflow.type<"bool"> -> !gflow.type<"text">
        gflow.yield %17 : !gflow.type<"text">
      }, {
        %22 = gflow.call "op" "reverse" ["items"](%rows) : (!gflow.type<"list<text>">) -> !gflow.type<"list<text>">
        %23 = gflow.const "0" : !gflow.type<"int">
        %24 = gflow.call "op" "index" ["items", "index"](%22, %23) : (!gflow.type<"list<text>">, !gflow.type<"int">) -> !gflow.type<"text">
        %25 = gflow.call "op" "+" ["left", "right"](%24, %row) : (!gflow.type<"text">, !gflow.type<"text">) -> !gflow.type<"text">
        gflow.yield %25 : !gflow.type<"text">
      }) : () -> !gflow.type<"text">
      gflow.yield %5 : !gflow.type<"text">
    } : !gflow.type<"list<text>"> -> !gflow.type<"list<text>">
    gflow.yield %2 : !gflow.type<"list<text>">
  }) : () -> ()
}
