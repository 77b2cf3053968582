"""Random programs that are right: they print, reparse, check, compile and run. `GFLOW_FUZZ=N` for more."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from programs import programs

from gflow.compiler.dialect import read
from gflow.compiler.program import load
from gflow.grammar.diagnostics import ScriptError
from gflow.grammar.diagnostics.render import render
from gflow.grammar.formatter import format_file
from gflow.grammar.parser import parse
from gflow.grammar.source import Source
from gflow.runtime.errors import RunError
from gflow.runtime.executor import Executor
from gflow.runtime.plan import Plan

EXAMPLES = int(os.environ.get("GFLOW_FUZZ", "150"))


def loaded(text: str) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.gflow"
        path.write_text(text, encoding="utf-8")
        try:
            return load(path)
        except ScriptError as error:
            raise AssertionError(render(error.diagnostics, color=False) + "\n" + text) from None


# Shrinking a program takes minutes and tells little: the failing one is printed whole.
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(programs())
def test_programs_that_are_right_go_all_the_way(text: str) -> None:
    file, found = parse(Source("p.gflow", text))
    assert not found
    printed = format_file(file)
    assert parse(Source("p.gflow", printed))[0] == file, printed
    program = loaded(printed)
    module, plan = program.module, program.plan  # type: ignore[attr-defined]
    assert str(read(str(module))) == str(module)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
    for flow in plan.flows:
        results = []
        for _ in range(2):
            try:
                results.append(Executor(plan, stand_ins=True).run(flow, {}))
            except RunError as error:
                # What only values can tell is a run error with a place; anything else is a bug.
                assert error.code.startswith("R1") and error.place
                results.append(error.message)
        assert repr(results[0]) == repr(results[1])
