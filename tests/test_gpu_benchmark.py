"""The benchmarks for GPUs, tried without one: real programs, on models of the right shapes that are small."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None or find_spec("diffusers") is None,
    reason="what gflow is compared with takes PyTorch, diffusers and Triton",
)

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def run(script: str, *options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / script), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True)


def tiny(work: Path, *options: str) -> tuple[int, str, Any]:
    """The exit status, the table, and what is in the JSON file."""
    told = work / "told.json"
    ended = run(
        "gpu.py", "--size", "tiny", "--work", work, "--rounds", "1", "--batches", "1,2", "--json", told, *options
    )
    return ended.returncode, ended.stdout, json.loads(told.read_text())


def row(told: Any, case: str, program: str, end: str = "") -> Any:
    [found] = [
        row
        for row in told["rows"]
        if (row["case"], row["program"]) == (case, program) and row["what"].endswith(end)
    ]
    return found


def test_kernels_are_checked_without_a_gpu(tmp_path: Path) -> None:
    """Every op on pixels has a case, and PyTorch and Triton compute what NumPy does in float64."""
    ended = run("gpu_kernels.py", "--json", tmp_path / "told.json")
    assert ended.returncode == 0, ended.stderr
    rows = json.loads((tmp_path / "told.json").read_text())["rows"]
    assert len(rows) > 40 and {"chain", "denoise step"} <= {row["case"] for row in rows}


def test_pictures_by_diffusers(tmp_path: Path) -> None:
    status, table, told = tiny(tmp_path, "--only", "sdxl/limit,sdxl/eager")
    assert status == 0, table
    answer = told["answers"]["sdxl/limit"]
    count = 2 * (4 * answer["operations"]["network"] + answer["operations"]["decoder"])
    least = (count + answer["operations"]["texts"]) / answer["matrix"]["rate"]
    made = row(told, "sdxl", "eager", "batch 2")
    [over] = made["ratios"]
    assert over["value"] == pytest.approx(median(made["values"]) / least) and over["goal"] is None
    assert row(told, "sdxl", "limit", "batch 2")["values"] == [pytest.approx(least)]
    assert told["answers"]["sdxl/eager"]["error"] < 1e-5  # The reference is the same code.
    assert "SDXL-shaped, 64x64, 4 steps, batch 1" in table and "step off by" in table
    assert told["machine"]["size"] == "tiny" and "torch" in told["machine"]

    # A program that is stopped is a line that says so; what an earlier command measured is there again.
    status, table, told = tiny(tmp_path, "--only", "pixels", "--limit", "0.01")
    assert status == 1 and "failed: stopped after 0.01 s" in table
    assert row(told, "sdxl", "eager", "batch 1")["values"]


def test_what_can_not_be_measured_is_refused(tmp_path: Path) -> None:
    ended = run("gpu.py", "--only", "sdxl/fast", "--work", tmp_path)
    assert ended.returncode == 2 and "there is no case or program 'sdxl/fast'" in ended.stderr
    assert run("gpu.py", "--batches", "9", "--work", tmp_path).returncode == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_everything_beside_gflow(tmp_path: Path) -> None:
    status, table, told = tiny(tmp_path)
    assert status == 0, table
    for family in ("sdxl", "flux"):
        answer = told["answers"][f"{family}/cpu"]
        assert answer["error"] < 1e-4 and answer["levels"] < 1
        assert set(answer["networks"].values()) == {"cpu"} and not answer["warnings"]
        assert {"painter.denoise 2", "painter.decode 2"} <= set(answer["ran"])  # As one batch.
    beside, over = row(told, "sdxl", "cpu", "batch 1")["ratios"]
    assert (beside["beside"], beside["goal"]) == ("beside eager", 2.0)
    assert (over["beside"], over["goal"], over["at_most"]) == ("over the limit", 2.2, True)
    assert [ratio["goal"] for ratio in row(told, "sdxl", "cpu", "batch 2")["ratios"]] == [None, None]
    assert [ratio["goal"] for ratio in row(told, "poster", "cpu")["ratios"]] == [4.0]
    assert [ratio["goal"] for ratio in row(told, "cold", "gflow")["ratios"]] == [5.0]
    assert row(told, "memory", "gflow")["ratios"][0]["goal"] == 0.4
    assert row(told, "pixels", "chain")["notes"][1] == "in Triton's interpreter; not timed"
