"""Programs that were compiled for a GPU, and what starts their kernels there, without one: `gpu_interpreted.py`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(HERE.parent)}

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None or shutil.which("cc") is None,
    reason="kernels for GPUs are started where Triton and a C compiler are installed",
)

SCRIPT = """model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")
flow paint(prompt: text = "a red circle") -> image {
  painter.generate(prompt, size: 64x64, steps: 2) |> resize(96x96) |> grade(contrast: 1.1)
}
flow chosen() -> { best: image, all: list<image>, size: size } {
  all = for i in 1..3 { painter.generate("a red circle", size: 64x64, steps: 2) |> grade(contrast: 1.1) }
  best = all |> best(by: img => judge.score(img, "a red circle"))
  { best: best, all: all, size: best.size }
}
flow inpaint(photo: image) -> image {
  painter.generate("a red circle", image: photo, mask: rectangle_mask(64x64, 32, 0, 32, 64), steps: 4)
}
flow graded(photo: image) -> image { photo |> grade(contrast: 1.2) |> exposure(0.5) }
flow blended(photo: image) -> image {
  painter.generate("a red circle", size: 64x64, steps: 2) |> blend(photo, 0.5) |> grade(contrast: 1.1)
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, for an H100, and the stand-in for the driver."""
    made = tmp_path_factory.mktemp("gpu")
    (made / "program.gflow").write_text(SCRIPT)
    options = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1"]
    subprocess.run(["cc", *options, HERE / "cuda_driver.c", "-o", made / "libcuda.so.1"], check=True)
    compile = [sys.executable, "-m", "gflow", "compile", "program.gflow", "-o", "program", "--target", "cuda:sm_90"]
    done = subprocess.run(compile, cwd=made, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return made


def test_kernels_are_started_as_the_driver_takes_them(folder: Path) -> None:
    there = {"TRITON_INTERPRET": "1", "GPU_PROGRAM": str(folder), "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "gpu_interpreted.py"],
        cwd=HERE.parent,
        env=ENVIRONMENT | there,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout) and "skipped" not in done.stdout


def test_a_gpu_that_onnx_runtime_can_not_use_is_told(folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, folder / "program", "paint", "--out", tmp_path],
        env=ENVIRONMENT | {"LD_LIBRARY_PATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and (tmp_path / "paint.png").exists(), done.stderr
    assert "Stand-in (sm_90, driver for CUDA 12.4)" in done.stderr and "without CUDA" in done.stderr
