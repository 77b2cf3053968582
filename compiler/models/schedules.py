"""Denoise loops compiled: a scheduler of diffusers is run on unit vectors, and what comes out is a table
(`gflow.runtime.denoise`) that is replayed without it.

In every step the scheduler is handed a fresh unit vector as the sample, one as the network's output, and one for
each noise it draws. So its result holds the coefficients of all of them. What it remembers between steps is found
as the rank of what later steps depend on.
"""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import torch

from gflow.compiler.models.export import NotLowered
from gflow.kernels.types import Size
from gflow.runtime import denoise
from gflow.runtime.denoise import Schedule, Schedules, Shift, Step

Matrix = np.ndarray[Any, np.dtype[np.float64]]

#: What a replay may differ by from the scheduler, relative to the largest value.
TOLERANCE = 1e-4

#: Loops are made ahead for this many steps, and for starts in the middle where each start needs a table of its own.
MOST_STEPS, MOST_STEPS_FROM_THE_MIDDLE = 100, 50

#: Below this share of the largest coefficient, a dependence is rounding (schedulers compute in float32).
_RANK = 3e-6


class NotAffine(Exception):
    """A scheduler does something else than scale and add: it clips, say."""


def for_model(scheduler: Any, *, patch: int = 16, gives_sigmas: bool = False) -> bytes:
    """The tables of a model with that scheduler. Raises NotLowered.

    patch: pixels along one side of what flow matching counts as a patch. gives_sigmas: the model's pipeline hands
    the scheduler sigmas that fall evenly from 1 to 1 / steps, instead of leaving them to it.
    """
    try:
        # Made once, as some take long to make, and copied before they run.
        scheduler = type(scheduler).from_config(scheduler.config)
        gives_sigmas = gives_sigmas and not scheduler.config.get("use_flow_sigmas")
        if scheduler.config.get("use_dynamic_shifting"):
            return denoise.encode(Schedules(shift=_shift(scheduler, patch, gives_sigmas), range="any steps"))
        return denoise.encode(_tables(scheduler, gives_sigmas))
    except NotAffine as error:
        raise NotLowered("scheduler", f"{type(scheduler).__name__} can't be made a table: {error}") from error


def _even_sigmas(steps: int) -> list[float]:
    return [float(sigma) for sigma in np.linspace(1.0, 1 / steps, steps)]


def _tables(scheduler: Any, gives_sigmas: bool) -> Schedules:
    def timing(steps: int) -> Mapping[str, Any]:
        return {"sigmas": _even_sigmas(steps)} if gives_sigmas else {}

    # What a scheduler refuses with this many steps it must not refuse with fewer only.
    table(scheduler, 20, timing=timing(20))
    whole = {}
    for steps in range(1, MOST_STEPS + 1):
        with contextlib.suppress(NotAffine):
            whole[steps] = table(scheduler, steps, timing=timing(steps), checked=steps < 10)
    suffixes = all(len(step.rows) == 1 for schedule in whole.values() for step in schedule.steps)
    tables = {f"{steps}/0": msgspec.Raw(msgspec.msgpack.encode(schedule)) for steps, schedule in whole.items()}
    if not suffixes:
        for steps in whole:
            for start in range(1, steps if steps <= MOST_STEPS_FROM_THE_MIDDLE else 1):
                made = table(scheduler, steps, start, timing=timing(steps), checked=False)
                tables[f"{steps}/{start}"] = msgspec.Raw(msgspec.msgpack.encode(made))
    most = max(whole)
    range_ = f"1 to {most} steps"
    if not suffixes and most > MOST_STEPS_FROM_THE_MIDDLE:
        range_ += f" (from a picture, {MOST_STEPS_FROM_THE_MIDDLE})"
    return Schedules(tables=tables, suffixes=suffixes, range=range_)


def table(
    scheduler: Any,
    steps: int,
    start: int = 0,
    *,
    timing: Mapping[str, Any] | None = None,
    checked: bool = True,
) -> Schedule:
    """The loop of `steps` steps from the step `start` on (as image-to-image pipelines begin).

    scheduler: one that has not run, and will not. timing: what else the pipeline gives `set_timesteps` (`sigmas`,
    `mu`). checked: replay it against the scheduler.
    Raises NotAffine.
    """
    probed = _probe(scheduler, steps, start, timing or {})
    if not all(np.isfinite(numbers).all() for numbers in (probed.results, probed.scales, probed.mixes)):
        raise NotAffine(f"some of its numbers are not finite with {steps} steps")
    schedule = Schedule(_factored(probed), probed.sigma, probed.begin)
    if checked:
        _check(scheduler, schedule, steps, start, timing or {})
    return schedule


