"""Loads the model of three_tasks.gflow, compiled, for its three tasks. Tells the seconds that took and the bytes of
the weights that are held; then runs the tasks, for which nothing more may be loaded. Imports don't count.

    three_tasks.py BUNDLE PROMPT OUT
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import onnxruntime  # noqa: F401  (imported by loading)
import tokenizers  # noqa: F401  (imported by loading)

from gflow.opened import opened
from gflow.runtime.engines import onnx, onnx_diffusion  # noqa: F401  (imported by loading)
from gflow.runtime.executor import Executor
from gflow.runtime.outputs import to_python


def main(bundle: str, prompt: str, out: Path) -> None:
    start = time.perf_counter()
    program = opened(Path(bundle))
    executor = Executor(program.plan, bundle=program.bundle)
    executor.prefetch("three_tasks")
    painter = executor.model("painter")
    assert isinstance(painter, onnx_diffusion.DiffusionModel)
    for name in painter.lowered.components:
        painter.network(name)
    seconds, components = time.perf_counter() - start, executor.components
    held, loads = components.held(), components.loads
    for number, picture in enumerate(executor.run("three_tasks", {"prompt": prompt})):
        to_python(picture).save(out / f"{number}.png")
    assert (components.held(), components.loads) == (held, loads), "the tasks loaded more"
    print(seconds, held)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
