builtin.module {
  "gflow.flow"() <{sym_name = "used.more", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "3" : !gflow.type<"int">
    %1 = gflow.call "op" "+" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %1 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.call "flow" "used.more" ["n", "@key"](%n, %key) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    gflow.yield %0 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test f", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.call "flow" "f" ["n", "@key"](%0, %key) : (!gflow.type<"int">, !gflow.key) -> !gflow.type<"int">
    %2 = gflow.const "4" : !gflow.type<"int">
    %3 = gflow.call "op" "==" ["left", "right"](%1, %2) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %3 "f(1) == 4" ["f(1)"](%1) : !gflow.type<"bool">, (!gflow.type<"int">)
    gflow.yield
  }) : () -> ()
}
// -----
// 2 flow calls became part of the calling flow
builtin.module {
  "gflow.flow"() <{sym_name = "used.more", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.const "3" : !gflow.type<"int">
    %1 = gflow.call "op" "+" ["left", "right"](%n, %0) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %1 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "f", kind = "flow", params = ["n"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%n: !gflow.type<"int">, %key: !gflow.key):
    %0 = gflow.derive %key, "more"
    %1 = gflow.const "3" : !gflow.type<"int">
    %2 = gflow.call "op" "+" ["left", "right"](%n, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    gflow.yield %2 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test f", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    %1 = gflow.derive %key, "f"
    %2 = gflow.derive %1, "more"
    %3 = gflow.const "3" : !gflow.type<"int">
    %4 = gflow.call "op" "+" ["left", "right"](%0, %3) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"int">
    %5 = gflow.const "4" : !gflow.type<"int">
    %6 = gflow.call "op" "==" ["left", "right"](%4, %5) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %6 "f(1) == 4" ["f(1)"](%4) : !gflow.type<"bool">, (!gflow.type<"int">)
    gflow.yield
  }) : () -> ()
}
