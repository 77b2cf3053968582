"""The tokenizer of `starter/judge` and `starter/scenes`: CLIP's, with the world's words as single tokens."""

from __future__ import annotations

import itertools

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode
from world import BACKGROUNDS, COLOURS, RELATIONS, SHAPES

# Room for the longest caption (14) and then some; text encoders pad to this.
MAX_LENGTH = 24


def world_words() -> list[str]:
    """Every word that captions are made of."""
    phrases = [*COLOURS, *SHAPES, *RELATIONS, *BACKGROUNDS, "a", "an", "on", "background"]
    return sorted({word for phrase in phrases for word in phrase.split()})


def make_tokenizer() -> CLIPTokenizer:
    """Byte-level pairs, so that any text has tokens; one merge after another until each word is one token."""
    letters = list(bytes_to_unicode().values())
    merges: list[tuple[str, str]] = []
    for word in world_words():
        # What the merges so far leave of the word is joined from the left. Later merges come last in rank, so
        # they do not disturb the words before.
        pieces = _apply(merges, [*word[:-1], word[-1] + "</w>"])
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = _apply(merges, pieces)
    tokens = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAX_LENGTH)


def _apply(merges: list[tuple[str, str]], pieces: list[str]) -> list[str]:
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    while True:
        pairs = [(ranks.get(pair, len(ranks)), i) for i, pair in enumerate(itertools.pairwise(pieces))]
        rank, where = min(pairs, default=(len(ranks), 0))
        if rank == len(ranks):
            return pieces
        pieces = [*pieces[:where], pieces[where] + pieces[where + 1], *pieces[where + 2 :]]
