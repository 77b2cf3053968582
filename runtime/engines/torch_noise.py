"""Addressed noise for libraries that draw theirs from a `torch.Generator`.

A `KeyedGenerator` carries a key instead of a state. While `keyed_noise` is open, `torch.randn` given one
returns `gflow.kernels.noise.normal` of that key: its first call draw 0, the next draw 1, and so on. So a
pipeline and its scheduler run as they are, and their noise has an address: initial latents, the sampled
encoding of a picture, and the noise that ancestral schedulers add in every step.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from gflow.kernels import noise
from gflow.kernels.noise import Key

_randn = torch.randn
_lock = threading.Lock()
_open = 0


class KeyedGenerator(torch.Generator):  # type: ignore[misc]
    """Stands where a generator on the CPU is asked for. `draws`: how often it was drawn from."""

    key: Key
    draws: int


def generator(key: Key) -> KeyedGenerator:
    """A generator that draws the noise of a key. Also seeded by it, for draws that are not normal."""
    made = KeyedGenerator()
    made.manual_seed(torch_seed(key))
    made.key, made.draws = key, 0
    return made


def torch_seed(key: Key) -> int:
    """63 bits of a key, for what takes a seed."""
    return key.bits & (2**63 - 1)


@contextmanager
def keyed_noise(key: Key) -> Iterator[None]:
    """While open, `torch.randn` knows keyed generators, in every thread; all other calls go where they always
    did. What draws without a generator at all draws from one that is seeded by the key."""
    global _open
    with _lock:
        _open += 1
        torch.randn = _keyed_randn
    try:
        with torch.random.fork_rng():
            torch.manual_seed(torch_seed(key))
            yield
    finally:
        with _lock:
            _open -= 1
            if _open == 0:
                torch.randn = _randn


def _keyed_randn(*size: Any, generator: torch.Generator | None = None, **options: Any) -> torch.Tensor:
    if not isinstance(generator, KeyedGenerator):
        return _randn(*size, generator=generator, **options)
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    drawn = torch.from_numpy(noise.normal(generator.key, shape, draw=generator.draws))
    generator.draws += 1
    return drawn.to(device=options.get("device"), dtype=options.get("dtype"))
