"""Dead code elimination: what no result needs is gone, with the models and flows that only it used."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block
from xdsl.traits import is_side_effect_free

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted


class DeadCode(Pass):
    """What no result needs is gone."""

    name: ClassVar[str] = "dce"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        flows = {op.sym_name.data: op for op in module.ops if isinstance(op, d.FlowOp)}
        self.gone = 0
        for flow in flows.values():
            self._block(flow.body.block)
        kept = reached(flows, target)
        dropped = [name for name, op in flows.items() if name not in kept and op.kind.data == "flow"]
        for name, op in flows.items():
            if name not in kept:
                d.remove(op)
        used = {call.callee.data for op in module.walk() if isinstance(op, d.CallOp) for call in (op,)}
        called = used | {name.rpartition(".")[0] for name in used}
        unused = [
            op for op in module.ops if isinstance(op, (d.ModelOp, d.ExternOp)) and op.sym_name.data not in called
        ]
        for symbol in unused:
            d.remove(symbol)
        notes = [f"{counted(self.gone, 'step')} that nothing needs went"] if self.gone else []
        notes += [f"the model `{op.sym_name.data}` is not needed" for op in unused if isinstance(op, d.ModelOp)]
        if dropped:
            notes.append(f"{counted(len(dropped), 'flow')} that nothing calls went")
        return notes

    def _block(self, block: Block) -> None:
        op = block.last_op
        while op is not None:
            before = op.prev_op
            unread = bool(op.results) and not any(result.first_use is not None for result in op.results)
            if unread and is_side_effect_free(op):
                self.gone += 1
                d.remove(op)
            else:
                for region in op.regions:
                    self._block(region.block)
            op = before


def reached(flows: dict[str, d.FlowOp], target: Target) -> set[str]:
    """The flows that are kept, and those that they call."""
    waiting = [
        name
        for name, op in flows.items()
        if (target.tests if op.kind.data == "test" else target.flows is None or name in target.flows)
    ]
    kept: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            calls = (op for op in flows[name].walk() if isinstance(op, d.CallOp) and op.kind.data == "flow")
            waiting += [call.callee.data for call in calls]
    return kept
