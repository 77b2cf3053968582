"""Batches: which iterations may run together, and in which sizes calls of one model then run.

Only the marks are set here. The runtime gathers the calls that wait at the same time, across branches and
statements, and runs them as batches of these sizes, the cheapest way by the table of costs.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import ClassVar

from xdsl.dialects.builtin import IntAttr, ModuleOp, StringAttr
from xdsl.ir import Operation, SSAValue
from xdsl.traits import is_side_effect_free

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted, models
from gflow.kernels.models import providers
from gflow.runtime.costs import SIZES, Costs

#: As many attempts of a refine are weighed where its limit is not known.
ATTEMPTS = 8

#: And no more than so many.
MOST = 64


class Batch(Pass):
    """Calls of one model in loops and attempts run as batches."""

    name: ClassVar[str] = "batch"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        stages = _stages(module, target)
        inside = _Inside(module, stages)
        notes: list[str] = []
        together: dict[Operation, int] = {}
        loops = [op for op in module.walk() if isinstance(op, (d.MapOp, d.RefineOp))]
        # Inner loops first: an outer one need not bring what fills a batch already.
        for loop in reversed(loops):
            found = inside.of(loop)
            if not found or not is_side_effect_free(loop):
                continue
            count = _together(loop, found, together, target.costs)
            if count > 1:
                together[loop] = count
                loop.properties["together"] = IntAttr(count)
        for loop in loops:
            if loop in together:
                kind = "iterations" if isinstance(loop, d.MapOp) else "attempts"
                called = ", ".join(dict.fromkeys(inside.of(loop)))
                notes.append(f"up to {together[loop]} {kind} run together: {called}")
        return notes + _sized(stages, together, target.costs)


def _stages(module: ModuleOp, target: Target) -> dict[d.CallOp, str]:
    """The calls that may run in batches, and the stage that each is, `diffusion.denoise`."""
    declared, stages = models(module), dict[d.CallOp, str]()
    for op in module.walk():
        if isinstance(op, d.CallOp) and op.kind.data == "method":
            model, _, method = op.callee.data.rpartition(".")
            provider = providers()[declared[model].provider.data]
            lowered = declared[model].lowered is not None or target.staged
            if lowered and provider.method(method).uniform is not None:
                stages[op] = f"{provider.name}.{method}"
    return stages


class _Inside:
    """The stages that are called inside an op, in order, those in flows that it calls too."""

    def __init__(self, module: ModuleOp, stages: dict[d.CallOp, str]) -> None:
        self.stages = stages
        self.flows = {op.sym_name.data: op for op in module.ops if isinstance(op, d.FlowOp)}
        self._flows: dict[str, list[str]] = {}

    def of(self, op: Operation) -> list[str]:
        found: list[str] = []
        for inner in op.walk():
            if isinstance(inner, d.CallOp) and inner in self.stages:
                found.append(self.stages[inner])
            elif isinstance(inner, d.CallOp) and inner.kind.data == "flow":
                found += self._flow(inner)
        return found

    def _flow(self, call: d.CallOp) -> list[str]:
        name = call.callee.data
        if name not in self._flows:
            self._flows[name] = self.of(self.flows[name])
        return self._flows[name]


def _together(loop: d.MapOp | d.RefineOp, stages: list[str], marked: dict[Operation, int], costs: Costs) -> int:
    """How many rounds of a loop run at once: as many as fill the largest batch."""
    if isinstance(loop, d.RefineOp):
        return _window(loop, stages, costs)
    inner = [op for op in loop.walk() if op in marked]
    width = max((min(_length(op) or marked[op], marked[op]) for op in inner), default=1)
    return max(1, SIZES[-1] // width)


def _window(loop: d.RefineOp, stages: list[str], costs: Costs) -> int:
    """The attempts of a refine that are made at once: those that cost least on average, where each is as likely as
    another to be the one that passes."""
    if loop.start is not None:
        return 1
    limit = max(1, min(_constant(loop.limit) or ATTEMPTS, MOST))

    def expected(size: int) -> float:
        one = sum(costs.batch(stage, size) for stage in stages)
        return sum(-(-passing // size) for passing in range(1, limit + 1)) * one / limit

    return min((size for size in SIZES if size == 1 or size <= limit), key=expected)


def _constant(value: SSAValue) -> int | None:
    """A whole number that is known."""
    if isinstance(value.owner, d.ConstOp):
        found = json.loads(value.owner.value.data)
        return found if isinstance(found, int) else None
    return None


def _length(loop: Operation) -> int | None:
    """How many items a map has, where that is known."""
    if not isinstance(loop, d.MapOp):
        return None
    source = loop.items.owner
    if isinstance(source, d.ConstOp):
        found = json.loads(source.value.data)
        return len(found) if isinstance(found, list) else None
    if isinstance(source, d.CallOp) and source.callee.data == "..":
        low, high = (_constant(arg) for arg in source.args)
        return None if low is None or high is None else max(1, high - low + 1)
    if isinstance(source, d.CallOp) and source.callee.data == "[]":
        return len(source.args)
    return None


def _sized(stages: dict[d.CallOp, str], together: dict[Operation, int], costs: Costs) -> list[str]:
    """Gives each call its sizes: up to as many as may meet."""
    meet: Counter[tuple[str, ...]] = Counter()
    straight: Counter[tuple[str, ...]] = Counter()
    for call in stages:
        width, op = 1, call.parent_op()
        while op is not None:
            width, op = width * together.get(op, 1), op.parent_op()
        meet[_kind(call, stages[call])] += width
        straight[_kind(call, stages[call])] += width == 1
    for call, stage in stages.items():
        sizes = _useful(stage, meet[_kind(call, stage)], costs)
        call.properties["batch"] = StringAttr(" ".join(map(str, sizes)))
    return [
        f"{counted(count, 'call')} of `{callee}` may meet in a batch"
        for (callee, *_), count in straight.items()
        if count > 1
    ]


def _kind(call: d.CallOp, stage: str) -> tuple[str, ...]:
    """Calls of one kind may meet: of one model and stage, with the same of the arguments that may be left out."""
    provider, _, name = stage.partition(".")
    params = providers()[provider].method(name).signature.params
    optional = {param.name for param in params if param.default is None}
    return call.callee.data, *(each.data for each in call.names if each.data in optional)


def _useful(stage: str, meet: int, costs: Costs) -> list[int]:
    """The sizes that are worth their while: up to what may meet, and cheaper than smaller ones."""
    sizes = [1]
    for size in SIZES[1:]:
        cheaper = costs.batch(stage, size) < size / sizes[-1] * costs.batch(stage, sizes[-1])
        if size < 2 * meet and cheaper:
            sizes.append(size)
    return sizes
