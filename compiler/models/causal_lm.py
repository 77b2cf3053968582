"""Causal language models in transformers' layout."""

from __future__ import annotations

from pathlib import Path

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

NEEDED = "a causal language model in transformers' layout: a folder with config.json, weights and a tokenizer"

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")


def inspect(place: Path) -> list[Finding]:
    """What keeps a folder from being such a model; nothing where it is one."""
    if not (place / "config.json").exists():
        return [no_config(place)]
    try:
        config = read_json(place / "config.json")
    except DamagedFile as error:
        return [Damaged("config.json", str(error))]
    kinds = config.get("architectures") or []
    writes = any(kind.endswith(("ForCausalLM", "LMHeadModel")) for kind in kinds)
    # Models of pictures and text have a language model inside.
    writes = writes or ("text_config" in config and any("ForConditionalGeneration" in kind for kind in kinds))
    if not writes and (kinds or "_class_name" in config):
        return [WrongKind(describe(place))]
    return check_weights(place, "model", place) + check_tokenizer(place)


def check_tokenizer(place: Path) -> list[Finding]:
    """A finding where a folder has no tokenizer."""
    if any((place / name).exists() for name in _TOKENIZERS):
        return []
    return [Damaged("tokenizer.json", "it is missing")]


def prompt_limit(folder: Path) -> int | None:
    """Tokens that fit in the model's context, prompt and answer together."""
    try:
        config = read_json(folder / "config.json")
    except DamagedFile:
        return None
    config = {**config, **config.get("text_config", {})}
    limit = config.get("max_position_embeddings", config.get("n_positions"))
    return limit if isinstance(limit, int) else None
