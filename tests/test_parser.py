from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from corpus import SCRIPTS
from hypothesis import given, settings
from hypothesis import strategies as st

from gflow.grammar import build
from gflow.grammar import nodes as n
from gflow.grammar.depth import LIMIT
from gflow.grammar.diagnostics import Diagnostic, ScriptError
from gflow.grammar.parser import parse, parse_type, read
from gflow.grammar.source import Source


def tree(text: str) -> n.File:
    file, diagnostics = parse(Source("test.gflow", text))
    assert not diagnostics, [(str(found.span), found.text("title"), found.text("label")) for found in diagnostics]
    return file


def value(text: str) -> Any:
    """The tree of an expression."""
    return tree(f"let a = {text}").declarations[0].value


def body(text: str) -> tuple[Any, ...]:
    """The statements of a flow."""
    return tree(f"flow f() {{\n{text}\n}}").declarations[0].body.statements


def errors(text: str) -> list[tuple[str, int, int]]:
    return [(found.code, found.span.line, found.span.column) for found in parse(Source("test.gflow", text))[1]]


def nodes_of(node: Any) -> Iterator[n.Node]:
    if isinstance(node, tuple):
        for item in node:
            yield from nodes_of(item)
    elif isinstance(node, n.Node):
        yield node
        for name in node.__struct_fields__:
            if name != "comments":
                yield from nodes_of(getattr(node, name))


# --- literals


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("12", "int", 12),
        ("1_000", "int", 1000),
        ("0.5", "float", 0.5),
        ("1e-3", "float", 0.001),
        ("2.5E+2", "float", 250.0),
        ("40%", "float", 0.4),
        ("24fps", "float", 24.0),
        ("2x", "float", 2.0),
        ("4s", "duration", 4.0),
        ("250ms", "duration", 0.25),
        ("2min", "duration", 120.0),
        ("1.5h", "duration", 5400.0),
        ("512MiB", "int", 512 * 2**20),
        ("3KB", "int", 3000),
        ("1KiB", "int", 1024),
        ("2GB", "int", 2 * 10**9),
        ("1GiB", "int", 2**30),
        ("7MB", "int", 7 * 10**6),
        ("1024x768", "size", (1024, 768)),
        ("true", "bool", True),
        ("none", "none", None),
        (r'"a\n\t\"\\\$\u{1F600}"', "text", 'a\n\t"\\$\U0001f600'),
        ('"$5 and {a|b} $"', "text", "$5 and {a|b} $"),
        ('"""a "quoted" text"""', "text", 'a "quoted" text'),
        ('"""\n    one\n      two\n\n    three\n    """', "text", "one\n  two\n\nthree\n"),
        ('"""\r\n  one\r\n  two"""', "text", "one\ntwo"),
    ],
)
def test_literals(text: str, kind: str, expected: Any) -> None:
    literal = value(text)
    assert isinstance(literal, n.Literal)
    assert (literal.kind, literal.value, literal.raw) == (kind, expected, text)
    assert type(literal.value) is type(expected)


def test_percent_and_remainder() -> None:
    assert value("7%3") == value("7 % 3")
    assert value("7 % x").op == "%"
    assert value("50% * 2").left.value == 0.5


def test_ranges_are_no_floats() -> None:
    assert value("1..8") == value("1 .. 8")
    assert value("1..8").op == ".."


def test_templates_hold_expressions() -> None:
    template = value('"a ${x + 1} b ${"in ${f(y, "}")} ner"}"')
    text, first, middle, second = template.parts
    assert (text, middle) == ("a ", " b ")
    assert first == value("x + 1")
    assert second == value('"in ${f(y, "}")} ner"')
    assert template.raw == template.span.text


def test_long_templates_are_dedented_around_what_is_filled_in() -> None:
    template = value('"""\n    one ${a}\n      two\n    ${b} three\n    """')
    assert template.parts == ("one ", n.Ref("a", span=template.span), "\n  two\n", value("b"), " three\n")


