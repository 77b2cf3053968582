"""Denoise loops as tables: replayed, they are the schedulers of diffusers, from the start and from the middle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import numpy as np
import pytest
import tiny_models
import torch

from gflow.compiler.models import schedules
from gflow.compiler.models.export import NotLowered
from gflow.kernels.types import Size
from gflow.runtime import denoise
from gflow.runtime.denoise import Schedule

#: As Stable Diffusion's configurations say it.
SD: dict[str, Any] = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SHAPE = (2, 4, 6, 5)
RNG = np.random.default_rng(1)
NOISE = RNG.standard_normal(SHAPE, dtype=np.float32)
PICTURE = RNG.standard_normal(SHAPE, dtype=np.float32)


def scheduler(kind: str, **config: Any) -> Any:
    return getattr(diffusers, f"{kind}Scheduler")(**config)


def named(name: str) -> Any:
    """A scheduler of the table below."""
    kind, config = SCHEDULERS[name]
    return scheduler(kind, **config)


#: One a behaviour: which class, and what its configuration says.
SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "DDIM": ("DDIM", {**SD, "clip_sample": False}),
    "DDIM, v": ("DDIM", {**SD, "clip_sample": False, "prediction_type": "v_prediction"}),
    "DDIM, sample": ("DDIM", {**SD, "clip_sample": False, "prediction_type": "sample"}),
    "DDIM, as Stable Diffusion": (
        "DDIM",
        {**SD, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1},
    ),
    "DDIM, zero terminal": (
        "DDIM",
        {
            **SD,
            "clip_sample": False,
            "prediction_type": "v_prediction",
            "rescale_betas_zero_snr": True,
            "timestep_spacing": "trailing",
        },
    ),
    "DDPM": ("DDPM", {**SD, "clip_sample": False}),
    "DDPM, large variance": ("DDPM", {**SD, "clip_sample": False, "variance_type": "fixed_large"}),
    "PNDM": ("PNDM", SD),
    "PNDM, no Runge-Kutta": ("PNDM", {**SD, "skip_prk_steps": True, "steps_offset": 1}),
    "Euler": ("EulerDiscrete", SD),
    "Euler, v": ("EulerDiscrete", {**SD, "prediction_type": "v_prediction"}),
    "Euler, Karras": ("EulerDiscrete", {**SD, "use_karras_sigmas": True}),
    "Euler, trailing": ("EulerDiscrete", {**SD, "timestep_spacing": "trailing"}),
    "Euler ancestral": ("EulerAncestralDiscrete", SD),
    "Heun": ("HeunDiscrete", SD),
    "KDPM2": ("KDPM2Discrete", SD),
    "KDPM2 ancestral": ("KDPM2AncestralDiscrete", SD),
    "DEIS": ("DEISMultistep", SD),
    "IPNDM": ("IPNDM", {}),
    "UniPC": ("UniPCMultistep", SD),
    "UniPC, third order, Karras": ("UniPCMultistep", {**SD, "solver_order": 3, "use_karras_sigmas": True}),
    "DPM++ 2M": ("DPMSolverMultistep", SD),
    "DPM++ 2M Karras": ("DPMSolverMultistep", {**SD, "use_karras_sigmas": True}),
    "DPM++ 3M": ("DPMSolverMultistep", {**SD, "solver_order": 3}),
    "DPM++ 2M SDE": ("DPMSolverMultistep", {**SD, "algorithm_type": "sde-dpmsolver++"}),
    "DPM, first formula": (
        "DPMSolverMultistep",
        {**SD, "algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    ),
    "DPM singlestep": ("DPMSolverSinglestep", SD),
    "SA-Solver": ("SASolver", SD),
    "LCM": ("LCM", SD),
    "TCD": ("TCD", SD),
    "EDM Euler": ("EDMEuler", {}),
    "EDM DPM++ 2M": ("EDMDPMSolverMultistep", {}),
    "FlowMatch Euler": ("FlowMatchEulerDiscrete", {"shift": 3.0}),
    "FlowMatch Euler, stochastic": ("FlowMatchEulerDiscrete", {"stochastic_sampling": True}),
    "FlowMatch Heun": ("FlowMatchHeunDiscrete", {"shift": 3.0}),
    "DPM++, flow": (
        "DPMSolverMultistep",
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0},
    ),
}


def predict(scaled: Any, time: float) -> Any:
    """A network that is not linear in anything."""
    return np.tanh(scaled) * np.float32(0.8) + np.float32(0.1 * np.sin(time))


class Drawing:
    """Noise for a scheduler and for its table: the same draws, in order."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(2)
        self.count = 0

    def __call__(self) -> Any:
        self.count += 1
        return self.rng.standard_normal(SHAPE, dtype=np.float32)


