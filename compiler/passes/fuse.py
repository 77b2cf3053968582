"""Chains of ops on pixels become one kernel each: values in between are read by nobody else."""

from __future__ import annotations

from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Block, Operation, Region

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target
from gflow.kernels.op import registry


class Fuse(Pass):
    """Chains of ops on pixels become one kernel each."""

    name: ClassVar[str] = "fuse"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        self.titles: list[str] = []
        for flow in module.ops:
            if isinstance(flow, d.FlowOp):
                self._block(flow.body.block)
        return [f"{title} became one kernel" for title in dict.fromkeys(self.titles)]

    def _block(self, block: Block) -> None:
        chains: dict[Operation, list[d.CallOp]] = {}
        for op in list(block.ops):
            for region in op.regions:
                self._block(region.block)
            if not isinstance(op, d.CallOp) or not _on_pixels(op):
                continue
            source = op.args[0].owner
            if isinstance(source, d.CallOp) and source in chains and source.result.has_one_use():
                chain = [*chains.pop(source), op]
            else:
                chain = [op]
            chains[op] = chain
        for chain in chains.values():
            if len(chain) > 1:
                self._fuse(chain)

    def _fuse(self, chain: list[d.CallOp]) -> None:
        last = chain[-1]
        block = last.parent
        assert block is not None
        title = "+".join(op.callee.data for op in chain)
        inner = Block()
        fused = d.FusedOp(
            properties={"title": StringAttr(title)},
            result_types=[last.result.type],
            regions=[Region([inner])],
        )
        fused.location = last.location
        fused.result.name_hint = last.result.name_hint
        block.insert_op_before(fused, last)
        last.result.replace_all_uses_with(fused.result)
        for op in chain:
            d.detach(op)
            inner.add_op(op)
        inner.add_op(d.YieldOp(operands=[last.result]))
        self.titles.append(title)


def _on_pixels(op: d.CallOp) -> bool:
    return op.kind.data == "op" and registry()[op.callee.data].pixel
