"""Tree to text, in the one style there is: two spaces, one statement a line, lines of at most 100 characters.

Formatting what was formatted changes nothing, the tree stays the same, and no comment is lost. What the
author broke over lines stays broken where either way is fine: blocks of one statement and chains of `|>`.
Empty lines between statements stay, one at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gflow.grammar import nodes as n
from gflow.grammar.layout import (
    Concat,
    Doc,
    Group,
    IfBroken,
    Indent,
    Line,
    Suffix,
    Text,
    joined,
    one_line,
    pretty,
)
from gflow.grammar.source import Source, Span
from gflow.grammar.texts import quote

WIDTH = 100
_LONG_RESULT = 80

# How tightly each expression binds; one that binds looser than its place asks for stands in parentheses.
_LAMBDA, _PIPE, _BLOCK, _COALESCE, _OR, _AND, _NOT, _COMPARE, _RANGE, _SUM, _PRODUCT, _MINUS, _POSTFIX = range(13)
_PRIMARY = 13
_BINARY = {
    "??": _COALESCE, "or": _OR, "and": _AND, "..": _RANGE, "+": _SUM, "-": _SUM,
    "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">="], _COMPARE),
}  # fmt: skip
# At the start of a statement these words would be read as something else.
_NOT_FIRST = frozenset({"until", "keep", "else", "retry", "backoff", "timeout", "expect"})


def format_file(file: n.File) -> str:
    """The file's text in canonical style, ending in one newline ("" for a file with nothing in it)."""
    printer = _Printer(file.source, file.comments)
    text = pretty(printer.file(file), WIDTH).strip("\n")
    return text + "\n" if text else ""


def format_expr(expr: n.Expr) -> str:
    """An expression on one line."""
    return one_line(_Printer(expr.span.source, (), flat=True).expr(expr))


def format_type(type_: n.TypeNode) -> str:
    """A type on one line."""
    return one_line(_Printer(type_.span.source, (), flat=True).type(type_))


def _level(expr: n.Expr) -> int:
    match expr:
        case n.Lambda():
            return _LAMBDA
        case n.Pipe() | n.Refine() | n.Try():
            return _PIPE
        case n.If() | n.For() | n.Match():
            return _BLOCK
        case n.Binary(op=op):
            return _BINARY[op]
        case n.Unary(op=op):
            return _NOT if op == "not" else _MINUS
        case n.Field() | n.Index() | n.Call():
            return _POSTFIX
        case _:
            return _PRIMARY


def _first_word(expr: n.Expr) -> str | None:
    """The name that an expression begins with, if it begins with one."""
    while True:
        match expr:
            case n.Ref(name=name):
                return name
            case n.Lambda(param=param):
                return param.text
            case n.Binary(left=inner) | n.Field(value=inner) | n.Index(value=inner):
                expr = inner
            case n.Call(callee=inner) | n.Pipe(value=inner):
                expr = inner
            case _:
                return None


