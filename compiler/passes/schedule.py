"""The order in which networks are needed, what is held at a time, and what the run will take.

The plan's steps stay in order; what is independent, the runtime does at once. What this pass foresees is kept
as the flow's attribute `schedule` (JSON of `gflow.runtime.schedule.Foreseen`), for people to read before
anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
from xdsl.dialects.builtin import ModuleOp, StringAttr

from gflow.compiler import dialect as d
from gflow.compiler.lower import lower
from gflow.compiler.passes import Pass, Target, counted, models
from gflow.runtime.coming import coming
from gflow.runtime.lowered import read
from gflow.runtime.plan import Plan
from gflow.runtime.schedule import Foreseen, foresee


class Schedule(Pass):
    """In which order networks are loaded, and what a run takes."""

    name: ClassVar[str] = "schedule"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        flows = [op for op in module.ops if isinstance(op, d.FlowOp) and op.kind.data == "flow"]
        if not models(module):
            return []
        plan = lower(module, script="", main=None)
        notes: list[str] = []
        for flow in flows:
            name = flow.sym_name.data
            foreseen = foresee(plan, plan.flows[name], target.costs, memory=target.memory)
            if foreseen.calls:
                flow.attributes["schedule"] = StringAttr(msgspec.json.encode(foreseen).decode())
                told = _told(foreseen)
                notes += [f"{name}: {note}" for note in told] if len(flows) > 1 else told
        return notes


def _told(foreseen: Foreseen) -> list[str]:
    """What is foreseen, in sentences."""
    notes = []
    if foreseen.loads:
        order = ", ".join(f"{load.model}.{load.network} ({load.bytes / 1e6:.1f} MB)" for load in foreseen.loads)
        notes.append(f"networks are loaded in the order {order}")
        again = len(foreseen.loads) - len({(load.model, load.network) for load in foreseen.loads})
        reloads = f"; {counted(again, 'load')} more than without a budget" if again else ""
        notes.append(f"their weights take {foreseen.peak / 1e6:.1f} MB at most{reloads}")
    for each in foreseen.calls:
        if each.calls > 1 and max(each.batches) > 1:
            sizes = ", ".join(map(str, each.batches[:6])) + (", …" if len(each.batches) > 6 else "")
            notes.append(f"{counted(each.calls, 'call')} of {each.label} in batches of {sizes}")
    return notes


@dataclass(frozen=True)
class TooLarge:
    """A network that a budget can't hold. `place`: where the script declares its model."""

    model: str
    network: str
    bytes: int
    place: str


def too_large(plan: Plan, memory: int) -> list[TooLarge]:
    """The networks of a plan that alone are larger than a budget, which no batch size helps."""
    needed = {
        identity for flow in (*plan.flows.values(), *plan.tests.values()) for identity in coming(plan, flow).uses
    }
    found = []
    for name, model in plan.models.items():
        components = read(Path(model.lowered)).components if model.lowered is not None else {}
        for network, component in components.items():
            if component.bytes > memory and component.identity in needed:
                found.append(TooLarge(name, network, component.bytes, model.place))
    return found
