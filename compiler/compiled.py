"""From a checked program to the plan that runs: models are lowered, passes run, steps get their slots."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp, StringAttr

from gflow.compiler.lower import lower
from gflow.compiler.models.lowering import NotLowered, lowered_folder
from gflow.compiler.optimize import Report, optimize
from gflow.compiler.passes import Target, models
from gflow.compiler.passes.schedule import too_large
from gflow.compiler.program import Program
from gflow.grammar.diagnostics import Diagnostic, ScriptError
from gflow.grammar.diagnostics.planning import OverBudget
from gflow.grammar.source import Source, Span
from gflow.runtime.plan import Plan


@dataclass(frozen=True)
class Compiled:
    """A program as it runs. `refused`: models that could not be lowered, by name, and why; the torch engine runs
    them."""

    plan: Plan
    module: ModuleOp
    report: Report
    refused: dict[str, NotLowered]


def compiled(
    program: Program,
    target: Target,
    *,
    leave_out: Collection[str] = (),
    dump: Collection[str] = (),
    lowers: bool = True,
    progress: Callable[[str], None] = lambda what: None,
) -> Compiled:
    """Compiles a program for a target. The program stays as it is.

    leave_out: passes that don't run. dump: passes after which the report keeps the IR. lowers: whether models are
    lowered; exporting one that never was takes a while, and `progress` is told what is being exported.

    Raises ScriptError where the target's budget of memory can't hold a network.
    """
    module = program.module.clone()
    refused: dict[str, NotLowered] = {}
    for name, op in models(module).items() if lowers else ():
        if op.folder is not None:
            try:
                place = lowered_folder(
                    op.provider.data,
                    Path(op.folder.data),
                    json.loads(op.loras.data) if op.loras else None,
                    progress=lambda what, name=name: progress(f"{name}: {what}"),  # type: ignore[misc]
                )
                op.properties["lowered"] = StringAttr(str(place))
            except NotLowered as error:
                refused[name] = error
    report = optimize(module, target, leave_out=leave_out, dump=dump)
    plan = lower(module, script=program.plan.script, main=program.plan.main)
    if target.memory is not None:
        _check_budget(plan, target.memory)
    return Compiled(plan, module, report, refused)


def _check_budget(plan: Plan, memory: int) -> None:
    """Raises ScriptError with every model that does not fit."""
    found: list[Diagnostic] = []
    for large in too_large(plan, memory):
        least = f"{math.ceil(large.bytes / 2**20)}MiB"
        sizes = (f"{memory / 1e6:,.1f} MB", f"{large.bytes / 1e6:,.1f} MB", least)
        found.append(OverBudget(span_of(large.place), large.model, large.network, *sizes))
    if found:
        raise ScriptError(found)


def span_of(place: str) -> Span:
    """The rest of the line from a place on, `file:line:column`. Raises OSError."""
    path, line, column = place.rsplit(":", 2)
    source = Source(path, Path(path).read_text(encoding="utf-8"))
    start = source.offset(int(line)) + int(column) - 1
    return Span(source, start, source.offset(int(line)) + len(source.line(int(line))))
