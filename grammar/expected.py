"""What the parser could have taken instead, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from gflow.grammar.lexer import DECLARATIONS, Token

_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "TEXT": "a text",
    "TEXT_OPEN": "a text",
    "TEXT_MID": "`}`",
    "TEXT_CLOSE": "`}`",
    "RECORD_BRACE": "`{`",
    "_NL": "the end of the line",
    "$END": "the end of the line",
}
# What only an expression can begin with, and what can go on after one.
_BEGINS = frozenset(["[", "if", "for"])
_GOES_ON = frozenset(
    ["|>", "??", "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "+", "-", "*", "/", "%", ".", "[", "(", "=>"]
)
_EXPRESSION = frozenset(
    [
        "[",
        "if",
        "for",
        "match",
        "refine",
        "try",
        "not",
        "-",
        "(",
        "{",
        "true",
        "false",
        "none",
        "NAME",
        "NUMBER",
        "TEXT",
        "TEXT_OPEN",
        "RECORD_BRACE",
    ]
)
_MOST = 4


def describe(token: Token) -> str:
    """A token that can't stand where it does."""
    if token.type == "$END":
        return "the end of the file" if token.text == "" else "the end of the line"
    if token.type == "_NL":
        return "`;`" if token.text == ";" else "the end of the line"
    if token.type == "TEXT":
        return "a text"
    if token.type == "TEXT_OPEN":
        return "a text with `${…}`"
    if token.type == "RECORD_BRACE":
        return "a record"
    if token.type in ("TEXT_MID", "TEXT_CLOSE"):
        return "`}`"
    return f"`{token.text}`" if len(token.text) <= 40 else "this"


def words(accepted: set[str], marks: Mapping[str, str]) -> str | None:
    """`accepted`: terminals' names; `marks`: what they are written as."""
    written = {marks.get(name, name) for name in accepted}
    if not written:
        return None
    if written >= DECLARATIONS:
        return "a declaration: use, model, let, record, extern, flow or test"
    out = []
    if written >= _BEGINS:
        written -= _EXPRESSION
        out.append("an expression")
    elif written - _GOES_ON:
        written -= _GOES_ON
    elif written == {".", "("}:
        return "`(`"
    else:
        return "an operator"
    out += sorted({_WORDS.get(name, f"`{name}`") for name in written})
    if len(out) > _MOST:
        out = out[:_MOST]
    return out[0] if len(out) == 1 else ", ".join(out[:-1]) + " or " + out[-1]
