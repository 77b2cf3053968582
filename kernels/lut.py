"""Look-up tables for colors, from .cube files."""

from __future__ import annotations

import math
import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.op import FileText, OpError, op
from gflow.kernels.pixel.picture import looked_up, looked_up_colors, stack
from gflow.kernels.pixels import Image, filled

#: Entries that there may be: along a side of a cube (which is some 25 MB then), and in a list.
_MOST = {"LUT_3D_SIZE": 129, "LUT_1D_SIZE": 65536}

#: Bytes; a larger file is not read.
_LARGEST = 2**27


def read(path: str) -> str:
    """The text of a .cube file, which is checked. Raises OpError."""
    try:
        known = os.stat(path)
        if not stat.S_ISREG(known.st_mode) or known.st_size > _LARGEST:
            raise OpError(f"`lut` can't read {path}: that is no .cube file")
        text = Path(path).read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise OpError(f"`lut` can't read {path}: {reason}") from error
    _cube(text, Path(path).name)
    return text


@op(pixel=True)
def lut(image: Image, file: Annotated[str, t.TEXT, FileText(read)]) -> Image:
    """Colors by a look-up table: a look, or a conversion, as grading programs export it.

    `file` is a .cube file's path (Adobe, "Cube LUT specification" 1.0, 2013), with a cube of 2 to 129 colors a
    side, trilinear between them, or with three curves of 2 to 65536 values. Colors outside of its domain (0..1,
    unless the file says otherwise) are taken for the nearest inside. Alpha stays as it is.

    A path that stands in the call is relative to the script, and read when the script is checked: what is in the
    file becomes part of the program, and of a bundle. One that only a run tells is relative to the working folder
    and read then. The text of such a file may be given, too. Raises OpError for a file that can't be read and for
    what is wrong in it, with the line."""
    cube = _cube(file if "\n" in file else read(file), "its text")
    colors = image.colors
    if (cube.low, cube.high) != ((0, 0, 0), (1, 1, 1)):
        low, high = np.array(cube.low), np.array(cube.high)
        colors = (colors - filled(low)) * filled(1 / (high - low))
    if cube.table.ndim == 4:
        return image.recolored(looked_up_colors(cube.table, colors))
    return image.recolored(stack(*(looked_up(cube.table[:, place], colors[place]) for place in range(3))))


class _Cube(NamedTuple):
    """table: (n, n, n, 3) by blue, green, red, or (n, 3). low, high: the colors at its ends."""

    table: Any
    low: tuple[float, ...]
    high: tuple[float, ...]


def _cube(text: str, name: str) -> _Cube:
    """The table of a file; `name` is what it is called in errors. Raises OpError."""
    try:
        return _parsed(text)
    except ValueError as error:
        raise OpError(f"`lut`: {name}, {error}") from error


@lru_cache(8)
def _parsed(text: str) -> _Cube:
    """Raises ValueError for what is wrong, with its line."""
    file = _File()
    try:
        for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            file.line(line.partition("#")[0].split())
        return file.cube()
    except ValueError as error:
        raise ValueError(f"line {file.count}: {error}") from error


class _File:
    """What lines have said so far. Raises ValueError for one that is wrong."""

    def __init__(self) -> None:
        self.count = 0
        self.sizes: dict[str, int] = {}
        self.ends: dict[str, tuple[float, ...]] = {"DOMAIN_MIN": (0.0,) * 3, "DOMAIN_MAX": (1.0,) * 3}
        self.colors: list[tuple[float, ...]] = []

    def line(self, words: list[str]) -> None:
        """The next line's words, without its comment."""
        self.count += 1
        match words:
            case [] | ["TITLE", *_]:
                pass
            case [("LUT_1D_SIZE" | "LUT_3D_SIZE") as kind, *rest]:
                self.sizes[kind] = _size(kind, rest)
            case [("DOMAIN_MIN" | "DOMAIN_MAX") as end, *rest]:
                self.ends[end] = _numbers(rest, 3)
            case ["LUT_1D_INPUT_RANGE" | "LUT_3D_INPUT_RANGE", *rest]:  # Resolve's
                self.ends = {end: (value,) * 3 for end, value in zip(self.ends, _numbers(rest, 2), strict=True)}
            case _:
                self.colors.append(_numbers(words, 3))

    def cube(self) -> _Cube:
        """What the whole file says."""
        if len(self.sizes) != 1:
            raise ValueError(f"one of LUT_1D_SIZE and LUT_3D_SIZE is needed, there are {len(self.sizes)}")
        [(kind, side)] = self.sizes.items()
        shape = (side, side, side, 3) if kind == "LUT_3D_SIZE" else (side, 3)
        if len(self.colors) != math.prod(shape[:-1]):
            wanted = f"{kind} {side} makes {math.prod(shape[:-1])} colors"
            raise ValueError(f"the file ends here; {wanted}, and it has {len(self.colors)}")
        low, high = self.ends["DOMAIN_MIN"], self.ends["DOMAIN_MAX"]
        if any(above - below < 1e-6 for below, above in zip(low, high, strict=True)):
            raise ValueError("the file ends here; its DOMAIN_MAX is not above its DOMAIN_MIN")
        return _Cube(np.array(self.colors, np.float32).reshape(shape), low, high)


def _size(kind: str, words: list[str]) -> int:
    [size] = _numbers(words, 1)
    if not (2 <= size <= _MOST[kind] and size == int(size)):
        raise ValueError(f"{kind} is a whole number, 2 to {_MOST[kind]}, not {size:g}")
    return int(size)


def _numbers(words: list[str], count: int) -> tuple[float, ...]:
    if len(words) != count:
        raise ValueError(f"{len(words)} values instead of {count}")
    numbers = tuple(map(float, words))
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{' '.join(words)} has what is not a number")
    return numbers
