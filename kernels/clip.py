"""Videos as values. A clip knows its size, how many frames it has and how each is made; none is made before
somebody reads it, and none is kept longer than it takes.

Frames that are made alike share one graph of the pixel language, in which the arrays of the moment are blanks: an
op on a clip builds its part of the graph once, for all frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gflow.kernels.pixel.picture import Picture, source
from gflow.kernels.pixel.realize import realize, replaced
from gflow.kernels.pixel.repeated import Given, Repeated, blank
from gflow.kernels.sound import Sound
from gflow.kernels.types import Array, Size

T = TypeVar("T")


class Frame(NamedTuple):
    """One picture of a clip. given: the arrays and numbers of the picture's blanks."""

    picture: Picture
    given: Given

    def same(self, other: Frame | None) -> bool:
        """Whether another frame is this one, so that it need not be computed."""
        if other is None or self.picture is not other.picture:
            return False
        return all(other.given.get(node) is value for node, value in self.given.items())


class Clip:
    """count frames, `fps` a second, all of the size and the channels of `picture`, which is the first one's graph.

    steady: its frames are in memory anyway, so that reading one twice costs nothing."""

    steady = False

    def __init__(self, picture: Picture, fps: Fraction, count: int, sound: Sound = ()) -> None:
        self.picture, self.fps, self.count, self.sound = picture, fps, count, sound

    @property
    def size(self) -> Size:
        return Size(self.picture.width, self.picture.height)

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.count / self.fps)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size}, {self.count} frames, {float(self.fps):g} fps)"

    def frame(self, index: int, reading: Reading) -> Frame:
        """The frame at a place, 0 to count - 1. Ask `reading.frame`, which remembers."""
        raise NotImplementedError

    def turns(self) -> list[int]:
        """Places of frames that are made in different ways, one or more of each: what kernels are compiled for."""
        return [0]


class Reading:
    """One pass over clips, by one thread. What it opens on the way is closed with it."""

    def __init__(self) -> None:
        self._recent: dict[Clip, dict[int, Frame]] = {}
        self._most: dict[Clip, int] = {}
        self._states: dict[Clip, Any] = {}
        self._computed: dict[Picture, Repeated] = {}

    def frame(self, clip: Clip, index: int, keep: int = 1) -> Frame:
        """A frame of a clip. keep: how many of its frames will be asked for again."""
        recent = self._recent.setdefault(clip, {})
        most = self._most[clip] = max(keep, self._most.get(clip, 1))
        if index not in recent:
            while len(recent) >= most:  # What is not asked for again makes room first.
                del recent[next(iter(recent))]
            recent[index] = clip.frame(index, self)
        return recent[index]

    def array(self, frame: Frame) -> Array:
        """A frame computed: float32 (height, width, 3 or 4), a new array."""
        if frame.picture not in self._computed:
            self._computed[frame.picture] = Repeated([frame.picture], ["f32"])
        made: Array = self._computed[frame.picture].run(frame.given)[0]
        return made

    def state(self, clip: Clip, make: Callable[[], T]) -> T:
        """What a clip needs to be read, made when it first asks; `close` is called at the end."""
        if clip not in self._states:
            self._states[clip] = make()
        found: T = self._states[clip]
        return found

    def close(self) -> None:
        for state in self._states.values():
            state.close()
        self._states.clear()
        self._recent.clear()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Together:
    """Pictures made of frames: each way of making one is built once. make: from pictures to a picture. apart:
    frames have blanks of their own even where they are the same one, so that there are fewer ways."""

    def __init__(self, make: Callable[[Sequence[Picture]], Picture], *, apart: bool = False) -> None:
        self.make, self.apart = make, apart
        self._made: dict[tuple[Picture, ...], Picture] = {}
        self._copies: dict[tuple[Picture, int], tuple[Picture, dict[Picture, Picture]]] = {}

    def picture(self, pictures: Sequence[Picture]) -> Picture:
        key = tuple(pictures)
        if key not in self._made:
            self._made[key] = self.make(key)
        return self._made[key]

    def __call__(self, frames: Sequence[Frame], more: Given | None = None) -> Frame:
        """more: what is given to blanks that `make` puts in."""
        given: dict[Picture, Any] = {}
        pictures = []
        for place, frame in enumerate(frames):
            known = [node for node in frame.given if node in given]
            if known and (self.apart or any(given[node] is not frame.given[node] for node in known)):
                frame = self._copy(frame, place)
            given.update(frame.given)
            pictures.append(frame.picture)
        return Frame(self.picture(pictures), {**given, **(more or {})})

    def _copy(self, frame: Frame, place: int) -> Frame:
        """The frame with blanks of its own: two frames of one clip have the same ones."""
        key = frame.picture, place
        if key not in self._copies:
            blanks = {node: node.like((), node.static) for node in frame.given}
            [picture] = replaced([frame.picture], {id(node): copy for node, copy in blanks.items()})
            self._copies[key] = picture, blanks
        picture, blanks = self._copies[key]
        return Frame(picture, {blanks[node]: value for node, value in frame.given.items()})


