"""Loop-invariant code motion: what does not depend on the iteration leaves `map` and `refine`, and the branches in
them. It is still computed only when it is first needed, so a loop that never runs costs nothing."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.traits import is_side_effect_free

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target

_LOOPS = (d.MapOp, d.RefineOp)
_INSIDE = (*_LOOPS, d.IfOp, d.MatchOp)


class Hoist(Pass):
    """What does not depend on the iteration leaves the loop."""

    name: ClassVar[str] = "hoist"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        self.moved: Counter[str] = Counter()
        for flow in module.ops:
            if isinstance(flow, d.FlowOp):
                self._block(flow.body.block, in_loop=False)
        return [f"{callee} left a loop" for callee in self.moved]

    def _block(self, block: Block, in_loop: bool) -> None:
        for op in list(block.ops):
            inside = in_loop and not isinstance(op, d.TryOp)
            for region in op.regions:
                # From the inside out: what leaves an inner loop may leave the outer one, too.
                self._block(region.block, in_loop=isinstance(op, _LOOPS) or inside)
            if isinstance(op, _LOOPS) or (in_loop and isinstance(op, _INSIDE)):
                for region in op.regions:
                    self._empty(region.block, op)

    def _empty(self, block: Block, loop: Operation) -> None:
        """Moves what a block need not compute itself to before the op that it belongs to."""
        outer = loop.parent
        assert outer is not None
        own: set[SSAValue] = set(block.args)
        for op in list(block.ops):
            free = not isinstance(op, d.YieldOp) and is_side_effect_free(op) and not _reads(op, own)
            if free:
                d.detach(op)
                outer.insert_op_before(op, loop)
                if isinstance(op, d.CallOp) and op.kind.data != "op":
                    self.moved[op.callee.data] += 1
            else:
                own.update(op.results)


def _reads(op: Operation, values: set[SSAValue]) -> bool:
    """Whether an op, or what is inside it, reads one of some values."""
    if not op.regions:
        return any(operand in values for operand in op.operands)
    return any(operand in values for inner in op.walk() for operand in inner.operands)
