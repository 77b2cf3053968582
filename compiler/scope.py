"""Where an expression stands while the IR is built: the block that ops go to, the names it sees, the key of its
randomness, and where diagnostics go."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, Operation, SSAValue

from gflow.compiler import dialect as d
from gflow.grammar.diagnostics import Diagnostic
from gflow.grammar.diagnostics.names import Duplicate
from gflow.grammar.nodes import Name
from gflow.grammar.source import Span
from gflow.kernels import types as t

if TYPE_CHECKING:
    from gflow.compiler.module import Module


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a misspelt one, if any is like it."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


@dataclass
class Local:
    """A name bound in a flow."""

    value: SSAValue
    span: Span
    used: bool = False


@dataclass
class Naming:
    """Which binding an expression belongs to, and how many parts of it have taken a key: the path of randomness
    is made of names and counts, never of places in the text."""

    name: str = ""
    taken: int = 0

    def next(self) -> str:
        part = self.name if self.taken == 0 else f"{self.name}#{self.taken}"
        self.taken += 1
        return part


@dataclass
class Scope:
    """One block being filled. `constant`: inside a `let` or a default, where models can't be called."""

    module: Module
    block: Block
    key: SSAValue
    outer: Scope | None = None
    locals: dict[str, Local] = field(default_factory=dict)
    naming: Naming = field(default_factory=Naming)
    constant: bool = False

    def inner(self, block: Block, key: SSAValue | None = None) -> Scope:
        """A scope for a region inside this one. With a key of its own, it names its parts afresh."""
        naming = Naming() if key is not None else self.naming
        return Scope(self.module, block, key or self.key, self, naming=naming, constant=self.constant)

    def report(self, diagnostic: Diagnostic) -> SSAValue:
        """Notes what is wrong; the value given stands in for the one that could not be made."""
        self.module.report(diagnostic)
        return self.add(d.const(None, t.ANY), diagnostic.span)

    def add(self, op: Operation, span: Span) -> SSAValue:
        """Appends an op and gives its result."""
        self.block.add_op(d.located(op, span))
        return op.results[0]

    def find(self, name: str) -> Local | None:
        """A local name, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.locals:
                return scope.locals[name]
            scope = scope.outer
        return None

    def visible(self) -> list[str]:
        """Every local name in sight."""
        return list(self.locals) + (self.outer.visible() if self.outer else [])

    def bind(self, name: Name, value: SSAValue) -> None:
        """Binds a name, once. A flow of the same name stays: it is called, and values are not."""
        before = self.find(name.text)
        place = before.span if before else self.module.values.get(name.text)
        if place is not None:
            self.module.report(Duplicate(name.span, name.text, other=(place, "bound here first")))
            return
        value.name_hint = name.text
        self.locals[name.text] = Local(value, name.span)

    def take_key(self, span: Span) -> SSAValue:
        """The key of the next part of the current binding that needs one."""
        part = self.naming.next()
        if not part:
            return self.key
        return self.add(
            d.DeriveOp(operands=[self.key], properties={"part": StringAttr(part)}, result_types=[d.KeyType()]),
            span,
        )
