from __future__ import annotations

import pytest
from corpus import SCRIPTS
from generators import exprs, files, types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gflow.grammar import nodes as n
from gflow.grammar.formatter import WIDTH, format_expr, format_file, format_type
from gflow.grammar.lexer import Lexer
from gflow.grammar.parser import _terminals, parse, parse_type
from gflow.grammar.source import Source

# Trees are slow to draw, not to format.
relaxed = settings(
    max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)


def parsed(text: str) -> n.File:
    file, diagnostics = parse(Source("test.gflow", text))
    assert not diagnostics, (text, [(str(found.span), found.text("title")) for found in diagnostics])
    return file


def formatted(text: str) -> str:
    """What a text becomes; checks everything that must hold."""
    file = parsed(text)
    out = format_file(file)
    again = parsed(out)
    assert again == file
    assert format_file(again) == out
    assert comments(again) == comments(file)
    return out


def comments(file: n.File) -> list[str]:
    # A `///` that documents nothing may become `//`, and one out of reach of its line may move.
    return sorted(comment.text.lstrip("/") for comment in file.comments)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str) -> None:
    out = formatted(SCRIPTS[name])
    assert all(len(line) <= WIDTH for line in out.split("\n"))


def test_style() -> None:
    assert (
        formatted("""model  a=b( "x" )
let x=1;let y = {a:1,b:[1,2,],}


let z = -  a[ 0 ].b(c:1) . d
flow f( x:int in 1 .. 3=2,y : text ? )->image{
x|>g()
    |>  h( 1 )


if a {b}
else if c { d } else{e}
 // last
}
test   "t"{expect 1==1}
""")
        == """\
model a = b("x")
let x = 1
let y = { a: 1, b: [1, 2] }

let z = -a[0].b(c: 1).d

flow f(x: int in 1..3 = 2, y: text?) -> image {
  x
    |> g()
    |> h(1)

  if a { b } else if c { d } else { e }
  // last
}

test "t" {
  expect 1 == 1
}
"""
    )


def test_long_lines_are_broken() -> None:
    word = "abcdefghij" * 3
    out = formatted(f"let a = f({word}, {word}, [{word}], {{ a: {word} }}) |> g() |> h()\n")
    assert out == f"let a = f(\n  {word},\n  {word},\n  [{word}],\n  {{ a: {word} }},\n) |> g() |> h()\n"
    out = formatted(f"let a = f({word}) |> g({word}) |> h({word})\n")
    assert out == f"let a = f({word})\n  |> g({word})\n  |> h({word})\n"


def test_comments_stay_where_they_are() -> None:
    text = """\
// first
let a = 1 // one

// about f
flow f(
  // about x
  x: int, // of x
) {
  // before y
  y = 1 // of y

  // last
}

// the end
"""
    assert formatted(text).replace("  // o", " // o") == text


def test_comments_in_odd_places_are_kept() -> None:
    text = "let a = // 1\n 1 + // 2\n 2\nflow f( // 3\n/// 4\n) { // 5\n// 6\n}\n"
    text += "flow g(x: // 7\n int, /// 8\n y: { // 9\n a: int } /// 10\n) {\n"
    text += " x |> // 11\n f(// 12\n)\n /// 13\n}\n/// 14\n"
    out = formatted(text)
    assert [f"// {i}" in out for i in range(1, 15)] == [True] * 14


def test_names_that_would_be_keywords_keep_their_parentheses() -> None:
    formatted("flow f() { x; (retry) + 1; (until); (expect) == 1; f((as), (as => 1)); (keep => 1) }")
    formatted("let a = (40%)[0]")
    formatted("let a = (if a { b } else { c }) + (x => 1)")


def test_nothing() -> None:
    assert formatted("\n\n") == ""
    assert formatted("\n// c\n\n\n// d") == "// c\n\n// d\n"


@relaxed
@given(files())
def test_random_files(file: n.File) -> None:
    out = format_file(file)
    again = parsed(out)
    assert again == file
    assert format_file(again) == out


@relaxed
@given(exprs())
def test_random_expressions(expr: n.Expr) -> None:
    line = format_expr(expr)
    assert "\n" not in line
    assert parsed(f"let a = {line}").declarations[0].value == expr  # type: ignore[union-attr]


@relaxed
@given(types(3))
def test_random_types(type_: n.TypeNode) -> None:
    assert parse_type(format_type(type_)) == type_


@relaxed
@given(st.one_of(files().map(format_file), st.sampled_from(list(SCRIPTS.values()))), st.data())
def test_comments_at_random_places(text: str, data: st.DataObject) -> None:
    """Wherever comments are put into a script, as long as it stays one, formatting keeps them all."""
    lexer = Lexer(Source("test.gflow", text), _terminals())
    places = [token.span.start for group in lexer.groups for token in group] + [len(text)]
    for index, place in enumerate(sorted(data.draw(st.lists(st.sampled_from(places), max_size=4)), reverse=True)):
        comment = data.draw(st.sampled_from(["// c{}\n", " // c{}\n\n", "\n// c{}\n", "/// c{}\n"])).format(index)
        changed = text[:place] + comment + text[place:]
        if not parse(Source("test.gflow", changed))[1]:
            text = changed
    formatted(text)
