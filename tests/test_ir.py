"""The IR: what scripts become, as text. `GFLOW_GOLDEN=write pytest tests/test_ir.py` writes the texts anew."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from xdsl.traits import is_side_effect_free
from xdsl.transforms.common_subexpression_elimination import cse

from gflow.compiler.dialect import CallOp, FlowOp, read
from gflow.compiler.program import load
from gflow.runtime.plan import Plan

IR = Path(__file__).parent / "ir"
SCRIPTS = sorted(IR.glob("*.gflow"))


def shown(path: Path) -> str:
    return str(load(path).module).replace(str(IR), "tests/ir") + "\n"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_becomes_this_ir(script: Path) -> None:
    golden = script.with_suffix(".mlir")
    if os.environ.get("GFLOW_GOLDEN") == "write":
        golden.write_text(shown(script), encoding="utf-8")
    assert shown(script) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_printed_ir_reads_back(script: Path) -> None:
    module = load(script).module
    again = read(str(module))
    again.verify()
    assert again.is_structurally_equivalent(module)
    assert str(again) == str(module)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_plan_travels_as_json(script: Path) -> None:
    plan = load(script).plan
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_every_op_keeps_its_place(tmp_path: Path) -> None:
    script = tmp_path / "s.gflow"
    script.write_text("flow f(a: int) -> int {\n  b = a + 1\n  b * 2\n}\n")
    [flow] = load(script).module.ops
    calls = [op for op in flow.walk() if isinstance(op, CallOp)]
    assert [op.place.rpartition("/")[2] for op in calls] == ["s.gflow:2:7", "s.gflow:3:3"]


def test_purity_comes_from_the_declarations() -> None:
    calls = {
        op.callee.data: is_side_effect_free(op)
        for script in SCRIPTS
        for op in load(script).module.walk()
        if isinstance(op, CallOp)
    }
    assert not calls["shade"]  # declared impure
    assert not calls["pick"]  # a flow that calls it
    assert calls["resize"] and calls["painter.generate"]


def test_equal_calls_are_one_after_cse_but_random_ones_in_two_places_are_two(tmp_path: Path) -> None:
    script = tmp_path / "s.gflow"
    script.write_text(
        'model painter = diffusion("nobody/paints")\n'
        "flow f(img: image) -> list<image> {\n"
        '  a = painter.generate("x")\n'
        '  b = painter.generate("x")\n'
        "  [a, b, blur(img, 2.0), blur(img, 2.0)]\n"
        "}\n"
    )
    module = load(script).module
    [flow] = [op for op in module.ops if isinstance(op, FlowOp)]
    cse(flow)
    names = [op.callee.data for op in flow.walk() if isinstance(op, CallOp)]
    assert names.count("blur") == 1
    assert names.count("painter.generate") == 2
