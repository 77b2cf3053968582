"""LoRAs: folded into the weights, on the torch engine and compiled, as diffusers folds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from onnx_calls import STARTER
from test_onnx_diffusion import DEFAULTS, close

from gflow.compiler.models.lowering import NotLowered, lower
from gflow.compiler.program import check, load
from gflow.kernels.noise import root
from gflow.runtime import lowered as low
from gflow.runtime.components import Components
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.onnx import OnnxEngine
from gflow.runtime.engines.torch import TorchEngine
from gflow.runtime.errors import ModelMissing
from gflow.runtime.plan import Model


def lora(pipeline: Any, file: Path, seed: int) -> Path:
    """A LoRA for a pipeline's U-Net that changes a lot, as diffusers writes it."""
    import torch
    from diffusers import StableDiffusionPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    unet = pipeline.unet
    unet.add_adapter(LoraConfig(r=2, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "conv1"]))
    torch.manual_seed(seed)
    for name, parameter in unet.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.4)
    StableDiffusionPipeline.save_lora_weights(
        file.parent, unet_lora_layers=get_peft_model_state_dict(unet), weight_name=file.name
    )
    unet.delete_adapters("default")
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A small model, and two LoRAs for it with their scales."""
    from diffusers import StableDiffusionPipeline

    place = tmp_path_factory.mktemp("loras")
    folder = tiny_models.diffusion(place / "model")
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    files = [lora(pipeline, place / f"{name}.safetensors", seed) for seed, name in enumerate(("ink", "grain"))]
    return folder, {str(files[0]): 0.7, str(files[1]): 0.4}


@pytest.fixture(scope="module")
def folded(made: tuple[Path, dict[str, float]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model lowered with its LoRAs."""
    folder, loras = made
    place = tmp_path_factory.mktemp("folded")
    lower("diffusion", folder, place, loras=loras)
    return place


def painted(model: Any, **given: Any) -> Any:
    args = DEFAULTS | given
    return model.call("generate", args, key=root(0).derive("x"), as_type=None, context=CallContext())


def test_loras_change_a_picture_as_diffusers_does(made: tuple[Path, dict[str, float]], folded: Path) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    folder, loras = made
    model = Model(name="m", provider="diffusion", args={}, folder=str(folder), loras=loras)
    with_onnx = Model(name="m", provider="diffusion", args={}, folder=str(folder), lowered=str(folded))
    given = {"seed": 3, "seed_like": "torch", "prompt": "a red dot"}
    ours = painted(TorchEngine().load(model), **given)
    lowered = painted(OnnxEngine(Components()).load(with_onnx), **given)

    # Not folded, but beside the weights.
    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    plain = pipeline("a red dot", **_options(torch)).images[0]
    for number, file in enumerate(loras):
        pipeline.load_lora_weights(Path(file).parent, weight_name=Path(file).name, adapter_name=str(number))
    pipeline.set_adapters(["0", "1"], list(loras.values()))
    theirs = pipeline("a red dot", **_options(torch)).images[0]
    assert close(ours, theirs) and close(lowered, theirs)
    assert np.abs(theirs - plain).max() > 0.1, "LoRAs that change nothing would prove nothing"


def _options(torch: Any) -> dict[str, Any]:
    return {
        "generator": torch.Generator().manual_seed(3),
        "num_inference_steps": DEFAULTS["steps"],
        "guidance_scale": DEFAULTS["guidance_scale"],
        "height": 32,
        "width": 32,
        "output_type": "np",
    }


def test_what_a_lora_leaves_alone_is_the_models_own(
    made: tuple[Path, dict[str, float]], folded: Path, tmp_path: Path
) -> None:
    lower("diffusion", made[0], tmp_path)
    one, other = low.read(tmp_path).components, low.read(folded).components
    same = {name for name in one if one[name].identity == other[name].identity}
    assert same == {"decoder", "encoder", "text_encoder"}
    # Only the weights that were changed are written anew.
    assert (folded / "network.safetensors").exists() and not (tmp_path / "network.safetensors").exists()


def test_a_script_names_its_loras(made: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    folder, loras = made
    ink = next(iter(loras))
    script = tmp_path / "s.gflow"
    script.write_text(
        f'let strong = 0.5\nmodel m = diffusion("{folder}", loras: [{{ file: "{ink}", scale: strong }}])\n'
        'flow f() -> image { m.generate("dot", steps: 1) }\n'
    )
    assert load(script).plan.models["m"].loras == {ink: 0.5}


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("missing.safetensors", "E0402", "there is no model at"),
        ("pickled.bin", "E0404", "pickled"),
        ("model.safetensors", "E0405", "without low-rank weights"),
        ("short.safetensors", "E0406", "cut short"),
    ],
)
def test_files_that_are_no_loras(file: str, code: str, words: str, tmp_path: Path) -> None:
    from safetensors.numpy import save

    whole = save({"a": np.zeros(100, np.float32)})
    (tmp_path / "model.safetensors").write_bytes(whole)
    (tmp_path / "short.safetensors").write_bytes(whole[:-9])
    (tmp_path / "pickled.bin").write_bytes(b"x")
    script = tmp_path / "s.gflow"
    script.write_text(
        f'model m = diffusion("starter/scenes", loras: [{{ file: "{file}", scale: 1.0 }}])\n'
        'flow f() -> image { m.generate("dot") }\n'
    )
    [found] = check(script)
    assert found.code == code and words in found.text("title") + found.text("label") and file in found.span.text


def test_a_lora_of_another_model_is_told(made: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    _, loras = made
    scenes = Model(name="m", provider="diffusion", args={}, folder=str(STARTER / "scenes"), loras=loras)
    with pytest.raises(ModelMissing, match=r"the LoRA ink\.safetensors"):
        TorchEngine().load(scenes)
    with pytest.raises(NotLowered, match=r"the LoRA ink\.safetensors"):
        lower("diffusion", STARTER / "scenes", tmp_path, loras=loras)
