"""Denoise loops whose arrays stay on a device: the network and the step between its evaluations both run there.

The recurrence is that of `gflow.runtime.denoise`, as a graph (`step.onnx`) that ONNX Runtime runs on the device.
It adds in another order than NumPy, so results agree within float32's rounding. Noise on the way is drawn in main
memory, as its bits must not depend on the machine.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime.denoise import Schedule, Step
from gflow.runtime.device import Binds, Bound, Value
from gflow.runtime.network import options


def replay(
    schedule: Schedule,
    sample: Array,
    network: Binds,
    feeds: Mapping[str, Array],
    *,
    guidance: float | None,
    noise: Callable[[], Array],
    check: Callable[[], None] = lambda: None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Array:
    """Runs the loop. sample: (batch, channels, height, width), float32. feeds: what the network reads in every step
    beside `sample` and `timestep`; they are copied to the device once.

    guidance: the network is given each sample twice, and its outputs, without and with the prompt, are combined
    (Ho and Salimans 2022); None for neither. noise: the next draw. check: called before each step; what it raises
    ends the loop. step: told how many of the evaluations are done. Raises EngineFailed and OutOfMemory."""
    stepper = _stepper(network.device)
    fixed = {name: network.put(np.ascontiguousarray(array)) for name, array in feeds.items()}
    times = 1 if guidance is None else 2
    none = network.put(np.zeros((1, *sample.shape), np.float32))
    state: Value = network.put(sample[None])
    first = sample * np.float32(schedule.steps[0].scale)
    reads: Value = network.put(np.concatenate([first] * times))
    for done, now in enumerate(schedule.steps, start=1):
        check()
        time = network.put(np.full(times * len(sample), now.timestep, np.float32))
        [output, *_] = network.bound({**fixed, "sample": reads, "timestep": time})
        drawn = network.put(np.stack([noise() for _ in range(now.draws)])) if now.draws else none
        after = schedule.steps[done].scale if done < len(schedule.steps) else 1.0
        state, reads = stepper.bound(
            {
                "state": state,
                "output": output,
                "draws": drawn,
                "rows": network.put(rows(now, guidance)),
                "scale": network.put(np.array([after], np.float32)),
            }
        )
        step(done, len(schedule.steps))
    found: Array = state.numpy()[0]
    return found


def rows(step: Step, guidance: float | None) -> Array:
    """A step's matrix: its columns are the state, the network's outputs and the draws, at least one of each."""
    made = np.array(step.rows, np.float64)
    place = made.shape[1] - step.draws - 1
    output = made[:, place : place + 1]
    if guidance is not None:
        output = np.concatenate([output * (1 - guidance), output * guidance], axis=1)
    draws = made[:, place + 1 :] if step.draws else np.zeros((len(made), 1))
    return np.concatenate([made[:, :place], output, draws], axis=1).astype(np.float32)


@cache
def _stepper(device: str) -> Bound:
    import onnxruntime as ort

    graph = pkgutil.get_data("gflow.runtime", "step.onnx")
    providers: list[Any] = ["CUDAExecutionProvider"] if device == "cuda" else []
    return Bound(
        ort.InferenceSession(graph, options(split=False), providers=[*providers, "CPUExecutionProvider"]), device
    )
