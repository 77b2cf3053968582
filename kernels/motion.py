"""Frames in between, by motion.

Motion is found by matching blocks of 8x8 pixels on both sides of the middle between two frames, from coarse to fine
in a pyramid. The candidates are much like those of de Haan and others, "True-motion estimation with 3-D recursive
search block matching", 1993: what the coarser level found for a block and for its neighbours, a pixel more or less,
and none at all. A frame in between takes each pixel from where its block comes from, and from where it goes.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from gflow.kernels.clip import Clip, Frame, Reading, Stored
from gflow.kernels.types import Array

Ints = np.ndarray[Any, np.dtype[np.int32]]

BLOCK = 8
#: The coarsest level is no smaller than this, and is searched so many pixels far.
SMALLEST, REACH = 24, 4
#: Of pictures with more pixels, every second one is compared, both ways.
MANY = 400_000
#: What a pixel of motion has to be better, for each pixel of a block, than the vector that its neighbours suggest.
ROUGHNESS = 0.0005
#: Frames that differ by more than this, after motion, on average, are different scenes.
CUT = 0.2


class Interpolated(Clip):
    """A clip at another rate. It has the clip's own frames where their moments meet."""

    steady = True

    def __init__(self, clip: Clip, fps: Fraction) -> None:
        self.clip = Stored(clip)
        self.step = clip.fps / fps
        count = max(1, round(clip.count / self.step))
        super().__init__(self.clip.picture, fps, count, clip.sound)

    def frame(self, index: int, reading: Reading) -> Frame:
        place = index * self.step
        before, phase = int(place), float(place % 1)
        frame = reading.frame(self.clip, min(before, self.clip.count - 1), keep=2)
        if phase == 0 or before + 1 >= self.clip.count:
            return frame
        after = reading.frame(self.clip, before + 1, keep=2)
        one, other = frame.given[self.picture], after.given[self.picture]
        field = reading.state(self, _Field).between(before, one, other)
        return Frame(self.picture, {self.picture: in_between(one, other, field, phase)})

    def turns(self) -> list[int]:
        places = {int(turn / self.step) for turn in self.clip.turns()}
        return sorted({min(place + more, self.count - 1) for place in places for more in (0, 1)})


class _Field:
    """The motion between the two frames that were looked at last."""

    def __init__(self) -> None:
        self.place = -1
        self.found: Ints | None = None

    def between(self, place: int, one: Array, other: Array) -> Ints | None:
        if place != self.place:
            self.place, self.found = place, motion(one, other)
        return self.found

    def close(self) -> None:
        self.found = None


def in_between(one: Array, other: Array, field: Ints | None, phase: float) -> Array:
    """The picture at a phase, 0..1, of the way from one to the other, both float32 (height, width, channels).
    field: as `motion` gives it; with None, there is none, and the nearer of the two is shown."""
    if field is None:
        return one if phase < 0.5 else other
    height, width = one.shape[:2]
    spread = _spread(field, height, width)
    before, after = (_moved(picture, spread, share) for picture, share in ((one, -phase), (other, 1 - phase)))
    mixed: Array = before * np.float32(1 - phase) + after * np.float32(phase)
    return mixed


