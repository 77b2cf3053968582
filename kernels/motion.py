"""Frames in between, by motion.

Motion is found by matching blocks of 8x8 pixels on both sides of the middle between two frames, from coarse to fine
in a pyramid. The candidates are much like those of de Haan and others, "True-motion estimation with 3-D recursive
search block matching", 1993: what the coarser level found for a block and for its neighbours, a pixel more or less,
and none at all. A frame in between takes each pixel from where its block comes from, and from where it goes.

All of it is written in the pixel language. A *field* is a picture with a pixel for each block: how far the block
moves from one frame to the other, down and right, in whole pixels.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gflow.kernels.clip import Clip, Frame, Reading, Stored
from gflow.kernels.pixel.picture import (
    Picture,
    Sums,
    convolved,
    coordinates,
    floor,
    luma,
    resampled,
    shifted,
    stack,
    warped,
    where,
)
from gflow.kernels.pixel.repeated import Repeated, blank, blank_number
from gflow.kernels.types import Array

BLOCK = 8
#: The coarsest level is no smaller than this, and is searched so many pixels far.
SMALLEST, REACH = 24, 4
#: Of planes with more pixels, every second one is compared, both ways.
MANY = 400_000
#: What a pixel of motion has to be better, for each pixel of a block, than the vector that its neighbours suggest.
ROUGHNESS = 0.0005
#: Frames that differ by more than this, after motion, on average, are different scenes.
CUT = 0.2
#: Candidates of which the best is found at once.
AT_ONCE = 10


class Interpolated(Clip):
    """A clip at another rate. It has the clip's own frames where their moments meet."""

    def __init__(self, clip: Clip, fps: Fraction) -> None:
        self.clip = Stored(clip)
        self.step = clip.fps / fps
        count = max(1, round(clip.count / self.step))
        super().__init__(self.clip.picture, fps, count, clip.sound)
        self.after = self.picture.like((), self.picture.static)
        self.field = blank(*_blocks(*self.size), 2)
        self.phase = blank_number()
        self.between = in_between(self.picture, self.after, self.field, self.phase)

    def frame(self, index: int, reading: Reading) -> Frame:
        place = index * self.step
        before, phase = int(place), float(place % 1)
        frame = reading.frame(self.clip, min(before, self.clip.count - 1), keep=2)
        if phase == 0 or before + 1 >= self.clip.count:
            return frame
        after = reading.frame(self.clip, before + 1, keep=2)
        one, other = frame.given[self.picture], after.given[self.picture]
        field = reading.state(self, lambda: _Fields(self.picture)).between(before, one, other)
        if field is None:
            return frame if phase < 0.5 else after
        given = {self.picture: one, self.after: other, self.field: field, self.phase: phase}
        return Frame(self.between, given)

    def turns(self) -> list[int]:
        places = {int(turn / self.step) for turn in self.clip.turns()}
        return sorted({min(place + more, self.count - 1) for place in places for more in (0, 1)})


def in_between(one: Picture, other: Picture, field: Picture, phase: Picture) -> Picture:
    """The picture at a phase, a number of 0..1, of the way from one to the other."""
    spread = _spread(field, one.width, one.height, BLOCK)
    moved = spread * phase
    before, after = warped(one, -moved), warped(other, spread - moved)
    return before + (after - before) * phase


class _Fields:
    """The motion between the two frames that were looked at last, and their planes."""

    def __init__(self, picture: Picture) -> None:
        self.matching = Matching(picture)
        self.place = -1
        self.found: Array | None = None
        self.planes: dict[int, list[Array]] = {}

    def between(self, place: int, one: Array, other: Array) -> Array | None:
        if place != self.place:
            self.planes = {at: planes for at, planes in self.planes.items() if at in (place, place + 1)}
            for at, frame in ((place, one), (place + 1, other)):
                if at not in self.planes:
                    self.planes[at] = self.matching.planes(frame)
            self.place, self.found = place, self.matching.field(self.planes[place], self.planes[place + 1])
        return self.found

    def close(self) -> None:
        self.planes.clear()
        self.found = None


