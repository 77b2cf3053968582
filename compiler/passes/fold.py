"""Constant folding: what is known when compiling is computed then, by the ops' own kernels."""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted
from gflow.kernels import types as t
from gflow.kernels.op import OpError, registry
from gflow.runtime import plan as p
from gflow.runtime.steps import widened

#: Results with a longer text as JSON stay calls.
_LONGEST = 10_000


class Fold(Pass):
    """What is known when compiling is computed then."""

    name: ClassVar[str] = "fold"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        self.calls = self.branches = 0
        for flow in module.ops:
            if isinstance(flow, d.FlowOp):
                self._block(flow.body.block)
        notes = []
        if self.calls:
            notes.append(f"{counted(self.calls, 'call')} of known values became constants")
        if self.branches:
            notes.append(
                f"{counted(self.branches, 'branch')} with a known condition became one".replace(
                    "branchs", "branches"
                )
            )
        return notes

    def _block(self, block: Block) -> None:
        op = block.first_op
        while op is not None:
            following = self._op(op)
            for region in op.regions if op.parent is block else ():
                self._block(region.block)
            op = following if op.parent is not block else op.next_op

    def _op(self, op: Operation) -> Operation | None:
        """Folds an op if it can be; gives what to look at next where the op is gone."""
        following = op.next_op
        match op:
            case d.CallOp() if op.kind.data == "op" and (value := _field(op)) is not None:
                d.replace(op, value)
                self.calls += 1
            case d.CallOp() if op.kind.data == "op" and (made := _evaluated(op)) is not None:
                assert op.parent is not None
                op.parent.insert_op_before(made, op)
                d.replace(op, made.result)
                self.calls += 1
            case d.IfOp() if (known := _known(op.condition)) is not None:
                following = self._splice(op, op.then if known[0] else op.orelse)
            case d.MatchOp() if (known := _known(op.subject)) is not None:
                following = self._splice(op, _arm(op, known[0]))
        return following

    def _splice(self, op: d.IfOp | d.MatchOp, region: Region) -> Operation | None:
        """Puts the ops of the branch that is taken in the place of the branching."""
        self.branches += 1
        block, outer = region.block, op.parent
        assert outer is not None
        first: Operation | None = None
        for inner in list(block.ops):
            if isinstance(inner, d.YieldOp):
                assert inner.value is not None
                value = inner.value
                d.remove(inner)
                following = first or op.next_op
                d.replace(op, value)
                return following
            d.detach(inner)
            outer.insert_op_before(inner, op)
            first = first or inner
        raise AssertionError("a branch ends with what it gives")


def _known(value: SSAValue) -> tuple[Any] | None:
    """The constant that a value is, as JSON holds it."""
    return (json.loads(value.owner.value.data),) if isinstance(value.owner, d.ConstOp) else None


def _arm(op: d.MatchOp, value: Any) -> Region:
    for case, region in zip(op.cases, op.arms, strict=False):
        if json.loads(case.data) == value:
            return region
    return op.arms[-1]


def _field(op: d.CallOp) -> SSAValue | None:
    """The field of a record that is made just for this."""
    if op.callee.data != ".":
        return None
    given = dict(zip((name.data for name in op.names), op.args, strict=False))
    record, name = given["value"] if "value" in given else op.args[0], _known(op.args[-1])
    owner = record.owner
    if name is None or not (isinstance(owner, d.CallOp) and owner.callee.data == "{}"):
        return None
    fields = dict(zip((each.data for each in owner.names), owner.args, strict=False))
    found = fields.get(name[0])
    return found if found is not None and d.type_of(found) == d.type_of(op.result) else None


def _evaluated(op: d.CallOp) -> d.ConstOp | None:
    """The constant that a call of constants gives; None where there is no such constant."""
    declared, result = registry()[op.callee.data], d.type_of(op.result)
    if not declared.pure or not _has_literal(result):
        return None
    values = []
    for arg in op.args:
        known = _known(arg)
        if known is None:
            return None
        values.append(p.decode(d.type_of(arg), known[0]))
    names = [name.data for name in op.names]
    args = widened(declared.signature, dict(zip(names, values, strict=False)))
    try:
        made = declared.kernel(*values[len(names) :], **args)
    except (OpError, OverflowError, ArithmeticError, ValueError):
        return None  # It says so when it runs.
    encoded = _encoded(made)
    if not _plain(encoded) or len(json.dumps(encoded)) > _LONGEST:
        return None
    constant = d.const(encoded, result)
    constant.location = op.location
    return constant


def _has_literal(type_: t.AnyType) -> bool:
    match type_:
        case t.ListOf(item) | t.Optional(item):
            return _has_literal(item)
        case t.Record(fields):
            return all(_has_literal(field) for _, field in fields)
        case t.Choice():
            return True
        case _:
            return type_ in (t.TEXT, t.INT, t.FLOAT, t.BOOL, t.SIZE, t.DURATION)


def _encoded(value: Any) -> Any:
    match value:
        case t.Size():
            return list(value)
        case list():
            return [_encoded(item) for item in value]
        case dict():
            return {name: _encoded(item) for name, item in value.items()}
        case _:
            return value


def _plain(value: Any) -> bool:
    """Whether JSON holds a value exactly."""
    match value:
        case bool() | str() | None:
            return True
        case int():
            return abs(value) < 2**53
        case float():
            return math.isfinite(value)
        case list():
            return all(_plain(item) for item in value)
        case dict():
            return all(_plain(item) for item in value.values())
    return False
