"""Nodes from what the parser reduces: one method for each rule of gflow.lark, called with the rule's parts,
tokens included, None for what was left out."""

from __future__ import annotations

from typing import Any

import msgspec

from gflow.grammar import nodes as n
from gflow.grammar.diagnostics import Diagnostic, syntax
from gflow.grammar.lexer import Token
from gflow.grammar.source import Span
from gflow.grammar.texts import decode

Parts = list[Any]


class Rejected(Exception):
    """The grammar allows it, the language does not."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.code)
        self.diagnostic = diagnostic


def _span(parts: Parts) -> Span:
    first, last = parts[0], next(part for part in reversed(parts) if part is not None)
    if isinstance(first, list):
        first = first[0]
    if isinstance(last, list):
        last = last[-1]
    span: Span = first.span.to(last.span)
    return span


def _name(token: Token) -> n.Name:
    return n.Name(token.text, span=token.span)


def _doc(token: Token) -> str:
    """The doc comments before a declaration or parameter; from now on they belong to it."""
    if token.doc is None:
        return ""
    token.doc.taken = True
    return "\n".join(comment.text.removeprefix("///").removeprefix(" ") for comment in token.doc.comments)


def _commas(parts: Parts) -> Parts:
    """The parts that are not commas."""
    return [part for part in parts if part is not None and not (isinstance(part, Token) and part.text == ",")]


def _pattern(part: n.Literal | Token) -> n.Literal | None:
    return part if isinstance(part, n.Literal) else None


def _plain(token: Token) -> str:
    return decode([token.value], long=token.text == '"""')[0]


