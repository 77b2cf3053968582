"""Causal language models by transformers, with our own sampling: one addressed number a token."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.kernels.types import TEXT, AnyType
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.sampling import Logits, Pick, check, sampler
from gflow.runtime.engines.torch_setup import device, dtype, loading, running, source
from gflow.runtime.errors import ModelMissing, OpFailed
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


class LanguageModel:
    """A causal language model and its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        self.network, self.tokenizer = network, tokenizer
        ends = network.generation_config.eos_token_id
        self.ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        config = network.config.get_text_config()
        self.context_length: int | None = getattr(config, "max_position_embeddings", None)
        # Models that can give the last position's logits alone need far less memory for long prompts.
        takes = inspect.signature(network.forward).parameters
        self.last_only = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """See `gflow.kernels.models.language.generate`: text, or a value of `as_type`."""
        check(args)
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        pick = sampler(key, args["temperature"], args["top_p"])
        with running("transformers"):
            if as_type is None or as_type == TEXT:
                prompt = self._prompt(args["system"], args["prompt"])
                return self._answer(prompt, args["max_tokens"], pick, context)
            asked = f"{args['prompt']}\n\n{structured.instruction(as_type)}"
            prompt = self._prompt(args["system"], asked)
            return structured.fill(as_type, _Pen(self, prompt, args["max_tokens"], pick, context))

    def _prompt(self, system: str, prompt: str) -> str:
        """The whole text: by the tokenizer's chat template, or as it is where there is none."""
        if self.tokenizer.chat_template is None:
            return f"{system}\n\n{prompt}" if system else prompt
        user = {"role": "user", "content": prompt}
        if not system:
            return str(self._templated([user]))
        try:
            return str(self._templated([{"role": "system", "content": system}, user]))
        except Exception:  # A template that knows no system message refuses by raising.
            return str(self._templated([{"role": "user", "content": f"{system}\n\n{prompt}"}]))

    def _templated(self, messages: list[dict[str, str]]) -> Any:
        return self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)

    def _answer(self, prompt: str, max_tokens: int, pick: Pick, context: CallContext) -> str:
        ids = self.fit(self.ids(prompt), max_tokens, context)
        tokens: list[int] = []
        for token in itertools.islice(self.stream(ids, pick, context), max_tokens):
            if token in self.ends:
                break
            tokens.append(token)
            context.progress(len(tokens), max_tokens)
        else:
            if len(tokens) < max_tokens:
                context.warn(f"the answer ends where the model's context of {self.context_length} tokens is full")
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()

    def ids(self, text: str) -> list[int]:
        """A text's tokens. A chat template writes the special ones itself."""
        special = self.tokenizer.chat_template is None
        ids: list[int] = self.tokenizer(text, add_special_tokens=special)["input_ids"]
        # A model needs something to go on from.
        return ids or [next(iter(sorted(self.ends - {None})), 0)]

    @cached_property
    def number_pieces(self) -> dict[int, str]:
        """The tokens that numbers are written with."""
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        return {token: piece for piece, token in vocabulary.items() if re.fullmatch(r"[0-9.-]+", piece)}

    def fit(self, ids: list[int], max_tokens: int, context: CallContext) -> list[int]:
        """The tokens, cut from the left so that an answer has room: `max_tokens`, or half of the context."""
        if self.context_length is None:
            return ids
        room = self.context_length - min(max_tokens, self.context_length // 2)
        if len(ids) > room:
            cut = self.tokenizer.decode(ids[: len(ids) - room], skip_special_tokens=True)
            shown = cut if len(cut) <= 200 else cut[:200] + "…"
            context.warn(f"the prompt is longer than the model's context; cut from its start: “{shown}”")
        return ids[-room:]

    def stream(self, ids: list[int], pick: Pick, context: CallContext) -> Iterator[int]:
        """Tokens after those, as `pick` picks them, until the context is full."""
        past, given = None, ids
        for _ in range(len(ids), self.context_length or 2**31):
            context.check()
            step = self.network(
                input_ids=torch.tensor([given], device=device()),
                past_key_values=past,
                use_cache=True,
                **self.last_only,
            )
            past = step.past_key_values
            token = pick(_logits(step.logits[0, -1]))
            yield token
            given = [token]

    def likelihood(self, ids: list[int], start: int) -> float:
        """The logarithm of the probability of the tokens from `start` on, given those before."""
        logits = self.network(input_ids=torch.tensor([ids], device=device())).logits[0, start - 1 : -1]
        chances = torch.log_softmax(logits.double(), dim=-1).cpu()
        return sum(float(chances[place, token]) for place, token in enumerate(ids[start:]))


class _Pen:
    """Fills a form (`structured.Pen`) with a local model."""

    def __init__(
        self, model: LanguageModel, prompt: str, max_tokens: int, pick: Pick, context: CallContext
    ) -> None:
        self.model, self.prompt, self.max_tokens, self.pick, self.context = model, prompt, max_tokens, pick, context
        self.written = 0

    def text(self, so_far: str) -> str:
        tokens: list[int] = []
        text = ""
        for token in itertools.islice(self._stream(so_far, self.pick), self.max_tokens):
            if token in self.model.ends:
                break
            tokens.append(token)
            text = str(self.model.tokenizer.decode(tokens, skip_special_tokens=True))
            end = re.match(r'((?:[^"\\\n]|\\.)*)["\n]', text)
            if end:
                return end[1]
        return text

    def number(self, so_far: str, *, fraction: bool) -> str:
        begun = re.compile(r"-?(\d{1,15}(\.\d{0,15})?)?" if fraction else r"-?\d{0,15}")
        whole = re.compile(r"-?\d{1,15}(\.\d{1,15})?" if fraction else r"-?\d{1,15}")
        pieces = self.model.number_pieces
        if not any(piece.isdigit() for piece in pieces.values()):
            raise OpFailed("this model can't answer with a number: its vocabulary has no digits")
        number = ""

        def pick(logits: Logits) -> int:
            if whole.fullmatch(number):
                return self.pick(logits)
            masked = np.full_like(logits, -np.inf)
            allowed = [token for token, piece in pieces.items() if begun.fullmatch(number + piece)]
            masked[allowed] = logits[allowed]
            return self.pick(masked)

        for token in self._stream(so_far, pick):
            if token not in pieces or not begun.fullmatch(number + pieces[token]):
                break
            number += pieces[token]
        return number if whole.fullmatch(number) else "0"

    def choose(self, so_far: str, options: list[str]) -> int:
        self.context.check()
        rows = [self._ids(so_far + option) for option in options]
        # Where the options part: a tokenizer may join an option's first letter to what stands before it.
        shared = (place for place, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1)
        start = next(shared, min(map(len, rows)) - 1)
        room = self.model.context_length
        over = max(0, max(map(len, rows)) - room) if room else 0
        rows, start = [row[over:] for row in rows], start - over
        scores = [self.model.likelihood(row, start) for row in rows]
        return int(np.argmax(scores))

    def _ids(self, so_far: str) -> list[int]:
        return self.model.ids(self.prompt + so_far)

    def _stream(self, so_far: str, pick: Pick) -> Iterator[int]:
        ids = self.model.fit(self._ids(so_far), self.max_tokens, self.context)
        for token in self.model.stream(ids, pick, self.context):
            self.written += 1
            self.context.progress(self.written, max(self.written, self.max_tokens))
            yield token


def _logits(row: torch.Tensor) -> Logits:
    found: Logits = row.double().cpu().numpy()
    return found
