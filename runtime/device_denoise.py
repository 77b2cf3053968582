"""Denoise loops whose arrays stay on a device: the network and the step between its evaluations both run there.

A step is one kernel (`step_kernel`), where the program came with those; else the recurrence of
`gflow.runtime.denoise` as a graph (`step.onnx`) that ONNX Runtime runs. Either adds in another order than NumPy, or
with fewer roundings, so results agree within float32's rounding. Noise on the way is drawn in main memory, as its
bits must not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime import cuda, step_kernel
from gflow.runtime.denoise import Schedule, Step
from gflow.runtime.device import Binds, Value, empty, graph
from gflow.runtime.device_kernels import Kernels, telling
from gflow.runtime.step_kernel import BLOCK

#: The mask, the picture's latents, and the noise that is added to them; see `denoise.replay`.
Blend = tuple[Array, Array, Array]


class Stepper(Protocol):
    """The state of a loop."""

    def step(self, now: Step, output: Value, draws: Sequence[Array], reads: Value, scale: float) -> None:
        """From the network's output to the next state. reads: where what the network reads next goes, the sample
        times `scale`."""
        ...

    def sample(self) -> Array:
        """The first array of the state, in main memory."""
        ...


def replay(
    schedule: Schedule,
    sample: Array,
    network: Binds,
    feeds: Mapping[str, Array],
    *,
    guidance: float | None,
    noise: Callable[[], Array],
    kernels: Kernels | None = None,
    blend: Blend | None = None,
    extra: Array | None = None,
    check: Callable[[], None] = lambda: None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Array:
    """Runs the loop. sample: (batch, channels, height, width), float32. feeds: what the network reads in every step
    beside `sample` and `timestep`; they are copied to the device once.

    guidance: the network is given each sample twice, and its outputs, without and with the prompt, are combined
    (Ho and Salimans 2022); None for neither. noise: the next draw. kernels: those of the program; `blend` and
    `extra`, channels that the network reads behind the sample's, take them. check: called before each step; what it
    raises ends the loop. step: told how many of the evaluations are done. Raises EngineFailed and OutOfMemory."""
    times = 1 if guidance is None else 2
    first = sample * np.float32(schedule.steps[0].scale)
    reads = np.concatenate([first if extra is None else np.concatenate([first, extra], axis=1)] * times)
    given = {**feeds, "sample": reads, "timestep": _time(schedule.steps[0], reads)}
    loop = network.loops.loop({name: array for name, array in given.items() if name in network.inputs})
    stepper: Stepper
    if kernels is not None and can_step(kernels, schedule, guided=guidance is not None, blended=blend is not None):
        stepper = _ByKernel(kernels, network, sample, reads.shape[1], guidance, blend)
    else:
        assert blend is None and extra is None
        stepper = _ByGraph(network, sample, guidance)
    with ThreadPoolExecutor(1, "noise") as aside:
        for done, now in enumerate(schedule.steps, start=1):
            check()
            draws = aside.submit(_drawn, noise, now.draws) if now.draws else None
            loop.feeds["timestep"].update_inplace(_time(now, reads))
            output = network.again(loop)[0]
            scale = schedule.steps[done].scale if done < len(schedule.steps) else 1.0
            stepper.step(now, output, draws.result() if draws else [], loop.feeds["sample"], scale)
            step(done, len(schedule.steps))
    return stepper.sample()


def _drawn(noise: Callable[[], Array], count: int) -> list[Array]:
    """What a step adds, drawn while the network runs."""
    return [noise() for _ in range(count)]


def _time(step: Step, reads: Array) -> Array:
    return np.full(len(reads), step.timestep, np.float32)


def can_step(kernels: Kernels, schedule: Schedule, *, guided: bool, blended: bool) -> bool:
    """Whether the program came with kernels for all steps of a loop."""
    return all(each.name in kernels for each in step_kernel.updates(schedule, guided=guided, blended=blended))


class _ByKernel:
    """Every array in memory of its own, which the kernels are told the addresses of."""

    def __init__(
        self,
        kernels: Kernels,
        network: Binds,
        sample: Array,
        channels: int,
        guidance: float | None,
        blend: Blend | None,
    ) -> None:
        self.kernels, self.network, self.guidance = kernels, network, guidance
        self.shape, self.channels = sample.shape, channels
        self.state = [network.put(np.ascontiguousarray(sample))]
        self.blend = [network.put(np.ascontiguousarray(array, np.float32)) for array in blend or ()]

    def step(self, now: Step, output: Value, draws: Sequence[Array], reads: Value, scale: float) -> None:
        guided = self.guidance is not None
        update = step_kernel.update(now, len(self.state), guided=guided, blended=bool(self.blend))
        made = [empty(self.shape, np.float32, self.network.device) for _ in now.rows]
        drawn = [self.kernels.put(array, self.network.device) for array in draws]
        addresses = [
            *_addresses(made),
            *self._halves(reads, self.channels),
            *_addresses(self.state),
            *self._halves(output, self.shape[1]),
            *_addresses([*drawn, *self.blend]),
        ]
        values = update.values(now, self.shape, scale=scale, guidance=self.guidance or 1.0, channels=self.channels)
        programs = -(-int(values[0]) // BLOCK), 1
        self.kernels.start(update.name, programs, update.types(), [*addresses, *values], update.aligned)
        with telling():
            cuda.wait(self.kernels.stream)  # Then the network may read, and others may have the memory.
        self.state = made

    def sample(self) -> Array:
        found: Array = self.state[0].numpy()
        return found

    def _halves(self, value: Value, channels: int) -> list[int]:
        """Where the batch begins that has no prompt, and the one that has; with no guidance, there is one."""
        begin = int(value.data_ptr())
        batch, _, height, width = self.shape
        return [begin] if self.guidance is None else [begin, begin + 4 * batch * channels * height * width]


def _addresses(values: Sequence[Value]) -> list[int]:
    return [int(value.data_ptr()) for value in values]


class _ByGraph:
    """All arrays of the state are one."""

    def __init__(self, network: Binds, sample: Array, guidance: float | None) -> None:
        self.network, self.guidance = network, guidance
        self.graph = graph("step.onnx", network.device)
        self.none = network.put(np.zeros((1, *sample.shape), np.float32))
        self.state = network.put(sample[None])

    def step(self, now: Step, output: Value, draws: Sequence[Array], reads: Value, scale: float) -> None:
        given = {
            "state": self.state,
            "output": output,
            "draws": self.network.put(np.stack(draws)) if draws else self.none,
            "rows": self.network.put(rows(now, self.guidance)),
            "scale": self.network.put(np.array([scale], np.float32)),
        }
        self.state, _ = self.graph.bound(given, {"sample": reads})

    def sample(self) -> Array:
        found: Array = self.state.numpy()[0]
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
