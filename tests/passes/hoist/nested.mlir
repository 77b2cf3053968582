builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<list<image>>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %3: !gflow.type<"int">, %4: !gflow.key):
      %5 = gflow.const "1" : !gflow.type<"int">
      %6 = gflow.call "op" ".." ["left", "right"](%5, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
      %7 = gflow.map %6 key %4 {
      ^bb0(%j: !gflow.type<"int">, %8: !gflow.type<"int">, %9: !gflow.key):
        %10 = gflow.const "[64, 64]" : !gflow.type<"size">
        %everywhere = gflow.call "op" "resize" ["image", "size"](%img, %10) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
        %11 = gflow.const "10" : !gflow.type<"int">
        %12 = gflow.call "op" "/" ["left", "right"](%i, %11) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
        %a_row = gflow.call "op" "brightness" ["image", "factor"](%everywhere, %12) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        %13 = gflow.const "2" : !gflow.type<"int">
        %14 = gflow.call "op" ">" ["left", "right"](%j, %13) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
        %15 = gflow.if %14 {
          %16 = gflow.const "10" : !gflow.type<"int">
          %17 = gflow.call "op" "/" ["left", "right"](%j, %16) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
          %18 = gflow.call "op" "contrast" ["image", "factor"](%a_row, %17) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
          gflow.yield %18 : !gflow.type<"image">
        } else {
          %19 = gflow.const "2.0" : !gflow.type<"float">
          %20 = gflow.call "op" "blur" ["image", "radius"](%a_row, %19) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
          gflow.yield %20 : !gflow.type<"image">
        } : !gflow.type<"bool"> -> !gflow.type<"image">
        gflow.yield %15 : !gflow.type<"image">
      } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
      gflow.yield %7 : !gflow.type<"list<image>">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<list<image>>">
    gflow.yield %2 : !gflow.type<"list<list<image>>">
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["img", "n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"list<list<image>>">}> ({
  ^bb0(%img: !gflow.type<"image">, %n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "op" ".." ["left", "right"](%0, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %2 = gflow.const "1" : !gflow.type<"int">
    %3 = gflow.call "op" ".." ["left", "right"](%2, %n) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    %4 = gflow.const "[64, 64]" : !gflow.type<"size">
    %everywhere = gflow.call "op" "resize" ["image", "size"](%img, %4) : (!gflow.type<"image">, !gflow.type<"size">) -> !gflow.type<"image">
    %5 = gflow.const "10" : !gflow.type<"int">
    %6 = gflow.const "2" : !gflow.type<"int">
    %7 = gflow.const "10" : !gflow.type<"int">
    %8 = gflow.const "2.0" : !gflow.type<"float">
    %9 = gflow.map %1 key %key {
    ^bb0(%i: !gflow.type<"int">, %10: !gflow.type<"int">, %11: !gflow.key):
      %12 = gflow.call "op" "/" ["left", "right"](%i, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
      %a_row = gflow.call "op" "brightness" ["image", "factor"](%everywhere, %12) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %13 = gflow.call "op" "blur" ["image", "radius"](%a_row, %8) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
      %14 = gflow.map %3 key %11 {
      ^bb0(%j: !gflow.type<"int">, %15: !gflow.type<"int">, %16: !gflow.key):
        %17 = gflow.call "op" ">" ["left", "right"](%j, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
        %18 = gflow.call "op" "/" ["left", "right"](%j, %7) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"float">
        %19 = gflow.call "op" "contrast" ["image", "factor"](%a_row, %18) : (!gflow.type<"image">, !gflow.type<"float">) -> !gflow.type<"image">
        %20 = gflow.if %17 {
          gflow.yield %19 : !gflow.type<"image">
        } else {
          gflow.yield %13 : !gflow.type<"image">
        } : !gflow.type<"bool"> -> !gflow.type<"image">
        gflow.yield %20 : !gflow.type<"image">
      } : !gflow.type<"list<int>"> -> !gflow.type<"list<image>">
      gflow.yield %14 : !gflow.type<"list<image>">
    } : !gflow.type<"list<int>"> -> !gflow.type<"list<list<image>>">
    gflow.yield %9 : !gflow.type<"list<list<image>>">
  }) : () -> ()
}
