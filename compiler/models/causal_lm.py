"""Causal language models in transformers' layout."""

from __future__ import annotations

from collections.abc import Callable
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
    read_json,
)
from gflow.runtime.lowered import Lowered

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


def lower(folder: Path, out: Path, progress: Callable[[str], None]) -> Lowered:
    """The lowered form of a decoder. Raises NotLowered."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from gflow.compiler.models.causal_decoder import Decoder
    from gflow.compiler.models.chat import pieces
    from gflow.compiler.models.export import NotLowered, export, release
    from gflow.compiler.models.in_float32 import in_float32
    from gflow.compiler.models.latent_diffusion import weights_in

    with in_float32(folder) as same:
        model = AutoModelForCausalLM.from_pretrained(
            same, local_files_only=True, use_safetensors=True, dtype=torch.float32, attn_implementation="eager"
        )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    config = model.config.get_text_config()
    length = getattr(config, "max_position_embeddings", None)
    window = getattr(config, "sliding_window", None)
    if window is not None and getattr(config, "use_sliding_window", True) and (length is None or window < length):
        raise NotLowered("decoder", f"its attention looks back {window} tokens only")
    if not tokenizer.is_fast:
        raise NotLowered("tokenizer", "it exists in plain Python only")
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    shape = [2 * config.num_hidden_layers, heads, width]

    def inputs(new: int, read: int) -> dict[str, Any]:
        with torch.random.fork_rng():
            torch.manual_seed(new)
            return {
                "input_ids": torch.randint(0, config.vocab_size, (1, new)),
                "past": torch.randn(shape[0], 1, shape[1], read, shape[2]),
            }

    progress("decoder")
    new_tokens, read_tokens = (
        torch.export.Dim("new", min=1, max=131072),
        torch.export.Dim("read", min=0, max=131072),
    )
    decoder = export(
        Decoder(model),
        "decoder",
        inputs(3, 5),
        ["logits", "present"],
        dynamic={"input_ids": {1: new_tokens}, "past": {3: read_tokens}},
        weights=weights_in(folder),
        out=out,
        check=inputs(4, 0),
    )
    release(model)
    (out / "tokenizer.json").write_text(tokenizer.backend_tokenizer.to_str(), encoding="utf-8")
    ends = model.generation_config.eos_token_id
    settings = {
        "tokenizer": "tokenizer.json",
        "cache": shape,
        "context_length": length,
        "ends": sorted({end for end in (tokenizer.eos_token_id, *_listed(ends)) if end is not None}),
        "chat": pieces(tokenizer),
    }
    return Lowered(family="causal-lm", components={"decoder": decoder}, settings=settings, files=["tokenizer.json"])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
