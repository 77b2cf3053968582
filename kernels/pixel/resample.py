"""Pictures at another size, by a weighted sum along each axis. The weights are those of Pillow (Lundh, Clark and
others): a filter around each new pixel's middle, widened where the picture shrinks, cut off at its edges."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from gflow.kernels.pixel.picture import Picture, Sums, premultiplied, resampled, straight

Numbers = Any  # An array of float64.


@dataclass(frozen=True)
class Filter:
    """How much a pixel counts by its distance, which is below `support`."""

    weigh: Callable[[Numbers], Numbers]
    support: float


def _triangle(distance: Numbers) -> Numbers:
    return np.maximum(1 - np.abs(distance), 0)


def _cubic(distance: Numbers) -> Numbers:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981, a = -0.5."""
    x = np.abs(distance)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(distance: Numbers) -> Numbers:
    """Duchon, "Lanczos filtering in one and two dimensions", 1979; three lobes."""
    return np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)


def _box(distance: Numbers) -> Numbers:
    return ((distance > -0.5) & (distance <= 0.5)).astype(np.float64)


#: By name; "nearest" takes one pixel, whatever the scale.
FILTERS: Mapping[str, Filter] = {
    "bilinear": Filter(_triangle, 1.0),
    "bicubic": Filter(_cubic, 2.0),
    "lanczos": Filter(_lanczos, 3.0),
    "area": Filter(_box, 0.5),
}


def resized(
    picture: Picture,
    width: int,
    height: int,
    *,
    box: tuple[float, float, float, float] | None = None,
    method: str = "bicubic",
    antialias: bool = True,
) -> Picture:
    """A part of a picture, `box` (left, top, right, bottom), at a size. What is transparent has no color to spread.

    method: one of FILTERS, or "nearest". antialias: where it shrinks, every pixel counts."""
    left, top, right, bottom = box or (0.0, 0.0, float(picture.width), float(picture.height))
    if (width, height) == (picture.width, picture.height) and (left, top, right, bottom) == (0, 0, width, height):
        return picture
    across = sums(picture.width, width, left, right, method, antialias)
    down = sums(picture.height, height, top, bottom, method, antialias)
    made = premultiplied(picture)
    # The pass that is cheaper for what the other one then has to do; across, numbers have to be gathered.
    taps_x, taps_y = across.weights.shape[1], down.weights.shape[1]
    down_first = picture.width * height * taps_y + 3 * width * height * taps_x
    across_first = 3 * width * picture.height * taps_x + width * height * taps_y
    for axis, table in sorted({"x": across, "y": down}.items(), reverse=down_first <= across_first):
        made = resampled(made, axis, table)
    return straight(made)


@lru_cache(64)
def sums(length: int, count: int, begin: float, end: float, method: str, antialias: bool) -> Sums:
    """What the new pixels along an axis of so many pixels are made of."""
    scale = (end - begin) / count
    middle = begin + (np.arange(count) + 0.5) * scale
    if method == "nearest":
        return Sums(np.clip(np.floor(middle), 0, length - 1), np.ones((count, 1)))
    chosen = FILTERS[method]
    widened = max(scale, 1.0) if antialias else 1.0
    support = chosen.support * widened
    first = np.maximum(np.trunc(middle - support + 0.5), 0).astype(np.int64)
    last = np.minimum(np.trunc(middle + support + 0.5), length).astype(np.int64)
    taps = min(length, max(1, int((last - first).max())))
    starts = np.minimum(first, length - taps)
    places = starts[:, None] + np.arange(taps)
    weights = chosen.weigh((places + 0.5 - middle[:, None]) / widened)
    weights = np.where((places >= first[:, None]) & (places < last[:, None]), weights, 0)
    total = weights.sum(axis=1, keepdims=True)
    nearest = np.clip(np.floor(middle), 0, length - 1).astype(np.int64)
    # A box between two pixels' middles may hold none.
    alone = (places == nearest[:, None]).astype(np.float64)
    weights = np.where(np.abs(total) > 1e-9, weights / np.where(np.abs(total) > 1e-9, total, 1), alone)
    return Sums(starts, weights)


def fitted(width: int, height: int, most_wide: int, most_high: int) -> tuple[int, int]:
    """The largest size of the same proportions that fits, at least one pixel each way."""
    scale = min(most_wide / width, most_high / height)
    wide, high = (math.floor(side * scale + 0.5) for side in (width, height))
    return max(1, min(wide, most_wide)), max(1, min(high, most_high))
