"""The starter models are as good as the README says, within what 200 prompts can tell."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

MEASURE = Path(__file__).parent.parent / "examples" / "training" / "measure.py"
STARTER = Path(__file__).parent.parent / "gflow" / "starter"


@pytest.mark.slow
def test_they_reach_their_goals() -> None:
    done = subprocess.run([sys.executable, str(MEASURE)], capture_output=True, text=True, check=True, timeout=900)
    figures = {
        name: float(share) for name, share in re.findall(r"^(.+): ([\d.]+) of 200$", done.stdout, re.MULTILINE)
    }
    assert figures["scenes, colours"] >= 0.9 and figures["scenes, relation"] >= 0.9
    assert figures["judge, right caption of 10"] >= 0.95
    assert figures["writer, captions that keep what was asked"] >= 0.95


def test_they_are_small_and_safe() -> None:
    files = [path for path in STARTER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25_000_000
    assert {path.suffix for path in files} == {".safetensors", ".json", ".jinja", ".onnx", ".bin"}