# --- expressions


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a.b[0].c", "-(((a.b)[0]).c)"),
        ("not a == b and c or d", "((not (a == b)) and c) or d"),
        ("1..n + 1", "1..(n + 1)"),
        ("a ?? b ?? c |> f()", "((a ?? b) ?? c) |> f()"),
        ("x => y => x |> f()", "x => (y => (x |> f()))"),
        ("a < 1..2", "a < (1..2)"),
    ],
)
def test_precedence(text: str, same: str) -> None:
    assert value(text) == value(same)


def test_only_names_and_methods_are_called() -> None:
    assert errors("let a = -a.b[0](1)") == [("E0110", 1, 10)]


def test_pipes_take_the_result_of_refine_and_try() -> None:
    pipe = value("try { a } retry 2 else { b } |> f() |> g(1)")
    assert isinstance(pipe.value.value, n.Try)
    assert [pipe.value.call.callee.name, pipe.call.callee.name] == ["f", "g"]
    assert isinstance(value("refine x up to 3 { a } until x > 1 |> f()"), n.Pipe)


def test_words_are_keywords_only_where_they_can_be() -> None:
    call = value("up(best, by: to, keep: best(by: x => x), from: until)")
    assert [arg.name and arg.name.text for arg in call.args] == [None, "by", "keep", "from"]
    assert value("for if in in { x.else }").item.text == "if"
    refine = value("refine up from from up to to { up } until up keep best by by")
    assert (refine.name.text, refine.start.name, refine.limit.name, refine.keep_by.name) == (
        "up",
        "from",
        "to",
        "by",
    )
    bind, other = body("keep = 1\nmodel = 2")
    assert (bind.name.text, other.name.text) == ("keep", "model")


def test_braces() -> None:
    block, record, empty, bound = value("match x { 1 => { a }; 2 => { a: 1 }; 3 => {}; _ => { a = 1; a } }").cases
    assert block.body == n.Block((value("a"),), span=block.span)
    assert record.body.statements == (value("{ a: 1 }"),)
    assert empty.body.statements == (n.RecordExpr((), span=empty.span),)
    assert len(bound.body.statements) == 2
    assert value("{ a, b }") == value("{ a: a, b: b }")
    assert value("{ a }") == value("{ a: a }")
    assert value("if c { a } else { { a } }").orelse.statements == (value("{ a: a }"),)
    assert value("{\n a:\n 1\n ,\n b: x\n + 1\n }") == value("{ a: 1, b: x + 1 }")


def test_calls_with_a_type() -> None:
    call = value('writer.generate("x", as: list<{ a: text }>)')
    assert call.as_type == parse_type("list<{a: text}>")
    assert len(call.args) == 1


# --- statements and newlines


def test_newlines() -> None:
    text = """
        a = 1 +
          2
        b = f(
          1
          ,
          2)
        c = a
          // in between
          |> f()

          |> g()
        d = try { a }
          retry 1
          else { b }
        [a]
        -b; c ; d
    """
    assert len(body(text)) == 8


def test_a_parameter_may_have_a_list_with_a_default_at_once() -> None:
    assert tree("flow f(xs: list<int>=[1]) {}") == tree("flow f(xs: list<int> = [1]) {}")


def test_record_declarations_take_newlines_or_commas() -> None:
    one = tree("record P { a: text, b: list<int>? }")
    assert one == tree("record P {\n  a: text\n  b: list<int>?\n}")


def test_indentation_means_nothing() -> None:
    assert tree("  let a = 1\n\tlet b = 2") == tree("let a = 1\nlet b = 2")