class Matching:
    """Finds motion between pictures of one size and of as many channels, whose graphs it keeps."""

    def __init__(self, like: Picture) -> None:
        self.frame = blank(like.width, like.height, like.channels)
        self.luma = Repeated([luma(self.frame)], ["u8"])
        sizes = [(like.width, like.height)]
        while min(sizes[-1]) >= 2 * SMALLEST:
            sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
        larger = [blank(*size, kind="u8") for size in sizes[:-1]]
        self.halves = [(plane, Repeated([_halved(plane)], ["u8"])) for plane in larger]
        self.first = _Trial(sizes[-1], sizes[-1], _Around(REACH, step=1))
        self.finer = [
            (_Trial(size, coarser, _Around(1, beside=1)), _Trial(size, size, _Around(1, step=1)))
            for size, coarser in reversed(list(pairwise(sizes)))
        ]

    def planes(self, frame: Array) -> list[Array]:
        """A frame's brightness, finest first, each half as wide and high as the one before."""
        planes = self.luma.run({self.frame: frame})
        for plane, half in self.halves:
            planes += half.run({plane: planes[-1]})
        return planes

    def field(self, one: list[Array], other: list[Array]) -> Array | None:
        """The motion from one frame to the other, by their planes: float32 (rows, columns, 2). None where the two
        show different things."""
        *finer, coarsest = zip(one, other, strict=True)
        columns, rows = _blocks(*reversed(coarsest[0].shape))
        field, cost = self.first.best(*coarsest, np.zeros((rows, columns, 2), np.float32))
        for pair, (neighbours, steps) in zip(reversed(finer), self.finer, strict=True):
            field, _ = neighbours.best(*pair, field)
            field, cost = steps.best(*pair, field)
        return None if cost.mean() > CUT else field


