"""Tree to text, in the one style there is: two spaces, one statement a line, lines of at most 100 characters.

Formatting what was formatted changes nothing, the tree stays the same, and no comment is lost. What the
author broke over lines stays broken where either way is fine: blocks of one statement and chains of `|>`.
Empty lines between statements stay, one at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from gflow.grammar import nodes as n
from gflow.grammar.comments import Part, Placer, ordinary
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
from gflow.grammar.source import Span
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


class _Printer(Placer):
    """Walks a tree in the order of its source."""

    # --- declarations

    def file(self, file: n.File) -> Doc:
        all_ = file.declarations
        return self.lines(
            [(declaration.span, partial(self.declaration, declaration)) for declaration in all_],
            0,
            len(self.text) + 1,
            apart=lambda index: index > 0 and not _may_touch(all_[index - 1], all_[index]),
            show=ordinary,
        )

    def declaration(self, node: n.Declaration) -> Doc:
        return Concat([_doc(node.doc), self._declaration(node)])

    def _declaration(self, node: n.Declaration) -> Doc:
        match node:
            case n.Use():
                return Text(f'use "{quote(node.path)}" as {node.name.text}')
            case n.Model():
                args = [(arg.span, partial(self.arg, arg)) for arg in node.args]
                return Concat(
                    [f"model {node.name.text} = {node.provider.text}", self.listed("(", args, ")", node.span)]
                )
            case n.Let():
                return Concat([f"let {node.name.text} = ", self.expr(node.value)])
            case n.RecordDecl():
                return Concat([f"record {node.name.text} ", self.record_body(node.type)])
            case n.Extern():
                tail: list[Doc | str] = [
                    " -> ",
                    self.type(node.result),
                    f' from "{quote(node.target)}"',
                    " impure" * node.impure,
                ]
                return Concat([f"extern op {node.name.text}", self.params(node.params, node.result.span), *tail])
            case n.Flow():
                end = node.result.span if node.result is not None else node.body.span
                head: list[Doc | str] = [
                    f"flow {node.name.text}",
                    self.params(node.params, end),
                    self.result(node.result),
                    " ",
                ]
                return Concat([*head, self.block(node.body, broken=True)])
            case n.Test():
                return Concat([f'test "{quote(node.title)}" ', self.block(node.body, broken=True)])

    def params(self, params: Sequence[n.Param], following: Span) -> Doc:
        parts = [(param.span, partial(self.param, param)) for param in params]
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
        fields = [(name.span.to(type_.span), partial(self.field_type, name, type_)) for name, type_ in node.fields]
        body = self.lines(fields, node.span.start + 1, node.span.end)
        return Group("{", Indent(Line(hard=True), body), Line(hard=True), "}")

    # --- types

    def field_type(self, name: n.Name, type_: n.TypeNode) -> Doc:
        return Concat([f"{name.text}: ", self.type(type_)])

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
                fields = [self.field_type(name, type_) for name, type_ in node.fields]
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
        parts = [(item.span, partial(self.statement, item)) for item in node.statements]
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
                items = [(item.span, partial(self.expr, item)) for item in node.items]
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

        short = len(node.fields) > 1
        parts = [(name.span.to(value.span), partial(self.entry, name, value, short)) for name, value in node.fields]
        return self.listed("{", parts, "}", node.span, padding=" ")

    def entry(self, name: n.Name, value: n.Expr, short: bool) -> Doc:
        """A field. short: it may be a name alone, where it was written so (a `{ name }` might be a block)."""
        if short and name.span == value.span and name.span.end > name.span.start:
            return Text(name.text)
        return Concat([f"{name.text}: ", self.expr(value)])

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
        parts: list[Part] = [(arg.span, partial(self.arg, arg)) for arg in node.args]
        if node.as_type is not None:
            type_ = node.as_type
            place = next((i for i, arg in enumerate(node.args) if arg.span.start > type_.span.start), len(parts))
            parts.insert(place, (type_.span, partial(self.as_type, type_)))
        return Concat([callee, self.listed("(", parts, ")", node.span)])

    def as_type(self, node: n.TypeNode) -> Doc:
        return Concat(["as: ", self.type(node)])

    def arg(self, node: n.Arg) -> Doc:
        if node.name is not None:
            return Concat([f"{node.name.text}: ", self.expr(node.value)])
        value = self.expr(node.value)
        return Concat(["(", value, ")"]) if _first_word(node.value) == "as" else value

    def listed(self, opener: str, parts: Sequence[Part], closer: str, span: Span, padding: str = "") -> Doc:
        """Parts between brackets with commas, on one line or on a line each. Comments up to `span.end` stay."""
        out: list[Doc | str] = []
        for index, part in enumerate(parts):
            comments, doc, behind = self.item(part)
            for comment in comments:
                out += [ordinary(comment), Line(hard=True)]
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
        parts = [(case.span, partial(self.case, case)) for case in node.cases]
        start = node.cases[0].span.start if node.cases else node.span.end
        body = self.lines(parts, start, node.span.end)
        return Concat(["match ", subject, " ", Group("{", Indent(Line(), body), Line(), "}", broken=not self.flat)])

    def case(self, node: n.Case) -> Doc:
        pattern = "_" if node.pattern is None else self.literal(node.pattern)
        match node.body.statements:
            case (n.Bind() | n.Expect(),) | [_, _, *_]:
                return Concat([f"{pattern} => ", self.block(node.body)])
            case (expr,):
                return Concat([f"{pattern} => ", self.expr(cast("n.Expr", expr))])
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


def _may_touch(first: n.Declaration, second: n.Declaration) -> bool:
    """Whether no empty line is needed between two declarations."""
    short = n.Use | n.Model | n.Let | n.Extern
    return isinstance(first, short) and isinstance(second, short)
