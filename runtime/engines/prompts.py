"""Prompts as token ids of a fixed length, by the `tokenizers` package alone."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer


@dataclass(frozen=True)
class Read:
    """The ids of a text, and the end of it that no longer fitted."""

    ids: list[int]
    mask: list[int]
    cut: str


class Prompts:
    """Makes ids as transformers' tokenizers do with `padding="max_length", truncation=True`."""

    def __init__(self, tokenizer: bytes, length: int, pad: int) -> None:
        self.tokenizer = Tokenizer.from_str(tokenizer.decode())
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.length = length
        self.pad = pad

    def read(self, text: str) -> Read:
        """Exactly `length` ids, and 1 for each that is not padding."""
        whole = self.tokenizer.encode(text)
        ids, cut = whole.ids, ""
        if len(ids) > self.length:
            # Special tokens at the end (an end of text) stay; what stands before them gives way.
            tail = next((n for n, special in enumerate(reversed(whole.special_tokens_mask)) if not special), 0)
            keep = self.length - tail
            ends = [end for _, end in whole.offsets[:keep]]
            cut = text[max(ends) :].strip()
            ids = ids[:keep] + ids[len(ids) - tail :]
        missing = self.length - len(ids)
        return Read(ids + [self.pad] * missing, [1] * len(ids) + [0] * missing, cut)
