"""Documents that know where they may be broken, and the choice of where to break them.

The algorithm is Wadler's ("A prettier printer", 2003) in Prettier's imperative form: a group is printed on one
line where it fits, else its lines break.
"""

from __future__ import annotations

from collections.abc import Iterable

INDENT = 2


class Doc:
    """A piece of output. `hard`: it can't be printed on one line, so neither can what contains it."""

    __slots__ = ("hard",)
    hard: bool


class Text(Doc):
    """Text as it is; it may hold newlines (a long text literal), which keep their own indentation."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value, self.hard = value, False


class Suffix(Doc):
    """Text at the end of a line that takes no part in deciding where to break: a trailing comment."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value, self.hard = value, True


class Line(Doc):
    """A newline, or `flat` where the group around it is on one line. `blank`: an empty line as well."""

    __slots__ = ("blank", "flat")

    def __init__(self, flat: str = " ", *, hard: bool = False, blank: bool = False) -> None:
        self.flat, self.hard, self.blank = flat, hard, blank


class IfBroken(Doc):
    """Text that is there only where the group around it is broken: the last comma."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value, self.hard = value, False


class Concat(Doc):
    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[Doc | str]) -> None:
        self.parts = [Text(part) if isinstance(part, str) else part for part in parts]
        self.hard = any(part.hard for part in self.parts)


class Indent(Doc):
    __slots__ = ("doc",)

    def __init__(self, *parts: Doc | str) -> None:
        self.doc = Concat(parts)
        self.hard = self.doc.hard


class Group(Doc):
    """What is printed on one line as a whole, or broken at each of its own lines. `broken`: in any case."""

    __slots__ = ("doc",)

    def __init__(self, *parts: Doc | str, broken: bool = False) -> None:
        self.doc = Concat(parts)
        self.hard = broken or self.doc.hard


def joined(docs: Iterable[Doc | str], separator: Doc | str) -> Doc:
    parts: list[Doc | str] = []
    for doc in docs:
        if parts:
            parts.append(separator)
        parts.append(doc)
    return Concat(parts)


_Command = tuple[int, bool, Doc]  # indentation, flat, what


def pretty(doc: Doc, width: int) -> str:
    """The document in lines of at most `width` characters where that is possible."""
    out: list[str] = []
    column = 0
    stack: list[_Command] = [(0, False, doc)]
    while stack:
        indent, flat, doc = stack.pop()
        if isinstance(doc, Text | Suffix):
            out.append(doc.value)
            column = _column(column, doc.value)
        elif isinstance(doc, Concat):
            stack.extend((indent, flat, part) for part in reversed(doc.parts))
        elif isinstance(doc, Indent):
            stack.append((indent + INDENT, flat, doc.doc))
        elif isinstance(doc, Group):
            group = (indent, True, doc.doc)
            fits = flat or (not doc.hard and _fits(group, stack, width - column))
            stack.append((indent, fits, doc.doc))
        elif isinstance(doc, IfBroken):
            if not flat:
                out.append(doc.value)
                column += len(doc.value)
        elif isinstance(doc, Line):
            if flat:
                out.append(doc.flat)
                column += len(doc.flat)
            else:
                out.append("\n\n" if doc.blank else "\n")
                out.append(" " * indent)
                column = indent
    return "\n".join(line if line.strip() else "" for line in "".join(out).split("\n"))


def one_line(doc: Doc) -> str:
    """The document on one line, whatever its length."""
    out: list[str] = []
    stack = [doc]
    while stack:
        doc = stack.pop()
        if isinstance(doc, Text):
            out.append(doc.value)
        elif isinstance(doc, Line):
            out.append(doc.flat)
        elif isinstance(doc, Concat):
            stack.extend(reversed(doc.parts))
        elif isinstance(doc, Indent | Group):
            stack.append(doc.doc)
    return "".join(out)


def _column(column: int, text: str) -> int:
    newline = text.rfind("\n")
    return column + len(text) if newline < 0 else len(text) - newline - 1


def _fits(command: _Command, rest: list[_Command], room: int) -> bool:
    """Whether what comes up to the next newline takes no more than `room` characters."""
    stack = [command]
    behind = len(rest)
    while room >= 0:
        if not stack:
            if behind == 0:
                return True
            behind -= 1
            stack.append(rest[behind])
        indent, flat, doc = stack.pop()
        if isinstance(doc, Text):
            head, newline, _ = doc.value.partition("\n")
            room -= len(head)
            if newline:
                return room >= 0
        elif isinstance(doc, Line):
            if not flat:
                return True
            room -= len(doc.flat)
        elif isinstance(doc, Concat):
            stack.extend((indent, flat, part) for part in reversed(doc.parts))
        elif isinstance(doc, Indent):
            stack.append((indent, flat, doc.doc))
        elif isinstance(doc, Group):
            stack.append((indent, flat and not doc.hard, doc.doc))
        elif isinstance(doc, IfBroken) and not flat:
            room -= len(doc.value)
    return False
