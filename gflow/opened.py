"""A script or a bundle, opened to be run: what the command line and the Python interface share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gflow.runtime.bundle import Bundle, is_bundle
from gflow.runtime.plan import Plan

if TYPE_CHECKING:
    from gflow.compiler.program import Program
    from gflow.grammar.diagnostics import Diagnostic


@dataclass(frozen=True)
class Opened:
    """plan: its flows and their parameters. source: the script's text. warnings: what there is to tell of it."""

    plan: Plan
    source: str
    bundle: Bundle | None = None
    program: Program | None = None

    @property
    def warnings(self) -> list[Diagnostic]:
        return [] if self.program is None else self.program.diagnostics

    def runnable(
        self,
        flows: frozenset[str] | None = None,
        *,
        tests: bool = False,
        lowers: bool = True,
        memory: int | None = None,
        progress: Callable[[str], None] = lambda what: None,
    ) -> Plan:
        """The plan that runs: of a script, compiled for some of its flows (None: all of them), models lowered
        unless nothing but placeholders will answer. memory: bytes that weights may take. `progress` is told what
        is being exported. Raises ScriptError where the memory can't hold a network."""
        if self.program is None:
            return self.plan
        from gflow.compiler.compiled import compiled
        from gflow.compiler.passes import Target
        from gflow.runtime.costs import load

        target = Target(flows=flows, tests=tests, memory=memory, costs=load())
        return compiled(self.program, target, lowers=lowers, progress=progress).plan


def opened(path: Path) -> Opened:
    """Raises ScriptError for a script that is wrong, BundleBroken for a bundle that must not be used."""
    if is_bundle(path):
        bundle = Bundle(path)
        return Opened(bundle.plan, bundle.manifest.source, bundle=bundle)
    from gflow.compiler.program import load

    program = load(path)
    return Opened(program.plan, program.file.source.text, program=program)