def test_docs_belong_to_declarations_and_parameters() -> None:
    file = tree("/// One\n///\n/// two\nflow f(\n  /// The first.\n  a: int, b: int) {\n/// loose\na }\n// plain\n")
    flow = file.declarations[0]
    assert (flow.doc, flow.params[0].doc, flow.params[1].doc) == ("One\n\ntwo", "The first.", "")
    assert [comment.text for comment in file.comments] == ["/// loose", "// plain"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_parse(name: str) -> None:
    assert tree(SCRIPTS[name]).declarations


@pytest.mark.parametrize("name", SCRIPTS)
def test_carriage_returns_and_byte_order_mark(name: str) -> None:
    assert tree("\ufeff" + SCRIPTS[name].replace("\n", "\r\n")) == tree(SCRIPTS[name])


# --- spans


@pytest.mark.parametrize("name", SCRIPTS)
def test_spans_are_exact(name: str) -> None:
    file = tree(SCRIPTS[name])
    for node in nodes_of(file):
        for child in nodes_of(tuple(getattr(node, name) for name in node.__struct_fields__)):
            assert node.span.start <= child.span.start <= child.span.end <= node.span.end
        text = node.span.text
        if isinstance(node, n.Expr) and not isinstance(node, n.Literal):
            assert value(text) == node
        elif isinstance(node, n.Literal):
            assert text == node.raw
        elif isinstance(node, n.Name):
            assert text == node.text
        elif isinstance(node, n.TypeNode):
            assert parse_type(text) == node


def test_spans_inside_texts() -> None:
    text = 'let a = "é ${"${deep}"} ${ x }"'
    refs = [node for node in nodes_of(tree(text)) if isinstance(node, n.Ref)]
    assert [(ref.span.text, ref.span.column) for ref in refs] == [("deep", 17), ("x", 28)]


def test_parentheses_count_for_what_is_around_them() -> None:
    assert value("(a + b) * (c)").span.text == "(a + b) * (c)"


# --- errors


def test_a_broken_declaration_does_not_hide_the_others() -> None:
    text = """flow a() { x = }
let good = 1
flow b( { 1 }
/// About c.
flow c() { 2 }
flow d() {
  x = [1,
}
model m = language("x"
test "t" { "open }
let last = 2
flow e() { if x { 1 }
let z = 3
"""
    file, found = parse(Source("test.gflow", text))
    assert [getattr(d, "name", None) and d.name.text for d in file.declarations] == ["good", "c", "last", "z"]
    assert file.declarations[1].doc == "About c."
    assert [(diagnostic.code, diagnostic.span.line) for diagnostic in found] == [
        ("E0101", 1), ("E0101", 3), ("E0102", 8), ("E0102", 10), ("E0103", 10), ("E0107", 12),
    ]  # fmt: skip


def test_unclosed_long_text_does_not_swallow_the_file() -> None:
    file, found = parse(Source("test.gflow", 'let a = """open\n\nlet b = 1\n'))
    assert [diagnostic.code for diagnostic in found] == ["E0103"]
    assert [declaration.name.text for declaration in file.declarations] == ["b"]


def test_names_of_declarations_do_not_interrupt_a_text() -> None:
    assert value('"""\nflow f() {\n"""').value == "flow f() {\n"


def test_what_was_read_wrongly_is_still_in_the_tree() -> None:
    file, found = parse(Source("test.gflow", r'let a = f("\q", 10sec)'))
    assert [diagnostic.code for diagnostic in found] == ["E0104", "E0105"]
    assert len(file.declarations) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000 + "]" * 5000,
        "-" * 5000 + "1",
        "+".join("1" * 5000),
        "x" + ".y" * 5000,
        "x" + "[0]" * 5000,
        "x => " * 5000 + "x",
        "f(" * 5000 + ")" * 5000,
        '"${' * 5000 + "1" + '}"' * 5000,
        "if a { 1 } else " * 5000 + "{ 1 }",
        "x" + " |> f()" * 5000,
        "{ a: " * 5000 + "1" + "}" * 5000,
    ],
)
def test_deep_nesting(text: str) -> None:
    assert [code for code, *_ in errors(f"let a = {text}")] == ["E0109"]
    assert errors(f"let a = {text[: len(text) // 3]}")


