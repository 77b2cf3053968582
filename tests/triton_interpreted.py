"""Triton's kernels in its interpreter. `test_triton.py` runs this as a process of its own: TRITON_INTERPRET has to
be set before Triton is imported. The interpreter takes its time for each program, and so programs are large here.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pictures as made_up
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel import realize, triton_run, triton_source
from gflow.kernels.pixel.picture import Picture
from gflow.runtime import denoise, triton_denoise
from gflow.runtime.denoise import Schedule, Step

assert triton_run.interpreted()

#: A batch of small latents.
SHAPE = (2, 3, 5, 7)


def computed(outputs: list[Picture], layouts: list[str], block: tuple[int, int] | None = None) -> list[Any]:
    """By default one program makes everything."""
    sides = (max(getattr(node, side) for node in outputs) for side in ("width", "height"))
    width, height = (1 << (side - 1).bit_length() for side in sides)
    return [made.numpy() for made in triton_run.realize_all(outputs, layouts, block=block or (width, height))]


def soft(picture: Picture, weights: Any) -> Picture:
    return px.convolved(px.convolved(picture, "y", weights), "x", weights)


# --- pictures --------------------------------------------------------------------------------------


@settings(
    max_examples=int(os.environ.get("GFLOW_FUZZ_PIXELS", 70)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(made_up.pictures(), st.sampled_from(made_up.LAYOUTS), st.sampled_from([None, (16, 4), (4, 16)]))
def test_random_pictures(picture: Picture, layout: str, block: tuple[int, int] | None) -> None:
    block = None if picture.width * picture.height > 800 else block
    [found] = computed([picture], [layout], block)
    assert made_up.agrees(found, picture, layout)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(made_up.pictures(longest=4))
def test_kernels_for_any_size_give_the_same(picture: Picture) -> None:
    [found] = computed(realize.loosened([picture]), ["f32"])
    assert made_up.agrees(found, picture, "f32")


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 4097), (7, 5), (4097, 3), (3, 4097)])
@pytest.mark.parametrize(("layout", "kind"), [("f32", "planes"), ("u8", "u8"), ("planar", "f32")])
def test_odd_sizes(width: int, height: int, layout: str, kind: str) -> None:
    """Short sums and long ones, with neighbours that are put into memory and such that are not."""
    image = px.source(made_up.array(width, height, 3, kind, 1))
    near = soft(image, np.array([1, 4, 6, 4, 1]) / 16)
    far = px.convolved(image + near, "y", np.ones(31) / 31)
    picture = px.mix(px.luma(far), image + (image - near) * 0.5, 1.2)
    block = (min(1 << (width - 1).bit_length(), 1024), min(1 << (height - 1).bit_length(), 1024))
    [found] = computed([picture], [layout], block)
    assert made_up.agrees(found, picture, layout)


def test_results_of_different_sizes_at_once() -> None:
    whole = px.source(made_up.array(32, 20, 3, "u8", 2))
    half = px.resampled(whole, "y", px.Sums(np.arange(10) * 2, np.full((10, 2), 0.5)))
    half = px.resampled(half, "x", px.Sums(np.arange(16) * 2, np.full((16, 2), 0.5)))
    dear = soft(soft(whole, np.ones(7) / 7), np.ones(9) / 9)
    outputs, layouts = [whole * 1.1, half, px.luma(dear), dear], ["u8", "planar", "u8", "f32"]
    for found, picture, layout in zip(computed(outputs, layouts), outputs, layouts, strict=True):
        assert made_up.agrees(found, picture, layout)
    made = triton_source.generate(outputs, layouts).launches
    assert sum(taken.what == "kept" for launch in made for taken in launch.takes[:1]) >= 1


def test_what_is_held_is_put_into_memory() -> None:
    image = px.source(made_up.array(9, 6, 3, "f32", 3))
    picture = px.shifted(px.held(image * 0.5 + 0.25), "x", 9, 8, -1) - 0.125
    [found] = computed([picture], ["f32"])
    assert len(triton_source.generate([picture], ["f32"]).launches) == 2
    plain = px.shifted(image * 0.5 + 0.25, "x", 9, 8, -1) - 0.125
    assert len(triton_source.generate([plain], ["f32"]).launches) == 1
    assert made_up.agrees(found, picture, "f32") and made_up.agrees(found, plain, "f32")


def test_what_is_no_number_becomes_black_in_bytes() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    with np.errstate(invalid="ignore"):
        assert computed([px.source(values)], ["u8"])[0].tolist() == [[0, 255, 0, 128]]
    assert np.array_equal(computed([px.source(values)], ["f32"])[0], values, equal_nan=True)


def test_arithmetic_has_the_bits_of_c() -> None:
    """But for powers and `tl.fma`: the interpreter rounds those twice."""
    image = px.source(made_up.array(37, 29, 4, "f32", 4))
    x, y = px.coordinates(image)
    picture = px.sqrt(px.straight(px.premultiplied(image) * 1.1)) / (px.hashed(x, y, 77.0) + 0.3)
    picture = px.where(picture < image, px.floor(picture * 9) * 0.1, image - picture * 0.3)
    assert np.array_equal(computed([picture], ["f32"])[0], realize.realize(picture))


def test_tensors_of_any_strides_are_read_where_they_are() -> None:
    whole = torch.rand(12, 20, 4)
    for tensor in (whole, whole[2:9, ::2, :3], whole.permute(2, 0, 1)[:3], whole.permute(1, 0, 2), whole[..., 1]):
        tensor = tensor.permute(1, 2, 0) if tensor.shape[0] < 4 else tensor
        image = triton_run.source(tensor)
        assert image.data.memory is tensor
        found = triton_run.realize_all([image * 0.5], ["f32"], block=(32, 32))[0]
        assert isinstance(found, torch.Tensor) and torch.equal(found, (tensor * 0.5).contiguous())


def test_one_module_serves_other_numbers_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    computed([px.source(made_up.array(8, 8, 3, "f32", 1)) * 1.5 + 0.5], ["f32"])
    monkeypatch.setattr(triton_source, "generate", lambda *args: pytest.fail("generated again"))
    picture = px.source(made_up.array(31, 9, 3, "f32", 2)) * 0.25 + 0.125
    assert made_up.agrees(computed([picture], ["f32"])[0], picture, "f32")


# --- denoising -------------------------------------------------------------------------------------


def schedule(rng: np.random.Generator) -> Schedule:
    """Four steps of random states, with some coefficients 0."""
    steps, states = [], 1
    for number in range(4):
        rows, draws = int(rng.integers(1, 6)), int(rng.integers(0, 3))
        shape = rows, states + 1 + draws
        matrix = rng.normal(size=shape) * (rng.random(shape) < 0.7)
        mix = (1.0, 0.0) if number == 3 else (float(rng.random()), float(rng.random()))
        steps.append(Step(float(number), float(rng.choice([1.0, 0.7])), matrix.tolist(), draws, mix))
        states = rows
    return Schedule(steps, 1.0, (0.5, 0.5))


def network(sample: Any, timestep: float) -> tuple[Any, Any]:
    """What a network says without a prompt, and with one."""
    return np.tanh(sample) * np.float32(0.8), np.sin(sample) + np.float32(0.1 * timestep)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("guidance", [None, 7.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_denoise_loop_has_the_bits_of_numpy(seed: int, guidance: float | None, masked: bool) -> None:
    rng = np.random.default_rng(seed)
    table = schedule(rng)
    sample, picture, added = (rng.standard_normal(SHAPE, dtype=np.float32) for _ in range(3))
    blend = (rng.random((2, 1, 5, 7), np.float32), picture, added) if masked else None
    ours, theirs = (np.random.default_rng(9) for _ in range(2))

    def guided(scaled: Any, timestep: float) -> Any:
        """As `gflow.runtime.engines.onnx_diffusion` does it."""
        without, given = network(scaled, timestep)
        if guidance is None:
            return without
        given -= without
        given *= np.float32(guidance)
        given += without
        return given

    def outputs(scaled: Any, timestep: float) -> list[Any]:
        once = scaled[: SHAPE[0]]
        assert torch.equal(scaled, once.repeat(len(scaled) // len(once), 1, 1, 1))
        found = [torch.from_numpy(output) for output in network(once.numpy(), timestep)]
        return found[:1] if guidance is None else found

    expected = denoise.replay(
        table, sample, guided, noise=lambda: theirs.standard_normal(SHAPE, dtype=np.float32), blend=blend
    )
    found = triton_denoise.replay(
        table,
        torch.from_numpy(sample),
        outputs,
        noise=lambda: torch.from_numpy(ours.standard_normal(SHAPE, dtype=np.float32)),
        guidance=guidance,
        blend=None if blend is None else tuple(map(torch.from_numpy, blend)),
        block=128 if masked else 1024,
    )
    assert np.array_equal(found.numpy(), expected)


def test_arrays_that_do_not_count_are_not_read() -> None:
    """An array whose coefficients are all 0 may hold anything."""
    sample, nothing = torch.ones(1, 1, 4, 4), torch.full((1, 1, 4, 4), torch.nan)
    step = Step(0.0, 1.0, [[2.0, 0.0, 0.5], [0.0, 0.0, 1.0]], 0, (1.0, 0.0))
    reads = torch.full((1, 3, 4, 4), 7.0)
    made = triton_denoise.updated([sample, nothing], [sample * 3], [], step, reads, scale=0.5)
    # Further channels of what the network reads stay as they are.
    assert [reads[:, channel].unique().tolist() for channel in range(3)] == [[1.75], [7.0], [7.0]]
    assert [array.unique().tolist() for array in made] == [[3.5], [3.0]]


def test_networks_may_give_half_floats() -> None:
    rng = np.random.default_rng(1)
    state, output = (torch.from_numpy(rng.standard_normal(SHAPE, dtype=np.float32)) for _ in range(2))
    step = Step(0.0, 1.0, [[0.9, -0.2]], 0, (1.0, 0.0))
    [found] = triton_denoise.updated([state], [output.half()], [], step, torch.empty(SHAPE))
    assert torch.equal(found, state * 0.9 + output.half().float() * -0.2)
