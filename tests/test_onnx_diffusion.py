"""Lowered diffusion models give what diffusers' own pipelines give: every family, every task, batches, sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attentions
import numpy as np
import pytest
import tiny_models
import tiny_pipelines
from onnx_calls import STARTER, load_batches

from gflow.compiler.models.lowering import NotLowered, lower
from gflow.kernels.noise import root
from gflow.kernels.types import Size
from gflow.runtime.components import Components
from gflow.runtime.engines.base import CallContext, Request
from gflow.runtime.engines.onnx import OnnxEngine
from gflow.runtime.engines.stages import Latents
from gflow.runtime.engines.torch import TorchEngine
from gflow.runtime.errors import EngineFailed, OpFailed
from gflow.runtime.plan import Model

DEFAULTS = {
    "prompt": "a red dot",
    "negative_prompt": "",
    "size": Size(32, 32),
    "steps": 5,
    "guidance_scale": 4.0,
    "image": None,
    "mask": None,
    "strength": 0.6,
    "seed": None,
    "seed_like": "gflow",
}
RNG = np.random.default_rng(0)
PICTURE = RNG.random((40, 48, 3), dtype=np.float32)
MASK = np.zeros((40, 48), np.float32)
MASK[10:30, 5:25] = 1
#: Attentions by component: those of networks look at themselves and, in turns, at texts, or at both at once; those
#: of encoders of texts are masked, or have biases.
VAE = {"encoder": 1, "decoder": 1}
UNET = {"text_encoder": 1, "network": 8} | VAE
ATTENTIONS = {
    "stable-diffusion": UNET,
    "stable-diffusion with memory and noise": UNET,
    "latent consistency": UNET | {"text_encoder": 2},
    "tiny autoencoder": UNET | {"text_encoder": 2, "encoder": 0, "decoder": 0},
    "inpainting network": UNET | {"text_encoder": 2},
    "stable-diffusion-xl": UNET | {"text_encoder": 2, "text_encoder_2": 2},
    "stable-diffusion-3": VAE | {"text_encoder": 2, "text_encoder_2": 2, "text_encoder_3": 1, "network": 1},
    "flux dev": VAE | {"text_encoder": 2, "text_encoder_2": 1, "network": 2},
    "flux schnell": VAE | {"text_encoder": 2, "text_encoder_2": 1, "network": 2},
}
FAMILIES: dict[str, Callable[[Path], Path]] = {
    "stable-diffusion": lambda folder: tiny_models.diffusion(folder),
    "stable-diffusion with memory and noise": lambda folder: tiny_models.diffusion(folder, _sde()),
    "latent consistency": lambda folder: tiny_pipelines.latent_consistency(folder),
    "tiny autoencoder": lambda folder: tiny_pipelines.tiny_autoencoder(folder),
    "inpainting network": lambda folder: tiny_pipelines.inpainting(folder),
    "stable-diffusion-xl": lambda folder: tiny_pipelines.stable_diffusion_xl(folder),
    "stable-diffusion-3": lambda folder: tiny_pipelines.stable_diffusion_3(folder),
    "flux dev": lambda folder: tiny_pipelines.flux(folder),
    "flux schnell": lambda folder: tiny_pipelines.flux(folder, guidance=False),
}
TASKS: dict[str, dict[str, Any]] = {
    "text": {},
    "no guidance": {"guidance_scale": 1.0},
    "another size": {"size": Size(40, 56)},
    "a negative prompt": {"negative_prompt": "blue"},
    "torch's noise": {"seed": 5, "seed_like": "torch"},
    "from a picture": {"image": PICTURE},
    "from a picture, all the way": {"image": PICTURE, "strength": 1.0},
    "under a mask": {"image": PICTURE, "mask": MASK},
    "under a mask, all the way": {"image": PICTURE, "mask": MASK, "strength": 1.0},
}
#: What diffusers' own pipeline of a family can't do with the small model, or gives another meaning.
NOT_THERE = {
    ("stable-diffusion-3", "under a mask"),
    ("stable-diffusion-3", "under a mask, all the way"),
    *(("latent consistency", task) for task in TASKS if "picture" in task or "mask" in task),
    *(("inpainting network", task) for task in TASKS if "mask" not in task),
}


def _sde() -> Any:
    from diffusers import DPMSolverMultistepScheduler

    return DPMSolverMultistepScheduler(beta_schedule="scaled_linear", algorithm_type="sde-dpmsolver++")


def both(folder: Path, out: Path) -> tuple[Any, Any]:
    """A model on the torch engine and its lowered form."""
    out.mkdir()
    lower("diffusion", folder, out)
    model = Model(name="m", provider="diffusion", args={}, folder=str(folder), lowered=str(out))
    return TorchEngine().load(model), OnnxEngine(Components()).load(model)


def painted(model: Any, **given: Any) -> Any:
    key = given.pop("key", root(0).derive("x"))
    return model.call("generate", DEFAULTS | given, key=key, as_type=None, context=CallContext())


def close(ours: Any, theirs: Any) -> bool:
    """Within 1/255 on average and 4/255 anywhere."""
    difference = np.abs(ours - theirs) * 255
    return bool(ours.shape == theirs.shape and difference.mean() <= 1 and difference.max() <= 4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lowered_family_paints_what_diffusers_paints(family: str, tmp_path: Path) -> None:
    reference, lowered = both(FAMILIES[family](tmp_path / "model"), tmp_path / "lowered")
    varied = False
    for task, given in TASKS.items():
        if (family, task) in NOT_THERE:
            continue
        theirs, ours = painted(reference, **given), painted(lowered, **given)
        assert close(ours, theirs), f"{family}, {task}"
        varied = varied or theirs.std() > 0.01
    assert varied, "grey pictures would prove nothing"
    assert attentions.one_operator_each(tmp_path / "lowered") == ATTENTIONS[family]
    if family != "inpainting network":
        batches(reference, lowered)


def batches(reference: Any, lowered: Any) -> None:
    """Batches of 1, 3 and 8 at two sizes, some of them padded, against pictures painted one by one."""
    for size in (Size(32, 32), Size(48, 40)):
        for count, room in ((1, 1), (3, 4), (8, 8)):
            keys = [root(0).derive("x").item(index) for index in range(count)]
            theirs = [painted(reference, size=size, key=key, prompt=f"dot {key.path[-2]}") for key in keys]
            ours = composed(lowered, size, keys, room)
            assert all(close(one, other) for one, other in zip(ours, theirs, strict=True))


def composed(model: Any, size: Size, keys: list[Any], room: int) -> list[Any]:
    """Pictures by the stages, each as one batch."""

    def stage(method: str, calls: list[dict[str, Any]]) -> list[Any]:
        requests = [Request(args, key, CallContext()) for args, key in zip(calls, keys, strict=True)]
        return list(model.call_batch(method, requests, size=room))

    texts = stage("encode_text", [{"text": f"dot {key.path[-2]}"} for key in keys])
    nothing = stage("encode_text", [{"text": ""}] * len(keys))
    loop = {name: DEFAULTS[name] for name in ("steps", "guidance_scale", "image", "mask", "strength", "seed")}
    latents = stage(
        "denoise",
        [
            {**loop, "seed_like": "gflow", "size": size, "prompt": text, "negative_prompt": none}
            for text, none in zip(texts, nothing, strict=True)
        ],
    )
    return stage("decode", [{"latent": latent, "image": None, "mask": None} for latent in latents])


def test_a_slot_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    _, lowered = both(tiny_models.diffusion(tmp_path / "model"), tmp_path / "lowered")
    keys = [root(0).item(index) for index in range(4)]
    whole = composed(lowered, Size(32, 32), keys, 4)
    alone = composed(lowered, Size(32, 32), keys[:1], 4)
    assert np.array_equal(whole[0], alone[0])


def test_a_size_that_the_network_cannot_paint_is_told(tmp_path: Path) -> None:
    _, lowered = both(tiny_models.diffusion(tmp_path / "model"), tmp_path / "lowered")
    with pytest.raises(OpFailed, match="multiples of 8"):
        painted(lowered, size=Size(33, 32))
    with pytest.raises(OpFailed, match="1 to 100 steps"):
        painted(lowered, steps=101)


def test_a_picture_that_is_no_numbers_is_told() -> None:
    lowered = load_batches("diffusion", STARTER / "scenes", STARTER / "scenes" / "lowered")
    latents = [Latents(np.full((8, 8, 8), value, np.float32), Size(64, 64)) for value in (0.5, np.nan)]
    requests = [
        Request({"latent": latent, "image": None, "mask": None}, root(0), CallContext()) for latent in latents
    ]
    assert lowered.call_batch("decode", requests[:1], size=1)[0].shape == (64, 64, 3)
    with pytest.raises(EngineFailed, match="not numbers"):
        lowered.call_batch("decode", requests, size=2)


def test_what_cannot_be_lowered_says_which_component_and_why(tmp_path: Path) -> None:
    from diffusers import DDIMScheduler

    folder = tiny_models.diffusion(tmp_path / "model", DDIMScheduler(clip_sample=False, thresholding=True))
    with pytest.raises(NotLowered, match="scheduler: DDIMScheduler can't be made a table"):
        (tmp_path / "out").mkdir()
        lower("diffusion", folder, tmp_path / "out")
