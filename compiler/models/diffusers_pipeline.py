"""Text-to-image pipelines in diffusers' layout, and single-file Stable Diffusion checkpoints."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gflow.compiler.models.files import (
    Damaged,
    DamagedFile,
    Finding,
    WrongKind,
    check_weights,
    describe,
    no_config,
    read_header,
    read_json,
)
from gflow.runtime.lowered import Lowered

NEEDED = (
    "a text-to-image pipeline in diffusers' layout (a folder with model_index.json), "
    "or a Stable Diffusion checkpoint (one .safetensors file)"
)

# Components that are settings only.
_WITHOUT_WEIGHTS = ("Scheduler", "Tokenizer", "TokenizerFast", "TokenizersBackend", "Processor", "FeatureExtractor")


def inspect(place: Path) -> list[Finding]:
    """What keeps a folder or a file from being such a pipeline; nothing where it is one."""
    if place.is_file():
        return _inspect_file(place)
    index = place / "model_index.json"
    if not index.exists():
        return [WrongKind(describe(place)) if (place / "config.json").exists() else no_config(place)]
    try:
        entries = read_json(index)
    except DamagedFile as error:
        return [Damaged(index.name, str(error))]
    parts = {name: entry[1] for name, entry in entries.items() if _is_component(entry)}
    if not {"vae", "text_encoder", "tokenizer"} <= parts.keys() or not parts.keys() & {"unet", "transformer"}:
        return [WrongKind(describe(place))]
    return [finding for name, kind in parts.items() for finding in _inspect_part(place, name, kind)]


def _is_component(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)


def _inspect_part(place: Path, name: str, kind: str) -> list[Finding]:
    folder = place / name
    if not folder.is_dir():
        return [Damaged(f"{name}/", f"the pipeline's {kind} is missing")]
    if kind.endswith(_WITHOUT_WEIGHTS):
        return []
    try:
        config = read_json(folder / "config.json")
    except DamagedFile as error:
        return [Damaged(f"{name}/config.json", str(error))]
    # diffusers writes its own class into the configuration; transformers writes architectures.
    stem = "diffusion_pytorch_model" if "_class_name" in config else "model"
    return check_weights(folder, stem, place)


def _inspect_file(place: Path) -> list[Finding]:
    if place.suffix != ".safetensors":
        return [no_config(place)]
    try:
        tensors = read_header(place)
    except DamagedFile as error:
        return [Damaged(place.name, str(error))]
    if any("lora" in name for name in tensors):
        return [WrongKind("a LoRA, which is no model by itself")]
    if not any(name.startswith("model.diffusion_model.input_blocks.") for name in tensors):
        return [WrongKind("a file with other weights than a Stable Diffusion checkpoint has")]
    if not any(name.startswith("first_stage_model.") for name in tensors):
        return [WrongKind("a checkpoint without its autoencoder")]
    return []


def inspect_lora(place: Path) -> list[Finding]:
    """What keeps a file from being a LoRA."""
    if place.suffix != ".safetensors":
        return [no_config(place)]
    try:
        tensors = read_header(place)
    except DamagedFile as error:
        return [Damaged(place.name, str(error))]
    return [] if any("lora" in name for name in tensors) else [WrongKind("a file without low-rank weights")]


def prompt_limit(folder: Path) -> int | None:
    """Tokens that the text encoder takes, its start and end included; of several, the one that takes most."""
    limits = []
    for end in ("", "_2", "_3"):
        found = []
        for file, field in (
            (folder / f"tokenizer{end}" / "tokenizer_config.json", "model_max_length"),
            (folder / f"text_encoder{end}" / "config.json", "max_position_embeddings"),
        ):
            try:
                found.append(read_json(file).get(field))
            except DamagedFile:
                continue
        numbers = [number for number in found if isinstance(number, int) and number < 1_000_000]
        limits += [min(numbers)] if numbers else []
    return max(limits, default=None)


def lower(
    folder: Path, out: Path, progress: Callable[[str], None], loras: Mapping[str, float] | None = None
) -> Lowered:
    """The lowered form of a pipeline, LoRAs folded into its weights. Raises NotLowered."""
    import torch
    from diffusers import AutoPipelineForText2Image

    from gflow.compiler.models import schedules
    from gflow.compiler.models.export import NotLowered, release
    from gflow.compiler.models.in_float32 import in_float32
    from gflow.compiler.models.latent_diffusion import vae_factor
    from gflow.runtime.engines import torch_lora
    from gflow.runtime.errors import ModelMissing

    if folder.is_file():
        raise NotLowered("checkpoint", "a single file has no configuration of its own")
    kind = read_json(folder / "model_index.json").get("_class_name", "")
    family = _LOWERED_BY.get(kind)
    if family is None:
        raise NotLowered("pipeline", f"pipelines of the kind {kind} are not lowered")
    with in_float32(folder) as same:
        pipeline = AutoPipelineForText2Image.from_pretrained(
            same, local_files_only=True, use_safetensors=True, torch_dtype=torch.float32
        )
    try:
        torch_lora.fold(pipeline, loras or {})
    except ModelMissing as error:
        raise NotLowered("loras", error.message) from error
    module = importlib.import_module(f"gflow.compiler.models.{family}")
    # First what is refused soonest: exporting the networks takes longer.
    progress("denoise loops")
    (out / "schedules.bin").write_bytes(
        schedules.for_model(
            pipeline.scheduler, patch=2 * vae_factor(pipeline.vae), gives_sigmas=module.GIVES_SIGMAS
        )
    )
    components, settings = module.lower(pipeline, folder, out, progress)
    release(*pipeline.components.values())
    settings["schedules"] = "schedules.bin"
    files = ["schedules.bin", *(text["tokenizer"] for text in settings["texts"])]
    return Lowered(family=family, components=components, settings=settings, files=files)


_LOWERED_BY = {
    "StableDiffusionPipeline": "stable_diffusion",
    "StableDiffusionInpaintPipeline": "stable_diffusion",
    "StableDiffusionXLPipeline": "stable_diffusion",
    "StableDiffusionXLInpaintPipeline": "stable_diffusion",
    "StableDiffusion3Pipeline": "stable_diffusion_3",
    "FluxPipeline": "flux",
    "LatentConsistencyModelPipeline": "stable_diffusion",
}
