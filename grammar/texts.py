"""What stands between the quotes of a text: escapes, and the indentation of long texts."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
ESCAPE = re.compile(r'\\(?:[nt"\\$]|u\{(?P<hex>[0-9a-fA-F]{1,6})\})')
_MARGIN = re.compile(r"^[ \t]*", re.MULTILINE)


def decode(pieces: Sequence[str], *, long: bool) -> list[str]:
    """The pieces of a text, around its `${...}`, as they are meant.

    In a long text (between `\"\"\"`) a newline right after the opening quotes does not count, then the white
    space that all lines have in common is taken off, as `textwrap.dedent` does: lines of nothing but white
    space become empty. What stands in `${...}` counts as something that is not white space. Escapes are
    resolved last.
    """
    pieces = [piece.replace("\r\n", "\n") for piece in pieces]
    if long:
        pieces = _dedent(pieces)
    return [_unescape(piece) for piece in pieces]


def _unescape(piece: str) -> str:
    if "\\" not in piece:
        return piece
    return ESCAPE.sub(lambda match: _character(match["hex"]) or _ESCAPES[match[0][1]], piece)


def _character(digits: str | None) -> str | None:
    if digits is None:
        return None
    code = int(digits, 16)
    # What is no character was reported already; anything will do.
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def _dedent(pieces: Sequence[str]) -> list[str]:
    # Only the start of a line that lies in the text itself, not behind a `${...}`, has an indentation.
    gap = "\0"
    joined = gap.join(piece.replace(gap, "\ufffd") for piece in pieces)
    joined = joined.removeprefix("\n")
    lines = joined.split("\n")
    lines = [line if line.strip(" \t") else "" for line in lines]
    margins = [_MARGIN.match(line)[0] for line in lines if line]  # type: ignore[index]
    margin = _common(margins)
    return "\n".join(line[len(margin) :] if line else "" for line in lines).split(gap)


def _common(margins: Sequence[str]) -> str:
    if not margins:
        return ""
    low, high = min(margins), max(margins)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]


def quote(value: str) -> str:
    """A value as a piece of text between `"` quotes, with escapes (the quotes not included)."""
    out = []
    for index, char in enumerate(value):
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif char == "$" and value[index + 1 : index + 2] in ("{", ""):
            out.append("\\$")
        elif not char.isprintable():
            out.append(f"\\u{{{ord(char):x}}}")
        else:
            out.append(char)
    return "".join(out)
