"""Optimized equals unoptimized: random programs, random subsets of the passes, the same results."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from programs import programs

from gflow.compiler.lower import lower
from gflow.compiler.optimize import optimize
from gflow.compiler.passes import Target, passes
from gflow.compiler.program import Program, load
from gflow.runtime.errors import RunError
from gflow.runtime.executor import Executor
from gflow.runtime.plan import Plan

#: GFLOW_FUZZ=N tries N programs in each of the parts.
PARTS, EACH = 20, int(os.environ.get("GFLOW_FUZZ", "100"))
NAMES = [each.name for each in passes()]


def optimized(program: Program, leave_out: set[str]) -> Plan:
    module = program.module.clone()
    optimize(module, Target(staged=True), leave_out=leave_out, verify_each=True)
    return lower(module, script=program.plan.script, main=program.plan.main)


def outcome(plan: Plan, flow: str) -> tuple[str, Any]:
    """A flow's result, or what it failed with."""
    try:
        return "gives", Executor(plan, seed=7, stand_ins=True).run(flow, {})
    except RunError as error:
        return "fails", type(error).__name__


def same(left: Any, right: Any) -> bool:
    """Equal bit by bit, not-a-number included."""
    if isinstance(left, np.ndarray):
        return isinstance(right, np.ndarray) and left.shape == right.shape and left.tobytes() == right.tobytes()
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
    return bool(type(left) is type(right) and (left == right or (left != left and right != right)))


@pytest.mark.parametrize("part", range(PARTS))
def test_every_subset_of_passes_keeps_the_results(part: int) -> None:
    @seed(part)
    @settings(
        max_examples=EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(text=programs(), leave_out=st.sets(st.sampled_from(NAMES)))
    def holds(text: str, leave_out: set[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "p.gflow")
            script.write_text(text, encoding="utf-8")
            program = load(script)
        plan = optimized(program, leave_out)
        for flow in program.plan.flows:
            before, after = outcome(program.plan, flow), outcome(plan, flow)
            assert same(before, after), f"without {sorted(leave_out)}, {flow}: {before} became {after}\n{text}"

    holds()