def theirs(made: Any, steps: int, start: int, monkeypatch: pytest.MonkeyPatch, **timing: Any) -> tuple[Any, int]:
    """What a pipeline does with a scheduler, and how often noise was drawn. start 0: text-to-image."""
    made.set_timesteps(**({} if "sigmas" in timing else {"num_inference_steps": steps}), **timing)
    begin = start * made.order
    times = made.timesteps[begin:]
    noise = torch.from_numpy(NOISE)
    if start == 0:
        sample = noise * getattr(made, "init_noise_sigma", 1.0)
    else:
        if hasattr(made, "set_begin_index"):
            made.set_begin_index(begin)
        picture = torch.from_numpy(PICTURE)
        add = getattr(made, "scale_noise", None)
        sample = add(picture, times[:1], noise) if add else made.add_noise(picture, noise, times[:1])
    drawing = Drawing()
    module = sys.modules[type(made).__module__]
    if hasattr(module, "randn_tensor"):
        monkeypatch.setattr(module, "randn_tensor", lambda *args, **options: torch.from_numpy(drawing()))
    for time in times:
        scaled = made.scale_model_input(sample, time) if hasattr(made, "scale_model_input") else sample
        output = torch.from_numpy(predict(scaled.float().numpy(), float(time)))
        sample = made.step(output, time, sample, return_dict=False)[0].float()
    return sample.numpy(), drawing.count


def ours(table: Schedule, start: int) -> tuple[Any, int]:
    drawing = Drawing()
    sample = denoise.initial(table, NOISE, PICTURE if start else None)
    return denoise.replay(table, sample, predict, noise=drawing), drawing.count


def close(left: Any, right: Any) -> bool:
    """Equal as far as float32 goes."""
    return bool(np.abs(left - right).max() <= 2e-5 * max(1.0, np.abs(right).max()))


