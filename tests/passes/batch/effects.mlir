builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "told", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %0 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "a"
    %a = gflow.map %1 key %2 {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %6 = gflow.call "extern" "note" ["line"](%5) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %7 = gflow.call "method" "judge.score" ["image", "text"](%img, %6) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %7 : !gflow.type<"float">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<float>">
    %8 = gflow.const "1" : !gflow.type<"int">
    %9 = gflow.call "op" ".." ["left", "right"](%8, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %10 = gflow.derive %key, "b"
    %b = gflow.map %9 key %10 {
    ^bb0(%i_1: !gflow.type<"int">, %11: !gflow.type<"int">, %12: !gflow.key):
      %13 = gflow.call "op" "text" [](%i_1) : (!gflow.type<"int">) -> !gflow.type<"text">
      %14 = gflow.call "flow" "told" ["line", "@key"](%13, %12) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %15 = gflow.call "method" "judge.score" ["image", "text"](%img, %14) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %15 : !gflow.type<"float">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<float>">
    %16 = gflow.const "3" : !gflow.type<"int">
    %17 = gflow.derive %key, "c"
    %c = "gflow.refine"(%16, %17) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%18: !gflow.type<"any">, %19: !gflow.key):
      %20 = gflow.const "\22c\22" : !gflow.type<"text">
      %21 = gflow.call "method" "judge.score" ["image", "text"](%img, %20) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %21 : !gflow.type<"float">
    }, {
    ^bb0(%x: !gflow.type<"float">):
      %22 = gflow.call "op" "text" [](%x) : (!gflow.type<"float">) -> !gflow.type<"text">
      %23 = gflow.call "extern" "note" ["line"](%22) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %24 = gflow.call "op" "words" ["text"](%23) : (!gflow.type<"text">) -> !gflow.type<"list<text>">
      %25 = gflow.call "op" "count" ["items"](%24) : (!gflow.type<"list<text>">) -> !gflow.type<"int">
      %26 = gflow.const "1" : !gflow.type<"int">
      %27 = gflow.call "op" ">" ["left", "right"](%25, %26) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
      gflow.yield %27 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"float">
    %28 = gflow.call "op" "first" ["items"](%a) : (!gflow.type<"list<float>">) -> !gflow.type<"float">
    %29 = gflow.call "op" "first" ["items"](%b) : (!gflow.type<"list<float>">) -> !gflow.type<"float">
    %30 = gflow.call "op" "[]" [](%28, %29, %c) : (!gflow.type<"float">, !gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"list<float>">
    gflow.yield %30 : !gflow.type<"list<float>">
  }) : () -> ()
}
// -----
// 3 calls of `judge.score` may meet in a batch
builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.extern"() <{sym_name = "note", path = "py.py", function = "note", result_type = !gflow.type<"text">, pure = "false"}> : () -> ()
  "gflow.flow"() <{sym_name = "told", kind = "flow", params = ["line"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"text">}> ({
  ^bb0(%line: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "extern" "note" ["line"](%line) impure : (!gflow.type<"text">) -> !gflow.type<"text">
    gflow.yield %0 : !gflow.type<"text">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<float>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.derive %key, "a"
    %a = gflow.map %1 key %2 {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.call "op" "text" [](%i) : (!gflow.type<"int">) -> !gflow.type<"text">
      %6 = gflow.call "extern" "note" ["line"](%5) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %7 = gflow.call "method" "judge.score" ["image", "text"](%img, %6) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %7 : !gflow.type<"float">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<float>">
    %8 = gflow.const "1" : !gflow.type<"int">
    %9 = gflow.call "op" ".." ["left", "right"](%8, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %10 = gflow.derive %key, "b"
    %b = gflow.map %9 key %10 {
    ^bb0(%i_1: !gflow.type<"int">, %11: !gflow.type<"int">, %12: !gflow.key):
      %13 = gflow.call "op" "text" [](%i_1) : (!gflow.type<"int">) -> !gflow.type<"text">
      %14 = gflow.call "flow" "told" ["line", "@key"](%13, %12) impure : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"text">
      %15 = gflow.call "method" "judge.score" ["image", "text"](%img, %14) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %15 : !gflow.type<"float">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<float>">
    %16 = gflow.const "3" : !gflow.type<"int">
    %17 = gflow.derive %key, "c"
    %c = "gflow.refine"(%16, %17) <{operandSegmentSizes = array<i32: 1, 0, 1>, regionSegmentSizes = array<i32: 1, 1, 0, 0>}> ({
    ^bb0(%18: !gflow.type<"any">, %19: !gflow.key):
      %20 = gflow.const "\22c\22" : !gflow.type<"text">
      %21 = gflow.call "method" "judge.score" ["image", "text"](%img, %20) batch "1 2 4" : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
      gflow.yield %21 : !gflow.type<"float">
    }, {
    ^bb0(%x: !gflow.type<"float">):
      %22 = gflow.call "op" "text" [](%x) : (!gflow.type<"float">) -> !gflow.type<"text">
      %23 = gflow.call "extern" "note" ["line"](%22) impure : (!gflow.type<"text">) -> !gflow.type<"text">
      %24 = gflow.call "op" "words" ["text"](%23) : (!gflow.type<"text">) -> !gflow.type<"list<text>">
      %25 = gflow.call "op" "count" ["items"](%24) : (!gflow.type<"list<text>">) -> !gflow.type<"int">
      %26 = gflow.const "1" : !gflow.type<"int">
      %27 = gflow.call "op" ">" ["left", "right"](%25, %26) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
      gflow.yield %27 : !gflow.type<"bool">
    }) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"float">
    %28 = gflow.call "op" "first" ["items"](%a) : (!gflow.type<"list<float>">) -> !gflow.type<"float">
    %29 = gflow.call "op" "first" ["items"](%b) : (!gflow.type<"list<float>">) -> !gflow.type<"float">
    %30 = gflow.call "op" "[]" [](%28, %29, %c) : (!gflow.type<"float">, !gflow.type<"float">, !gflow.type<"float">) -> !gflow.type<"list<float>">
    gflow.yield %30 : !gflow.type<"list<float>">
  }) : () -> ()
}
