"""Pictures of the torch engine, against diffusers itself."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from torch_calls import KEY, PAINT, load, paint, picture, warnings_of

from gflow.kernels import noise
from gflow.kernels.types import Size
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.errors import EngineFailed, ModelMissing, OpFailed, TimedOut


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import EulerAncestralDiscreteScheduler

    folder = tmp_path_factory.mktemp("models")
    tiny_models.diffusion(folder / "painter")
    tiny_models.diffusion(folder / "ancestral", EulerAncestralDiscreteScheduler(steps_offset=1))
    return folder


@pytest.fixture(scope="module")
def painter(folders: Path) -> LoadedModel:
    return load("diffusion", folders / "painter")


def test_the_noise_of_a_picture_is_that_of_its_key(painter: LoadedModel, folders: Path) -> None:
    from diffusers import StableDiffusionPipeline

    plain = StableDiffusionPipeline.from_pretrained(folders / "painter")
    latents = torch.from_numpy(noise.normal(KEY, (1, 4, 8, 8), draw=0))
    expected = plain("a red dot", latents=latents, num_inference_steps=3, guidance_scale=4.0, output_type="np")
    made = paint(painter)
    assert made.dtype == np.float32 and made.shape == (32, 32, 3)
    assert np.array_equal(made, expected.images[0])
    assert not np.array_equal(made * 255, np.round(made * 255)), "it must not have gone through bytes"


def test_seed_like_torch_is_the_picture_of_a_plain_script(painter: LoadedModel, folders: Path) -> None:
    from diffusers import AutoPipelineForImage2Image, StableDiffusionPipeline

    plain = StableDiffusionPipeline.from_pretrained(folders / "painter")
    settings = {"num_inference_steps": 3, "guidance_scale": 4.0, "output_type": "np"}
    expected = plain("a red dot", generator=torch.Generator().manual_seed(11), **settings).images[0]
    assert np.array_equal(paint(painter, seed=11, seed_like="torch"), expected)
    # The place of the call does not matter where a seed is given.
    assert np.array_equal(paint(painter, KEY.item(4), seed=11, seed_like="torch"), expected)

    start = picture()
    tensor = torch.from_numpy(start.transpose(2, 0, 1)[None])
    from_image = AutoPipelineForImage2Image.from_pipe(plain)
    expected = from_image(
        "a red dot", image=tensor, strength=0.7, generator=torch.Generator().manual_seed(11), **settings
    ).images[0]
    assert np.array_equal(paint(painter, seed=11, seed_like="torch", image=start, strength=0.7), expected)


def test_both_prompts_have_a_say(painter: LoadedModel) -> None:
    pictures = [paint(painter), paint(painter, prompt="blue"), paint(painter, negative_prompt="blue")]
    assert not any(np.array_equal(pictures[first], pictures[second]) for first, second in ((0, 1), (0, 2), (1, 2)))
    # At a guidance scale of 1 there is no guidance, and nothing to avoid.
    pictures = [paint(painter, guidance_scale=1.0, negative_prompt=text) for text in ("", "blue")]
    assert np.array_equal(*pictures)


def test_a_seed_is_the_whole_key(painter: LoadedModel) -> None:
    assert np.array_equal(paint(painter, KEY, seed=5), paint(painter, KEY.item(9), seed=5))
    assert not np.array_equal(paint(painter, seed=5), paint(painter, seed=6))
    with pytest.raises(OpFailed, match="64 bits"):
        paint(painter, seed=2**64, seed_like="torch")


@pytest.mark.parametrize("name", ["painter", "ancestral"])
def test_drafts_alone_and_in_any_order_are_the_same(folders: Path, name: str) -> None:
    model = load("diffusion", folders / name)
    forwards = [paint(model, KEY.item(index)) for index in range(3)]
    # Neither what was drawn before, nor torch's own generator, nor another task in between has a say.
    torch.manual_seed(123)
    paint(model, image=picture(), mask=picture()[:, :, 0])
    backwards = [paint(model, KEY.item(index)) for index in (2, 1, 0)]
    for draft, again in zip(forwards, reversed(backwards), strict=True):
        assert np.array_equal(draft, again)
    assert not np.array_equal(forwards[0], forwards[1])


def test_an_ancestral_schedulers_noise_has_an_address(folders: Path) -> None:
    from diffusers import StableDiffusionPipeline
    from diffusers.schedulers import scheduling_euler_ancestral_discrete as module

    plain = StableDiffusionPipeline.from_pretrained(folders / "ancestral")
    draws = iter(range(1, 4))

    def numbered(shape: Any, **_: Any) -> torch.Tensor:
        return torch.from_numpy(noise.normal(KEY, tuple(shape), draw=next(draws)))

    own, module.randn_tensor = module.randn_tensor, numbered
    try:
        latents = torch.from_numpy(noise.normal(KEY, (1, 4, 8, 8), draw=0))
        expected = plain("a red dot", latents=latents, num_inference_steps=3, guidance_scale=4.0, output_type="np")
    finally:
        module.randn_tensor = own
    assert np.array_equal(paint(load("diffusion", folders / "ancestral")), expected.images[0])


def test_torch_draws_as_ever_afterwards(painter: LoadedModel) -> None:
    torch.manual_seed(1)
    before = torch.randn(3)
    torch.manual_seed(1)
    paint(painter)
    assert torch.equal(torch.randn(3), before)
    assert torch.randn.__module__ != "gflow.runtime.engines.torch_noise"


def test_weights_are_in_memory_once(folders: Path) -> None:
    model: Any = load("diffusion", folders / "painter")
    paint(model)
    paint(model, image=picture())
    paint(model, image=picture(), mask=picture()[:, :, 0])
    assert len(model.pipelines) == 3
    for part in ("unet", "vae", "text_encoder"):
        assert len({id(getattr(pipeline, part)) for pipeline in model.pipelines.values()}) == 1


def test_a_single_file_is_the_same_model(
    painter: LoadedModel, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    file = tiny_models.checkpoint(folders / "painter", tmp_path / "one.safetensors")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelMissing) as failure:
        load("diffusion", file)
    assert "configuration" in failure.value.help
    # What the hub's cache would hold: the configuration and tokenizer of Stable Diffusion 1.5, here a tiny one.
    stored, commit = tmp_path / "models--stable-diffusion-v1-5--stable-diffusion-v1-5", "0" * 40
    shutil.copytree(
        folders / "painter", stored / "snapshots" / commit, ignore=shutil.ignore_patterns("*.safetensors")
    )
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(commit)
    assert np.array_equal(paint(load("diffusion", file)), paint(painter))


def test_a_folder_with_one_variant_of_the_weights(painter: LoadedModel, folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "painter", tmp_path / "painter")
    for file in (tmp_path / "painter").glob("*/*.safetensors"):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert np.array_equal(paint(load("diffusion", tmp_path / "painter")), paint(painter))


def test_sizes(painter: LoadedModel) -> None:
    assert paint(painter, size=Size(48, 40)).shape == (40, 48, 3)
    with pytest.raises(OpFailed) as failure:
        paint(painter, size=Size(33, 40))
    assert "multiples of 8" in failure.value.message and "32x40 or 40x40" in failure.value.help
    for size in (Size(0, 8), Size(80_000, 80_000)):
        with pytest.raises(OpFailed):
            paint(painter, size=size)


def test_an_image_is_brought_to_a_size_that_works(painter: LoadedModel) -> None:
    assert paint(painter, image=picture(37, 43)).shape == (40, 40, 3)
    assert paint(painter, image=picture(37, 43), size=Size(48, 32)).shape == (32, 48, 3)
    assert paint(painter, image=picture(3, 3)).shape == (8, 8, 3)


def test_strength_says_how_far_to_go(painter: LoadedModel) -> None:
    start = picture()
    assert np.array_equal(paint(painter, image=start, strength=0.0), start)
    with pytest.raises(OpFailed) as failure:
        paint(painter, image=start, strength=0.2)
    assert "5 steps" in failure.value.help
    assert paint(painter, image=start, strength=0.2, steps=5).shape == (32, 32, 3)


def test_transparent_is_white(painter: LoadedModel) -> None:
    clear = picture(channels=4)
    clear[:, :, 3] = 0
    white = np.ones((32, 32, 3), np.float32)
    assert np.array_equal(paint(painter, image=clear), paint(painter, image=white))


def test_what_a_mask_keeps_it_keeps_exactly(painter: LoadedModel) -> None:
    start, mask = picture(), np.zeros((32, 32), np.float32)
    mask[:16] = 1
    made = paint(painter, image=start, mask=mask, strength=1.0)
    assert np.array_equal(made[16:], start[16:])
    assert np.mean(made[:16] == start[:16]) < 0.1
    # A mask of another size is brought to the picture's.
    assert np.array_equal(paint(painter, image=start, mask=mask[::2, ::2], strength=1.0)[20:], start[20:])


def test_latents_may_have_any_number_of_channels(tmp_path: Path) -> None:
    model: Any = load("diffusion", tiny_models.diffusion(tmp_path, channels=8))
    start, mask = picture(), np.zeros((32, 32), np.float32)
    mask[:16] = 1
    assert paint(model).shape == paint(model, image=start).shape == (32, 32, 3)
    made = paint(model, image=start, mask=mask, strength=1.0)
    assert np.array_equal(made[16:], start[16:]) and not np.array_equal(made[:16], start[:16])
    assert model.pipelines["text"].unet.config.in_channels == 8


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"guidance_scale": -1.0}, "guidance_scale"),
        ({"guidance_scale": math.nan}, "guidance_scale"),
        ({"strength": 1.5}, "strength"),
        ({"mask": np.ones((32, 32), np.float32)}, "mask"),
    ],
)
def test_settings_no_model_takes(painter: LoadedModel, args: dict[str, Any], message: str) -> None:
    with pytest.raises(OpFailed, match=message):
        paint(painter, **args)


def test_a_prompt_that_is_too_long_is_told_of(painter: LoadedModel) -> None:
    said = warnings_of(painter, "generate", PAINT | {"prompt": "abcdefghij klmnopqrst"})
    assert len(said) == 1 and "16 tokens" in said[0] and "“opqrst”" in said[0]
    assert warnings_of(painter, "generate", PAINT | {"prompt": "abcdefghij klmn"}) == []


def test_time_runs_out_between_steps(painter: LoadedModel) -> None:
    steps: list[int] = []

    def slow(done: int, total: int) -> None:
        steps.append(done)
        assert total == 50
        time.sleep(0.05)

    with pytest.raises(TimedOut):
        paint(painter, steps=50, context=CallContext(deadline=time.monotonic() + 0.5, progress=slow))
    assert len(steps) < 20
    assert paint(painter).shape == (32, 32, 3)


def test_progress_counts_the_steps_that_run(painter: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    paint(painter, image=picture(), strength=0.7, context=CallContext(progress=lambda *step: seen.append(step)))
    assert seen == [(1, 2), (2, 2)]


def test_a_picture_that_is_no_numbers_is_told(folders: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders / "painter", tmp_path / "damaged")
    [file] = (tmp_path / "damaged" / "vae").glob("*.safetensors")
    weights = load_file(file)
    weights["decoder.conv_out.bias"][0] = math.nan
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(EngineFailed, match="not numbers"):
        paint(load("diffusion", tmp_path / "damaged"))
