"""Text to tokens: one pass with one regular expression, before any parsing.

It decides what only neighbouring characters can tell: where texts and their `${...}` begin and end, which
newlines end a statement, which `{` begins a record, and where a declaration is over. Which words are keywords
is left to the parser, since that depends on where they stand.

Nothing raises: what can't be read becomes a token of type ERROR that carries its diagnostic, or, where reading
on is safe (a bad escape, an unknown unit), a diagnostic of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gflow.grammar.diagnostics import Diagnostic, syntax
from gflow.grammar.nodes import Comment
from gflow.grammar.numbers import number
from gflow.grammar.source import Source, Span
from gflow.grammar.texts import ESCAPE

DECLARATIONS = frozenset({"use", "model", "let", "record", "extern", "flow", "test"})

_TOKEN = re.compile(
    r"""[ \t\r\f]*(?:
      (?P<name>[^\W\d]\w*)
    | (?P<comment>//[^\n]*)
    | (?P<mark>\|>|=>|->|==|!=|<=|>=|\?\?|\.\.|[-+*/%<>=.,:?|(\[{)\]}])
    | (?P<number>\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][-+]?\d[\d_]*)?(?:[^\W\d]\w*|%(?![\w("\[]))?)
    | (?P<newline>\n\s*)
    | (?P<quote>\"\"\"|")
    | (?P<semicolon>;)
    )""",
    re.VERBOSE,
)
_RECORD = re.compile(r"\{(?:\s++|//[^\n]*+\n)*+[^\W\d]\w*+\s*+[:,]")
# A piece of text between quotes, up to what ends it or needs a look.
_SHORT = re.compile(r'[^"\\$\n]*')
_LONG = re.compile(r'(?:[^"\\$]+|"(?!""))*')
# At the start of a line this begins a declaration, whatever was left open before: no expression has two words
# in a row.
_CERTAIN = re.compile(
    r'^(?:(?:use|test)[ \t]*"|(?:use|model|let|record|extern|flow|test)[ \t]+(?!(?:and|or|in|as|from|up)\b)\w)',
    re.MULTILINE,
)
_CONTINUES = re.compile(r"(?:until|keep|else|retry|backoff|timeout)\b(?!\s*(?:=(?![=>])|\.(?!\.)|\|>))")
_CONTINUATIONS = frozenset({"until", "keep", "else", "retry", "backoff", "timeout"})
_AFTER = frozenset(
    [
        "(",
        "[",
        "{",
        ",",
        "=",
        "=>",
        ":",
        "->",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "and",
        "or",
        "not",
        "??",
        "..",
        "|>",
        "|",
    ]
)
_CLOSERS = {")": "(", "]": "[", "}": "{"}


@dataclass(slots=True, eq=False)
class Docs:
    """Doc comments below each other, and whether a declaration or parameter took them for its own."""

    comments: list[Comment]
    taken: bool = False


@dataclass(slots=True, eq=False)
class Token:
    """A word, mark or literal. `value`: the number's (kind, value), the piece of text, or the diagnostic of an
    ERROR. `doc`: the doc comments right before it."""

    type: str
    text: str
    span: Span
    value: Any = None
    doc: Docs | None = None


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet: `(`, `[`, `{` of a block, `{:` of a record, `${`."""

    kind: str
    span: Span
    quote: str = ""


class Lexer:
    """Tokens of a source, a list for each declaration. `terminals` gives each quoted word and mark of the
    grammar its terminal's name."""

    def __init__(self, source: Source, terminals: Mapping[str, str]) -> None:
        self.source = source
        self.text = source.text
        self.terminals = terminals
        self.groups: list[list[Token]] = []
        self.comments: list[Comment] = []
        self.docs: list[Docs] = []
        self.diagnostics: list[Diagnostic] = []
        self.open: list[_Open] = []
        self._group: list[Token] = []
        self._docs: list[Comment] = []
        self._newline: Span | None = None  # seen, and not yet known to matter
        self._semicolon = False
        self._run()

    def _run(self) -> None:
        pos = 1 if self.text.startswith("\ufeff") else 0
        end, match_at = len(self.text), _TOKEN.match
        while pos < end:
            match = match_at(self.text, pos)
            if match is None:
                pos = self._unexpected(pos)
                continue
            kind = match.lastgroup
            start, pos = match.span(kind)  # type: ignore[arg-type]
            if kind == "name":
                self._name(start, pos)
            elif kind == "mark":
                pos = self._mark(start, pos)
            elif kind == "newline":
                self._newline = self._newline or Span(self.source, start, start + 1)
            elif kind == "number":
                self._number(start, pos)
            elif kind == "quote":
                pos = self._piece(pos, self.text[start:pos], start, first=True)
            elif kind == "comment":
                self._comment(start, pos)
            else:
                self._newline, self._semicolon = Span(self.source, start, pos), True
        if self.open:
            end = len(self.text.rstrip())
            self._error(syntax.unclosed(Span(self.source, end, end), self.open[-1].span))
        if self._group:
            self.groups.append(self._group)

    # --- one kind of token each

    def _name(self, start: int, end: int) -> None:
        text = self.text[start:end]
        at_margin = start == 0 or self.text[start - 1] == "\n"
        if self.open and at_margin and text in DECLARATIONS and _CERTAIN.match(self.text, start):
            self._error(syntax.unclosed(Span(self.source, start, end), self.open[-1].span))
            self.open.clear()
            self._newline = Span(self.source, start, start)
        goes_on = text in _CONTINUATIONS and _CONTINUES.match(self.text, start) is not None
        self._add(Token(self.terminals.get(text, "NAME"), text, Span(self.source, start, end)), goes_on)

    def _mark(self, start: int, end: int) -> int:
        """Emit a mark; gives where to read on (after a `}` that ends `${`, the text goes on)."""
        text = self.text[start:end]
        span = Span(self.source, start, end)
        type_ = self.terminals[text]
        if text in "([{":
            kind = text
            if text == "{" and _RECORD.match(self.text, start):
                kind, type_ = "{:", "RECORD_BRACE"
            self._add(Token(type_, text, span), False)
            self.open.append(_Open(kind, span))
        elif text in ")]}":
            if text == "}" and self.open and self.open[-1].kind == "${":
                return self._piece(end, self.open.pop().quote, start, first=False)
            inside = bool(self.open)
            if self._close(text, span):
                self._add(Token(type_, text, span), inside)
        else:
            self._add(Token(type_, text, span), text == "|>")
        return end

    def _close(self, text: str, span: Span) -> bool:
        """Take the bracket that a closing one belongs to; False where others are open in between."""
        if not any(opened.kind[0] == _CLOSERS[text] for opened in self.open):
            return True  # nothing like it is open: the parser will say so
        top = self.open.pop()
        if top.kind[0] == _CLOSERS[text]:
            return True
        self._error(syntax.unclosed(span, top.span), goes_on=True)
        while self.open and top.kind[0] != _CLOSERS[text]:
            top = self.open.pop()
        return False

    def _number(self, start: int, end: int) -> None:
        span = Span(self.source, start, end)
        value = number(span)
        if isinstance(value, Diagnostic):
            self.diagnostics.append(value)
            # Read on as if it were mended, so that one mistake gives one error.
            mended = value.fix.text if value.fix is not None else "1"
            value = number(Span(Source("", mended), 0, len(mended)))
        self._add(Token("NUMBER", self.text[start:end], span, value), False)

    def _comment(self, start: int, end: int) -> None:
        if any(opened.kind == "${" for opened in self.open):
            return  # part of a text's raw form, which is kept whole
        line_start = self.text.rfind("\n", 0, start) + 1
        text = self.text[start:end].rstrip()
        own_line = not self.text[line_start:start].strip("\ufeff \t\r\f")
        comment = Comment(text, own_line, span=Span(self.source, start, start + len(text)))
        self.comments.append(comment)
        if text.startswith("///") and not text.startswith("////"):
            self._docs.append(comment)

    def _piece(self, pos: int, quote: str, start: int, *, first: bool) -> int:
        """A piece of text from `pos` to the closing quote or a `${`. `start`: where its token begins."""
        plain = _SHORT if quote == '"' else _LONG
        begin = pos
        while True:
            pos = plain.match(self.text, pos).end()  # type: ignore[union-attr]
            char = self.text[pos : pos + 1]
            if char == "\\":
                pos = self._escape(pos)
            elif char == "$" and self.text[pos + 1 : pos + 2] != "{":
                pos += 1
            else:
                break
        piece = self.text[begin:pos]
        if char == "$":
            span = Span(self.source, start, pos + 2)
            self._add(Token("TEXT_OPEN" if first else "TEXT_MID", quote, span, piece), not first)
            self.open.append(_Open("${", Span(self.source, pos, pos + 2), quote))
            return pos + 2
        if char == '"':
            if quote == '"""':
                # Quotes right before the closing three belong to the text.
                while self.text[pos + 3 : pos + 4] == '"':
                    pos += 1
                piece = self.text[begin:pos]
            span = Span(self.source, start, pos + len(quote))
            self._add(Token("TEXT" if first else "TEXT_CLOSE", quote, span, piece), not first)
            return span.end
        return self._unterminated(start, begin, pos, quote, first)

    def _escape(self, pos: int) -> int:
        match = ESCAPE.match(self.text, pos)
        if match is not None and syntax.is_character(match["hex"]):
            return match.end()
        end = match.end() if match is not None else min(pos + 2, len(self.text))
        if self.text[pos:end].endswith("\n"):
            end -= 1
        self.diagnostics.append(syntax.BadEscape(Span(self.source, pos, end), self.text[pos:end]))
        return end

    def _unterminated(self, start: int, begin: int, pos: int, quote: str, first: bool) -> int:
        """A text without its closing quote. A long one would swallow the file: go on at the next declaration."""
        if first:
            span = Span(self.source, start, begin if quote == '"""' else pos)
        else:
            span = Span(self.source, start, pos)
        self._error(syntax.UnterminatedText(span, quote, "the file" if quote == '"""' else "the line"))
        if quote == '"""':
            self._newline = Span(self.source, begin, begin)
            match = _CERTAIN.search(self.text, begin)
            return match.start() if match is not None else len(self.text)
        return pos

    def _unexpected(self, pos: int) -> int:
        while self.text[pos] in " \t\r\f":
            pos += 1
            if pos == len(self.text):
                return pos
        self._error(syntax.unexpected_character(Span(self.source, pos, pos + 1)))
        return pos + 1

    def _error(self, diagnostic: Diagnostic, *, goes_on: bool = False) -> None:
        self._add(Token("ERROR", "", diagnostic.span, diagnostic), goes_on)

    # --- newlines and declarations

    def _add(self, token: Token, goes_on: bool) -> None:
        """Append a token; before it the newline that was waiting, if it ends a statement.

        goes_on: the token continues a statement that a newline seemed to end.
        """
        if self._newline is not None:
            if self._ends_statement(token, goes_on):
                if self.open or (self._semicolon and not self._group):
                    self._group.append(Token("_NL", ";" if self._semicolon else "\n", self._newline))
                elif self._group:
                    self.groups.append(self._group)
                    self._group = []
            self._newline, self._semicolon = None, False
        if self._docs and token.type != "ERROR":
            token.doc = Docs(self._docs)
            self.docs.append(token.doc)
            self._docs = []
        self._group.append(token)

    def _ends_statement(self, token: Token, goes_on: bool) -> bool:
        if self._semicolon:
            return token.text != "}" or not self.open
        if goes_on or (self._group and self._group[-1].text in _AFTER):
            return False
        return not self.open or self.open[-1].kind == "{"
