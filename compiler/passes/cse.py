"""Common subexpression elimination: the same pure call on the same values happens once.

Not xDSL's own pass, which knows no borders that a value must not cross.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted


class CommonSubexpressions(Pass):
    """The same pure call on the same values happens once."""

    name: ClassVar[str] = "cse"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        self.shared: Counter[str] = Counter()
        for flow in module.ops:
            if isinstance(flow, d.FlowOp):
                self._block(flow.body.block, {})
        return [f"{callee} is shared by {counted(count + 1, 'place')}" for callee, count in self.shared.items()]

    def _block(self, block: Block, known: dict[Hashable, Operation]) -> None:
        added: list[Hashable] = []
        for op in list(block.ops):
            identity = _identity(op)
            if identity is not None and (before := known.get(identity)) is not None:
                if isinstance(op, d.CallOp):
                    self.shared[op.callee.data] += op.kind.data != "op"
                d.replace(op, before.results[0])
                continue
            if identity is not None:
                known[identity] = op
                added.append(identity)
            for region in op.regions:
                # A failure inside a `try` is its own: it computes for itself what it calls.
                self._block(region.block, {} if isinstance(op, d.TryOp) else known)
        for identity in added:
            del known[identity]
        self.shared += Counter()


def _identity(op: Operation) -> Hashable | None:
    """What makes two ops the same; None for ops that are never shared."""
    match op:
        case d.ConstOp():
            return ("const", op.value.data, op.result.type)
        case d.DeriveOp():
            return ("derive", op.part.data, id(op.key))
        case d.CallOp() if op.is_pure:
            return (op.kind.data, op.callee.data, op.names, op.as_type, op.result.type, tuple(map(id, op.args)))
    return None
