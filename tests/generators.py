"""Random files: trees that the grammar can hold, well typed or not, made node by node."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st

from gflow.grammar import nodes as n
from gflow.grammar.source import Source, Span
from gflow.grammar.texts import quote

SPAN = Span(Source("generated.gflow", ""), 0, 0)

_NAMES = [
    "x", "img", "prompt", "up", "to", "best", "by", "in", "from", "keep", "until", "retry", "model", "test",
    "list", "op", "as", "_", "ünïcode", "über_9",
]  # fmt: skip
_BINARY = [
    "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "??", "..",
]  # fmt: skip
_NUMBERS = [
    ("int", 0, "0"),
    ("int", 12, "12"),
    ("int", 1000, "1_000"),
    ("float", 0.5, "0.5"),
    ("float", 0.001, "1e-3"),
    ("float", 0.4, "40%"),
    ("float", 24.0, "24fps"),
    ("float", 2.0, "2x"),
    ("int", 512 * 1024**2, "512MiB"),
    ("int", 3000, "3KB"),
    ("duration", 4.0, "4s"),
    ("duration", 0.25, "250ms"),
    ("duration", 120.0, "2min"),
    ("size", (1024, 768), "1024x768"),
    ("bool", True, "true"),
    ("bool", False, "false"),
    ("none", None, "none"),
    ("text", "one\n  two\n", '"""\n    one\n      two\n    """'),
    ("text", 'say "hi"', '"""say "hi\\""""'),
]

names = st.sampled_from(_NAMES).map(lambda text: n.Name(text, span=SPAN))
# Surrogates are no characters of UTF-8 text.
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
numbers = st.sampled_from([n.Literal(kind, value, raw, span=SPAN) for kind, value, raw in _NUMBERS])
text_literals = texts.map(lambda value: n.Literal("text", value, f'"{quote(value)}"', span=SPAN))
literals = numbers | text_literals
refs = names.map(lambda name: n.Ref(name.text, span=SPAN))
# Comment lines hold what can be typed on a line; spaces at their ends are not kept.
docs = st.lists(st.from_regex(r"\A[a-z/]([ a-z]*[a-z])?\Z"), max_size=2).map("\n".join)


def _later(make: Callable[..., st.SearchStrategy]) -> Callable[..., st.SearchStrategy]:
    """The strategy is made when it is first drawn from, once for the same arguments."""

    @cache
    def later(*args: int) -> st.SearchStrategy:
        return st.deferred(lambda: make(*args))

    return later


def _tuples(strategy: st.SearchStrategy, low: int = 0, high: int = 3) -> st.SearchStrategy:
    return st.lists(strategy, min_size=low, max_size=high).map(tuple)


def _build(type_: type, *args: st.SearchStrategy, **kwargs: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(type_, *args, span=st.just(SPAN), **kwargs)


@_later
def types(depth: int = 2) -> st.SearchStrategy[n.TypeNode]:
    named = st.sampled_from(["text", "int", "image", "Point", "shapes.Point"])
    leaves = _build(n.NamedType, named) | _build(n.ChoiceType, _tuples(texts, 1))
    if depth == 0:
        return leaves
    inner = types(depth - 1)
    return leaves | _build(n.ListType, inner) | _build(n.OptionalType, inner) | record_types(depth - 1)


@_later
def record_types(depth: int) -> st.SearchStrategy[n.RecordType]:
    return _build(n.RecordType, _tuples(st.tuples(names, types(depth)), 1))


@st.composite
def templates(draw: st.DrawFn, depth: int) -> n.Template:
    parts: list[str | n.Expr] = []
    for _ in range(draw(st.integers(1, 2))):
        text = draw(texts)
        parts += [text] if text else []
        parts.append(draw(exprs(depth)))
    text = draw(texts)
    return n.Template((*parts, *([text] if text else [])), "", span=SPAN)


@_later
def callees(depth: int) -> st.SearchStrategy[n.Expr]:
    return refs | _build(n.Field, exprs(depth), names)


@_later
def calls(depth: int) -> st.SearchStrategy[n.Call]:
    return _build(n.Call, callees(depth), _tuples(args(depth)), st.none() | types(1))


@_later
def piped(depth: int) -> st.SearchStrategy[n.Call]:
    callee = refs | _build(n.Field, refs, names)
    return _build(n.Call, callee, _tuples(args(depth)), st.none() | types(1))


@_later
def args(depth: int) -> st.SearchStrategy[n.Arg]:
    argument_names = names.filter(lambda name: name.text != "as")
    return _build(n.Arg, st.none() | argument_names, exprs(depth))


@_later
def blocks(depth: int, low: int = 0) -> st.SearchStrategy[n.Block]:
    value = exprs(depth)
    statement = value | _build(n.Bind, names, value) | _build(n.Expect, value)
    return _build(n.Block, _tuples(statement, low))


@_later
def cases(depth: int) -> st.SearchStrategy[n.Case]:
    pattern = st.none() | literals | st.just(n.Literal("int", -3, "-3", span=SPAN))
    return _build(n.Case, pattern, blocks(depth, 1))


@_later
def exprs(depth: int = 2) -> st.SearchStrategy[n.Expr]:
    leaves = literals | refs
    if depth == 0:
        return leaves
    depth -= 1
    inner, block = exprs(depth), blocks(depth)
    optional, maybe_block = st.none() | inner, st.none() | block
    return st.one_of(
        leaves,
        templates(depth),
        _build(n.ListExpr, _tuples(inner)),
        _build(n.RecordExpr, _tuples(st.tuples(names, inner))),
        _build(n.Unary, st.sampled_from(["-", "not"]), inner),
        _build(n.Binary, st.sampled_from(_BINARY), inner, inner),
        _build(n.Field, inner, names),
        _build(n.Index, inner, inner),
        calls(depth),
        _build(n.Pipe, inner, piped(depth)),
        _build(n.Lambda, names, inner),
        _build(n.If, inner, block, block),
        _build(n.For, names, st.none() | names, inner, block),
        _build(n.Match, inner, _tuples(cases(depth), 1)),
        _build(n.Refine, names, optional, inner, block, inner, keep_by=optional),
        _build(n.Refine, names, optional, inner, block, inner, orelse=maybe_block),
        _build(n.Try, block, optional, optional, optional, maybe_block),
    )


def params() -> st.SearchStrategy[tuple[n.Param, ...]]:
    value = exprs(1)
    return _tuples(_build(n.Param, names, types(), st.none() | st.tuples(value, value), st.none() | value, docs))


def declarations() -> st.SearchStrategy[n.Declaration]:
    plain_args = _tuples(args(1))
    return st.one_of(
        _build(n.Use, texts, names, docs),
        _build(n.Model, names, names, plain_args, docs),
        _build(n.Let, names, exprs(), docs),
        _build(n.RecordDecl, names, record_types(1), docs),
        _build(n.Extern, names, params(), types(), texts, st.booleans(), docs),
        _build(n.Flow, names, params(), st.none() | types(), blocks(2), docs),
        _build(n.Test, texts, blocks(2), docs),
    )


def files() -> st.SearchStrategy[n.File]:
    """Files whose nodes stand nowhere: their spans are empty."""
    return _tuples(declarations(), 0, 4).map(lambda all_: n.File(SPAN.source, all_, span=SPAN))