def motion(one: Array, other: Array) -> Ints | None:
    """How many pixels each block of the frame in the middle moves from one to the other: (rows, columns, 2), down
    and right. None where the two show different things."""
    levels = [(_luma(one), _luma(other))]
    while min(levels[-1][0].shape) >= 2 * SMALLEST:
        levels.append((_halved(levels[-1][0]), _halved(levels[-1][1])))
    rows, columns = _blocks(levels[-1][0].shape)
    field: Ints = np.zeros((rows, columns, 2), np.int32)
    reach = range(-REACH, REACH + 1)
    field, cost = _best(*levels[-1], field, [field + _step(down, right) for down in reach for right in reach])
    for pair in reversed(levels[:-1]):
        rows, columns = _blocks(pair[0].shape)
        field = 2 * field.repeat(2, 0).repeat(2, 1)
        field = np.pad(
            field, [(0, max(0, rows - len(field))), (0, max(0, columns - field.shape[1])), (0, 0)], "edge"
        )
        field = field[:rows, :columns]
        near = [_neighbours(field, down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        field, _ = _best(*pair, field, [*near, np.zeros_like(field)])
        steps = [_step(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        field, cost = _best(*pair, field, [field + step for step in steps])
    return None if cost.mean() > CUT else field


def _best(one: Array, other: Array, expected: Ints, candidates: list[Ints]) -> tuple[Ints, Array]:
    """For each block the candidate that explains it best, and how far off that is, 0..1, for a pixel."""
    best, least = expected, np.full(expected.shape[:2], np.inf, np.float32)
    for candidate in candidates:
        rough = ROUGHNESS * np.abs(candidate - expected).sum(axis=2, dtype=np.float32)
        cost = _difference(one, other, candidate) + rough
        better = cost < least
        best, least = np.where(better[:, :, None], candidate, best), np.where(better, cost, least)
    return best, least


def _difference(one: Array, other: Array, field: Ints) -> Array:
    """By how much the two differ around each block if it moves so, on average: blocks beside it count, too."""
    step = 2 if one.size > MANY else 1
    height, width = one.shape
    spread = _spread(field, height, width, step)
    half = spread // 2
    apart = np.abs(_at(one, -half, step) - _at(other, spread - half, step))
    rows, columns = field.shape[:2]
    side = BLOCK // step
    apart = np.pad(apart, [(0, rows * side - apart.shape[0]), (0, columns * side - apart.shape[1])], "edge")
    blocks = apart.reshape(rows, side, columns, side).mean(axis=(1, 3))
    around = np.pad(blocks, 1, "edge")
    total = blocks.copy()
    for down in range(3):
        for right in range(3):
            total += around[down : down + rows, right : right + columns]
    mean: Array = total / np.float32(10)
    return mean


def _neighbours(field: Ints, down: int, right: int) -> Ints:
    """For each block the vector of one beside it."""
    rows, columns = field.shape[:2]
    padded = np.pad(field, [(1, 1), (1, 1), (0, 0)], "edge")
    return padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]


def _spread(field: Ints, height: int, width: int, step: int = 1) -> Ints:
    """The vector of each pixel's block, or of every `step`th pixel's."""
    side, rows, columns = BLOCK // step, -(-height // step), -(-width // step)
    return field.repeat(side, 0)[:rows].repeat(side, 1)[:, :columns]


def _at(picture: Array, offsets: Ints, step: int = 1) -> Array:
    """The pixel so far away from each, or from every `step`th; beyond the edge, the edge goes on."""
    height, width = picture.shape[:2]
    rows = np.clip(np.arange(0, height, step, dtype=np.int32)[:, None] + offsets[..., 0], 0, height - 1)
    columns = np.clip(np.arange(0, width, step, dtype=np.int32) + offsets[..., 1], 0, width - 1)
    found: Array = picture.reshape(height * width, *picture.shape[2:]).take(rows * width + columns, axis=0)
    return found


def _moved(picture: Array, spread: Ints, share: float) -> Array:
    """Each pixel from a share of its vector away, linear between rows and columns."""
    place = spread * np.float32(share)
    low = np.floor(place).astype(np.int32)
    down, right = (place - low)[..., 0:1], (place - low)[..., 1:2]
    if not (down.any() or right.any()):
        return _at(picture, low)
    upper = _at(picture, low) * (1 - right) + _at(picture, low + _step(0, 1)) * right
    lower = _at(picture, low + _step(1, 0)) * (1 - right) + _at(picture, low + _step(1, 1)) * right
    moved: Array = upper * (1 - down) + lower * down
    return moved


def _step(down: int, right: int) -> Ints:
    return np.array((down, right), np.int32)


def _luma(picture: Array) -> Array:
    gray: Array = picture[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    return gray


def _halved(plane: Array) -> Array:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    small: Array = plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean(axis=(1, 3))
    return small


def _blocks(shape: tuple[int, ...]) -> tuple[int, int]:
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)