class Still(Clip):
    """A picture that stands for some time. image: float32 (height, width, 3 or 4)."""

    steady = True

    def __init__(self, image: Array, fps: Fraction, count: int) -> None:
        super().__init__(source(image), fps, count)

    def frame(self, index: int, reading: Reading) -> Frame:
        return Frame(self.picture, {})


class Stored(Clip):
    """A clip whose frames are computed into memory, as arrays: for what reads one several times."""

    steady = True

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        picture = blank(clip.picture.width, clip.picture.height, clip.picture.channels)
        super().__init__(picture, clip.fps, clip.count, clip.sound)

    def frame(self, index: int, reading: Reading) -> Frame:
        return Frame(self.picture, {self.picture: reading.array(reading.frame(self.clip, index))})

    def turns(self) -> list[int]:
        return self.clip.turns()


class Mapped(Clip):
    """A picture made of those of some clips, frame by frame. It lasts as long as the first clip, and shows the
    others' frames of the same moment, the last one where they are shorter. make: from pictures to a picture."""

    def __init__(self, clips: Sequence[Clip], make: Callable[[Sequence[Picture]], Picture]) -> None:
        first = clips[0]
        self.clips = [first, *(in_time(other, first.fps, first.count) for other in clips[1:])]
        self.together = Together(make)
        picture = self.together.picture([clip.picture for clip in self.clips])
        super().__init__(picture, first.fps, first.count, first.sound)

    def frame(self, index: int, reading: Reading) -> Frame:
        return self.together([reading.frame(clip, index) for clip in self.clips])

    def turns(self) -> list[int]:
        return sorted({place for clip in self.clips for place in clip.turns() if place < self.count})


class MappedArrays(Clip):
    """An array made of those of some clips, frame by frame, as `Mapped` does. make: from arrays to an array."""

    steady = True

    def __init__(self, clips: Sequence[Clip], make: Callable[[Sequence[Array]], Array]) -> None:
        first = clips[0]
        self.clips = [Stored(in_time(clip, first.fps, first.count)) for clip in clips]
        self.make = make
        sizes = [(clip.size.height, clip.size.width, clip.picture.channels) for clip in self.clips]
        height, width, channels = make([np.zeros(size, np.float32) for size in sizes]).shape
        super().__init__(blank(width, height, channels), first.fps, first.count, first.sound)

    def frame(self, index: int, reading: Reading) -> Frame:
        arrays = [reading.frame(clip, index).given[clip.picture] for clip in self.clips]
        return Frame(self.picture, {self.picture: np.ascontiguousarray(self.make(arrays))})

    def turns(self) -> list[int]:
        return sorted({place for clip in self.clips for place in clip.turns() if place < self.count})


class Retimed(Clip):
    """Other frames of a clip: `count` of them, from `start` on, `step` further each, rounded down; the last one
    again where it has no more."""

    def __init__(
        self, clip: Clip, fps: Fraction, count: int, *, start: int = 0, step: Fraction, sound: Sound
    ) -> None:
        self.clip, self.start, self.step = clip, start, step
        self.steady = clip.steady
        super().__init__(clip.picture, fps, count, sound)

    def frame(self, index: int, reading: Reading) -> Frame:
        return reading.frame(self.clip, min(self.start + int(index * self.step), self.clip.count - 1))

    def turns(self) -> list[int]:
        places = [int(-((self.start - place) // self.step)) for place in self.clip.turns()]
        return sorted({min(max(place, 0), self.count - 1) for place in places})


def in_time(clip: Clip, fps: Fraction, count: int) -> Clip:
    """The clip with so many frames, at another rate."""
    if clip.fps == fps and clip.count == count:
        return clip
    return Retimed(clip, fps, count, step=clip.fps / fps, sound=clip.sound)


def over_frames(kernel: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any], *, pixel: bool) -> Clip:
    """What an op on pictures makes of clips. kernel: the op's own; pixel: it takes pictures, else arrays."""
    clips = [value for value in (*args, *named.values()) if isinstance(value, Clip)]

    def make(values: Sequence[Any]) -> Any:
        rest = iter(values)
        given = [next(rest) if isinstance(value, Clip) else value for value in args]
        return kernel(
            *given, **{name: next(rest) if isinstance(value, Clip) else value for name, value in named.items()}
        )

    if pixel:
        return Mapped(clips, make)
    # Pictures that are not computed yet, as they come in a fused chain, are computed once, for all frames.
    args = [realize(value) if isinstance(value, Picture) else value for value in args]
    named = {name: realize(value) if isinstance(value, Picture) else value for name, value in named.items()}
    return MappedArrays(clips, make)