class _Around(NamedTuple):
    """Which vectors are tried for a block: those of blocks up to `reach * beside` away, and those up to
    `reach * step` longer or shorter, each way; and none at all."""

    reach: int
    beside: int = 0
    step: int = 0

    @property
    def side(self) -> int:
        return 2 * self.reach + 1

    @property
    def tries(self) -> int:
        """How many those are, rounded up: the last ones are none at all."""
        return -(-(self.side**2 + 1) // AT_ONCE) * AT_ONCE


class _Trial:
    """Tries vectors for the blocks of planes of a size. known: the size of the planes whose motion is known.

    Candidates are in one tall picture, a field below the other: so all are tried by one short kernel, which is the
    same for any number of them and any size of planes."""

    def __init__(self, size: tuple[int, int], known: tuple[int, int], around: _Around) -> None:
        columns, rows = self.blocks = _blocks(*size)
        self.tries = around.tries
        self.one, self.other = blank(*size, kind="u8"), blank(*size, kind="u8")
        self.known = blank(*_blocks(*known), 2)
        offered, rough = _offered(self.known, columns, rows, around, size[0] // known[0])
        cost = _difference(self.one, self.other, offered, rows) + rough * ROUGHNESS
        self.tried = Repeated([offered, cost], ["f32", "f32"])
        self.offered, self.cost = blank(columns, rows * AT_ONCE, 2), blank(columns, rows * AT_ONCE)
        self.vector, self.least = blank(columns, rows, 2), blank(columns, rows)
        self.chosen = Repeated(_best(self.offered, self.cost, self.vector, self.least), ["f32", "f32"])

    def best(self, one: Array, other: Array, known: Array) -> tuple[Array, Array]:
        """For each block the vector that explains it best, and how far off that is, 0..1, for a pixel."""
        offered, cost = self.tried.run({self.one: one, self.other: other, self.known: known})
        columns, rows = self.blocks
        vector, least = np.zeros((rows, columns, 2), np.float32), np.full((rows, columns), np.inf, np.float32)
        for first in range(0, self.tries * rows, AT_ONCE * rows):
            some = slice(first, first + AT_ONCE * rows)
            given = {self.offered: offered[some], self.cost: cost[some]}
            vector, least = self.chosen.run({**given, self.vector: vector, self.least: least})
        return vector, least


def _offered(known: Picture, columns: int, rows: int, around: _Around, finer: int) -> tuple[Picture, Picture]:
    """Vectors to try, a picture of all blocks for each of them, and how far each is from the one that is known.
    finer: how many times as many blocks there are as those that are known, each way."""
    x, y = coordinates(blank(columns, around.tries * rows))
    turn = _turn(y, rows)
    row = y - turn * rows
    line = _turn(turn, around.side)
    down, right = line - around.reach, turn - line * around.side - around.reach

    def at(row: Picture, column: Picture) -> Picture:
        offset = stack(floor(row * (1 / finer)) - y, floor(column * (1 / finer)) - x)
        return warped(known, offset, "nearest") * finer

    expected, beside = at(row, x), at(row + down * around.beside, x + right * around.beside)
    made = where(turn < around.side**2, beside + stack(down, right) * around.step, 0.0)
    apart = abs(made - expected)
    return made, apart[0] + apart[1]


def _difference(one: Picture, other: Picture, offered: Picture, rows: int) -> Picture:
    """By how much the two differ around each block if it moves so, on average: blocks beside it count, too."""
    step = 2 if one.width * one.height > MANY else 1
    side = BLOCK // step
    spread = _spread(offered, offered.width * side, offered.height * side, side)
    half = floor(spread * 0.5)
    x, y = coordinates(spread)
    row = y - _turn(y, rows * side) * (rows * side)
    here = stack(row * step - y, x * step - x)
    apart = abs(warped(one, here - half, "nearest") - warped(other, here + spread - half, "nearest"))
    for axis, count in (("x", offered.width), ("y", offered.height)):
        apart = resampled(apart, axis, Sums(side * np.arange(count), np.full((count, side), 1 / side)))
    # Above the first row of blocks and below the last one it goes on; there other candidates are.
    across = convolved(apart, "x", np.ones(3))
    _, y = coordinates(across)
    row = y - _turn(y, rows) * rows
    above = where(row < 1, across, shifted(across, "y", across.height, -1))
    below = where(row < rows - 1, shifted(across, "y", across.height, 1), across)
    return (apart + above + across + below) * 0.1


def _best(offered: Picture, cost: Picture, vector: Picture, least: Picture) -> list[Picture]:
    """Of some vectors for each block the best one and what it costs, or those that were found before."""
    rows = vector.height
    for first in range(0, AT_ONCE * rows, rows):
        candidate, its = (shifted(picture, "y", rows, first) for picture in (offered, cost))
        better = its < least
        vector, least = where(better, candidate, vector), where(better, its, least)
    return [vector, least]


def _turn(place: Picture, length: int) -> Picture:
    """In which of the stretches of a length a whole number is."""
    return floor((place + 0.5) * (1 / length))


def _spread(field: Picture, width: int, height: int, side: int) -> Picture:
    """The vector of each pixel's block."""
    for axis, count in (("x", width), ("y", height)):
        field = resampled(field, axis, Sums(np.arange(count) // side, np.ones((count, 1))))
    return field


def _halved(plane: Picture) -> Picture:
    """Half as many pixels each way, the mean of four each; an odd last one is left out."""
    for axis, count in (("x", plane.width // 2), ("y", plane.height // 2)):
        plane = resampled(plane, axis, Sums(2 * np.arange(count), np.full((count, 2), 0.5)))
    return plane


def _blocks(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of blocks."""
    return -(-width // BLOCK), -(-height // BLOCK)
