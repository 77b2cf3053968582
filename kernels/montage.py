"""Clips made of several clips, or of several frames of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from gflow.kernels.clip import Clip, Frame, Mapped, Reading, Stored, Together
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.repeated import blank_number
from gflow.kernels.pixels import with_alpha
from gflow.kernels.sound import joined


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
