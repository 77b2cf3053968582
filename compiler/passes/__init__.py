"""The passes over the IR, one file each, in the order in which they run.

A pass is legal only by what ops declare: purity, regions, operands. What is moved rests on one rule of the
language: a value is computed at most once, when it is first needed. So a pure call may leave a loop that never
runs. Only the borders of a `try` hold: what fails inside it is its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp

from gflow.compiler import dialect as d
from gflow.runtime.costs import Costs


@dataclass(frozen=True)
class Target:
    """What a program is compiled for.

    flows: those that are kept; None for all. tests: whether tests are kept. memory: bytes that a run may hold, None
    for no limit. staged: every model's methods are taken for such that have stages. costs: what calls take.
    """

    flows: frozenset[str] | None = None
    tests: bool = False
    memory: int | None = None
    staged: bool = False
    costs: Costs = field(default_factory=Costs)


class Pass(ABC):
    """One change to a program that keeps its results."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        """Changes the module in place. What it did, in sentences."""


def passes() -> tuple[Pass, ...]:
    """Every pass, in order."""
    from gflow.compiler.passes.batch import Batch
    from gflow.compiler.passes.cse import CommonSubexpressions
    from gflow.compiler.passes.dce import DeadCode
    from gflow.compiler.passes.dedup import Dedup
    from gflow.compiler.passes.expand import Expand
    from gflow.compiler.passes.fold import Fold
    from gflow.compiler.passes.fuse import Fuse
    from gflow.compiler.passes.hoist import Hoist
    from gflow.compiler.passes.inline import Inline
    from gflow.compiler.passes.schedule import Schedule

    return (
        Inline(),
        Dedup(),
        Expand(),
        Fold(),
        Hoist(),
        CommonSubexpressions(),
        DeadCode(),
        Fuse(),
        Batch(),
        Schedule(),
    )


def counted(count: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def models(module: ModuleOp) -> dict[str, d.ModelOp]:
    """The models of a program, by name."""
    return {op.sym_name.data: op for op in module.ops if isinstance(op, d.ModelOp)}
