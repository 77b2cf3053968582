"""Where comments and empty lines go when a tree is printed.

Comments are not in the tree. They are taken from the front of one queue as the printer passes their places, and
go before the next part that stands on a line of its own, or behind the part that they stand behind. So none is
lost, wherever it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gflow.grammar.layout import Concat, Doc, Line, Suffix, Text
from gflow.grammar.nodes import Comment
from gflow.grammar.source import Source, Span

#: A part that may stand on lines of its own: its place in the source, and what makes its document.
Part = tuple[Span, Callable[[], Doc]]


def ordinary(comment: Comment) -> Doc:
    """A comment where a `///` would begin to document what follows: one that documents nothing becomes `//`."""
    text = comment.text
    return Suffix("//" + text[3:] if text.startswith("///") and not text.startswith("////") else text)


class Placer:
    """The comments of a source, in order, and how many of them are placed. `flat`: all goes on one line."""

    def __init__(self, source: Source, comments: Sequence[Comment], *, flat: bool = False) -> None:
        self.text = source.text
        self.comments = comments
        self.placed = 0
        self.flat = flat

    def take(self, before: int) -> list[Comment]:
        """The comments that start before an offset and are not placed yet."""
        first = self.placed
        while self.placed < len(self.comments) and self.comments[self.placed].span.start < before:
            self.placed += 1
        return list(self.comments[first : self.placed])

    def trailing(self, end: int) -> Comment | None:
        """The comment behind what ends at an offset, on its line."""
        if self.placed == len(self.comments):
            return None
        comment = self.comments[self.placed]
        if self.text[end : comment.span.start].strip(" \t,;"):
            return None
        self.placed += 1
        return comment

    def item(self, part: Part) -> tuple[list[Comment], Doc, Doc]:
        """The comments that go before a part, the part, and the comment behind it.

        One inside the part that found no place there goes before it, or behind where it is alone.
        """
        span, build = part
        before = self.take(span.start)
        doc = build()
        inside = self.take(span.end)
        behind = self.trailing(span.end)
        if behind is None and len(inside) == 1 and not inside[0].own_line:
            behind = inside.pop()
        return before + inside, doc, Concat(["  ", ordinary(behind)]) if behind is not None else Text("")

    def lines(
        self,
        parts: Sequence[Part],
        start: int,
        end: int,
        *,
        apart: Callable[[int], bool] = lambda index: False,
        show: Callable[[Comment], Doc] = lambda comment: Suffix(comment.text),
    ) -> Doc:
        """Parts below each other with all comments from offset `start` to `end`; of empty lines one is kept.

        apart: whether an empty line goes before a part (by its index) in any case. show: a comment before one.
        """
        out: list[Doc | str] = []
        previous = start

        def push(doc: Doc, at: int, until: int, *, blank: bool = False) -> None:
            nonlocal previous
            if out:
                out.append(Line("; ", blank=blank or self.has_blank(previous, at)))
            out.append(doc)
            previous = max(previous, until)

        for index, part in enumerate(parts):
            span = part[0]
            comments, doc, behind = self.item(part)
            blank = apart(index)
            for comment in comments:
                push(show(comment), min(comment.span.start, span.start), comment.span.end, blank=blank)
                blank = False
            at = max(previous, span.start) if comments else span.start
            push(Concat([doc, behind]), at, span.end, blank=blank)
        for comment in self.take(end):
            push(Suffix(comment.text), comment.span.start, comment.span.end)
        return Concat(out)

    def has_blank(self, start: int, end: int) -> bool:
        """Whether an empty line lies between two offsets."""
        return any(not line.strip() for line in self.text[start:end].split("\n")[1:-1])

    def breaks(self, start: int, end: int) -> bool:
        """Whether the source has a newline between two offsets."""
        return "\n" in self.text[start:end]
