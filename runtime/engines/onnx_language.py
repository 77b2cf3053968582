"""Lowered language models on ONNX Runtime, their keys and values kept between tokens.

The loop over tokens is our own: onnxruntime-genai keeps weights in files of its own form, where ours stay in the
model's safetensors, and chooses tokens by a stream of random numbers, where ours have addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType, Array
from gflow.runtime.bundle import Folder
from gflow.runtime.components import Components
from gflow.runtime.device import Binds
from gflow.runtime.engines.answering import Answering, Reader
from gflow.runtime.engines.base import CallContext
from gflow.runtime.errors import ModelMissing
from gflow.runtime.lowered import Lowered
from gflow.runtime.network import Network


def load(folder: Folder, lowered: Lowered, components: Components) -> LanguageModel:
    """Raises ModelMissing."""
    return LanguageModel(folder, lowered, components)


class LanguageModel(Answering):
    """A lowered decoder."""

    def __init__(self, folder: Folder, lowered: Lowered, components: Components) -> None:
        self.folder, self.lowered, self.components = folder, lowered, components
        self.settings = lowered.settings
        try:
            self.tokenizer = Tokenizer.from_str((folder / self.settings["tokenizer"]).read_bytes().decode())
            self.ends = set(self.settings["ends"])
            self.context_length = self.settings["context_length"]
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"the lowered model in {folder} is damaged: {error}") from error
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        return self.answer(args, key, as_type, context)

    def reader(self) -> Reader:
        layers, heads, width = self.settings["cache"]
        network = self.components.network(self.folder, self.lowered.components["decoder"])
        return _Reader(network, np.zeros((layers, 1, heads, 0, width), np.float32))

    def prompt(self, system: str, prompt: str) -> str:
        chat = self.settings["chat"]
        if chat is None:
            return f"{system}\n\n{prompt}" if system else prompt
        if not system:
            return str(prompt.join(chat["plain"]))
        before, between, after = chat["system"]
        return f"{before}{system}{between}{prompt}{after}"

    def ids(self, text: str) -> list[int]:
        # A chat template writes the special tokens itself.
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=self.settings["chat"] is None).ids
        # A model needs something to go on from.
        return ids or [min((end for end in self.ends if end is not None), default=0)]

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True))

    def vocabulary(self) -> Mapping[str, int]:
        known: dict[str, int] = self.tokenizer.get_vocab()
        return known


class _Reader:
    """A text that is being read."""

    def __init__(self, network: Network, past: Array) -> None:
        self.network = network
        self.past: Any = past

    def read(self, ids: Sequence[int], *, last_only: bool) -> Array:
        read = np.array([list(ids)], np.int64)
        if isinstance(self.network, Binds) and not isinstance(self.past, np.ndarray):
            found = self.network.bound({"input_ids": self.network.put(read), "past": self.past})
            made = dict(zip(self.network.outputs, found, strict=True))
            logits, self.past = made["logits"].numpy(), made["present"]
        else:
            logits, self.past = self.network.run({"input_ids": read, "past": self.past}, ["logits", "present"])
            if isinstance(self.network, Binds):
                self.past = self.network.put(self.past)  # It stays there, as it grows by each token.
        rows: Array = logits[0, -1:] if last_only else logits[0]
        return rows
