"""Diagnostics for people, with the lines they are about, and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len

from gflow.grammar.diagnostics.base import Diagnostic
from gflow.grammar.source import Source, Span

_TAB = 4
#: Longer lines are cut, in terminal cells.
_WIDTH = 110
#: How much of a cut line is shown before the place.
_BEFORE = 40

_RED, _YELLOW, _BLUE, _CYAN, _BOLD = "1;31", "1;33", "1;34", "1;36", "1"


def render(diagnostics: Iterable[Diagnostic], *, color: bool) -> str:
    """All of them, one below the other, an empty line between; "" for none. color: with ANSI codes."""
    paint = _painted if color else _plain
    return "\n".join(_one(diagnostic, paint) for diagnostic in diagnostics)


def as_data(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """As plain data. Lines and columns count from 1, in characters, `end_column` is the one after the last;
    a fix replaces the characters `start` up to `end` of the file (counted from 0)."""
    return [_data(diagnostic) for diagnostic in diagnostics]


def _data(diagnostic: Diagnostic) -> dict[str, Any]:
    span, fix = diagnostic.span, diagnostic.fix
    end_line, end_column = span.source.place(span.end)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        **{part: diagnostic.text(part) for part in ("title", "label", "note", "help")},
        "file": span.source.path,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
        "fix": {"start": fix.span.start, "end": fix.span.end, "text": fix.text} if fix is not None else None,
    }


def _plain(text: str, _style: str) -> str:
    return text


def _painted(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if text else ""


def _one(diagnostic: Diagnostic, paint: Any) -> str:
    style = _YELLOW if diagnostic.severity == "warning" else _RED
    marks = [(diagnostic.span, diagnostic.text("label"), "^", style)]
    if diagnostic.other is not None:
        marks.append((*diagnostic.other, "-", _BLUE))
    margin = len(str(max(span.line for span, *_ in marks)))
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", style)
    out = [head + paint(": " + harmless(diagnostic.text("title")), _BOLD)]
    here = [mark for mark in marks if mark[0].source == diagnostic.span.source]
    elsewhere = [mark for mark in marks if mark[0].source != diagnostic.span.source]
    for group in (here, elsewhere):
        if group:
            out += _excerpt(group, margin, paint)
    for part in ("note", "help"):
        text = diagnostic.text(part)
        if text:
            first, *rest = harmless(text, newlines=True).split("\n")
            out.append(" " * margin + paint(" = ", _BLUE) + paint(f"{part}:", _CYAN) + f" {first}")
            out += [" " * (margin + 5 + len(part)) + line for line in rest]
    return "\n".join(out) + "\n"


def _excerpt(marks: Sequence[tuple[Span, str, str, str]], margin: int, paint: Any) -> list[str]:
    """The lines of one file that the marks (place, label, underline, style) are on; the first mark leads."""
    bar = " " * (margin + 1) + paint("│", _BLUE)
    out = [" " * (margin + 1) + paint("┌─ ", _BLUE) + harmless(str(marks[0][0])), bar]
    previous = None
    for number in sorted({span.line for span, *_ in marks}):
        if previous is not None and number > previous + 1:
            out.append(" " * (margin + 1) + paint("·", _BLUE))
        previous = number
        on_line = [mark for mark in marks if mark[0].line == number]
        shown, places = _line(on_line[0][0].source, number, [span for span, *_ in on_line])
        out.append((paint(f"{number:>{margin}} │", _BLUE) + f" {shown}").rstrip())
        for (_, label, underline, style), (start, width) in zip(on_line, places, strict=True):
            text = f"{underline * width} {harmless(label)}".rstrip()
            out.append(f"{bar} {' ' * start}{paint(text, style)}")
    return out


def _line(source: Source, number: int, spans: Sequence[Span]) -> tuple[str, list[tuple[int, int]]]:
    """A line as shown, and for each span on it the cell where it starts there and how many it takes."""
    text = source.line(number)
    begin = source.offset(number)
    shown, column = [], 0
    edges = [0]  # the cell at which each character starts
    for char in text:
        piece = " " * (_TAB - column % _TAB) if char == "\t" else harmless(char)
        shown.append(piece)
        column += cell_len(piece)
        edges.append(column)
    places = []
    for span in spans:
        start = min(span.start - begin, len(text))
        end = max(start, min(span.end - begin, len(text)))
        places.append((edges[start], max(1, edges[end] - edges[start])))
    if column <= _WIDTH:
        return "".join(shown), places
    first_cell = min(max(0, places[0][0] - _BEFORE), column - _WIDTH)
    first = next(i for i, edge in enumerate(edges) if edge >= first_cell)
    last = max(i for i, edge in enumerate(edges) if edge <= edges[first] + _WIDTH)
    before, after = "…" if first else "", "…" if last < len(text) else ""
    moved = []
    for start, width in places:
        shift = start - edges[first] + len(before)
        visible = edges[last] - edges[first] + len(before)
        begin_at = min(max(shift, 0), visible)
        moved.append((begin_at, max(1, min(shift + width, visible) - begin_at)))
    return before + "".join(shown[first:last]) + after, moved


def harmless(text: str, *, newlines: bool = False) -> str:
    """Text that can't steer a terminal: control characters become visible ones."""
    if text.isprintable():
        return text
    return "".join(char if newlines and char == "\n" else _visible(char) for char in text)


def _visible(char: str) -> str:
    if char.isprintable() or char == "\u3000":
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{{{code:x}}}"
