"""Flow calls become the bodies of their flows: one graph, in which nothing is hidden from the other passes."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted

#: A program grows to this many ops; calls beyond that stay calls.
LIMIT = 60_000


class Inline(Pass):
    """Flow calls become one graph."""

    name: ClassVar[str] = "inline"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        flows = {op.sym_name.data: op for op in module.ops if isinstance(op, d.FlowOp) and op.kind.data == "flow"}
        sizes: dict[str, int] = {}
        inlined = left = 0
        # A flow stands after the flows that it calls.
        for flow in [op for op in module.ops if isinstance(op, d.FlowOp)]:
            size = sum(1 for _ in flow.walk())
            for call in [op for op in flow.walk() if isinstance(op, d.CallOp) and op.kind.data == "flow"]:
                callee = flows[call.callee.data]
                if size + sizes[callee.sym_name.data] > LIMIT:
                    left += 1
                    continue
                size += sizes[callee.sym_name.data]
                _inline(call, callee)
                inlined += 1
            sizes[flow.sym_name.data] = size
        notes = [f"{counted(inlined, 'flow call')} became part of the calling flow"] if inlined else []
        if left:
            notes.append(f"{counted(left, 'flow call')} stayed: the program would have more than {LIMIT:,} steps")
        return notes


def _inline(call: d.CallOp, callee: d.FlowOp) -> None:
    """Puts a copy of a flow's body in the place of a call."""
    block = call.parent
    assert block is not None
    given = {name.data: value for name, value in zip(call.names, call.args, strict=True)}
    name = callee.sym_name.data.rpartition(".")[2]
    key = d.DeriveOp(operands=[given["@key"]], properties={"part": StringAttr(name)}, result_types=[d.KeyType()])
    key.location = call.location
    block.insert_op_before(key, call)
    values: dict[SSAValue, SSAValue] = dict(
        zip(callee.body.block.args, [*(given[param.data] for param in callee.params), key.result], strict=True)
    )
    *steps, end = callee.body.block.ops
    for op in steps:
        block.insert_op_before(op.clone(values), call)
    assert isinstance(end, d.YieldOp) and end.value is not None
    d.replace(call, values.get(end.value, end.value))
