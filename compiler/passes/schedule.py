"""The order in which models are needed, and what they weigh."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, models
from gflow.runtime.lowered import read


class Schedule(Pass):
    """In which order models are loaded."""

    name: ClassVar[str] = "schedule"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        order: dict[str, None] = {}
        for op in module.walk():
            if isinstance(op, d.CallOp) and op.kind.data == "method":
                order[op.callee.data.rpartition(".")[0]] = None
        declared, notes = models(module), []
        held: dict[str, int] = {}
        for name in order:
            place = declared[name].lowered
            if place is not None:
                components = read(Path(place.data)).components.values()
                held |= {component.identity: component.bytes for component in components}
        if order:
            notes.append(f"models are loaded in the order {', '.join(order)}")
        if held:
            notes.append(f"their weights take {sum(held.values()) / 1e6:.1f} MB")
        return notes
