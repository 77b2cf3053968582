builtin.module {
  "gflow.flow"() <{sym_name = "double", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %1 = gflow.call "op" "*" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %1 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "fourfold", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.call "flow" "double" ["n", "@key"](%n, %key) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    %1 = gflow.derive %key, "#1"
    %2 = gflow.call "flow" "double" ["n", "@key"](%0, %1) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    gflow.yield %2 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.call "flow" "fourfold" ["n", "@key"](%n, %key) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    %1 = gflow.const "1" : !gflow.type<"int">
    %2 = gflow.derive %key, "#1"
    %3 = gflow.call "flow" "double" ["n", "@key"](%1, %2) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    %4 = gflow.call "op" "+" ["left", "right"](%0, %3) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %4 : !gflow.type<"int">
  }) : () -> ()
}
// -----
// 4 flow calls became part of the calling flow
builtin.module {
  "gflow.flow"() <{sym_name = "double", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    %1 = gflow.call "op" "*" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %1 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "fourfold", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.derive %key, "double"
    %1 = gflow.const "2" : !gflow.type<"int">
    %2 = gflow.call "op" "*" ["left", "right"](%n, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %3 = gflow.derive %key, "#1"
    %4 = gflow.derive %3, "double"
    %5 = gflow.const "2" : !gflow.type<"int">
    %6 = gflow.call "op" "*" ["left", "right"](%2, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %6 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.derive %key, "fourfold"
    %1 = gflow.derive %0, "double"
    %2 = gflow.const "2" : !gflow.type<"int">
    %3 = gflow.call "op" "*" ["left", "right"](%n, %2) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %4 = gflow.derive %0, "#1"
    %5 = gflow.derive %4, "double"
    %6 = gflow.const "2" : !gflow.type<"int">
    %7 = gflow.call "op" "*" ["left", "right"](%3, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %8 = gflow.const "1" : !gflow.type<"int">
    %9 = gflow.derive %key, "#1"
    %10 = gflow.derive %9, "double"
    %11 = gflow.const "2" : !gflow.type<"int">
    %12 = gflow.call "op" "*" ["left", "right"](%8, %11) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %13 = gflow.call "op" "+" ["left", "right"](%7, %12) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %13 : !gflow.type<"int">
  }) : () -> ()
}
