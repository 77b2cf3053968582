"""Blocks and what holds them: `if`, `for`, `match`, `refine`, `try`, and the operators that may not look at
their right side."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.build import build, build_as, builds, convert, widen
from gflow.compiler.scope import Naming, Scope
from gflow.compiler.typing import without_none
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.names import UnusedBinding
from gflow.grammar.diagnostics.typing import (
    BadPattern,
    BranchesDiffer,
    Mismatch,
    NoOperator,
    NotExhaustive,
    NoValue,
    UnusedValue,
)
from gflow.grammar.source import Span
from gflow.kernels import types as t

# A region before the type of the whole is known: its block, its value, and where to complain.
_Branch = tuple[Scope, SSAValue, Span]


# --- blocks ----------------------------------------------------------------------------------------


def statements(scope: Scope, block: n.Block, what: str, expected: t.AnyType | None = None) -> SSAValue | None:
    """Builds a block's statements into the scope; gives the value of the last one, None where it has none
    (a last line that binds a name gives no value; `what` is empty where none is needed)."""
    value: SSAValue | None = None
    last = len(block.statements) - 1
    for position, statement in enumerate(block.statements):
        match statement:
            case n.Bind(name, bound):
                outer, scope.naming = scope.naming, Naming(name.text)
                scope.bind(name, build(scope, bound))
                scope.naming = outer
            case n.Expect():
                _expect(scope, statement)
            case _:
                value = build(scope, statement, expected if position == last else None)
                if position != last:
                    scope.module.report(UnusedValue(statement.span))
                    value = None
    if value is None and what:
        value = scope.report(NoValue(_last_span(block), what))
    for bound_name, local in scope.locals.items():
        # Parameters and the items of a `for` are block arguments; the former have a warning of their own.
        if not local.used and not bound_name.startswith("_") and isinstance(local.value.owner, Operation):
            scope.module.report(UnusedBinding(local.span, bound_name))
    return value


def _last_span(block: n.Block) -> Span:
    return block.statements[-1].span if block.statements else block.span


def _expect(scope: Scope, node: n.Expect) -> None:
    condition = node.condition
    shown: dict[str, SSAValue] = {}
    if isinstance(condition, n.Binary) and condition.op not in ("and", "or", "??", ".."):
        # Built once, shown and compared: equal calls are shared later anyway.
        value = build_as(scope, condition, t.BOOL, "what is expected")
        owner = value.owner
        if isinstance(owner, d.CallOp):
            for side, operand in zip((condition.left, condition.right), owner.args, strict=False):
                if not isinstance(side, n.Literal):
                    shown[side.span.text] = operand
    else:
        value = build_as(scope, condition, t.BOOL, "what is expected")
    op = d.ExpectOp(
        operands=[value, list(shown.values())],
        properties={"text": StringAttr(condition.span.text), "names": d.strings(list(shown))},
    )
    scope.block.add_op(d.located(op, node.span))


def _branch(
    scope: Scope,
    make: Callable[[Scope], SSAValue],
    span: Span,
    arg_types: tuple[Any, ...] = (),
    key_at: int | None = None,
) -> _Branch:
    """A region being built: `make` fills the scope of its block and gives its value."""
    block = Block(arg_types=arg_types)
    inner = scope.inner(block, None if key_at is None else block.args[key_at])
    return inner, make(inner), span


def _block_branch(scope: Scope, block: n.Block, what: str, expected: t.AnyType | None) -> _Branch:
    return _branch(scope, lambda inner: _value_of(inner, block, what, expected), _last_span(block))


def _value_of(scope: Scope, block: n.Block, what: str, expected: t.AnyType | None) -> SSAValue:
    value = statements(scope, block, what, expected)
    assert value is not None
    return value


def _join(scope: Scope, branches: list[_Branch], what: str) -> t.AnyType:
    """The one type of some branches; their blocks are closed with it."""
    joined: t.AnyType = t.ANY
    for _, value, span in branches:
        wider = t.join(joined, d.type_of(value))
        if wider is None:
            scope.report(BranchesDiffer(span, what, str(joined), str(d.type_of(value))))
            wider = t.ANY
        joined = wider
    for inner, value, span in branches:
        _close(inner, widen(inner, value, joined, span))
    return joined


def _close(scope: Scope, value: SSAValue) -> None:
    scope.block.add_op(d.YieldOp(operands=[value]))


# --- if and the lazy operators ---------------------------------------------------------------------


@builds(n.If)
def if_(scope: Scope, node: n.If, expected: t.AnyType | None) -> SSAValue:
    condition = build_as(scope, node.condition, t.BOOL, "a condition")
    then = _block_branch(scope, node.then, "this branch", expected)
    orelse = _block_branch(scope, node.orelse, "this branch", expected)
    return _if(scope, condition, then, orelse, node.span)


def _if(scope: Scope, condition: SSAValue, then: _Branch, orelse: _Branch, span: Span) -> SSAValue:
    type_ = _join(scope, [then, orelse], "the branches of an `if`")
    op = d.IfOp(
        operands=[condition],
        result_types=[d.value_type(type_)],
        regions=[d.region(then[0].block), d.region(orelse[0].block)],
    )
    return scope.add(op, span)


def short_circuit(scope: Scope, node: n.Binary) -> SSAValue:
    """`a and b` looks at `b` only where `a` is true; `a or b` only where it is false."""
    what = f"what stands beside `{node.op}`"
    left = build_as(scope, node.left, t.BOOL, what)
    right = _branch(scope, lambda inner: build_as(inner, node.right, t.BOOL, what), node.right.span)
    known = node.op == "or"
    shortcut = _branch(scope, lambda inner: inner.add(d.const(known, t.BOOL), node.span), node.left.span)
    then, orelse = (shortcut, right) if known else (right, shortcut)
    return _if(scope, left, then, orelse, node.span)


def default(scope: Scope, node: n.Binary, expected: t.AnyType | None) -> SSAValue:
    """`a ?? b` is `a`, or `b` where `a` is none."""
    left = build(scope, node.left, t.Optional(expected) if expected is not None else None)
    type_ = d.type_of(left)
    if type_ != t.ANY and type_ != t.NONE and not isinstance(type_, t.Optional):
        return scope.report(NoOperator(node.span, "??", f"`{type_}`", "the left side is never `none`"))
    none = scope.add(d.const(None, t.NONE), node.span)
    missing = scope.add(d.call("op", "==", {"left": left, "right": none}, t.BOOL), node.span)
    present_type = t.ANY if type_ == t.NONE else without_none(type_)

    def present(inner: Scope) -> SSAValue:
        return inner.add(d.call("op", "present", {"value": left}, present_type), node.left.span)

    then = _branch(scope, lambda inner: build(inner, node.right, present_type), node.right.span)
    return _if(scope, missing, then, _branch(scope, present, node.left.span), node.span)


# --- for -------------------------------------------------------------------------------------------


@builds(n.For)
def for_(scope: Scope, node: n.For, expected: t.AnyType | None) -> SSAValue:
    items = build(scope, node.items)
    type_ = d.type_of(items)
    item_type: t.AnyType = t.ANY
    if isinstance(type_, t.ListOf):
        item_type = type_.item
    elif type_ != t.ANY:
        scope.report(Mismatch(node.items.span, "what `for` goes over", "list<T>", str(type_)))
    target = without_none(expected) if expected is not None else None
    wanted = target.item if isinstance(target, t.ListOf) else None
    key = scope.take_key(node.span)

    def body(inner: Scope) -> SSAValue:
        inner.bind(node.item, inner.block.args[0])
        if node.index is not None:
            inner.bind(node.index, inner.block.args[1])
        return _value_of(inner, node.body, "the body of a `for`", wanted)

    args = (d.value_type(item_type), d.value_type(t.INT), d.KeyType())
    inner, value, _ = _branch(scope, body, node.body.span, args, key_at=2)
    _close(inner, value)
    result = d.value_type(t.ListOf(d.type_of(value)))
    op = d.MapOp(operands=[items, key], result_types=[result], regions=[d.region(inner.block)])
    return scope.add(op, node.span)


# --- match -----------------------------------------------------------------------------------------


@builds(n.Match)
def match_(scope: Scope, node: n.Match, expected: t.AnyType | None) -> SSAValue:
    subject = build(scope, node.subject)
    type_ = d.type_of(subject)
    seen: list[Any] = []
    branches: list[_Branch] = []
    has_default = False
    for case in node.cases:
        if has_default:
            scope.report(BadPattern(case.span, "`_` above already takes everything"))
        elif case.pattern is None:
            has_default = True
        else:
            _check_pattern(scope, case.pattern, type_, seen)
        branches.append(_block_branch(scope, case.body, "this case", expected))
    missing = _missing(type_, seen)
    if not has_default and missing:
        return scope.report(NotExhaustive(node.subject.span, missing, str(type_)))
    joined = _join(scope, branches, "the cases of a `match`")
    if len(seen) + has_default != len(branches):
        return scope.add(d.const(None, t.ANY), node.span)
    op = d.MatchOp(
        operands=[subject],
        properties={"cases": d.strings([json.dumps(value, ensure_ascii=False) for value in seen])},
        result_types=[d.value_type(joined)],
        regions=[[d.region(inner.block) for inner, _, _ in branches]],
    )
    return scope.add(op, node.span)


def _check_pattern(scope: Scope, pattern: n.Literal, type_: t.AnyType, seen: list[Any]) -> None:
    # Built only to see its type: the value goes into the op as it is.
    found = build(scope.inner(Block()), pattern, type_)
    if d.type_of(found) != t.ANY and t.join(type_, d.type_of(found)) is None:
        scope.report(Mismatch(pattern.span, "this case", str(type_), str(d.type_of(found))))
    value = list(pattern.value) if pattern.kind == "size" else pattern.value
    if any(value == other and type(value) is type(other) for other in seen):
        scope.report(BadPattern(pattern.span, "the same value stands above"))
    seen.append(value)


def _missing(type_: t.AnyType, seen: list[Any]) -> str:
    """The cases that are not covered, in words; empty where all are."""
    if type_ == t.ANY:
        return ""
    if type_ == t.BOOL:
        left = [name for name, value in (("true", True), ("false", False)) if value not in seen]
    elif isinstance(type_, t.Choice):
        left = [f'"{value}"' for value in type_.values if value not in seen]
    else:
        return "every other value"
    return ", ".join(left)


# --- refine and try --------------------------------------------------------------------------------


@builds(n.Refine)
def refine(scope: Scope, node: n.Refine, expected: t.AnyType | None) -> SSAValue:
    start = build(scope, node.start, expected) if node.start is not None else None
    limit = build_as(scope, node.limit, t.INT, "the number of attempts")
    key = scope.take_key(node.span)

    def body(inner: Scope) -> SSAValue:
        if start is not None:
            inner.bind(node.name, inner.block.args[0])
            inner.locals[node.name.text].used = True
        return _value_of(inner, node.body, "the body of a `refine`", expected)

    before = d.value_type(d.type_of(start) if start is not None else t.ANY)
    attempt, value, span = _branch(scope, body, _last_span(node.body), (before, d.KeyType()), key_at=1)
    type_ = d.type_of(value)
    if start is not None:
        value = convert(attempt, value, d.type_of(start), span, "an attempt's value, like the one before,")
        type_ = d.type_of(start)
    _close(attempt, value)

    def judged(expr: n.Expr, wanted: t.AnyType, what: str) -> Block:
        def make(inner: Scope) -> SSAValue:
            inner.bind(node.name, inner.block.args[0])
            return build_as(inner, expr, wanted, what)

        inner, result, _ = _branch(scope, make, expr.span, (d.value_type(type_),))
        _close(inner, result)
        return inner.block

    until = judged(node.until, t.BOOL, "`until`")
    keep = [] if node.keep_by is None else [d.region(judged(node.keep_by, t.FLOAT, "what to keep the best by"))]
    orelse = []
    if node.orelse is not None:
        inner, other, other_span = _block_branch(scope, node.orelse, "`else`", type_)
        _close(inner, convert(inner, other, type_, other_span, "`else`, like the attempts,"))
        orelse = [d.region(inner.block)]
    op = d.RefineOp(
        operands=[limit, [] if start is None else [start], key],
        result_types=[d.value_type(type_)],
        regions=[d.region(attempt.block), d.region(until), keep, orelse],
    )
    return scope.add(op, node.span)


@builds(n.Try)
def try_(scope: Scope, node: n.Try, expected: t.AnyType | None) -> SSAValue:
    def optional(expr: n.Expr | None, type_: t.AnyType, what: str) -> list[SSAValue]:
        return [] if expr is None else [build_as(scope, expr, type_, what)]

    retry = optional(node.retry, t.INT, "`retry`")
    backoff = optional(node.backoff, t.DURATION, "`backoff`")
    timeout = optional(node.timeout, t.DURATION, "`timeout`")
    branches = [_block_branch(scope, node.body, "`try`", expected)]
    if node.orelse is not None:
        branches.append(_block_branch(scope, node.orelse, "`else`", expected))
    type_ = _join(scope, branches, "`try` and its `else`")
    op = d.TryOp(
        operands=[retry, backoff, timeout],
        result_types=[d.value_type(type_)],
        regions=[d.region(branches[0][0].block), [d.region(inner.block) for inner, _, _ in branches[1:]]],
    )
    return scope.add(op, node.span)