# --- probing ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Probed:
    """Per evaluation: the timestep, the input's scale, and the coefficients of the new sample over [samples...,
    outputs..., draws...]; `drawn`: how many draws there were after it; `mix` as in `Step`."""

    timesteps: list[float]
    scales: list[float]
    results: Matrix
    drawn: list[int]
    mixes: list[tuple[float, float]]
    sigma: float
    begin: tuple[float, float]


def _prepared(scheduler: Any, steps: int, start: int, timing: Mapping[str, Any]) -> tuple[Any, Any]:
    """A scheduler at the start of a loop, and the loop's timesteps."""
    made = copy.deepcopy(scheduler)
    try:
        made.set_timesteps(**(timing if "sigmas" in timing else {"num_inference_steps": steps, **timing}))
    except (ValueError, IndexError, ZeroDivisionError, RuntimeError) as error:
        raise NotAffine(f"it does not take {steps} steps: {error}") from error
    begin = start * made.order
    if hasattr(made, "set_begin_index"):
        made.set_begin_index(begin)
    return made, made.timesteps[begin:]


def _probe(scheduler: Any, steps: int, start: int, timing: Mapping[str, Any]) -> _Probed:
    made, timesteps = _prepared(scheduler, steps, start, timing)
    count = len(timesteps)
    # Samples, outputs, and at most two draws a step.
    width = 4 * count

    def unit(place: int) -> torch.Tensor:
        vector = torch.zeros(1, width, 1, 1, dtype=torch.float64)
        vector[0, place] = 1
        return vector

    drawn = 0

    def draw() -> torch.Tensor:
        nonlocal drawn
        drawn += 1
        return unit(2 * count + drawn - 1)

    begin = _noised(made, timesteps[:1]) if count else (1.0, 0.0)
    scales, results, counts, mixes = [], [], [], []
    with _noise_from(made, draw), torch.no_grad():
        for place, time in enumerate(timesteps):
            scaled = (
                made.scale_model_input(unit(place), time) if hasattr(made, "scale_model_input") else unit(place)
            )
            scales.append(float(scaled[0, place]))
            result = made.step(unit(count + place), time, unit(place), return_dict=False)[0]
            results.append(result.double().reshape(-1).numpy())
            counts.append(drawn)
            last = place + 1 == count
            mixes.append((1.0, 0.0) if last else _noised(made, timesteps[place + 1 : place + 2]))
    sigma = float(getattr(made, "init_noise_sigma", 1.0))
    times = [float(time) for time in timesteps]
    return _Probed(times, scales, np.stack(results), counts, mixes, sigma, begin)


def _scaled(scheduler: Any, sample: torch.Tensor, time: Any) -> torch.Tensor:
    """What the network reads of a sample."""
    if not hasattr(scheduler, "scale_model_input"):
        return sample
    found: torch.Tensor = scheduler.scale_model_input(sample, time)
    return found


def _noised(scheduler: Any, time: Any) -> tuple[float, float]:
    """How much of a picture and of noise is in a sample at a timestep; noise alone where the scheduler can't
    tell."""
    picture, noise = torch.zeros(1, 2, 1, 1, dtype=torch.float64), torch.zeros(1, 2, 1, 1, dtype=torch.float64)
    picture[0, 0], noise[0, 1] = 1, 1
    if hasattr(scheduler, "scale_noise"):
        found = scheduler.scale_noise(picture, time, noise)
    elif hasattr(scheduler, "add_noise"):
        found = scheduler.add_noise(picture, noise, time)
    else:
        return 0.0, 1.0
    return float(found[0, 0]), float(found[0, 1])


@contextlib.contextmanager
def _noise_from(scheduler: Any, draw: Any) -> Iterator[None]:
    """Lets a scheduler draw its noise from a function."""
    module = sys.modules[type(scheduler).__module__]
    original = getattr(module, "randn_tensor", None)

    def replaced(shape: Any, **options: Any) -> torch.Tensor:
        drawn: torch.Tensor = draw()
        return drawn

    def refused(*args: Any, **options: Any) -> torch.Tensor:
        raise NotAffine("it draws noise in a way of its own")

    plain = torch.randn
    torch.randn = refused
    if original is not None:
        module.randn_tensor = replaced  # type: ignore[attr-defined]
    try:
        yield
    except (IndexError, ValueError, RuntimeError, NotImplementedError) as error:
        raise NotAffine(str(error).splitlines()[0][:200] if str(error) else type(error).__name__) from error
    finally:
        torch.randn = plain
        if original is not None:
            module.randn_tensor = original  # type: ignore[attr-defined]


# --- factoring -------------------------------------------------------------------------------------


