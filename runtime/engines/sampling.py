"""Picking a token from a language model's logits, by addressed randomness."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gflow.kernels import noise
from gflow.kernels.noise import Key
from gflow.runtime.errors import OpFailed

Logits = np.ndarray[tuple[int], np.dtype[np.float64]]
Pick = Callable[[Logits], int]


def check(args: Mapping[str, Any]) -> None:
    """Raises OpFailed for settings no language model takes."""
    if args["max_tokens"] < 1:
        raise OpFailed(f"max_tokens must be at least 1, not {args['max_tokens']}")
    if not 0 <= args["temperature"] < np.inf:
        raise OpFailed(f"temperature must be 0 or more, not {args['temperature']}")
    if not 0 < args["top_p"] <= 1:
        raise OpFailed(f"top_p must be above 0 and at most 1, not {args['top_p']}")


def sampler(key: Key, temperature: float, top_p: float) -> Pick:
    """Picks tokens: the likeliest at temperature 0; else by the key's next uniform number, among the likeliest
    that together reach `top_p` (nucleus sampling, Holtzman et al. 2020)."""
    numbers = (number for draw in itertools.count() for number in noise.uniform(key, 256, draw))

    def pick(logits: Logits) -> int:
        if temperature == 0:
            return int(np.argmax(logits))
        scaled = (logits - logits.max()) / temperature
        order = np.argsort(-scaled, kind="stable")
        reached = np.cumsum(np.exp(scaled[order]))
        kept = int(np.searchsorted(reached, top_p * reached[-1])) + 1
        place = np.searchsorted(reached[:kept], next(numbers) * reached[:kept][-1], side="right")
        return int(order[min(int(place), kept - 1)])

    return pick