def test_looking_past_white_space_takes_no_exponential_time() -> None:
    assert errors("let a = {" + "\n" * 2000 + "{" * 20)


def test_depth_that_is_allowed() -> None:
    levels = LIMIT - 1
    assert value("[" * levels + "]" * levels)
    assert value("(" * 5000 + "1" + ")" * 5000).value == 1
    with pytest.raises(ScriptError):
        parse_type("list<" * 5000 + "int" + ">" * 5000)


def test_parse_type() -> None:
    assert parse_type(" ( \"a\" | 'b')?".replace("'", '"')) == parse_type('("a"|"b")?')
    for wrong in ["", "list<", "text text", "text; int", "list", "@", '"open']:
        with pytest.raises(ScriptError):
            parse_type(wrong)


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gflow"
    path.write_bytes("\ufefflet a = “1\r\n".encode())
    assert read(path).text == "let a = “1\r\n"
    for data, place in [
        (b"let a = 1\nlet \xff = 2", (2, 5)),
        (b"let a = \0", (1, 9)),
        (b"\xff\xfel\0e\0t\0", (1, 1)),
    ]:
        path.write_bytes(data)
        with pytest.raises(ScriptError) as caught:
            read(path)
        (found,) = caught.value.diagnostics
        assert (found.code, (found.span.line, found.span.column)) == ("E0108", place)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.gflow")


def _check(text: str) -> None:
    source = Source("random.gflow", text)
    file, found = parse(source)
    assert all(isinstance(diagnostic, Diagnostic) for diagnostic in found)
    for diagnostic in found:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        assert all(diagnostic.text(part) is not None for part in ("title", "label", "note", "help"))
    assert found or file.declarations or not text.strip("\ufeff \t\r\f\n;") or file.comments


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_give_diagnostics(data: bytes) -> None:
    _check(data.decode("utf-8", "replace"))


_PIECES = [
    "flow", "let", "model", "test", "use", "record", "extern", "op", "f", "x", "a.b", "1", "4s", "1x2",
    "9zz", "\"", "${", "}", "{", "(", ")", "[", "]", ",", ":", ";", "=", "=>",
    "|>", "->", "..", "??", "?", "|", "+", "-", "not", "and", "or", "if", "else", "for",
    "in", "match", "_", "refine", "up", "to", "until", "keep", "best", "by", "try", "retry", "//", "///",
    "\\", "\\n", "\\u{", "@", "é", "\ufeff", "\n", "\n\n", "\"\"\"", " ",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=40), st.sampled_from(["", " "]))
def test_random_tokens_give_diagnostics(pieces: list[str], separator: str) -> None:
    _check(separator.join(pieces))


@settings(deadline=None)
@given(st.sampled_from(sorted(SCRIPTS)), st.data())
def test_mutated_scripts_give_diagnostics(name: str, data: st.DataObject) -> None:
    text = SCRIPTS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        middle = data.draw(st.sampled_from(["", text[start:end] * 2, *_PIECES]))
        text = text[:start] + middle + text[min(end, start + 30) :]
    _check(text)


# --- the prebuilt table


def test_the_table_is_up_to_date() -> None:
    """If this fails, run `python -m gflow.grammar.build`."""
    assert pickle.loads(build.TABLE.read_bytes())["grammar"] == build.grammar_hash()


@pytest.mark.parametrize("damage", ["missing", "garbage", "stale"])
def test_without_a_good_table_the_grammar_is_read(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.bin"
    if damage == "garbage":
        table.write_bytes(b"\x80\x05nonsense")
    elif damage == "stale":
        table.write_bytes(pickle.dumps({**pickle.loads(build.TABLE.read_bytes()), "grammar": "older"}))
    monkeypatch.setattr(build, "TABLE", table)
    parser = build.load().parse_interactive(start="type")
    assert "LIST" in parser.choices()