def _factored(probed: _Probed) -> list[Step]:
    """The recurrence with the smallest memory that gives those results."""
    count = len(probed.timesteps)
    steps: list[Step] = []
    known = np.zeros((0, probed.results.shape[1]))
    for place in range(count):
        before = probed.drawn[place - 1] if place else 0
        fresh = [place, count + place, *range(2 * count + before, 2 * count + probed.drawn[place])]
        later = _memory(probed.results[place + 1 :], _past(place + 1, count, probed.drawn[place]))
        rows = []
        for target in (probed.results[place], *later):
            remembered = known @ target
            rows.append([float(value) for value in (target[fresh[0]], *remembered, *target[fresh[1:]])])
        steps.append(
            Step(
                probed.timesteps[place],
                probed.scales[place],
                rows,
                probed.drawn[place] - before,
                probed.mixes[place],
            )
        )
        known = later
    return steps


def _past(place: int, count: int, drawn: int) -> list[int]:
    """The columns of what there was before an evaluation."""
    return [*range(place), *range(count, count + place), *range(2 * count, 2 * count + drawn)]


def _memory(later: Matrix, past: list[int]) -> Matrix:
    """An orthonormal basis of what later results take from the past, as rows over all columns."""
    basis = np.zeros((0, later.shape[1]))
    if not len(later):
        return basis
    _, sizes, rows = np.linalg.svd(later[:, past], full_matrices=False)
    rank = int((sizes > _RANK * max(1.0, float(np.abs(later).max()))).sum())
    basis = np.zeros((rank, later.shape[1]))
    basis[:, past] = rows[:rank]
    return basis


# --- checking --------------------------------------------------------------------------------------


def _check(scheduler: Any, schedule: Schedule, steps: int, start: int, timing: Mapping[str, Any]) -> None:
    """Replays a table against the scheduler, with a network that is not linear and noise of the size that a loop
    begins with: clipping shows in nothing less."""
    made, timesteps = _prepared(scheduler, steps, start, timing)
    rng = np.random.default_rng(0)
    shape = (1, 2, 8, 8)
    draws = [rng.standard_normal(shape, dtype=np.float32) for _ in range(sum(s.draws for s in schedule.steps))]
    sample = rng.standard_normal(shape, dtype=np.float32) * np.float32(max(1.0, schedule.sigma))

    def predict(scaled: Any, time: float) -> Any:
        return np.tanh(scaled) * np.float32(0.8) + np.float32(0.1 * np.sin(time))

    theirs, queue = torch.from_numpy(sample.copy()), iter(draws)
    with _noise_from(made, lambda: torch.from_numpy(next(queue))), torch.no_grad():
        for time in timesteps:
            output = torch.from_numpy(predict(_scaled(made, theirs, time).numpy(), float(time)))
            theirs = made.step(output, time, theirs, return_dict=False)[0].float()
    queue = iter(draws)
    ours = denoise.replay(schedule, sample, predict, noise=lambda: next(queue))
    worst = float(np.abs(theirs.numpy() - ours).max()) / max(1.0, float(np.abs(theirs.numpy()).max()))
    if not worst <= TOLERANCE:
        cuts = next((name for name in ("thresholding", "clip_sample") if made.config.get(name)), None)
        cause = f", as it cuts values off (`{cuts}`)" if cuts else ""
        raise NotAffine(f"its table gives values that differ by {worst:.2g}{cause}")


def _shift(scheduler: Any, patch: int, gives_sigmas: bool) -> Shift:
    """The closed form of flow matching whose shift depends on the picture's size, checked against the scheduler."""
    if type(scheduler).__name__ != "FlowMatchEulerDiscreteScheduler":
        raise NotAffine("its shift depends on the size")
    config = scheduler.config
    if config.get("stochastic_sampling") or config.get("invert_sigmas"):
        raise NotAffine("it samples in another way than Euler's")
    least, most = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    slope = (high - low) / (most - least)
    last = None if gives_sigmas else 1 / config.num_train_timesteps
    shift = Shift(slope=slope, base=low - slope * least, first=1.0, last=last, patch=patch)
    for steps in (1, 4, 28):
        for side in (8, 32, 64):
            timing: dict[str, Any] = {"mu": side * side * slope + shift.base}
            if gives_sigmas:
                timing["sigmas"] = _even_sigmas(steps)
            theirs = [float(time) for time in _prepared(scheduler, steps, 0, timing)[1]]
            size = Size(side * patch, side * patch)
            found = Schedules(shift=shift).find(steps, 0, size)
            assert found is not None
            if not np.allclose([step.timestep for step in found.steps], theirs, rtol=1e-5):
                raise NotAffine("its shift is of another kind than the usual")
    return shift
