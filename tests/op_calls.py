"""Ops called with arrays, as tests of them do, and arrays to call them with."""

from __future__ import annotations

from typing import Any

import numpy as np

from gflow.kernels.op import registry
from gflow.kernels.types import Array

RGB = np.random.default_rng(1).random((21, 33, 3), np.float32)
RGBA = np.random.default_rng(2).random((21, 33, 4), np.float32)
MASK = np.random.default_rng(3).random((21, 33), np.float32)

NOT_NUMBERS = (float("nan"), float("inf"), float("-inf"))


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def plain(color: list[float], width: int = 1, height: int = 1) -> Array:
    return np.tile(np.array(color, np.float32), (height, width, 1))


def pixel(op: str, color: list[float], *args: Any, **named: Any) -> list[float]:
    """What an op makes of one color."""
    return [float(value) for value in run(op, plain(color), *args, **named)[0, 0]]


def near(left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    return np.shape(left) == np.shape(right) and bool(np.allclose(left, right, rtol=0, atol=tolerance))
