builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<int>">}> ({
  ^bb0(%key: !gflow.key):
    %a = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %0 = gflow.const "1" : !gflow.type<"int">
      %1 = gflow.const "2" : !gflow.type<"int">
      %2 = gflow.call "op" "[]" [](%0, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
      %3 = gflow.const "7" : !gflow.type<"int">
      %4 = gflow.call "op" "index" ["items", "index"](%2, %3) : (!gflow.type<"list<int>">, !gflow.type<"int">) -> !gflow.type<"int">
      gflow.yield %4 : !gflow.type<"int">
    }, {
      %5 = gflow.const "0" : !gflow.type<"int">
      gflow.yield %5 : !gflow.type<"int">
    }) : () -> !gflow.type<"int">
    %6 = gflow.const "1" : !gflow.type<"int">
    %7 = gflow.const "0" : !gflow.type<"int">
    %b = gflow.call "op" "%" ["left", "right"](%6, %7) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %8 = gflow.const "9007199254740992" : !gflow.type<"int">
    %9 = gflow.const "2" : !gflow.type<"int">
    %c = gflow.call "op" "*" ["left", "right"](%8, %9) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %10 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"int">, !gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    gflow.yield %10 : !gflow.type<"list<int>">
  }) : () -> ()
}
// -----
// 1 call of known values became constants
builtin.module {
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"list<int>">}> ({
  ^bb0(%key: !gflow.key):
    %a = "gflow.try"() <{operandSegmentSizes = array<i32: 0, 0, 0>}> ({
      %0 = gflow.const "1" : !gflow.type<"int">
      %1 = gflow.const "2" : !gflow.type<"int">
      %2 = gflow.const "[1, 2]" : !gflow.type<"list<int>">
      %3 = gflow.const "7" : !gflow.type<"int">
      %4 = gflow.call "op" "index" ["items", "index"](%2, %3) : (!gflow.type<"list<int>">, !gflow.type<"int">) -> !gflow.type<"int">
      gflow.yield %4 : !gflow.type<"int">
    }, {
      %5 = gflow.const "0" : !gflow.type<"int">
      gflow.yield %5 : !gflow.type<"int">
    }) : () -> !gflow.type<"int">
    %6 = gflow.const "1" : !gflow.type<"int">
    %7 = gflow.const "0" : !gflow.type<"int">
    %b = gflow.call "op" "%" ["left", "right"](%6, %7) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %8 = gflow.const "9007199254740992" : !gflow.type<"int">
    %9 = gflow.const "2" : !gflow.type<"int">
    %c = gflow.call "op" "*" ["left", "right"](%8, %9) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %10 = gflow.call "op" "[]" [](%a, %b, %c) : (!gflow.type<"int">, !gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"list<int>">
    gflow.yield %10 : !gflow.type<"list<int>">
  }) : () -> ()
}
