"""Text to tree. A declaration that can't be read gives its error and is left out; the others are in the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, UnexpectedToken
from lark.lexer import PatternStr

from gflow.grammar import nodes as n
from gflow.grammar.build import load
from gflow.grammar.builder import Rejected
from gflow.grammar.depth import LIMIT, too_deep
from gflow.grammar.diagnostics import Diagnostic, ScriptError, syntax
from gflow.grammar.expected import describe, words
from gflow.grammar.lexer import DECLARATIONS, Lexer, Token
from gflow.grammar.source import Source, Span


def parse(source: Source) -> tuple[n.File, list[Diagnostic]]:
    """The tree of what could be read, and everything that could not, in the order of the file. Never raises."""
    lexer = Lexer(source, _terminals())
    diagnostics = lexer.diagnostics
    declarations: list[n.Declaration] = []
    broken = False
    for index, group in enumerate(lexer.groups):
        if broken and not _at_margin(group):
            continue  # what an earlier error left behind
        last = index == len(lexer.groups) - 1
        parsed = _run(group, "declaration", _end(group[-1], at_end=last))
        broken = isinstance(parsed, Diagnostic)
        if isinstance(parsed, Diagnostic):
            diagnostics.append(parsed)
        else:
            declarations.append(parsed)
    taken = {comment.span.start for docs in lexer.docs if docs.taken for comment in docs.comments}
    comments = tuple(comment for comment in lexer.comments if comment.span.start not in taken)
    diagnostics.sort(key=lambda diagnostic: diagnostic.span.start)
    return n.File(source, tuple(declarations), comments, span=Span(source, 0, len(source.text))), diagnostics


def parse_type(text: str, *, path: str = "<type>") -> n.TypeNode:
    """A type as a script would write it. Raises ScriptError."""
    lexer = Lexer(Source(path, text), _terminals())
    tokens = [token for group in lexer.groups for token in group]
    end = Token("$END", "", Span(lexer.source, len(text), len(text)))
    parsed = _run(tokens, "type", _end(tokens[-1], at_end=True) if tokens else end)
    found = [*lexer.diagnostics, *([parsed] if isinstance(parsed, Diagnostic) else [])]
    if found:
        raise ScriptError(found)
    type_: n.TypeNode = parsed
    return type_


def read(path: Path) -> Source:
    """A script from disk, without its byte order mark. Raises ScriptError (E0108), and OSError as `open` does."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise ScriptError([_not_text(path, before, what)]) from None
    if "\0" in text:
        raise ScriptError([_not_text(path, text[: text.index("\0")], "a NUL character")])
    return Source(str(path), text)


def _not_text(path: Path, before: str, what: str) -> Diagnostic:
    source = Source(str(path), before)
    return syntax.NotText(Span(source, len(before), len(before)), what)


@cache
def _lark() -> Lark:
    return load()


@cache
def _terminals() -> dict[str, str]:
    """What is written ▶ its terminal, for every quoted word and mark of the grammar."""
    patterns = ((terminal.pattern, terminal.name) for terminal in _lark().terminals)
    return {pattern.value: name for pattern, name in patterns if isinstance(pattern, PatternStr)}


@cache
def _marks() -> dict[str, str]:
    return {name: text for text, name in _terminals().items()}


def _at_margin(group: Sequence[Token]) -> bool:
    return group[0].text in DECLARATIONS and group[0].span.column == 1


def _end(last: Token, *, at_end: bool) -> Token:
    end = last.span.end
    return Token("$END", "" if at_end else "\n", Span(last.span.source, end, end))


def _run(tokens: Sequence[Token], start: str, end: Token) -> Any:
    """The node that the tokens make, or the diagnostic of the first one that does not fit."""
    parser: Any = _lark().parse_interactive(start=start)
    token = end
    try:
        for token in (*tokens, end):
            if token.type not in parser.choices():
                token = _otherwise(token, parser)
            try:
                node = parser.feed_token(token)
            except UnexpectedToken:
                # A state may hold keywords that only fit elsewhere; nothing but reductions was done since.
                other = _otherwise(token, parser)
                if other is token:
                    raise
                node = parser.feed_token(other)
    except UnexpectedToken:
        return _explain(tokens, token, parser.accepts())
    except Rejected as rejected:
        return rejected.diagnostic
    place = too_deep(node)
    return syntax.TooDeep(place, LIMIT) if place is not None else node


# A newline after these never ends a statement, so they are no names anywhere.
_RESERVED = frozenset({"and", "or", "not"})


def _otherwise(token: Token, parser: Any) -> Token:
    """What else a token may be that does not fit: a keyword is a name where it can't be a keyword, and `>=`
    after a type (`list<int>=`) is two marks. The token itself where it is nothing else."""
    choices = parser.choices()
    word = token.type in _marks() and token.text[0].isidentifier() and token.text not in _RESERVED
    if word and "NAME" in choices:
        return replace(token, type="NAME")
    if token.text == ">=" and _terminals()[">"] in choices:
        middle = token.span.start + 1
        parser.feed_token(Token(_terminals()[">"], ">", Span(token.span.source, middle - 1, middle)))
        return Token(_terminals()["="], "=", Span(token.span.source, middle, middle + 1))
    return token


def _explain(tokens: Sequence[Token], token: Token, accepted: set[str]) -> Diagnostic:
    if isinstance(token.value, Diagnostic):
        return token.value
    if {_marks().get(name) for name in accepted} == {"else"}:
        return _missing_else(tokens, token)
    opener = _left_open(tokens, token)
    closer = _CLOSERS.get(opener.text) if opener is not None else None
    if opener is not None and closer is not None and _terminals()[closer] in accepted:
        return syntax.unclosed(token.span, opener.span)
    hint = syntax.CALL_HINT if accepted == {_terminals()["("], _terminals()["."]} else _hint(tokens, token)
    return syntax.Unexpected(token.span, describe(token), words(accepted, _marks()), hint)


_CLOSERS = {"(": ")", "[": "]"}


def _left_open(tokens: Sequence[Token], token: Token) -> Token | None:
    """The bracket around a token that begins a line or closes another bracket: it was probably forgotten."""
    source = token.span.source
    start = token.span.start
    begins_line = not source.text[source.text.rfind("\n", 0, start) + 1 : start].strip()
    if not begins_line and token.text not in (")", "]", "}"):
        return None
    stack = []
    for other in tokens:
        if other.span.start >= start:
            break
        if other.text in ("(", "[", "{"):
            stack.append(other)
        elif other.text in (")", "]", "}") and stack:
            stack.pop()
    return stack[-1] if stack else None


def _missing_else(tokens: Sequence[Token], token: Token) -> Diagnostic:
    """Point at the `if` (its word) whose block ends right before the token."""
    before = [other for other in tokens if other.span.start < token.span.start and other.type != "_NL"]
    return syntax.MissingElse(before[-1].span)


def _hint(tokens: Sequence[Token], token: Token) -> str | None:
    index = next((i for i, other in enumerate(tokens) if other.span.start == token.span.start), len(tokens))
    following = tokens[index + 1].text if index + 1 < len(tokens) else ""
    if index == 0 and following == "=":
        return syntax.top_level_hint(token.text)
    before = tokens[index - 1].text if index else ""
    return syntax.hint(before, token.text, token.type)
