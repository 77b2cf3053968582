"""Denoise loops as tables: a scheduler's steps, as a recurrence that needs neither diffusers nor torch.

What a scheduler does in a step is affine in the sample, in the network's outputs and in the noise so far, for every
scheduler without thresholding or clipping. So each step is a small matrix over a small state: the sample, and what
the scheduler remembers of earlier steps (nothing for DDIM and Euler, one array for DPM++ 2M, up to four).
`gflow.compiler.models.schedules` makes the tables.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from gflow.kernels.types import Array, Size


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One evaluation of the network and what follows from it.

    timestep: what the network is told. scale: the network reads scale x sample. rows: the new state, sample first,
    from [state..., the network's output, noise draws...]. draws: how many. mix: (a, b), where a x picture + b x
    noise is a picture as noisy as the new sample; (1, 0) after the last step.
    """

    timestep: float
    scale: float
    rows: list[list[float]]
    draws: int
    mix: tuple[float, float]


class Schedule(msgspec.Struct, frozen=True, array_like=True):
    """A whole loop. sigma: what the noise is multiplied by to begin with. begin: (a, b) for beginning with
    a x picture + b x noise."""

    steps: list[Step]
    sigma: float
    begin: tuple[float, float]


class Shift(msgspec.Struct, frozen=True):
    """Flow matching whose timesteps depend on the size of the picture (Esser et al. 2024): the shift is linear in
    the number of patches, `slope` and `base`. `first`, `last`: the sigmas of the first and last step before
    shifting; `last` is None where it is 1 / steps. `patch`: pixels that a patch stands for, along one side."""

    slope: float
    base: float
    first: float
    last: float | None
    patch: int


class Schedules(msgspec.Struct, frozen=True):
    """The loops of a model by "steps/start". `suffixes`: the loop from a later start is the rest of the whole one.
    Where there is a `shift`, loops are computed from it."""

    tables: dict[str, msgspec.Raw] = {}
    suffixes: bool = False
    shift: Shift | None = None
    range: str = ""

    def all(self) -> Iterator[Schedule]:
        """Every table; of those that are computed for a size, one."""
        if self.shift is not None:
            yield _shifted(self.shift, 1, Size(self.shift.patch, self.shift.patch))
        for table in self.tables.values():
            yield msgspec.msgpack.decode(table, type=Schedule)

    def find(self, steps: int, start: int, size: Size) -> Schedule | None:
        """The loop of that many steps from the step `start` on; None where there is no table of it."""
        if self.shift is not None:
            return _suffix(_shifted(self.shift, steps, size), start)
        if self.suffixes:
            found = self.tables.get(f"{steps}/0")
            return None if found is None else _suffix(msgspec.msgpack.decode(found, type=Schedule), start)
        found = self.tables.get(f"{steps}/{start}")
        return None if found is None else msgspec.msgpack.decode(found, type=Schedule)


def encode(schedules: Schedules) -> bytes:
    return msgspec.msgpack.encode(schedules, order="deterministic")


def decode(data: bytes) -> Schedules:
    """Raises msgspec.MsgspecError, which is a ValueError."""
    return msgspec.msgpack.decode(data, type=Schedules)


def _suffix(schedule: Schedule, start: int) -> Schedule:
    if start == 0:
        return schedule
    return Schedule(schedule.steps[start:], schedule.sigma, schedule.steps[start - 1].mix)


def _shifted(shift: Shift, steps: int, size: Size) -> Schedule:
    """Euler's method for flow matching, its sigmas shifted for the size."""
    patches = (size.width // shift.patch) * (size.height // shift.patch)
    factor = math.exp(patches * shift.slope + shift.base)
    last = 1 / steps if shift.last is None else shift.last
    plain = np.linspace(shift.first, last, steps)
    sigmas = [*(factor / (factor + 1 / plain - 1)).tolist(), 0.0]
    made = [
        Step(1000 * now, 1.0, [[1.0, then - now]], 0, (1 - then, then)) for now, then in itertools.pairwise(sigmas)
    ]
    return Schedule(made, 1.0, (1 - sigmas[0], sigmas[0]))


def initial(schedule: Schedule, noise: Array, image: Array | None = None) -> Array:
    """The sample that the loop begins with: noise, or the latents of a picture with noise. float32."""
    if image is None:
        return noise * np.float32(schedule.sigma)
    return _combined([image, noise], schedule.begin)


def replay(
    schedule: Schedule,
    sample: Array,
    predict: Callable[[Array, float], Array],
    *,
    noise: Callable[[], Array],
    blend: tuple[Array, Array, Array] | None = None,
    step: Callable[[int, int], None] = lambda done, total: None,
) -> Array:
    """Runs the loop. Arrays are (batch, channels, height, width), float32.

    predict: the network's output for a scaled sample and a timestep. noise: the next draw of a schedule that adds
    noise on the way. blend: (mask, picture, noise): where the mask is 0, the sample is the picture, as noisy as it
    has to be. step: told how many of the evaluations are done.
    """
    state = [sample]
    for done, now in enumerate(schedule.steps, start=1):
        scaled = state[0] if now.scale == 1 else state[0] * np.float32(now.scale)
        output = predict(scaled, now.timestep)
        parts = [*state, output, *(noise() for _ in range(now.draws))]
        state = [_combined(parts, row) for row in now.rows]
        if blend is not None:
            mask, picture, added = blend
            kept = _combined([picture, added], now.mix)
            state[0] = kept + mask * (state[0] - kept)
        step(done, len(schedule.steps))
    return state[0]


def _combined(parts: Sequence[Array], coefficients: Sequence[float]) -> Array:
    """The sum of arrays times numbers."""
    total: Array | None = None
    for part, coefficient in zip(parts, coefficients, strict=True):
        if coefficient == 0:
            continue
        if total is None:
            total = part * np.float32(coefficient)
        else:
            total += part * np.float32(coefficient)
    return np.zeros_like(parts[0]) if total is None else total
