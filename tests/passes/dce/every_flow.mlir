builtin.module {
  "gflow.flow"() <{sym_name = "one", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    gflow.yield %0 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "two", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    gflow.yield %0 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test one", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.call "flow" "one" ["@key"](%key) : (!gflow.key) -> !gflow.type<"int">
    %1 = gflow.const "1" : !gflow.type<"int">
    %2 = gflow.call "op" "==" ["left", "right"](%0, %1) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %2 "one() == 1" ["one()"](%0) : !gflow.type<"bool">, (!gflow.type<"int">)
    gflow.yield
  }) : () -> ()
}
// -----
// (says nothing)
builtin.module {
  "gflow.flow"() <{sym_name = "one", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "1" : !gflow.type<"int">
    gflow.yield %0 : !gflow.type<"int">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "two", kind = "flow", params = [], options = [], doc = "", result_type = !gflow.type<"int">}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "2" : !gflow.type<"int">
    gflow.yield %0 : !gflow.type<"int">
  }) : () -> ()
}
