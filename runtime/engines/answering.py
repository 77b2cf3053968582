"""What the engines for language models share: prompts, answers token by token, answers of a type."""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.kernels.types import TEXT, AnyType, Array
from gflow.runtime.engines import structured
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.sampling import Logits, Pick, check, sampler
from gflow.runtime.errors import OpFailed


class Reader(Protocol):
    """A text that a model is reading; it remembers what it has read."""

    def read(self, ids: Sequence[int], *, last_only: bool) -> Array:
        """Reads on. The logits after each token, (tokens, vocabulary), or (1, vocabulary) after the last."""
        ...


class Answering(ABC):
    """A causal language model that answers. Engines say how it reads and what its tokens are.

    ends: tokens that end an answer. context_length: tokens it can read, None where it does not say.
    """

    ends: set[int | None]
    context_length: int | None

    @abstractmethod
    def reader(self) -> Reader:
        """Begins a new text."""

    @abstractmethod
    def ids(self, text: str) -> list[int]:
        """A text's tokens, at least one."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""

    @abstractmethod
    def vocabulary(self) -> Mapping[str, int]:
        """Every token."""

    @abstractmethod
    def prompt(self, system: str, prompt: str) -> str:
        """The whole text: by the model's chat template, or as it is where there is none."""

    def answer(
        self, args: Mapping[str, Any], key: Key | None, as_type: AnyType | None, context: CallContext
    ) -> Any:
        """See `gflow.kernels.models.language.generate`: text, or a value of `as_type`."""
        check(args)
        if args["seed"] is not None:
            key = noise.explicit(args["seed"])
        assert key is not None
        pick = sampler(key, args["temperature"], args["top_p"])
        if as_type is None or as_type == TEXT:
            return self._text(self.prompt(args["system"], args["prompt"]), args["max_tokens"], pick, context)
        asked = f"{args['prompt']}\n\n{structured.instruction(as_type)}"
        prompt = self.prompt(args["system"], asked)
        return structured.fill(as_type, _Pen(self, prompt, args["max_tokens"], pick, context))

    def _text(self, prompt: str, max_tokens: int, pick: Pick, context: CallContext) -> str:
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
        return self.decode(tokens).strip()

    @cached_property
    def number_pieces(self) -> dict[int, str]:
        """The tokens that numbers are written with."""
        return {token: piece for piece, token in self.vocabulary().items() if re.fullmatch(r"[0-9.-]+", piece)}

    def fit(self, ids: list[int], max_tokens: int, context: CallContext) -> list[int]:
        """The tokens, cut from the left so that an answer has room: `max_tokens`, or half of the context."""
        if self.context_length is None:
            return ids
        room = self.context_length - min(max_tokens, self.context_length // 2)
        if len(ids) > room:
            cut = self.decode(ids[: len(ids) - room])
            shown = cut if len(cut) <= 200 else cut[:200] + "…"
            context.warn(f"the prompt is longer than the model's context; cut from its start: “{shown}”")
        return ids[-room:]

    def stream(self, ids: list[int], pick: Pick, context: CallContext) -> Iterator[int]:
        """Tokens after those, as `pick` picks them, until the context is full."""
        reader, given = self.reader(), ids
        for _ in range(len(ids), self.context_length or 2**31):
            context.check()
            token = pick(reader.read(given, last_only=True)[-1].astype(np.float64))
            yield token
            given = [token]

    def likelihood(self, ids: list[int], start: int) -> float:
        """The logarithm of the probability of the tokens from `start` on, given those before."""
        logits = self.reader().read(ids, last_only=False)[start - 1 : -1].astype(np.float64)
        logits = logits - logits.max(axis=-1, keepdims=True)
        chances = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        return sum(float(chances[place, token]) for place, token in enumerate(ids[start:]))


class _Pen:
    """Fills a form (`structured.Pen`) with a local model."""

    def __init__(self, model: Answering, prompt: str, max_tokens: int, pick: Pick, context: CallContext) -> None:
        self.model, self.prompt, self.max_tokens, self.pick, self.context = model, prompt, max_tokens, pick, context
        self.written = 0

    def text(self, so_far: str) -> str:
        tokens: list[int] = []
        text = ""
        for token in itertools.islice(self._stream(so_far, self.pick), self.max_tokens):
            if token in self.model.ends:
                break
            tokens.append(token)
            text = self.model.decode(tokens)
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
