"""What people read when a script is wrong: every `diagnostics/case.gflow` gives exactly `case.err`.

A new case is two files. `UPDATE_GOLDEN=1 pytest tests/test_diagnostics.py` writes the .err files anew: read the
difference before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import pytest

from gflow.compiler.program import check
from gflow.grammar.diagnostics import Diagnostic
from gflow.grammar.diagnostics.base import Fix
from gflow.grammar.diagnostics.render import as_data, render
from gflow.grammar.source import Source, Span

CASES = sorted((Path(__file__).parent / "diagnostics").glob("*.gflow"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    found = render(check(Path(path.name)), color=False)
    golden = path.with_suffix(".err")
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, "utf-8")
    assert found == golden.read_text("utf-8")


def test_every_case_has_both_files() -> None:
    folder = Path(__file__).parent / "diagnostics"
    assert {path.stem for path in folder.glob("*.err")} == {path.stem for path in CASES}


class Odd(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0999"
    title: ClassVar[str] = "`{name}` is odd"
    label: ClassVar[str] = "here"
    note: ClassVar[str] = "only with {reason}"
    help: ClassVar[str] = "first line\nsecond line"
    name: str
    reason: str | None = None


def span(text: str, part: str) -> Span:
    start = text.index(part)
    return Span(Source("a.gflow", text), start, start + len(part))


def shown(text: str, part: str) -> tuple[str, str]:
    """The source line and the line below it."""
    lines = render([Odd(span(text, part), "x")], color=False).split("\n")
    return lines[3], lines[4]


def test_form() -> None:
    text = "let a = 1\n" * 8 + "one\ntwo\nthree\n\nfive\n"
    first = Odd(span(text, "three"), "x", "reasons", other=(span(text, "one"), "first"))
    assert render([first, Odd(span(text, "five"), "y")], color=False) == (
        """\
warning[W0999]: `x` is odd
   ┌─ a.gflow:11:1
   │
 9 │ one
   │ --- first
   ·
11 │ three
   │ ^^^^^ here
   = note: only with reasons
   = help: first line
           second line

warning[W0999]: `y` is odd
   ┌─ a.gflow:13:1
   │
13 │ five
   │ ^^^^ here
   = help: first line
           second line
"""
    )
    assert render([], color=True) == ""


def test_other_place_in_another_file() -> None:
    other = Span(Source("b.gflow", "let b = 2\n"), 4, 5)
    lines = render([Odd(span("let a = 1", "a"), "x", other=(other, "there"))], color=False).split("\n")
    assert lines[1:9] == [
        "  ┌─ a.gflow:1:5", "  │", "1 │ let a = 1", "  │     ^ here",
        "  ┌─ b.gflow:1:5", "  │", "1 │ let b = 2", "  │     - there",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "part", "below"),
    [
        ("let x = y", "y", "        ^ here"),
        ("\tlet x = y", "y", "            ^ here"),
        ("a\tb", "b", "    ^ here"),
        ('f("漢字", y)', "y", "          ^ here"),
        ('f("漢字", y)', "漢字", "   ^^^^ here"),
        ("🎉 y", "y", "   ^ here"),
        ("\x1b[31m y", "y", "      ^ here"),
    ],
)
def test_places_are_right_whatever_the_width(text: str, part: str, below: str) -> None:
    source_line, mark_line = shown(text, part)
    assert mark_line == "  │ " + below
    assert "\t" not in source_line and "\x1b" not in source_line


def test_control_characters_are_harmless() -> None:
    text = "let a\x1b[2J\u202e\x7f = 1"
    rendered = render([Odd(span(text, "1"), "\x1b]0;name\x07")], color=False)
    assert all(char == "\n" or char.isprintable() for char in rendered)
    assert "␛[2J\\u{202e}␡" in rendered


def test_long_lines_are_cut_around_the_place() -> None:
    text = "a" * 300 + "HERE" + "b" * 300
    source_line, mark_line = shown(text, "HERE")
    assert len(source_line) < 120
    assert source_line.index("HERE") == mark_line.index("^^^^")
    assert source_line.count("…") == 2
    source_line, mark_line = shown("HERE" + "b" * 300, "HERE")
    assert (source_line.index("HERE"), source_line.count("…")) == (mark_line.index("^"), 1)


def test_places_over_several_lines_and_at_the_end() -> None:
    text = "ab {\n}\n"
    assert shown(text, "{\n}") == ("1 │ ab {", "  │    ^ here")
    end = Odd(Span(Source("a.gflow", "ab"), 2, 2), "x")
    assert render([end], color=False).split("\n")[4] == "  │   ^ here"


def test_color_only_where_asked() -> None:
    found = [Odd(span("let a = 1", "a"), "x", other=(span("let a = 1", "1"), "that"))]
    assert "\x1b" not in render(found, color=False)
    assert "\x1b[1;33m" in render(found, color=True)


def test_data() -> None:
    place = span("let a = 1\nlet b = 10sec", "10sec")
    (data,) = as_data([Odd(place, "x", fix=Fix(span=place, text="10s"))])
    assert data == {
        "code": "W0999", "severity": "warning", "title": "`x` is odd", "label": "here", "note": "",
        "help": "first line\nsecond line", "file": "a.gflow", "line": 2, "column": 9, "end_line": 2,
        "end_column": 14, "fix": {"start": 18, "end": 23, "text": "10s"},
    }  # fmt: skip
