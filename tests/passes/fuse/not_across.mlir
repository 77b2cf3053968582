builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %1 = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %2 = gflow.const "1.1" : !gflow.type<"float">
    %3 = gflow.call "op" "contrast" ["image", "factor"](%1, %2) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %4 = gflow.const "90.0" : !gflow.type<"float">
    %5 = gflow.call "op" "rotate" ["image", "degrees"](%3, %4) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %6 = gflow.const "2.0" : !gflow.type<"float">
    %7 = gflow.call "op" "gamma" ["image", "value"](%5, %6) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %turned = gflow.call "op" "invert" ["image"](%7) : (!gflow.type<"image">) -> !gflow.type<"image">
    %8 = gflow.const "0.2" : !gflow.type<"float">
    %9 = gflow.call "op" "brightness" ["image", "factor"](%img, %8) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %10 = gflow.call "op" "invert" ["image"](%9) : (!gflow.type<"image">) -> !gflow.type<"image">
    %11 = gflow.const "0.5" : !gflow.type<"float">
    %second = gflow.call "op" "blend" ["image", "other", "amount"](%img, %10, %11) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %12 = gflow.const "2.0" : !gflow.type<"float">
    %13 = gflow.call "op" "contrast" ["image", "factor"](%img, %12) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %14 = gflow.const "\22a\22" : !gflow.type<"text">
    %15 = gflow.call "method" "judge.score" ["image", "text"](%13, %14) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %scored = gflow.call "op" "brightness" ["image", "factor"](%img, %15) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %16 = gflow.const "1" : !gflow.type<"int">
    %17 = gflow.call "op" ".." ["left", "right"](%16, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %18 = gflow.derive %key, "inside"
    %inside = gflow.map %17 key %18 {
    ^bb0(%i: !gflow.type<"int">, %19: !gflow.type<"int">, %20: !gflow.key):
      %21 = gflow.const "10" : !gflow.type<"int">
      %22 = gflow.call "op" "/" ["left", "right"](%i, %21) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
      %23 = gflow.call "op" "brightness" ["image", "factor"](%scored, %22) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %24 = gflow.call "op" "invert" ["image"](%23) : (!gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %24 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %25 = gflow.call "op" "[]" [](%turned, %second) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %26 = gflow.call "op" "[]" [](%25, %inside) : (!gflow.type<"list<image>">, !gflow.type<"list<image>">) -> !gflow.type<"list<list<image>>">
    %27 = gflow.call "op" "flatten" ["lists"](%26) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %27 : !gflow.type<"list<image>">
  }) : () -> ()
}
// -----
// brightness+invert became one kernel
// brightness+contrast became one kernel
// gamma+invert became one kernel
builtin.module {
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<image>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "0.1" : !gflow.type<"float">
    %1 = gflow.const "1.1" : !gflow.type<"float">
    %2 = gflow.fused "brightness+contrast" {
      %3 = gflow.call "op" "brightness" ["image", "factor"](%img, %0) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %4 = gflow.call "op" "contrast" ["image", "factor"](%3, %1) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      gflow.yield %4 : !gflow.type<"image">
    } -> !gflow.type<"image">
    %5 = gflow.const "90.0" : !gflow.type<"float">
    %6 = gflow.call "op" "rotate" ["image", "degrees"](%2, %5) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %7 = gflow.const "2.0" : !gflow.type<"float">
    %turned = gflow.fused "gamma+invert" {
      %8 = gflow.call "op" "gamma" ["image", "value"](%6, %7) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %turned_1 = gflow.call "op" "invert" ["image"](%8) : (!gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %turned_1 : !gflow.type<"image">
    } -> !gflow.type<"image">
    %9 = gflow.const "0.2" : !gflow.type<"float">
    %10 = gflow.fused "brightness+invert" {
      %11 = gflow.call "op" "brightness" ["image", "factor"](%img, %9) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %12 = gflow.call "op" "invert" ["image"](%11) : (!gflow.type<"image">) -> !gflow.type<"image">
      gflow.yield %12 : !gflow.type<"image">
    } -> !gflow.type<"image">
    %13 = gflow.const "0.5" : !gflow.type<"float">
    %second = gflow.call "op" "blend" ["image", "other", "amount"](%img, %10, %13) : (!gflow.type<"image">, !gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %14 = gflow.const "2.0" : !gflow.type<"float">
    %15 = gflow.call "op" "contrast" ["image", "factor"](%img, %14) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %16 = gflow.const "\22a\22" : !gflow.type<"text">
    %17 = gflow.call "method" "judge.score" ["image", "text"](%15, %16) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"float">
    %scored = gflow.call "op" "brightness" ["image", "factor"](%img, %17) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
    %18 = gflow.const "1" : !gflow.type<"int">
    %19 = gflow.call "op" ".." ["left", "right"](%18, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %20 = gflow.derive %key, "inside"
    %inside = gflow.map %19 key %20 {
    ^bb0(%i: !gflow.type<"int">, %21: !gflow.type<"int">, %22: !gflow.key):
      %23 = gflow.const "10" : !gflow.type<"int">
      %24 = gflow.call "op" "/" ["left", "right"](%i, %23) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
      %25 = gflow.fused "brightness+invert" {
        %26 = gflow.call "op" "brightness" ["image", "factor"](%scored, %24) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        %27 = gflow.call "op" "invert" ["image"](%26) : (!gflow.type<"image">) -> !gflow.type<"image">
        gflow.yield %27 : !gflow.type<"image">
      } -> !gflow.type<"image">
      gflow.yield %25 : !gflow.type<"image">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
    %28 = gflow.call "op" "[]" [](%turned, %second) : (!gflow.type<"image">, !gflow.type<"image">) -> !gflow.type<"list<image>">
    %29 = gflow.call "op" "[]" [](%28, %inside) : (!gflow.type<"list<image>">, !gflow.type<"list<image>">) -> !gflow.type<"list<list<image>>">
    %30 = gflow.call "op" "flatten" ["lists"](%29) : (!gflow.type<"list<list<image>>">) -> !gflow.type<"list<image>">
    gflow.yield %30 : !gflow.type<"list<image>">
  }) : () -> ()
}
