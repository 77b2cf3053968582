"""Batches: which iterations may run together, and in which sizes calls of one model then run.

Only the marks are set here. The runtime gathers the calls that wait at the same time, across branches and
statements, and runs them as batches of these sizes.
"""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import IntAttr, ModuleOp, StringAttr
from xdsl.traits import is_side_effect_free

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, models
from gflow.kernels.models import providers
from gflow.runtime.costs import SIZES, Costs


class Batch(Pass):
    """Calls of one model in loops and attempts run as batches."""

    name: ClassVar[str] = "batch"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        declared = models(module)
        stages: dict[d.CallOp, str] = {}
        for op in module.walk():
            if isinstance(op, d.CallOp) and op.kind.data == "method":
                model, _, method = op.callee.data.rpartition(".")
                provider = providers()[declared[model].provider.data]
                lowered = declared[model].lowered is not None or target.staged
                if lowered and provider.method(method).uniform is not None:
                    op.properties["batch"] = StringAttr(" ".join(map(str, SIZES)))
                    stages[op] = f"{provider.name}.{method}"
        notes: list[str] = []
        for loop in module.walk():
            if isinstance(loop, (d.MapOp, d.RefineOp)) and is_side_effect_free(loop):
                inside = [stages[op] for op in loop.walk() if isinstance(op, d.CallOp) and op in stages]
                together = _together(loop, inside, target.costs) if inside else 1
                if together > 1:
                    loop.properties["together"] = IntAttr(together)
                    kind = "iterations" if isinstance(loop, d.MapOp) else "attempts"
                    notes.append(f"up to {together} {kind} run together: {', '.join(dict.fromkeys(inside))}")
        return notes


def _together(loop: d.MapOp | d.RefineOp, stages: list[str], costs: Costs) -> int:
    if isinstance(loop, d.MapOp):
        return SIZES[-1]
    if loop.start is not None:
        return 1
    # Which attempt will pass is not known: each of eight is as likely as another.
    return min(SIZES, key=lambda size: _expected(size, stages, costs))


def _expected(size: int, stages: list[str], costs: Costs) -> float:
    """What a refine costs on average that makes so many attempts at once."""
    one = sum(costs.batch(stage, size) for stage in stages)
    return sum(-(-passing // size) for passing in range(1, 9)) * one / 8
