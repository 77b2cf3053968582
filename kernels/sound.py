"""The sound of a clip: which seconds of which files, one after the other. Nothing is decoded here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """Seconds of a file's sound. path: None for silence. begin: seconds from the file's own zero. length: seconds
    in the clip, all there are unless it is finite. speed: how many of the file's seconds one of the clip's is."""

    path: Path | None
    begin: float = 0.0
    length: float = math.inf
    speed: float = 1.0


#: None at all where it is empty.
Sound = tuple[Part, ...]


def cut(sound: Sound, begin: float, length: float) -> Sound:
    """`length` seconds from `begin` on; fewer where there are fewer."""
    kept, at = [], 0.0
    for part in sound:
        first, last = max(begin, at), min(begin + length, at + part.length)
        if first < last:
            kept.append(part._replace(begin=part.begin + (first - at) * part.speed, length=last - first))
        at += part.length
    return tuple(kept)


def sped(sound: Sound, factor: float) -> Sound:
    """The same in a `factor`th of the time."""
    return tuple(part._replace(length=part.length / factor, speed=part.speed * factor) for part in sound)


def joined(pieces: Iterable[tuple[Sound, float, float]]) -> Sound:
    """Sounds one after the other, each from a second on and so many seconds long, filled up with silence."""
    pieces = list(pieces)
    if not any(sound for sound, _, _ in pieces):
        return ()
    made: list[Part] = []
    for sound, begin, length in pieces:
        part = cut(sound, begin, length)
        missing = length - lasting(part)
        made += [*part, Part(None, length=missing)] if missing > 1e-6 else part
    return tuple(made)


def lasting(sound: Sequence[Part]) -> float:
    """Seconds."""
    return sum(part.length for part in sound)
