"""Tokenizers of lowered models: a file that the `tokenizers` package reads, checked against transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gflow.compiler.models.export import NotLowered


def lower_tokenizer(tokenizer: Any, name: str, length: int, out: Path) -> dict[str, Any]:
    """Writes `name.json`, which the `tokenizers` package reads, and gives what else is to be known to make ids of
    exactly `length` tokens. Raises NotLowered."""
    if not getattr(tokenizer, "is_fast", False):
        raise NotLowered(name, "its tokenizer exists in plain Python only")
    backend = tokenizer.backend_tokenizer
    text = backend.to_str()
    (out / f"{name}.json").write_text(text, encoding="utf-8")
    settings = {"tokenizer": f"{name}.json", "length": length, "pad": int(tokenizer.pad_token_id)}
    _same_ids(tokenizer, out, settings)
    return settings


def _same_ids(tokenizer: Any, out: Path, settings: Mapping[str, Any]) -> None:
    """Checks that the lean runtime's ids are transformers' own."""
    from gflow.runtime.engines.prompts import Prompts

    prompts = Prompts((out / settings["tokenizer"]).read_bytes(), settings["length"], settings["pad"])
    for text in ("", "a Red circle, 2 above", "naïve 東京 🙂", "word " * 400):
        theirs = tokenizer(text, padding="max_length", max_length=settings["length"], truncation=True).input_ids
        if list(prompts.read(text).ids) != list(theirs):
            raise NotLowered(settings["tokenizer"], f"its tokens for {text[:20]!r} differ from transformers' own")
