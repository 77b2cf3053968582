"""What the parser found and what it could have taken instead, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from gflow.grammar.lexer import DECLARATIONS, Token

_FOUND = {
    "TEXT": "a text",
    "TEXT_OPEN": "a text with `${…}`",
    "TEXT_MID": "`}`",
    "TEXT_CLOSE": "`}`",
    "RECORD_BRACE": "a record",
}
_WANTED = {
    "NAME": "a name",
    "NUMBER": "a number",
    "TEXT": "a text",
    "TEXT_MID": "`}`",
    "TEXT_CLOSE": "`}`",
    "RECORD_BRACE": "`{`",
    "_NL": "the end of the line",
    "$END": "the end of the line",
}
# What can go on after a complete expression or type: worth naming only where nothing else is possible.
_GOES_ON = frozenset(
    {"|>", "??", "or", "and", "==", "!=", "<", "<=", ">", ">=", "..", "+", "-", "*", "/", "%", ".", "[", "(", "=>"}
    | {"?"}
)
# What can begin an expression, a type or a pattern; and a word that only that can begin with.
_BEGINS = frozenset(
    {"[", "{", "(", "-", "_", "if", "for", "match", "refine", "try", "not", "true", "false", "none", "list"}
    | {"NAME", "NUMBER", "TEXT", "TEXT_OPEN", "RECORD_BRACE"}
)
_KINDS = {"for": "an expression", "list": "a type", "_": "a literal or `_`"}
_MOST = 4


def describe(token: Token) -> str:
    """A token that does not fit, as a sentence."""
    if token.type == "$END":
        return "the line ends too early" if token.text else "the file ends too early"
    if token.type == "_NL" and token.text != ";":
        return "the line ends too early"
    shown = _FOUND.get(token.type, f"`{token.text}`" if len(token.text) <= 40 else "this")
    return f"{shown} can't stand here"


def words(accepted: set[str], marks: Mapping[str, str]) -> str | None:
    """What would fit. `accepted`: terminals' names; `marks`: what they are written as."""
    written = {marks.get(name, name) for name in accepted}
    if written >= DECLARATIONS:
        return "a declaration: use, model, let, record, extern, flow or test"
    out = []
    for word, kind in _KINDS.items():
        if word in written:
            out.append(kind)
            written -= _BEGINS
    if not out and written - _GOES_ON:
        written -= _GOES_ON
    out += sorted({_WANTED.get(name, f"`{name}`") for name in written})
    if not out or len(out) > _MOST:
        return None
    return out[0] if len(out) == 1 else ", ".join(out[:-1]) + " or " + out[-1]