@pytest.mark.parametrize("start", [0, 4])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_table_replayed_is_the_scheduler(name: str, start: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = named(name)
    if start and not (hasattr(made, "add_noise") or hasattr(made, "scale_noise")):
        pytest.skip("it can't begin with a picture")
    table = schedules.table(made, 11, start, checked=False)
    expected, drawn = theirs(made, 11, start, monkeypatch)
    found, used = ours(table, start)
    assert close(found, expected)
    assert used == drawn
    assert np.abs(expected - NOISE).max() > 0.1


def test_one_step() -> None:
    made = scheduler("LCM", **SD)
    table = schedules.table(made, 1)
    assert len(table.steps) == 1 and table.steps[0].mix == (1.0, 0.0)
    with pytest.raises(schedules.NotAffine, match="does not take 2000 steps"):
        schedules.table(made, 2000)


@pytest.mark.parametrize("name", ["DDIM", "Euler ancestral", "DPM++ 2M", "PNDM, no Runge-Kutta", "FlowMatch Euler"])
def test_pictures_under_a_mask_are_as_noisy_as_the_sample(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = named(name)
    table = schedules.table(made, 6, 2, checked=False)
    made.set_timesteps(6)
    times = made.timesteps[2 * made.order :]
    noise, picture = torch.from_numpy(NOISE), torch.from_numpy(PICTURE)
    add = made.scale_noise if hasattr(made, "scale_noise") else lambda a, time, b: made.add_noise(a, b, time)
    assert len(times) == len(table.steps)
    assert close(denoise.initial(table, NOISE, PICTURE), add(picture, times[:1], noise).numpy())
    for place, step in enumerate(table.steps[:-1]):
        expected = add(picture, times[place + 1 : place + 2], noise).numpy()
        assert close(step.mix[0] * PICTURE + step.mix[1] * NOISE, expected)
    assert table.steps[-1].mix == (1.0, 0.0)
    # So what a mask keeps is the picture in the end, whatever the network says.
    black = np.zeros(SHAPE, np.float32)
    sample = denoise.initial(table, NOISE, PICTURE)
    kept = denoise.replay(table, sample, predict, noise=Drawing(), blend=(black, PICTURE, NOISE))
    assert np.array_equal(kept, PICTURE)


# --- the tables of a model -------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops of up to 21 steps only, and from the middle of up to 6: more take longer to make."""
    monkeypatch.setattr(schedules, "MOST_STEPS", 21)
    monkeypatch.setattr(schedules, "MOST_STEPS_FROM_THE_MIDDLE", 6)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("name", "memory"), [("DDIM", False), ("Euler ancestral", False), ("DPM++ 2M", True)])
def test_a_model_has_a_table_for_each_number_of_steps_and_start(name: str, memory: bool) -> None:
    made = named(name)
    data = schedules.for_model(made)
    assert data == schedules.for_model(made)
    found = denoise.decode(data)
    # Without memory, the loop from the middle is the end of the whole one.
    assert found.suffixes is not memory
    assert len(found.tables) == (21 + sum(range(6)) if memory else 21)
    for steps, start in ((1, 0), (5, 0), (5, 2), (6, 5), (21, 0)):
        expected = schedules.table(made, steps, start, checked=False)
        table = found.find(steps, start, Size(64, 64))
        assert table is not None and len(table.steps) == steps - start
        assert close(ours(table, start)[0], ours(expected, start)[0])
    assert found.find(22, 0, Size(64, 64)) is None
    assert (found.find(7, 1, Size(64, 64)) is None) is memory
    assert found.range == ("1 to 21 steps (from a picture, 6)" if memory else "1 to 21 steps")


@pytest.mark.usefixtures("few")
def test_sigmas_that_the_pipeline_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scheduler("FlowMatchEulerDiscrete", shift=1.5)
    table = denoise.decode(schedules.for_model(made, gives_sigmas=True)).find(7, 0, Size(64, 64))
    assert table is not None
    sigmas = [float(sigma) for sigma in np.linspace(1.0, 1 / 7, 7)]
    assert close(ours(table, 0)[0], theirs(made, 7, 0, monkeypatch, sigmas=sigmas)[0])


@pytest.mark.parametrize("gives_sigmas", [False, True])
@pytest.mark.parametrize(("width", "height"), [(256, 256), (512, 1024), (1024, 1024)])
def test_a_shift_that_depends_on_the_size(
    width: int, height: int, gives_sigmas: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"base_shift": 0.5, "max_shift": 1.15, "base_image_seq_len": 256, "max_image_seq_len": 4096}
    made = scheduler("FlowMatchEulerDiscrete", use_dynamic_shifting=True, **config)
    found = denoise.decode(schedules.for_model(made, patch=16, gives_sigmas=gives_sigmas))
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    timing: dict[str, Any] = {"mu": calculate_shift(width * height // 16**2)}
    if gives_sigmas:
        timing["sigmas"] = [float(sigma) for sigma in np.linspace(1.0, 1 / 9, 9)]
    for start in (0, 4):
        table = found.find(9, start, Size(width, height))
        assert table is not None
        assert close(ours(table, start)[0], theirs(made, 9, start, monkeypatch, **timing)[0])
    small, large = (found.find(9, 0, Size(side, side)) for side in (256, 1024))
    assert small is not None and large is not None and small.steps[4].timestep < large.steps[4].timestep


# --- what is no table ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "config", "why"),
    [
        ("DDIM", {**SD}, "cuts values off (`clip_sample`)"),  # its default
        ("DDPM", {**SD}, "cuts values off (`clip_sample`)"),
        ("DDIM", {**SD, "clip_sample": False, "thresholding": True}, "cuts values off (`thresholding`)"),
        ("DPMSolverMultistep", {**SD, "thresholding": True}, "cuts values off (`thresholding`)"),
        (
            "UniPCMultistep",
            {**SD, "thresholding": True, "sample_max_value": 1.0},
            "cuts values off (`thresholding`)",
        ),
        ("UniPCMultistep", {**SD, "solver_type": "bh1"}, "not finite"),
        ("FlowMatchEulerDiscrete", {"use_dynamic_shifting": True, "stochastic_sampling": True}, "another way"),
        ("FlowMatchEulerDiscrete", {"use_dynamic_shifting": True, "shift_terminal": 0.1}, "another kind"),
    ],
)
def test_a_scheduler_that_is_no_table_is_refused(name: str, config: dict[str, Any], why: str) -> None:
    with pytest.raises(NotLowered, match=f"^scheduler: {name}Scheduler can't be made a table: ") as refused:
        schedules.for_model(scheduler(name, **config))
    assert refused.value.component == "scheduler" and why in refused.value.reason


def test_a_pipeline_takes_the_clipping_away(tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    folder = tiny_models.diffusion(tmp_path, scheduler("DDIM", **SD, clip_sample=True))
    made = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True).scheduler
    schedules.table(made, 20)
    with pytest.raises(schedules.NotAffine, match="differ"):
        schedules.table(scheduler("DDIM", **SD, clip_sample=True), 20)


# --- the recurrence --------------------------------------------------------------------------------


def test_the_smallest_memory_is_kept() -> None:
    memory = {
        name: max(len(step.rows) for step in schedules.table(named(name), 8, checked=False).steps) - 1
        for name in ("DDIM", "Euler", "LCM", "DPM++ 2M", "Heun", "DPM++ 3M", "UniPC")
    }
    assert memory == {"DDIM": 0, "Euler": 0, "LCM": 0, "DPM++ 2M": 1, "Heun": 1, "DPM++ 3M": 2, "UniPC": 2}


def test_a_table_travels_and_tells_of_its_steps() -> None:
    table = schedules.table(named("Heun"), 5, checked=False)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=Schedule)
    told: list[tuple[int, int]] = []
    replayed = denoise.replay(
        again, NOISE, predict, noise=Drawing(), step=lambda done, total: told.append((done, total))
    )
    assert np.array_equal(replayed, denoise.replay(table, NOISE, predict, noise=Drawing()))
    assert told == [(done, 9) for done in range(1, 10)]  # Heun's method looks twice, but for the last step.
