"""Causal language models by transformers, with our own sampling: one addressed number a token."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType, Array
from gflow.runtime.engines.answering import Answering, Reader
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.torch_setup import device, dtype, loading, running, source
from gflow.runtime.errors import ModelMissing
from gflow.runtime.plan import Model


def load(model: Model) -> LanguageModel:
    """Raises ModelMissing."""
    with loading(model, "transformers"):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place, local = source(model)
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=local)
        network, report = AutoModelForCausalLM.from_pretrained(
            place,
            local_files_only=local,
            use_safetensors=True,
            dtype=dtype(torch.bfloat16),
            output_loading_info=True,
        )
        if report["missing_keys"]:
            # transformers would go on with random numbers in their place.
            missing = sorted(report["missing_keys"])[0]
            raise ModelMissing(f"the weights of `{model.name}` lack `{missing}`", place=model.place)
        return LanguageModel(network.to(device()).eval(), tokenizer)


class LanguageModel(Answering):
    """A causal language model and its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self.network, self.tokenizer = network, tokenizer
        ends = network.generation_config.eos_token_id
        self.ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        config = network.config.get_text_config()
        self.context_length = getattr(config, "max_position_embeddings", None)
        # Models that can give the last position's logits alone need far less memory for long prompts.
        self.keeps = "logits_to_keep" in inspect.signature(network.forward).parameters

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        with running("transformers"):
            return self.answer(args, key, as_type, context)

    def reader(self) -> Reader:
        return _Reader(self)

    def prompt(self, system: str, prompt: str) -> str:
        if self.tokenizer.chat_template is None:
            return f"{system}\n\n{prompt}" if system else prompt
        return templated(self.tokenizer, system, prompt)

    def ids(self, text: str) -> list[int]:
        # A chat template writes the special tokens itself.
        special = self.tokenizer.chat_template is None
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        # A model needs something to go on from.
        return ids or [min((end for end in self.ends if end is not None), default=0)]

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))

    def vocabulary(self) -> Mapping[str, int]:
        known: dict[str, int] = self.tokenizer.get_vocab()
        return known


def templated(tokenizer: Any, system: str, prompt: str) -> str:
    """A prompt by the tokenizer's chat template."""

    def apply(messages: list[dict[str, str]]) -> str:
        return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))

    user = {"role": "user", "content": prompt}
    if not system:
        return apply([user])
    try:
        return apply([{"role": "system", "content": system}, user])
    except Exception:  # A template that knows no system message refuses by raising.
        return apply([{"role": "user", "content": f"{system}\n\n{prompt}"}])


class _Reader:
    """A text that is being read, by transformers' own cache."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.past = model, None

    def read(self, ids: Sequence[int], *, last_only: bool) -> Array:
        keep = {"logits_to_keep": 1} if last_only and self.model.keeps else {}
        given = torch.tensor([list(ids)], device=device())
        step = self.model.network(input_ids=given, past_key_values=self.past, use_cache=True, **keep)
        self.past = step.past_key_values
        logits: Array = step.logits[0].float().cpu().numpy()
        return logits
