"""Dual encoders in transformers' CLIP layout."""

from __future__ import annotations

from pathlib import Path

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
