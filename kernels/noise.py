"""Randomness is addressed, not streamed: noise is a function of a key, and a key is a name.

A key is derived from the run's seed by the path of what is being made (`poster/images[3]`), so it does not
depend on batch layout, order, device or thread. The generator is Philox 4x64-10 (Salmon et al., "Parallel
random numbers: as easy as 1, 2, 3", 2011), the normal variates are by Box and Muller (1958).
"""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np

from gflow.kernels.types import Array

try:
    from _blake2 import blake2b  # `hashlib` would load all of OpenSSL.
except ImportError:
    from hashlib import blake2b

Words = np.ndarray[Any, np.dtype[np.uint64]]
_WORD = 2**64 - 1
_HALF, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


class Key(NamedTuple):
    """128 bits that address one sample's randomness, and the path they were derived by, for people."""

    bits: int
    path: str = ""

    def derive(self, name: str) -> Key:
        """The key of a named part of this one."""
        return Key(_digest(f"{self.bits:032x}/{name}"), f"{self.path}/{name}" if self.path else name)

    def item(self, index: int) -> Key:
        """The key of the item at a place, counted from 0."""
        return Key(_digest(f"{self.bits:032x}[{index}]"), f"{self.path}[{index}]")


def root(seed: int) -> Key:
    """The key of a run."""
    return Key(_digest(f"run {seed}"))


def explicit(seed: int) -> Key:
    """The key that `seed: n` on a call stands for: the same wherever the call stands."""
    return Key(_digest(f"seed {seed}"), f"seed {seed}")


def normal(key: Key, shape: tuple[int, ...], draw: int = 0) -> Array:
    """Standard normal noise, float32. `draw` numbers the arrays that one sample needs, from 0."""
    count = int(np.prod(shape, dtype=np.int64))
    pairs = uniform(key, 2 * ((count + 1) // 2), draw).reshape(2, -1)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[0]))
    angle = 2.0 * np.pi * pairs[1]
    values = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return values[:count].reshape(shape).astype(np.float32)


def uniform(key: Key, count: int, draw: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """`count` numbers in [0, 1), float64, 53 bits each."""
    raw = _philox(_digest(f"{key.bits:032x} draw {draw}"), count)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


_MULTIPLIERS = (np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157))
_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)


def _philox(key: int, count: int) -> Words:
    """`count` words of Philox 4x64-10, the same as `numpy.random.Philox(key=key).random_raw(count)`, whose module
    takes longer to import than a small picture's noise to make."""
    blocks = -(-count // 4)
    # The counter is raised before each block.
    zero, first = np.zeros(blocks, np.uint64), np.arange(1, blocks + 1, dtype=np.uint64)
    words, keys = (first, zero, zero, zero), (key & _WORD, key >> 64)
    for _ in range(10):
        high, low = _product(words[0], _MULTIPLIERS[0])
        other_high, other_low = _product(words[2], _MULTIPLIERS[1])
        words = (
            other_high ^ words[1] ^ np.uint64(keys[0]),
            other_low,
            high ^ words[3] ^ np.uint64(keys[1]),
            low,
        )
        keys = ((keys[0] + _STEPS[0]) & _WORD, (keys[1] + _STEPS[1]) & _WORD)
    return np.stack(words, axis=1).reshape(-1)[:count]


def _product(words: Words, factor: np.uint64) -> tuple[Words, Words]:
    """The upper and the lower 64 bits of products, by halves of 32 bits."""
    low, high = words & _HALF, words >> _SHIFT
    other_low, other_high = factor & _HALF, factor >> _SHIFT
    middle = high * other_low + ((low * other_low) >> _SHIFT)
    cross = low * other_high + (middle & _HALF)
    return high * other_high + (middle >> _SHIFT) + (cross >> _SHIFT), words * factor


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")


class TorchStream:
    """The numbers of `torch.randn(..., generator=torch.Generator().manual_seed(seed))` on the CPU, without torch.

    Mersenne Twister (Matsumoto and Nishimura 1998), its low 24 bits as uniform numbers, Box–Muller in blocks of 16;
    equal to torch's to the last bit or two.
    """

    def __init__(self, seed: int) -> None:
        # The same generator as in `numpy.random`, which takes longer to import; the seeding is the one of 1998.
        state = [seed & 0xFFFFFFFF]
        for place in range(1, 624):
            state.append((1812433253 * (state[-1] ^ (state[-1] >> 30)) + place) & 0xFFFFFFFF)
        self._bits = random.Random()
        self._bits.setstate((3, (*state, 624), None))

    def normal(self, shape: tuple[int, ...]) -> Array:
        """Standard normal noise, float32. Raises ValueError for fewer than 16 numbers, which torch draws in
        another way."""
        count = int(np.prod(shape, dtype=np.int64))
        if count < 16:
            raise ValueError(f"torch's noise is known for 16 numbers or more, not for {count}")
        values = np.empty(count, np.float32)
        whole = count - count % 16
        uniform = self._uniform(count)
        values[:whole] = _box_muller(uniform[:whole])
        if count % 16:
            # The last 16 are drawn anew.
            values[-16:] = _box_muller(self._uniform(16))
        return values.reshape(shape)

    def _uniform(self, count: int) -> Array:
        raw = np.frombuffer(self._bits.randbytes(4 * count), "<u4")
        return ((raw & 0xFFFFFF) * np.float32(2.0**-24)).astype(np.float32)


def _box_muller(uniform: Array) -> Array:
    blocks = uniform.reshape(-1, 2, 8)
    radius = np.sqrt(np.float32(-2) * np.log(1 - blocks[:, 0]))
    angle = np.float32(2 * np.pi) * blocks[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
