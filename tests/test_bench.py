"""`gflow bench`: what is measured, compared and told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gflow.bench.calibrate import resized, table
from gflow.bench.rounds import Failed, process, quiet
from gflow.bench.worker import Event
from gflow.opened import opened
from gflow.runtime.costs import Costs

SCRIPT = """
model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")

/// The best of some pictures.
flow best_of(drafts: int in 1..8 = 2, prompt: text = "a red circle") -> image {
  images = for i in 1..drafts { painter.generate(prompt, size: 64x64, steps: 2) }
  images |> best(by: img => judge.score(img, prompt)) |> resize(32x32)
}
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "best.gflow"
    path.write_text(SCRIPT)
    return path


def bench(*args: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gflow", "bench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=400)


def test_a_script_as_it_is_written_and_compiled(script: Path, tmp_path: Path) -> None:
    page, trace, other = tmp_path / "page.html", tmp_path / "trace.json", tmp_path / "other.py"
    made = tmp_path / "made.txt"
    other.write_text(f"import pathlib\npathlib.Path({str(made)!r}).write_text('x')\nprint({str(made)!r})\n")
    done = bench(
        script,
        "--drafts",
        3,
        "--rounds",
        1,
        "-n",
        1,
        "--json",
        "--html",
        page,
        "--trace",
        trace,
        "--against",
        other,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    written, compiled, against = found["variants"]
    assert [each["label"] for each in found["variants"]] == ["as written", "compiled", "other.py"]

    def calls(variant: dict[str, Any], label: str) -> list[int]:
        return [
            e["size"] for e in variant["events"] if e["kind"] == "call" and e["label"] == label and e["run"] == 0
        ]

    assert calls(written, "painter.generate") == [1, 1, 1]
    assert sum(calls(compiled, "painter.denoise")) >= 3 and len(calls(compiled, "painter.denoise")) < 3
    assert len(written["steady"][0]) == len(compiled["steady"][0]) == 1 and against["steady"] == [[]]
    assert all(each["first"][0] > 0 and each["peak"][0] > 10_000_000 for each in found["variants"][:2])
    assert any(step["label"].startswith("resize") for step in compiled["steps"])
    # The same picture, whatever ran.
    mean, most = found["difference"]
    assert mean < 1 and most <= 4
    assert sum(len(each["batches"]) for each in found["foreseen"]["calls"]) == len(
        [e for e in compiled["events"] if e["kind"] == "call" and e["run"] == 0]
    )
    text = page.read_text("utf-8")
    assert "as written" in text and not re.search(r"(src|href)=", text)
    slices = [event for event in json.loads(trace.read_text())["traceEvents"] if event["ph"] == "X"]
    assert {"load", "call", "op"} <= {event["cat"] for event in slices}
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in slices)


def test_a_bundle_by_itself_as_text(script: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "best"
    compiled = [sys.executable, "-m", "gflow", "compile", script, "-o", bundle]
    assert subprocess.run(compiled, capture_output=True, timeout=120).returncode == 0
    done = bench(bundle, "--rounds", 1, "-n", 0)
    assert done.returncode == 0, done.stderr
    for part in ("compiled", "start to results", "painter.denoise", "time by step", "cores"):
        assert part in done.stdout
    refused = bench(bundle, "--ablate")
    assert refused.returncode == 2 and "take the script" in refused.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--drafts", "9"], "outside 1..8"),
        (["--against", "nothing.py"], "nothing.py"),
        (["--memory", "1"], "no amount of memory"),
        (["-n", "x"], "-n"),
    ],
)
def test_mistakes_are_told_before_anything_runs(script: Path, args: list[str], told: str) -> None:
    done = bench(script, *args)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_a_program_that_fails_is_no_result(script: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("raise SystemExit('no such model')")
    bundle = tmp_path / "best"
    subprocess.run([sys.executable, "-m", "gflow", "compile", script, "-o", bundle], check=True, timeout=120)
    done = bench(bundle, "--rounds", 1, "-n", 0, "--against", other)
    assert done.returncode == 1 and "other.py: no such model" in done.stderr


def test_a_process_is_measured_whole() -> None:
    ended = process([sys.executable, "-c", "import time; x = bytearray(80_000_000); time.sleep(0.2); print('y')"])
    assert ended.stdout == b"y\n" and ended.seconds > 0.2 and 80e6 < ended.peak < 200e6
    loud = process([sys.executable, "-c", "import sys; sys.stderr.write('e' * 300_000); print('o' * 300_000)"])
    assert len(loud.stdout) == 300_001
    with pytest.raises(Failed, match="bad"):
        process([sys.executable, "-c", "raise SystemExit('bad')"])


def test_a_disturbed_round_is_gone_through_again() -> None:
    made = []
    found = list(quiet(2, lambda: made.append(1) or len(made), tries=3))
    assert len(found) == 2 and len(made) <= 5 and [value for value, _ in found] == sorted(v for v, _ in found)


def test_the_table_of_costs_is_by_stage_and_size(script: Path) -> None:
    plan = opened(script).runnable()
    events = [
        Event("call", "painter.denoise", "", 0.0, seconds, run, size=size)
        for run, size, seconds in [(0, 4, 9.0), (1, 4, 2.0), (2, 4, 4.0), (3, 4, 3.0), (1, 1, 1.0)]
    ]
    made = table(events, plan, Costs({"scorer.embed": {1: 0.5}}, "here"), "here")
    assert made.seconds == {"diffusion.denoise": {1: 1.0, 4: 3.0}, "scorer.embed": {1: 0.5}}
    assert "scorer.embed" not in table(events, plan, Costs({"scorer.embed": {1: 0.5}}, "there"), "here").seconds
    sizes = re.findall(r"batch=\(([\d, ]+)\)", str(resized(plan, (16,))))
    assert "16," in sizes and not any("8" in each for each in sizes)
