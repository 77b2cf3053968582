"""Look-up tables for colors, from .cube files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
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
        if os.path.isdir(path) or os.path.getsize(path) > _LARGEST:
            raise OpError(f"`lut` can't read {path}: that is no .cube file")
        text = Path(path).read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise OpError(f"`lut` can't read {path}: {reason}") from error
    _parsed(text, Path(path).name)
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
    cube = _parsed(file, "the text") if "\n" in file else _parsed(read(file), Path(file).name)
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


@lru_cache(8)
def _parsed(text: str, name: str) -> _Cube:
    """The table of a file. Raises OpError; `name` is what the file is called there."""
    sizes: dict[str, int] = {}
    ends: dict[str, tuple[float, ...]] = {"DOMAIN_MIN": (0.0,) * 3, "DOMAIN_MAX": (1.0,) * 3}
    colors: list[tuple[float, ...]] = []
    where = name
    for where, words in _lines(text, name):
        keyword, *rest = words
        if keyword == "TITLE":
            continue
        if keyword in _MOST:
            sizes[keyword] = _size(where, keyword, rest)
        elif keyword in ends:
            ends[keyword] = _numbers(where, rest, 3)
        elif keyword in ("LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE"):  # Resolve's
            ends = {name: (end,) * 3 for name, end in zip(ends, _numbers(where, rest, 2), strict=True)}
        else:
            colors.append(_numbers(where, words, 3))
    if len(sizes) != 1:
        raise OpError(f"`lut`: {name} needs one of LUT_1D_SIZE and LUT_3D_SIZE, and has {len(sizes)}")
    [(keyword, side)] = sizes.items()
    count = side**3 if keyword == "LUT_3D_SIZE" else side
    if len(colors) != count:
        raise OpError(f"`lut`: {where} is its end: {keyword} {side} makes {count} colors, there are {len(colors)}")
    low, high = ends["DOMAIN_MIN"], ends["DOMAIN_MAX"]
    if any(above - below < 1e-6 for below, above in zip(low, high, strict=True)):
        raise OpError(f"`lut`: {name} has a DOMAIN_MAX that is not above its DOMAIN_MIN")
    shape = (side, side, side, 3) if keyword == "LUT_3D_SIZE" else (side, 3)
    return _Cube(np.array(colors, np.float32).reshape(shape), low, high)


def _lines(text: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Where each line is that says something, and its words."""
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        words = line.partition("#")[0].split()
        if words:
            yield f"line {number} of {name}", words


def _size(where: str, keyword: str, words: list[str]) -> int:
    [size] = _numbers(where, words, 1)
    if not (2 <= size <= _MOST[keyword] and size == int(size)):
        raise OpError(f"`lut`: {where}: {keyword} is 2 to {_MOST[keyword]}, not {size:g}")
    return int(size)


def _numbers(where: str, words: list[str], count: int) -> tuple[float, ...]:
    if len(words) != count:
        raise OpError(f"`lut`: {where} has {len(words)} numbers instead of {count}")
    try:
        numbers = tuple(map(float, words))
    except ValueError as error:
        raise OpError(f"`lut`: {where} can't be understood: {error}") from error
    if not all(map(math.isfinite, numbers)):
        raise OpError(f"`lut`: {where} has a value that is not a number")
    return numbers
