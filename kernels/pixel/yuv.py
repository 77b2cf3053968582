"""Frames of videos as pictures, and pictures as frames: luma and chroma planes to colors and back.

The matrices are those of ITU-R BT.601, BT.709 and BT.2020. A chroma sample stands for several pixels; where among
them it lies is its site, in pixels from the left or top edge of the first: 0.5 is the first pixel's own middle.
Whatever planes a frame has, its graph is the same but for numbers and tables: one kernel of any size serves all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gflow.kernels.pixel.picture import Picture, Sums, clamp, matrix, resampled, stack

#: How much red and blue count in luma.
LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


class Coding(NamedTuple):
    """What the numbers of planes mean. matrix: a name of LUMA, or "gbr" for planes that are green, blue and red
    themselves, which are full. full: luma is 0..255, not 16..235 (and chroma
    1..255, not 16..240). across, down: the sites of chroma samples, where chroma has fewer pixels than luma; MPEG's
    own are in line with the first of two pixels, between two rows."""

    matrix: str = "bt709"
    full: bool = False
    across: float = 0.5
    down: float = 1.0

    @property
    def spans(self) -> tuple[float, float, float, float]:
        """What luma 0 and chroma 0 are in 0..1, and how much luma and chroma from -0.5 to 0.5 span."""
        if self.matrix == "gbr":
            return (0.0, 0.0, 1.0, 1.0)
        return (0.0, 128 / 255, 1.0, 1.0) if self.full else (16 / 255, 128 / 255, 219 / 255, 224 / 255)


def from_planes(luma: Picture, blue: Picture, red: Picture, coding: Coding) -> Picture:
    """Red, green and blue of three planes. luma: one channel. blue, red: its chroma, one channel each, of the same
    size or half as wide, half as high or both, rounded up. Colors that no screen shows are outside of 0..1."""
    black, gray, _, _ = coding.spans
    u, v = (_enlarged(plane, luma.width, luma.height, coding) - gray for plane in (blue, red))
    return matrix(stack(luma - black, u, v), _to_colors(coding))


def _to_colors(coding: Coding) -> tuple[tuple[float, float, float], ...]:
    """How much red, green and blue take of luma and of both chromas, as planes hold them."""
    if coding.matrix == "gbr":
        return ((0, 0, 1), (1, 0, 0), (0, 1, 0))
    kr, kb = LUMA[coding.matrix]
    kg = 1 - kr - kb
    _, _, range_, chroma = coding.spans
    bright, blue, red = 1 / range_, 2 * (1 - kb) / chroma, 2 * (1 - kr) / chroma
    return ((bright, 0, red), (bright, -blue * kb / kg, -red * kr / kg), (bright, blue, 0))


def to_planes(picture: Picture, coding: Coding) -> list[Picture]:
    """Luma, and both chromas at half the size, rounded up. picture: 3 or 4 channels; it is clamped to 0..1, and
    what is transparent shows black."""
    kr, kb = LUMA[coding.matrix]
    kg = 1 - kr - kb
    black, gray, range_, chroma = coding.spans
    colors = clamp(picture.colors) * clamp(picture[3]) if picture.channels == 4 else clamp(picture)
    blue, red = chroma / (2 * (1 - kb)), chroma / (2 * (1 - kr))
    rows = (
        (kr * range_, kg * range_, kb * range_),
        (-kr * blue, -kg * blue, (1 - kb) * blue),
        ((1 - kr) * red, -kg * red, -kb * red),
    )
    coded = matrix(colors, rows, (black, gray, gray))
    # All three, though luma is not needed: what is read twice is then made once.
    small = resampled(coded, "x", _halving(picture.width, coding.across))
    small = resampled(small, "y", _halving(picture.height, coding.down))
    return [coded[0], small[1], small[2]]


def _enlarged(plane: Picture, width: int, height: int, coding: Coding) -> Picture:
    """Chroma for every pixel, linear between samples."""
    plane = resampled(plane, "y", _doubling(plane.height, height, coding.down))
    return resampled(plane, "x", _doubling(plane.width, width, coding.across))


@lru_cache(64)
def _doubling(length: int, count: int, site: float) -> Sums:
    """Of so many pixels among half as many samples, or among as many."""
    if length == count:
        return Sums(np.arange(count), np.ones((count, 1)))
    place = np.clip((np.arange(count) + 0.5 - site) / 2, 0, length - 1)
    taps = min(2, length)
    starts = np.minimum(np.floor(place).astype(np.int64), length - taps)
    share = (place - starts)[:, None]
    return Sums(starts, np.concatenate([1 - share, share], axis=1)[:, :taps])


@lru_cache(64)
def _halving(length: int, site: float) -> Sums:
    """Of half as many samples: each the mean of what is within a pixel of its site."""
    middle = 2 * np.arange(-(-length // 2)) + site
    taps = min(3 if site % 1 else 2, length)
    starts = np.clip(np.floor(middle - 1).astype(np.int64), 0, length - taps)
    places = starts[:, None] + np.arange(taps)
    covered = np.minimum(places + 1, middle[:, None] + 1) - np.maximum(places, middle[:, None] - 1)
    weights = np.maximum(covered, 0)
    return Sums(starts, weights / weights.sum(axis=1, keepdims=True))
