"""Pictures by a bundle, on one engine. `how` is "tensorrt" (engines that the bundle holds), "ort-tensorrt" and
"ort-cuda" (its graphs in 16 bits by ONNX Runtime), "inductor" (packages of AOTInductor), or "cpu". Batches of one
are the flow `one`, larger ones `batch`; a poster is one of the flow `poster`, where the job asks for a judge.

    gpu_painter.py JOB      see `gpu_measure.py`
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from gpu_measure import PROMPT, Answer, Job, answered, checked, feeds, step_error, timed

import gflow
from gflow.opened import opened
from gflow.runtime.engines.inductor import InductorNetwork
from gflow.runtime.engines.tensorrt import EngineNetwork
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.outputs import to_python
from gflow.runtime.targets import Form, usable

PROVIDERS = {"cpu": "CPUExecutionProvider", "ort-cuda": "CUDAExecutionProvider"}


class Told(Observer):
    """What a run warned of, and its batches: what was called, of what size."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.batches: list[str] = []

    def warning(self, message: str, place: str) -> None:
        self.warnings.append(message)

    def batch(self, label: str, size: int, used: int) -> None:
        self.batches.append(f"{label} {size}")


def executor(job: Job, told: Told) -> Executor:
    """Runs the bundle's flows on the engine that is asked for. Raises RuntimeError where it can't."""
    program = opened(Path(job.bundle))
    made = Executor(program.plan, bundle=program.bundle, observer=told)
    place = made.components.place
    if place.device != job.device:
        raise RuntimeError(place.told or f"the bundle runs on {place.device}")
    if job.how == "ort-tensorrt" and not usable("Tensorrt"):
        raise RuntimeError("ONNX Runtime can't use TensorRT here")
    forms = {name: _form(form, job.how) for name, form in place.forms.items()}
    packages = place.packages if job.how == "inductor" else {}
    made.components.place = replace(place, forms=forms, packages=packages)
    return made


def _form(form: Form, how: str) -> Form:
    """What is left of the ways to run a network. Without shapes, ONNX Runtime's TensorRT is not tried."""
    if how == "tensorrt":
        return form
    return msgspec.structs.replace(form, engine=None, shapes=form.shapes if how == "ort-tensorrt" else {})


def runs_on(network: Any) -> str:
    """What a network really runs on."""
    if isinstance(network, EngineNetwork):
        return "tensorrt"
    if isinstance(network, InductorNetwork):
        # What a package was not compiled for, another network ran, made when it was needed.
        other = vars(network).get("_other")
        return "inductor" if other is None else f"inductor and {runs_on(other)}"
    if not hasattr(network, "_session"):
        return type(network).__name__
    first = network._session.get_providers()[0]
    names = {"TensorrtExecutionProvider": "ort-tensorrt", **{value: key for key, value in PROVIDERS.items()}}
    return names.get(first, first)


def main(job: Job, answer: Answer) -> None:
    told = Told()
    runs = executor(job, told)
    painter: Any = runs.model("painter")
    network = painter.network("network")
    if (found := runs_on(network)) != job.how:
        raise RuntimeError(f"the network runs on {found}: {'; '.join(told.warnings) or 'nobody said why'}")
    given, wanted = feeds(job)
    answer.put(error=step_error(network.run(given)[0], wanted, job.device))

    def flow(name: str, **given: Any) -> list[Any]:
        made = to_python(runs.run(name, {"prompt": PROMPT, **given}))
        return made if isinstance(made, list) else [made]

    def painted(batch: int, number: int) -> list[Any]:
        if batch == 1:
            return flow("one", noise=number * 100)
        return flow("batch", noise=number * 100, count=batch)

    if job.judge:
        side = 2 * job.side
        poster = timed(lambda turn: flow("poster", noise=turn * 100), lambda made: checked(made, 1, side), job)
        answer.put(poster=poster)
    else:
        for batch in job.batches:
            answer.each(
                "batches",
                batch,
                lambda n=batch: timed(  # type: ignore[misc]
                    lambda turn: painted(n, turn), lambda made: checked(made, n, job.side), job
                ),
            )
        if 1 in job.batches:
            checked(painted(1, 0), 1, job.side)[0].save(job.picture)
    if (found := runs_on(network)) != job.how:
        raise RuntimeError(f"the network ran on {found}")
    answer.put(
        warnings=list(dict.fromkeys(told.warnings)),
        ran=sorted(set(told.batches)),
        networks={name: runs_on(painter.network(name)) for name in painter.lowered.components if name != "encoder"},
        gflow=gflow.__version__,
    )


if __name__ == "__main__":
    answered(main)
