"""Clips made of several clips, or of several frames of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from gflow.kernels.clip import Clip, Frame, Mapped, Reading, Stored, Together
from gflow.kernels.pixel.picture import Picture, clamp, floor
from gflow.kernels.pixel.realize import recording
from gflow.kernels.pixel.repeated import blank, blank_number
from gflow.kernels.pixels import with_alpha
from gflow.kernels.sound import joined
from gflow.kernels.types import Array

#: Bytes of frames that a rolling mean holds, and in how many places of it sums are kept.
_HELD, _PLACES = 100_000_000, 4


class Joined(Clip):
    """Clips one after the other; `overlap` frames of two of them are mixed, more and more of the second. All are of
    one size and rate and have more frames than their overlaps take. The sound changes in the middle of those."""

    def __init__(self, clips: Sequence[Clip], overlap: int = 0) -> None:
        wide = any(clip.picture.channels == 4 for clip in clips)
        self.clips = [_four(clip) if wide and clip.picture.channels == 3 else clip for clip in clips]
        self.overlap = overlap
        self.starts = [0, *accumulate(clip.count - overlap for clip in clips[:-1])]
        self.shares = blank_number(), blank_number()
        self.together = Together(self._mixed, apart=True)
        first, count = clips[0], self.starts[-1] + clips[-1].count
        half = overlap / 2 / float(first.fps)
        pieces: list[Any] = []
        for place, clip in enumerate(clips):
            before, after = (half if place else 0.0), (half if place + 1 < len(clips) else 0.0)
            pieces.append((clip.sound, before, clip.duration - before - after))
        super().__init__(self.clips[0].picture, first.fps, count, joined(pieces))

    def _mixed(self, pictures: Sequence[Picture]) -> Picture:
        one, other = pictures
        return one * self.shares[0] + other * self.shares[1]

    def frame(self, index: int, reading: Reading) -> Frame:
        place = max(number for number, start in enumerate(self.starts) if start <= index)
        frame = reading.frame(self.clips[place], index - self.starts[place])
        into = index - self.starts[place] + 1
        if place == 0 or into > self.overlap:
            return frame
        before = reading.frame(self.clips[place - 1], index - self.starts[place - 1])
        share = into / (self.overlap + 1)
        return self.together([before, frame], {self.shares[0]: 1 - share, self.shares[1]: share})

    def turns(self) -> list[int]:
        found = set()
        for start, clip in zip(self.starts, self.clips, strict=True):
            found |= {start + place for place in (0, self.overlap, *clip.turns()) if place < clip.count}
        return sorted(found)


def _four(clip: Clip) -> Clip:
    """The clip with an alpha channel."""
    return Mapped([clip], lambda pictures: with_alpha(pictures[0]))


class Averaged(Clip):
    """Each frame the mean of `width` frames around it; at the ends, the first or last one counts for those that
    are missing."""

    def __init__(self, clip: Clip, width: int) -> None:
        self.clip = clip if clip.steady else Stored(clip)
        self.width = width
        self.together = Together(self._mean, apart=True)
        picture = self.together.picture([self.clip.picture])
        super().__init__(picture, clip.fps, clip.count, clip.sound)

    def _mean(self, pictures: Sequence[Picture]) -> Picture:
        total = pictures[0]
        for picture in pictures[1:]:
            total = total + picture
        return total * (1 / len(pictures))

    def frame(self, index: int, reading: Reading) -> Frame:
        first, last = index - (self.width - 1) // 2, self.clip.count - 1
        places = [min(max(place, 0), last) for place in range(first, first + self.width)]
        return self.together([reading.frame(self.clip, place, keep=self.width) for place in places])

    def turns(self) -> list[int]:
        return [place for turn in self.clip.turns() for place in {turn, min(turn + self.width, self.count - 1)}]


class Rolling(Clip):
    """The same of many frames, up to 64, which are not held. A sum goes from frame to frame: one is added, and the
    one that leaves it is taken away, which is read again unless all of them are small.

    Numbers are brought to -16..16 and rounded, so that sums are exact in float32, wherever they begin: a mean is
    off by 2**-21 times the width, rounded up to a power of two, at most; of 64 frames by a 128th of a step of 8
    bits.
    """

    def __init__(self, clip: Clip, width: int) -> None:
        self.clip, self.width = Stored(clip), width
        wide, high, channels = clip.picture.width, clip.picture.height, clip.picture.channels
        self.total, self.entering, self.leaving = (blank(wide, high, channels) for _ in range(3))
        self.step = 2.0 ** (math.ceil(math.log2(width)) - 20)
        self.more = self.total + self._rounded(self.entering)
        self.moved = self.more - self._rounded(self.leaving)
        self.keep = width + 1 if (width + 1) * wide * high * channels * 4 <= _HELD else 1
        super().__init__(self.total * (1 / width), clip.fps, clip.count, clip.sound)

    def _rounded(self, picture: Picture) -> Picture:
        return floor(clamp(picture, -16.0, 16.0) * (1 / self.step) + 0.5) * self.step

    def frame(self, index: int, reading: Reading) -> Frame:
        totals = reading.state(self, _Totals).recent
        near = max((place for place in totals if index - self.width < place <= index), default=None)
        if near is None or recording():
            total, places = self._whole(index, reading), range(index, index)
        else:
            total, places = totals.pop(near), range(near, index)
        # What is only recorded goes each way once.
        for place in [index] if recording() else places:
            total = self._next(total, place, reading)
        totals[index] = total
        while len(totals) > _PLACES:
            del totals[next(iter(totals))]
        return Frame(self.picture, {self.total: total})

    def _whole(self, index: int, reading: Reading) -> Array:
        """The sum of all frames around a place."""
        shown, first = self.picture, index - (self.width - 1) // 2
        total: Array = np.zeros((shown.height, shown.width, shown.channels), np.float32)
        for place in [index] if recording() else range(first, first + self.width):
            total = reading.array(Frame(self.more, {self.total: total, self.entering: self._array(place, reading)}))
        return total

    def _next(self, total: Array, index: int, reading: Reading) -> Array:
        """The sum around the place after one, from the sum around that."""
        first = index - (self.width - 1) // 2
        given = {
            self.entering: self._array(first + self.width, reading),
            self.leaving: self._array(first, reading),
        }
        return reading.array(Frame(self.moved, {self.total: total, **given}))

    def _array(self, place: int, reading: Reading) -> Array:
        place = min(max(place, 0), self.clip.count - 1)
        made: Array = reading.frame(self.clip, place, self.keep).given[self.clip.picture]
        return made

    def turns(self) -> list[int]:
        return self.clip.turns()


class _Totals:
    """Sums by their places: a clip may be read in several of them at once."""

    def __init__(self) -> None:
        self.recent: dict[int, Array] = {}

    def close(self) -> None:
        self.recent.clear()
