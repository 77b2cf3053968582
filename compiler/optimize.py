"""Runs the passes over a program and keeps what each of them did."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from xdsl.dialects.builtin import ModuleOp

from gflow.compiler.passes import Target, passes


@dataclass(frozen=True)
class Ran:
    """One pass: what it changed, how many ops there were before and after, and the seconds it took."""

    name: str
    notes: list[str]
    before: int
    after: int
    seconds: float


@dataclass
class Report:
    """What the passes did, in order. `dumps`: the IR after a pass, by its name, where that was asked for."""

    ran: list[Ran] = field(default_factory=list)
    dumps: dict[str, str] = field(default_factory=dict)


def optimize(
    module: ModuleOp,
    target: Target,
    *,
    leave_out: Collection[str] = (),
    dump: Collection[str] = (),
    verify_each: bool = False,
) -> Report:
    """Runs the passes, except those to leave out, over a module in place. The module is verified at the end;
    verify_each: after each pass, which takes longer than most passes and tells which one is to blame."""
    report = Report()
    size = sum(1 for _ in module.walk())
    for each in passes():
        if each.name in leave_out:
            continue
        start = time.perf_counter()
        notes = each.apply(module, target)
        seconds = time.perf_counter() - start
        if verify_each:
            module.verify()
        after = sum(1 for _ in module.walk())
        report.ran.append(Ran(each.name, notes, size, after, seconds))
        if each.name in dump:
            report.dumps[each.name] = str(module)
        size = after
    if not verify_each:
        module.verify()
    return report