class _Printer:
    """Walks a tree in the order of its source and places the comments as it passes them."""

    def __init__(self, source: Source, comments: Sequence[n.Comment], *, flat: bool = False) -> None:
        self.text = source.text
        self.comments = comments
        self.next = 0  # of the comments
        self.flat = flat

    # --- comments and empty lines

    def take(self, before: int) -> list[n.Comment]:
        """The comments that start before an offset and are not placed yet."""
        first = self.next
        while self.next < len(self.comments) and self.comments[self.next].span.start < before:
            self.next += 1
        return list(self.comments[first : self.next])

    def trailing(self, end: int) -> n.Comment | None:
        """The comment behind what ends at an offset, on its line."""
        if self.next == len(self.comments):
            return None
        comment = self.comments[self.next]
        if self.text[end : comment.span.start].strip(" \t,;"):
            return None
        self.next += 1
        return comment

    def item(self, span: Span, build: Callable[[], Doc]) -> tuple[list[n.Comment], Doc, Doc]:
        """A part that stands on lines of its own: the comments before it, the part, the comment behind it."""
        before = self.take(span.start)
        doc = build()
        inside = self.take(span.end)
        behind = self.trailing(span.end)
        if behind is None and len(inside) == 1 and not inside[0].own_line:
            behind = inside.pop()
        return before + inside, doc, Suffix(f"  {behind.text}") if behind is not None else Text("")

    def lines(self, parts: Sequence[tuple[Span, Callable[[], Doc]]], start: int, end: int) -> Doc:
        """Parts below each other, from the offset `start` of the source to `end`, with all comments there."""
        out: list[Doc | str] = []
        previous = start

        def push(doc: Doc, at: int, until: int) -> None:
            nonlocal previous
            if out:
                out.append(Line("; ", blank=self.has_blank(previous, at)))
            out.append(doc)
            previous = max(previous, until)

        for span, build in parts:
            comments, doc, behind = self.item(span, build)
            for comment in comments:
                inside = comment.span.start > span.start
                push(Suffix(comment.text), span.start if inside else comment.span.start, comment.span.end)
            push(Concat([doc, behind]), max(previous, span.start) if comments else span.start, span.end)
        for comment in self.take(end):
            push(Suffix(comment.text), comment.span.start, comment.span.end)
        return Concat(out)

    def has_blank(self, start: int, end: int) -> bool:
        """Whether an empty line lies between two offsets."""
        return any(not line.strip() for line in self.text[start:end].split("\n")[1:-1])

    def breaks(self, start: int, end: int) -> bool:
        """Whether the source has a newline between two offsets."""
        return "\n" in self.text[start:end]

    # --- declarations

    def file(self, file: n.File) -> Doc:
        out: list[Doc | str] = []
        previous: n.Declaration | None = None
        end = 0

        def push(doc: Doc, at: int, until: int, *, apart: bool) -> None:
            nonlocal end
            if out:
                out.append(Line(hard=True, blank=apart or self.has_blank(end, at)))
            out.append(doc)
            end = max(end, until)

        for declaration in file.declarations:
            comments, doc, behind = self.item(declaration.span, lambda item=declaration: self.declaration(item))
            apart = previous is not None and not _may_touch(previous, declaration)
            start = declaration.span.start
            for comment in comments:
                inside = comment.span.start > start
                push(_ordinary(comment), start if inside else comment.span.start, comment.span.end, apart=apart)
                apart = False
            push(Concat([doc, behind]), max(end, start) if comments else start, declaration.span.end, apart=apart)
            previous = declaration
        for comment in self.take(len(self.text) + 1):
            push(Suffix(comment.text), comment.span.start, comment.span.end, apart=False)
        return Concat(out)

    def declaration(self, node: n.Declaration) -> Doc:
        return Concat([_doc(node.doc), self._declaration(node)])

    def _declaration(self, node: n.Declaration) -> Doc:
        match node:
            case n.Use():
                return Text(f'use "{quote(node.path)}" as {node.name.text}')
            case n.Model():
                args = [(arg.span, lambda arg=arg: self.arg(arg)) for arg in node.args]
                return Concat(
                    [f"model {node.name.text} = {node.provider.text}", self.listed("(", args, ")", node.span)]
                )
            case n.Let():
                return Concat([f"let {node.name.text} = ", self.expr(node.value)])
            case n.RecordDecl():
                return Concat([f"record {node.name.text} ", self.record_body(node.type)])
            case n.Extern():
                tail = [" -> ", self.type(node.result), f' from "{quote(node.target)}"', " impure" * node.impure]
                return Concat([f"extern op {node.name.text}", self.params(node.params, node.result.span), *tail])
            case n.Flow():
                end = node.result.span if node.result is not None else node.body.span
                head = [f"flow {node.name.text}", self.params(node.params, end), self.result(node.result), " "]
                return Concat([*head, self.block(node.body, broken=True)])
            case n.Test():
                return Concat([f'test "{quote(node.title)}" ', self.block(node.body, broken=True)])

    def params(self, params: Sequence[n.Param], following: Span) -> Doc:
        parts = [(param.span, lambda param=param: self.param(param)) for param in params]
        return self.listed("(", parts, ")", Span(following.source, following.start, following.start))

    def result(self, node: n.TypeNode | None) -> Doc:
        """` -> type` of a flow. The parameters break first: the type does where it is long by itself."""
        if node is None:
            return Text("")
        doc = self.type(node)
        line = one_line(doc)
        return Concat([" -> ", doc if len(line) > _LONG_RESULT else line])

    def param(self, node: n.Param) -> Doc:
        parts: list[Doc | str] = [_doc(node.doc), f"{node.name.text}: ", self.type(node.type)]
        if node.range is not None:
            low, high = node.range
            parts += [" in ", self.expr(low, _SUM), "..", self.expr(high, _SUM)]
        if node.default is not None:
            parts += [" = ", self.expr(node.default)]
        return Concat(parts)

    def record_body(self, node: n.RecordType) -> Doc:
        fields = [
            (name.span.to(type_.span), lambda name=name, type_=type_: Concat([f"{name.text}: ", self.type(type_)]))
            for name, type_ in node.fields
        ]
        body = self.lines(fields, node.span.start + 1, node.span.end)
        return Group("{", Indent(Line(hard=True), body), Line(hard=True), "}")

    # --- types

    def type(self, node: n.TypeNode) -> Doc:
        match node:
            case n.NamedType():
                return Text(node.name)
            case n.ListType():
                return Concat(["list<", self.type(node.item), ">"])
            case n.ChoiceType():
                return Text(" | ".join(f'"{quote(value)}"' for value in node.values))
            case n.OptionalType():
                item = self.type(node.item)
                if isinstance(node.item, n.ChoiceType | n.OptionalType):
                    item = Concat(["(", item, ")"])
                return Concat([item, "?"])
            case n.RecordType():
                fields = [Concat([f"{name.text}: ", self.type(type_)]) for name, type_ in node.fields]
                commas = joined(fields, Concat([",", Line()]))
                return Group("{", Indent(Line(), commas, IfBroken(",")), Line(), "}")

    # --- blocks and statements

    def block(self, node: n.Block, *, broken: bool = False) -> Doc:
        """`{ ... }`. broken: on several lines even where one would do."""
        return Group(*self.block_parts(node), broken=self.is_broken(node, broken))

    def is_broken(self, node: n.Block, broken: bool = False) -> bool:
        if self.flat or not node.statements:
            return False
        first = node.statements[0].span.start
        return broken or len(node.statements) > 1 or self.breaks(node.span.start, max(first, node.span.start + 1))

    def block_parts(self, node: n.Block) -> list[Doc | str]:
        parts = [(item.span, lambda item=item: self.statement(item)) for item in node.statements]
        body = self.lines(parts, node.span.start + 1, node.span.end)
        if not node.statements and not body.hard:
            return ["{}"]
        return ["{", Indent(Line(), body), Line(), "}"]

    def statement(self, node: n.Bind | n.Expect | n.Expr) -> Doc:
        match node:
            case n.Bind():
                return Concat([f"{node.name.text} = ", self.expr(node.value)])
            case n.Expect():
                return Concat(["expect ", self.expr(node.condition)])
            case _ if _first_word(node) in _NOT_FIRST:
                return Concat(["(", self.expr(node), ")"])
            case _:
                return self.expr(node)

    # --- expressions

    def expr(self, node: n.Expr, level: int = _LAMBDA) -> Doc:
        """An expression for a place that asks for at least this level."""
        doc = self._expr(node)
        return doc if _level(node) >= level else Concat(["(", doc, ")"])

    def _expr(self, node: n.Expr) -> Doc:
        match node:
            case n.Literal():
                return Text(self.literal(node))
            case n.Template():
                return Text(self.template(node))
            case n.Ref():
                return Text(node.name)
            case n.ListExpr():
                items = [(item.span, lambda item=item: self.expr(item)) for item in node.items]
                return self.listed("[", items, "]", node.span)
            case n.RecordExpr():
                return self.record(node)
            case n.Unary():
                word = "not " if node.op == "not" else node.op
                return Concat([word, self.expr(node.operand, _level(node))])
            case n.Binary():
                return self.binary(node)
            case n.Field():
                return Concat([self.postfix(node.value), f".{node.name.text}"])
            case n.Index():
                return Concat([self.postfix(node.value), "[", self.expr(node.index), "]"])
            case n.Call():
                return self.call(node)
            case n.Pipe():
                return self.pipe(node)
            case n.Lambda():
                return Concat([f"{node.param.text} => ", self.expr(node.body)])
            case n.If():
                return self.if_(node)
            case n.For():
                names = node.item.text + (f", {node.index.text}" if node.index is not None else "")
                return Concat([f"for {names} in ", self.expr(node.items), " ", self.block(node.body)])
            case n.Match():
                return self.match(node)
            case n.Refine():
                return self.refine(node)
            case n.Try():
                return self.try_(node)

    def literal(self, node: n.Literal) -> str:
        raw = node.raw.replace("\r\n", "\n")
        if self.flat and "\n" in raw:
            return f'"{quote(node.value)}"'
        return raw

    def template(self, node: n.Template) -> str:
        raw = node.raw.replace("\r\n", "\n")
        if raw and not (self.flat and "\n" in raw):
            return raw
        parts = [quote(part) if isinstance(part, str) else f"${{{format_expr(part)}}}" for part in node.parts]
        return '"' + "".join(parts) + '"'

    def record(self, node: n.RecordExpr) -> Doc:
        if not node.fields:
            return Text("{}")

        def entry(name: n.Name, value: n.Expr) -> Doc:
            short = name.span == value.span and name.span.end > name.span.start
            if short and len(node.fields) > 1:
                return Text(name.text)
            return Concat([f"{name.text}: ", self.expr(value)])

        parts = [
            (name.span.to(value.span), lambda name=name, value=value: entry(name, value))
            for name, value in node.fields
        ]
        return self.listed("{", parts, "}", node.span, padding=" ")

    def binary(self, node: n.Binary) -> Doc:
        level = _BINARY[node.op]
        # Comparisons and ranges do not chain; the others group to the left.
        loose = level in (_COMPARE, _RANGE)
        left, right = self.expr(node.left, level + loose), self.expr(node.right, level + 1)
        if node.op == "..":
            return Concat([left, "..", right])
        return Group(left, f" {node.op}", Indent(Line(), right))

    def postfix(self, node: n.Expr) -> Doc:
        # `40%[0]` would be read as a remainder.
        if isinstance(node, n.Literal) and node.raw.endswith("%"):
            return Concat(["(", self.expr(node), ")"])
        return self.expr(node, _POSTFIX)

    def call(self, node: n.Call) -> Doc:
        callee = self.postfix(node.callee)
        parts: list[tuple[Span, Callable[[], Doc]]] = [
            (arg.span, lambda arg=arg: self.arg(arg)) for arg in node.args
        ]
        if node.as_type is not None:
            type_ = node.as_type
            place = next((i for i, arg in enumerate(node.args) if arg.span.start > type_.span.start), len(parts))
            parts.insert(place, (type_.span, lambda: Concat(["as: ", self.type(type_)])))
        return Concat([callee, self.listed("(", parts, ")", node.span)])

    def arg(self, node: n.Arg) -> Doc:
        if node.name is not None:
            return Concat([f"{node.name.text}: ", self.expr(node.value)])
        value = self.expr(node.value)
        return Concat(["(", value, ")"]) if _first_word(node.value) == "as" else value

    def listed(
        self,
        opener: str,
        parts: Sequence[tuple[Span, Callable[[], Doc]]],
        closer: str,
        span: Span,
        padding: str = "",
    ) -> Doc:
        """Parts between brackets with commas, on one line or on a line each. Comments up to `span.end` stay."""
        out: list[Doc | str] = []
        for index, (place, build) in enumerate(parts):
            comments, doc, behind = self.item(place, build)
            for comment in comments:
                out += [_ordinary(comment), Line(hard=True)]
            last = index == len(parts) - 1
            out += [doc, IfBroken(",") if last else ",", behind]
            if not last:
                out.append(Line())
        for comment in self.take(span.end):
            out += [*([Line(hard=True)] if out else []), Suffix(comment.text)]
        if not out:
            return Text(opener + closer)
        return Group(opener, Indent(Line(padding), *out), Line(padding), closer)

    def pipe(self, node: n.Pipe) -> Doc:
        calls: list[n.Pipe] = []
        head: n.Expr = node
        while isinstance(head, n.Pipe):
            calls.append(head)
            head = head.value
        calls.reverse()
        first = self.expr(head, _PIPE)
        broken = not self.flat and any(self.breaks(call.value.span.end, call.call.span.start) for call in calls)
        stages: list[Doc | str] = []
        for call in calls:
            stages += [Line(), "|> ", self.call(call.call)]
        return Concat([first, Group(Indent(*stages), broken=broken)])

    # --- control

    def if_(self, node: n.If) -> Doc:
        parts: list[Doc | str] = []
        broken = False
        while True:
            parts += ["if ", Group(self.expr(node.condition)), " ", *self.block_parts(node.then), " else "]
            broken = broken or self.is_broken(node.then)
            match node.orelse.statements:
                case (n.If() as inner,):
                    node = inner
                case _:
                    parts += self.block_parts(node.orelse)
                    return Group(*parts, broken=broken or self.is_broken(node.orelse))

    def match(self, node: n.Match) -> Doc:
        subject = self.expr(node.subject)
        parts = [(case.span, lambda case=case: self.case(case)) for case in node.cases]
        start = node.cases[0].span.start if node.cases else node.span.end
        body = self.lines(parts, start, node.span.end)
        return Concat(["match ", subject, " ", Group("{", Indent(Line(), body), Line(), "}", broken=not self.flat)])

    def case(self, node: n.Case) -> Doc:
        pattern = "_" if node.pattern is None else self.literal(node.pattern)
        match node.body.statements:
            case (n.Bind() | n.Expect(),) | [_, _, *_]:
                return Concat([f"{pattern} => ", self.block(node.body)])
            case (expr,):
                return Concat([f"{pattern} => ", self.expr(expr)])
            case _:
                return Text(f"{pattern} => {{}}")

    def refine(self, node: n.Refine) -> Doc:
        parts: list[Doc | str] = [f"refine {node.name.text} "]
        if node.start is not None:
            parts += ["from ", self.expr(node.start), " "]
        parts += ["up to ", self.expr(node.limit), " ", self.block(node.body)]
        broken = not self.flat and self.breaks(node.body.span.end, node.until.span.start)
        tail: list[Doc | str] = [Line(), "until ", self.expr(node.until, _COALESCE)]
        if node.keep_by is not None:
            tail += [Line(), "keep best by ", self.expr(node.keep_by, _COALESCE)]
        if node.orelse is not None:
            tail += [Line(), "else ", self.block(node.orelse)]
        return Concat([*parts, Group(Indent(*tail), broken=broken)])

    def try_(self, node: n.Try) -> Doc:
        parts: list[Doc | str] = ["try ", self.block(node.body)]
        clauses: list[tuple[str, Any]] = [
            ("retry", node.retry),
            ("backoff", node.backoff),
            ("timeout", node.timeout),
        ]
        for word, value in clauses:
            if value is not None:
                parts += [f" {word} ", self.expr(value, _COALESCE)]
        if node.orelse is not None:
            parts += [" else ", self.block(node.orelse)]
        return Concat(parts)


def _doc(doc: str) -> Doc:
    if not doc:
        return Text("")
    lines: list[Doc | str] = []
    for line in doc.split("\n"):
        lines += [f"/// {line}".rstrip(), Line(hard=True)]
    return Concat(lines)


def _ordinary(comment: n.Comment) -> Doc:
    """A comment before a declaration or parameter. A `///` that documents nothing must not begin to."""
    text = comment.text
    return Suffix("//" + text[3:] if text.startswith("///") and not text.startswith("////") else text)


def _may_touch(first: n.Declaration, second: n.Declaration) -> bool:
    """Whether no empty line is needed between two declarations."""
    short = n.Use | n.Model | n.Let | n.Extern
    return isinstance(first, short) and isinstance(second, short)
