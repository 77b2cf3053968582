"""Dual encoders in transformers' CLIP layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gflow.compiler.models.causal_lm import check_tokenizer
from gflow.compiler.models.files import (
    Damaged,
    DamagedFile,
    Finding,
    WrongKind,
    check_weights,
    describe,
    no_config,
    read_json,
)
from gflow.runtime.engines.scoring import DEFAULT_CALIBRATION, complete
from gflow.runtime.lowered import Lowered

NEEDED = "a CLIPModel in transformers' layout: a folder with config.json, weights and a tokenizer"


def inspect(place: Path) -> list[Finding]:
    """What keeps a folder from being such a model; nothing where it is one."""
    if not (place / "config.json").exists():
        return [no_config(place)]
    try:
        config = read_json(place / "config.json")
    except DamagedFile as error:
        return [Damaged("config.json", str(error))]
    if config.get("model_type") != "clip" or not {"text_config", "vision_config"} <= config.keys():
        return [WrongKind(describe(place))]
    return check_weights(place, "model", place) + check_tokenizer(place) + _check_calibration(place)


def _check_calibration(place: Path) -> list[Finding]:
    path = place / "calibration.json"
    if not path.exists():
        return []
    try:
        numbers = [read_json(path).get(name) for name in ("scale", "bias")]
    except DamagedFile as error:
        return [Damaged(path.name, str(error))]
    if all(isinstance(number, int | float) for number in numbers):
        return []
    return [Damaged(path.name, "it must have the numbers `scale` and `bias`")]


def prompt_limit(folder: Path) -> int | None:
    """Tokens that the text tower takes, its start and end included."""
    try:
        limit = read_json(folder / "config.json")["text_config"].get("max_position_embeddings")
    except (DamagedFile, KeyError, AttributeError):
        return None
    return limit if isinstance(limit, int) else None


def lower(folder: Path, out: Path, progress: Callable[[str], None]) -> Lowered:
    """The lowered form of a CLIP model: a network for texts, one for pictures. Raises NotLowered."""
    import torch
    from transformers import AutoTokenizer, CLIPModel

    from gflow.compiler.models.clip_towers import ImageTower, TextTower
    from gflow.compiler.models.export import export, release
    from gflow.compiler.models.in_float32 import in_float32
    from gflow.compiler.models.latent_diffusion import batch, weights_in
    from gflow.compiler.models.tokens import lower_tokenizer

    with in_float32(folder) as same:
        model = CLIPModel.from_pretrained(
            same, local_files_only=True, use_safetensors=True, dtype=torch.float32
        ).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    config = model.config
    length = min(tokenizer.model_max_length, config.text_config.max_position_embeddings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ids = torch.randint(0, config.text_config.vocab_size, (3, length))
        side = config.vision_config.image_size
        pixels = torch.randn(3, config.vision_config.num_channels, side, side)
    ids[:, -1] = config.text_config.eos_token_id
    shared: dict[str, Any] = {"weights": weights_in(folder), "out": out}
    progress("text")
    text = export(
        TextTower(model),
        "text",
        {"input_ids": ids[:2]},
        ["vector"],
        dynamic={"input_ids": {0: batch()}},
        check={"input_ids": ids},
        **shared,
    )
    progress("image")
    image = export(
        ImageTower(model),
        "image",
        {"pixel_values": pixels[:2]},
        ["vector"],
        dynamic={"pixel_values": {0: batch()}},
        check={"pixel_values": pixels},
        **shared,
    )
    release(model)
    read = lower_tokenizer(tokenizer, "tokenizer", length, out)
    settings = {"text": read, "processor": _processor(folder, side), "calibration": _calibration(folder)}
    return Lowered(
        family="clip", components={"text": text, "image": image}, settings=settings, files=[read["tokenizer"]]
    )


def _processor(folder: Path, side: int) -> dict[str, Any]:
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).exists():
            found = read_json(folder / name)
            return complete(found.get("image_processor", found), side)
    return complete({}, side)


def _calibration(folder: Path) -> dict[str, float]:
    file = folder / "calibration.json"
    return read_json(file) if file.exists() else dict(DEFAULT_CALIBRATION)