class Builder:
    """Holds nothing: one instance serves every parse."""

    # --- declarations

    def use(self, p: Parts) -> n.Use:
        return n.Use(_plain(p[1]), _name(p[3]), _doc(p[0]), span=_span(p))

    def model(self, p: Parts) -> n.Model:
        args = p[5] or []
        for arg in args:
            if isinstance(arg, n.Node) and not isinstance(arg, n.Arg):
                raise Rejected(syntax.Unexpected(arg.span, "`as:` can't stand here", "a value", None))
        return n.Model(_name(p[1]), _name(p[3]), tuple(args), _doc(p[0]), span=_span(p))

    def let(self, p: Parts) -> n.Let:
        return n.Let(_name(p[1]), p[3], _doc(p[0]), span=_span(p))

    def record(self, p: Parts) -> n.RecordDecl:
        return n.RecordDecl(_name(p[1]), p[2], _doc(p[0]), span=_span(p))

    def extern(self, p: Parts) -> n.Extern:
        return n.Extern(
            _name(p[2]), tuple(p[4] or ()), p[7], _plain(p[9]), p[10] is not None, _doc(p[0]), span=_span(p)
        )

    def flow(self, p: Parts) -> n.Flow:
        return n.Flow(_name(p[1]), tuple(p[3] or ()), p[6], p[7], _doc(p[0]), span=_span(p))

    def test(self, p: Parts) -> n.Test:
        return n.Test(_plain(p[1]), p[2], _doc(p[0]), span=_span(p))

    def params(self, p: Parts) -> Parts:
        return _commas(p)

    def param(self, p: Parts) -> n.Param:
        bounds = (p[4], p[6]) if p[3] is not None else None
        return n.Param(_name(p[0]), p[2], bounds, p[8], _doc(p[0]), span=_span(p))

    # --- types

    def named_type(self, p: Parts) -> n.NamedType:
        return n.NamedType("".join(token.text for token in p), span=_span(p))

    def list_type(self, p: Parts) -> n.ListType:
        return n.ListType(p[2], span=_span(p))

    def optional_type(self, p: Parts) -> n.OptionalType:
        return n.OptionalType(p[0], span=_span(p))

    def choice_type(self, p: Parts) -> n.ChoiceType:
        return n.ChoiceType(tuple(_plain(token) for token in p if token.text != "|"), span=_span(p))

    def record_type(self, p: Parts) -> n.RecordType:
        return n.RecordType(tuple(p[1:-1]), span=_span(p))

    def field_type(self, p: Parts) -> tuple[n.Name, n.TypeNode]:
        return _name(p[0]), p[2]

    # --- statements

    def block(self, p: Parts) -> n.Block:
        return n.Block(tuple(p[1] or ()), span=_span(p))

    def statements(self, p: Parts) -> Parts:
        return p[::2]  # the ends of statements lie between

    def bind(self, p: Parts) -> n.Bind:
        return n.Bind(_name(p[0]), p[2], span=_span(p))

    def expect(self, p: Parts) -> n.Expect:
        return n.Expect(p[1], span=_span(p))

    # --- expressions

    def lambda_(self, p: Parts) -> n.Lambda:
        return n.Lambda(_name(p[0]), p[2], span=_span(p))

    def piped(self, p: Parts) -> n.Pipe:
        call = self._call(p[2], p[4], p[2].span.to(p[5].span))
        return n.Pipe(p[0], call, span=_span(p))

    def call(self, p: Parts) -> n.Call:
        if not isinstance(p[0], n.Ref | n.Field):
            raise Rejected(syntax.NotCallable(p[0].span))
        return self._call(p[0], p[2], _span(p))

    def _call(self, callee: n.Expr, args: Parts | None, span: Span) -> n.Call:
        types = [arg for arg in args or () if not isinstance(arg, n.Arg)]
        if len(types) > 1:
            raise Rejected(syntax.Unexpected(types[1].span, "`as:` is given twice", None, None))
        plain = tuple(arg for arg in args or () if isinstance(arg, n.Arg))
        return n.Call(callee, plain, types[0] if types else None, span=span)

    def args(self, p: Parts) -> Parts:
        return _commas(p)

    def positional(self, p: Parts) -> n.Arg:
        return n.Arg(None, p[0], span=p[0].span)

    def named(self, p: Parts) -> n.Arg:
        return n.Arg(_name(p[0]), p[2], span=_span(p))

    def as_type(self, p: Parts) -> n.TypeNode:
        type_: n.TypeNode = p[2]
        return type_

    def binary(self, p: Parts) -> n.Binary:
        return n.Binary(p[1].text, p[0], p[2], span=_span(p))

    def unary(self, p: Parts) -> n.Unary:
        return n.Unary(p[0].text, p[1], span=_span(p))

    def field(self, p: Parts) -> n.Field:
        return n.Field(p[0], _name(p[2]), span=_span(p))

    def index(self, p: Parts) -> n.Index:
        return n.Index(p[0], p[2], span=_span(p))

    def ref(self, p: Parts) -> n.Ref:
        return n.Ref(p[0].text, span=p[0].span)

    def parens(self, p: Parts) -> Any:
        return msgspec.structs.replace(p[1], span=_span(p))  # so that what contains it begins and ends right

    def list_(self, p: Parts) -> n.ListExpr:
        return n.ListExpr(tuple(p[1] or ()), span=_span(p))

    def items(self, p: Parts) -> Parts:
        return _commas(p)

    def record_(self, p: Parts) -> n.RecordExpr:
        return n.RecordExpr(tuple(_commas(p[1:-1])), span=_span(p))

    def short_record(self, p: Parts) -> n.RecordExpr:
        fields = ((_name(p[1]), n.Ref(p[1].text, span=p[1].span)),) if p[1] is not None else ()
        return n.RecordExpr(fields, span=_span(p))

    def entry(self, p: Parts) -> tuple[n.Name, n.Expr]:
        name = _name(p[0])
        return name, p[2] if p[2] is not None else n.Ref(name.text, span=name.span)

    def if_(self, p: Parts) -> n.If:
        orelse = p[4] if isinstance(p[4], n.Block) else n.Block((p[4],), span=p[4].span)
        return n.If(p[1], p[2], orelse, span=_span(p))

    def for_(self, p: Parts) -> n.For:
        index = _name(p[3]) if p[3] is not None else None
        return n.For(_name(p[1]), index, p[5], p[6], span=_span(p))

    def match(self, p: Parts) -> n.Match:
        return n.Match(p[1], tuple(p[3:-1:2]), span=_span(p))

    def case(self, p: Parts) -> n.Case:
        body = p[2]
        # `{ name }` was read as a record of one field; after `=>` it is a block.
        if isinstance(body, n.RecordExpr) and len(body.fields) == 1:
            name, value = body.fields[0]
            body = value if name.span == value.span else body
        return n.Case(_pattern(p[0]), n.Block((body,), span=p[2].span), span=_span(p))

    def case_block(self, p: Parts) -> n.Case:
        return n.Case(_pattern(p[0]), n.Block(tuple(p[3]), span=_span(p[2:])), span=_span(p))

    def refine(self, p: Parts) -> n.Refine:
        return n.Refine(_name(p[1]), p[3], p[6], p[7], p[9], keep_by=p[13], span=_span(p))

    def refine_else(self, p: Parts) -> n.Refine:
        return n.Refine(_name(p[1]), p[3], p[6], p[7], p[9], orelse=p[11], span=_span(p))

    def try_(self, p: Parts) -> n.Try:
        return n.Try(p[1], retry=p[3], backoff=p[5], timeout=p[7], orelse=p[9], span=_span(p))

    # --- literals

    def number(self, p: Parts) -> n.Literal:
        kind, value = p[0].value
        return n.Literal(kind, value, p[0].text, span=p[0].span)

    def negative(self, p: Parts) -> n.Literal:
        kind, value = p[1].value
        if kind == "size":
            raise Rejected(syntax.Unexpected(p[0].span, "`-` can't stand before a size", None, None))
        return n.Literal(kind, -value, "-" + p[1].text, span=_span(p))

    def text(self, p: Parts) -> n.Literal:
        return n.Literal("text", _plain(p[0]), p[0].span.text, span=p[0].span)

    def word(self, p: Parts) -> n.Literal:
        value = {"true": True, "false": False, "none": None}[p[0].text]
        return n.Literal("none" if value is None else "bool", value, p[0].text, span=p[0].span)

    def template(self, p: Parts) -> n.Template:
        texts = iter(decode([part.value for part in p[::2]], long=p[0].text == '"""'))
        parts: list[str | n.Expr] = []
        for part in p:
            if isinstance(part, Token):
                piece = next(texts)
                if piece:
                    parts.append(piece)
            else:
                parts.append(part)
        span = _span(p)
        return n.Template(tuple(parts), span.text, span=span)
