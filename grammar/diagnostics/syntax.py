"""E01xx: what can be wrong before anything has a meaning."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic, Fix
from gflow.grammar.source import Span


class Unexpected(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0101"
    title: ClassVar[str] = "{found}"
    label: ClassVar[str] = "expected {expected}"
    help: ClassVar[str] = "{hint}"
    found: str
    expected: str | None = None
    hint: str | None = None


class Unclosed(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0102"
    title: ClassVar[str] = "`{opener}` is never closed"
    label: ClassVar[str] = "expected `{closer}` before this"
    opener: str
    closer: str


class UnterminatedText(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0103"
    title: ClassVar[str] = "this text has no end"
    label: ClassVar[str] = "{where} ends before a closing `{quote}`"
    help: ClassVar[str] = 'a text of several lines stands between `"""` and `"""`'
    quote: str
    where: str


class BadEscape(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0104"
    title: ClassVar[str] = "there is no escape `{escape}`"
    label: ClassVar[str] = "not an escape"
    help: ClassVar[str] = r"the escapes are \n \t \" \\ \$ and \u{{1F600}}; for a backslash write \\"
    escape: str


class UnknownUnit(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0105"
    title: ClassVar[str] = "there is no unit `{unit}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    note: ClassVar[str] = "the units are ms s min h, fps, %, x, KB MB GB TB and KiB MiB GiB TiB; a size is 640x480"
    unit: str
    suggestion: str | None = None


class UnexpectedCharacter(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0106"
    title: ClassVar[str] = "{character} has no meaning here"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    character: str
    suggestion: str | None = None


class MissingElse(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0107"
    title: ClassVar[str] = "this `if` has no `else`"
    label: ClassVar[str] = "expected `else` after this block"
    note: ClassVar[str] = "an `if` is an expression, so it needs a value for both cases"
    help: ClassVar[str] = "write `else {{ none }}` where there is nothing to give"


class NotText(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0108"
    title: ClassVar[str] = "this file is not UTF-8 text"
    label: ClassVar[str] = "{what}"
    what: str


class TooDeep(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0109"
    title: ClassVar[str] = "this is nested too deep"
    label: ClassVar[str] = "more than {limit} levels"
    help: ClassVar[str] = "give a part of it a name, or make it a flow of its own"
    limit: int


class NotCallable(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0110"
    title: ClassVar[str] = "this can't be called"
    label: ClassVar[str] = "neither a name nor a method"
    help: ClassVar[str] = "only flows, ops and the methods of models are called"


class NumberTooLarge(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0111"
    title: ClassVar[str] = "this number is too large"
    label: ClassVar[str] = "no value can be as large"


CALL_HINT = "what follows `|>` is a call: `|> first()`"

# What people are used to from elsewhere: the word before, the word or mark that can't stand there, what to write.
_HINTS = [
    (("return",), None, "there is no `return`: a block's value is its last expression"),
    (("let", "var", "const"), None, "inside a block, a name is bound by `name = value`"),
    (None, ("def", "fn", "func", "function"), "a flow begins with the word `flow`"),
    (None, ("import",), 'another file is used by `use "other.gflow" as other`'),
    (None, ("and", "or", "not"), "`and`, `or` and `not` can't be names"),
    (("while", "loop"), None, "to try again until something holds, use `refine`; to go through a list, `for`"),
    (None, ("|",), "the words are `and`, `or`, `not`; a chain is `|>`"),
    (None, ("<", "<=", ">", ">=", "==", "!="), "compare one pair at a time, joined by `and`"),
    (None, ("=",), "arguments and fields are named with `:`"),
]


def hint(before: str, found: str, kind: str) -> str | None:
    """What may help where the token `found` (of the terminal `kind`) can't follow the token `before`."""
    if kind == "RECORD_BRACE":
        return "a block that gives a record has two pairs of braces: { { name: value } }"
    if kind == "TEXT_OPEN":
        return "this text is fixed: nothing can be filled in"
    if kind == "TEXT" and before == "{":
        return "the names of fields stand without quotes"
    for befores, founds, text in _HINTS:
        if (befores is None or before in befores) and (founds is None or found in founds):
            return text
    return CALL_HINT if before == "|>" else None


def top_level_hint(name: str) -> str:
    return f"a constant of the file is written `let {name} = …`"


_CLOSERS = {"(": ")", "[": "]", "{": "}", "${": "}"}


def unclosed(span: Span, opener: Span) -> Unclosed:
    """span: what was found where the bracket should have been closed by."""
    return Unclosed(span, opener.text, _CLOSERS[opener.text], other=(opener, "opened here"))


def unknown_unit(span: Span, unit: str, suggestion: str | None) -> UnknownUnit:
    """suggestion: the number with a unit there is."""
    return UnknownUnit(span, unit, suggestion, fix=Fix(span=span, text=suggestion) if suggestion else None)


# What is written for a mark of the language elsewhere, or by a word processor.
_LIKE = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "'": '"', "‘": '"', "’": '"', "`": '"',
    "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "…": "..", "→": "->", "≤": "<=", "≥": ">=", "≠": "!=",
    "&": "and", "!": "not", "#": "//", "\u00a0": " ", "\u3000": " ",
    "，": ",", "：": ":", "；": ";", "（": "(", "）": ")",
}  # fmt: skip


def unexpected_character(span: Span) -> UnexpectedCharacter:
    char = span.text
    name = unicodedata.name(char, f"the character U+{ord(char):04X}").lower().replace("u+", "U+")
    shown = f"`{char}`" if char.isprintable() and char.strip() and char != "`" else f"{name}"
    if unicodedata.combining(char):
        shown = name
    suggestion = _LIKE.get(char)
    fix = Fix(span=span, text=suggestion) if suggestion else None
    if suggestion == " ":
        suggestion = "an ordinary space"
    return UnexpectedCharacter(span, shown, suggestion, fix=fix)


def is_character(digits: str | None) -> bool:
    r"""Whether the digits of `\u{...}` (None for another escape) name a character."""
    return digits is None or (int(digits, 16) <= 0x10FFFF and not 0xD800 <= int(digits, 16) < 0xE000)
