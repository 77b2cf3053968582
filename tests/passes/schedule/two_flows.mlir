builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "paint", kind = "flow", params = ["idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "\22\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %2 = gflow.call "method" "painter.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %3 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%1, %2, %key) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
    %4 = gflow.call "method" "painter.decode" ["latent"](%3) : (!gflow.type<"latent">) -> !gflow.type<"image">
    gflow.yield %4 : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "judged", kind = "flow", params = ["img", "idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
    %1 = gflow.call "method" "judge.embed" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %2 = gflow.call "method" "judge.compare" ["image", "text"](%0, %1) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
    gflow.yield %2 : !gflow.type<"float">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test no schedule", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "flow" "paint" ["idea", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22size\22" : !gflow.type<"text">
    %3 = gflow.call "op" "." ["value", "name"](%1, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"size">
    %4 = gflow.const "\22width\22" : !gflow.type<"text">
    %5 = gflow.call "op" "." ["value", "name"](%3, %4) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"int">
    %6 = gflow.const "0" : !gflow.type<"int">
    %7 = gflow.call "op" ">" ["left", "right"](%5, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %7 "paint(\22a\22).size.width > 0" ["paint(\22a\22).size.width"](%5) : !gflow.type<"bool">, (!gflow.type<"int">)
    gflow.yield
  }) : () -> ()
}
// -----
// paint: networks are loaded in the order painter.text_encoder (2.0 MB), painter.network (20.0 MB), painter.decoder (4.0 MB)
// paint: their weights take 26.0 MB at most
// judged: networks are loaded in the order judge.image (3.0 MB), judge.text (2.0 MB)
// judged: their weights take 5.0 MB at most
// (`paint` has a schedule)
// (`judged` has a schedule)
builtin.module {
  "gflow.model"() <{sym_name = "painter", provider = "diffusion", args = "{\22source\22: \22nobody/one\22, \22loras\22: []}", lowered = "lowered/one"}> : () -> ()
  "gflow.model"() <{sym_name = "judge", provider = "scorer", args = "{\22source\22: \22nobody/judges\22}", lowered = "lowered/judges"}> : () -> ()
  "gflow.flow"() <{sym_name = "paint", kind = "flow", params = ["idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"image">}> ({
  ^bb0(%idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.const "\22\22" : !gflow.type<"text">
    %1 = gflow.call "method" "painter.encode_text" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %2 = gflow.call "method" "painter.encode_text" ["text"](%0) : (!gflow.type<"text">) -> !gflow.type<"conditioning">
    %3 = gflow.call "method" "painter.denoise" ["prompt", "negative_prompt", "@key"](%1, %2, %key) : (!gflow.type<"conditioning">, !gflow.type<"conditioning">, !gflow.key) -> !gflow.type<"latent">
    %4 = gflow.call "method" "painter.decode" ["latent"](%3) : (!gflow.type<"latent">) -> !gflow.type<"image">
    gflow.yield %4 : !gflow.type<"image">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "judged", kind = "flow", params = ["img", "idea"], options = ["{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}", "{\22doc\22: \22\22, \22required\22: true, \22default\22: null, \22low\22: null, \22high\22: null}"], doc = "", result_type = !gflow.type<"float">}> ({
  ^bb0(%img: !gflow.type<"image">, %idea: !gflow.type<"text">, %key: !gflow.key):
    %0 = gflow.call "method" "judge.embed" ["image"](%img) : (!gflow.type<"image">) -> !gflow.type<"list<float>">
    %1 = gflow.call "method" "judge.embed" ["text"](%idea) : (!gflow.type<"text">) -> !gflow.type<"list<float>">
    %2 = gflow.call "method" "judge.compare" ["image", "text"](%0, %1) : (!gflow.type<"list<float>">, !gflow.type<"list<float>">) -> !gflow.type<"float">
    gflow.yield %2 : !gflow.type<"float">
  }) : () -> ()
  "gflow.flow"() <{sym_name = "test no schedule", kind = "test", params = [], options = [], doc = ""}> ({
  ^bb0(%key: !gflow.key):
    %0 = gflow.const "\22a\22" : !gflow.type<"text">
    %1 = gflow.call "flow" "paint" ["idea", "@key"](%0, %key) : (!gflow.type<"text">, !gflow.key) -> !gflow.type<"image">
    %2 = gflow.const "\22size\22" : !gflow.type<"text">
    %3 = gflow.call "op" "." ["value", "name"](%1, %2) : (!gflow.type<"image">, !gflow.type<"text">) -> !gflow.type<"size">
    %4 = gflow.const "\22width\22" : !gflow.type<"text">
    %5 = gflow.call "op" "." ["value", "name"](%3, %4) : (!gflow.type<"size">, !gflow.type<"text">) -> !gflow.type<"int">
    %6 = gflow.const "0" : !gflow.type<"int">
    %7 = gflow.call "op" ">" ["left", "right"](%5, %6) : (!gflow.type<"int">, !gflow.type<"int">) -> !gflow.type<"bool">
    gflow.expect %7 "paint(\22a\22).size.width > 0" ["paint(\22a\22).size.width"](%5) : !gflow.type<"bool">, (!gflow.type<"int">)
    gflow.yield
  }) : () -> ()
}
