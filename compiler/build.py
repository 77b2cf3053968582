"""How an expression of the tree becomes a value of the IR: by the function that says it `@builds` that node.

Types are checked on the way. Where something is wrong, it is reported and a value of type `any` goes on in its
place, so that one mistake is told once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from xdsl.ir import Block, SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.scope import Scope
from gflow.compiler.typing import without_none
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.typing import Mismatch
from gflow.grammar.source import Span
from gflow.kernels import types as t

Builder = Callable[[Scope, Any, t.AnyType | None], SSAValue]
BuilderT = TypeVar("BuilderT", bound=Builder)

_BUILDERS: dict[type[n.Node], Builder] = {}


def builds(kind: type[n.Node]) -> Callable[[BuilderT], BuilderT]:
    """Says which node a function builds."""

    def note(builder: BuilderT) -> BuilderT:
        _BUILDERS[kind] = builder
        return builder

    return note


def build(scope: Scope, node: n.Expr, expected: t.AnyType | None = None) -> SSAValue:
    """The value of an expression. `expected` only guides (an empty list, a string for a choice); use `build_as`
    where another type would be wrong."""
    return _BUILDERS[type(node)](scope, node, expected)


def build_as(scope: Scope, node: n.Expr, expected: t.AnyType, what: str) -> SSAValue:
    """The value of an expression that must be of a type; `what` names its role in the message."""
    return convert(scope, build(scope, node, expected), expected, node.span, what)


def convert(scope: Scope, value: SSAValue, expected: t.AnyType, span: Span, what: str) -> SSAValue:
    """The value as one of the expected type; a mismatch is reported."""
    found = d.type_of(value)
    if not t.accepts(expected, found):
        hint = None
        if isinstance(found, t.Optional) and t.accepts(expected, found.item):
            hint = "it may be `none`: write `value ?? other` to say what then"
        elif expected == t.TEXT:
            hint = 'write "${…}" to make text of it'
        return scope.report(Mismatch(span, what, str(expected), str(found), hint))
    return widen(scope, value, expected, span)


def widen(scope: Scope, value: SSAValue, expected: t.AnyType, span: Span) -> SSAValue:
    """An int becomes a float where a float is asked for, in lists, too."""
    found, target = d.type_of(value), without_none(expected)
    if found == t.INT and target == t.FLOAT and isinstance(value.owner, d.ConstOp):
        return scope.add(d.const(float(json.loads(value.owner.value.data)), t.FLOAT), span)
    if found == t.INT and target == t.FLOAT:
        return scope.add(d.call("op", "float", {"value": value}, t.FLOAT), span)
    if (
        isinstance(found, t.ListOf)
        and isinstance(target, t.ListOf)
        and found.item == t.INT
        and target.item == t.FLOAT
    ):
        body = Block(arg_types=[d.value_type(t.INT), d.value_type(t.INT), d.KeyType()])
        inner = scope.inner(body)
        item = widen(inner, body.args[0], t.FLOAT, span)
        body.add_op(d.YieldOp(operands=[item]))
        return scope.add(
            d.MapOp(operands=[value, scope.key], result_types=[d.value_type(target)], regions=[d.region(body)]),
            span,
        )
    return value
