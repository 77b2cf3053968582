"""Pictures as expressions. What an op on pixels is written with:

    def grade(image: Picture, contrast: float, saturation: float) -> Picture:
        colors = image.colors * contrast + (0.5 - 0.5 * contrast)
        return image.recolored(mix(luma(colors), colors, saturation))

Nothing is computed until a picture is realized. Numbers are not part of what is generated: pictures that differ in
numbers, sizes and tables alone share one kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from gflow.kernels.pixel.math import BOOLEAN, FUNCTIONS

Table = np.ndarray[Any, Any]

#: Pixels after which resampling may repeat.
_LONGEST_PERIOD = 4


class Picture:
    """`channels` numbers for each of `width` x `height` pixels; or one number for all of them (of no size).

    op: what it is. sources: of what. static: what of it decides the generated code. data: numbers, arrays and
    tables that it is computed with. Immutable.
    """

    __slots__ = ("channels", "data", "height", "op", "sources", "static", "width")

    def __init__(
        self,
        op: str,
        sources: tuple[Picture, ...] = (),
        *,
        size: tuple[int, int] | None = None,
        channels: int = 0,
        static: tuple[Any, ...] = (),
        data: Any = None,
    ) -> None:
        self.op, self.sources, self.static, self.data = op, sources, static, data
        self.width, self.height = _size(sources) if size is None else size
        self.channels: int = channels or max(source.channels for source in sources)

    def __repr__(self) -> str:
        return f"Picture({self.op!r}, {self.width}x{self.height}, {self.channels} channels)"

    def like(
        self, sources: tuple[Picture, ...], static: tuple[Any, ...], size: tuple[int, int] | None = None
    ) -> Picture:
        """The same of other sources."""
        size = size or (self.width, self.height)
        return Picture(self.op, sources, size=size, channels=self.channels, static=static, data=self.data)

    # --- channels ---

    def __getitem__(self, channel: int) -> Picture:
        """One channel."""
        return self if self.channels == 1 and channel == 0 else self.only(channel)

    def only(self, *channels: int) -> Picture:
        """Some of the channels, in an order."""
        return Picture("channels", (self,), channels=len(channels), static=channels)

    @property
    def colors(self) -> Picture:
        """Red, green and blue; a mask's value."""
        return self.only(0, 1, 2) if self.channels == 4 else self

    @property
    def alpha(self) -> Picture:
        """How opaque each pixel is; 1 where there is no alpha channel."""
        return self[3] if self.channels == 4 else lift(1.0)

    def recolored(self, colors: Picture) -> Picture:
        """Other colors with the alpha of this picture."""
        return stack(colors, self[3]) if self.channels == 4 else colors

    # --- arithmetic; numbers may stand on either side ---

    def __add__(self, other: Number) -> Picture:
        return _call("add", self, other)

    def __radd__(self, other: float) -> Picture:
        return _call("add", other, self)

    def __sub__(self, other: Number) -> Picture:
        return _call("sub", self, other)

    def __rsub__(self, other: float) -> Picture:
        return _call("sub", other, self)

    def __mul__(self, other: Number) -> Picture:
        return _call("mul", self, other)

    def __rmul__(self, other: float) -> Picture:
        return _call("mul", other, self)

    def __truediv__(self, other: Number) -> Picture:
        if isinstance(other, Picture):
            return _call("div", self, other)
        return _call("mul", self, 1 / other)

    def __rtruediv__(self, other: float) -> Picture:
        return _call("div", other, self)

    def __neg__(self) -> Picture:
        return _call("neg", self)

    def __abs__(self) -> Picture:
        return _call("abs", self)

    def __pow__(self, exponent: Number) -> Picture:
        """Of a base below 0, the power of 0."""
        return _call("pow", self, exponent)

    def __lt__(self, other: Number) -> Picture:
        return _call("lt", self, other)

    def __le__(self, other: Number) -> Picture:
        return _call("le", self, other)

    def __gt__(self, other: Number) -> Picture:
        return _call("lt", other, self)

    def __ge__(self, other: Number) -> Picture:
        return _call("le", other, self)

    def __and__(self, other: Picture) -> Picture:
        return _call("both", self, other)

    def __or__(self, other: Picture) -> Picture:
        return _call("either", self, other)

    def __invert__(self) -> Picture:
        return _call("inverse", self)


Number = Picture | float


def _size(sources: Sequence[Picture]) -> tuple[int, int]:
    sizes = {(source.width, source.height) for source in sources if source.width}
    assert len(sizes) <= 1, f"pictures of different sizes: {sizes}"
    return sizes.pop() if sizes else (0, 0)


def _call(op: str, *args: Number) -> Picture:
    # In one walk: most of the time that it takes to build a graph goes by here.
    sources = tuple([each if isinstance(each, Picture) else lift(each) for each in args])
    size, channels, known = (0, 0), 1, True
    for source in sources:
        known = known and source.op == "number"
        if source.channels > 1:
            assert channels in (1, source.channels), f"`{op}` of {channels} and {source.channels} channels"
            channels = source.channels
        if source.width:
            assert size in ((0, 0), (source.width, source.height)), f"`{op}` of pictures of different sizes"
            size = source.width, source.height
    if known and op not in BOOLEAN:
        return lift(float(FUNCTIONS[op].numpy(*(source.data for source in sources))))
    return Picture(op, sources, size=size, channels=channels)


def lift(value: Number) -> Picture:
    """A number as a picture; a picture as it is."""
    if isinstance(value, Picture):
        return value
    return Picture("number", size=(0, 0), channels=1, data=float(value))


# --- where pictures come from ---


def source(array: Any) -> Picture:
    """A picture in memory: (height, width) or (height, width, channels), float32 in 0..1, or uint8 in 0..255 which
    becomes 0..1. The pixels of a row need not be next to each other; an array of a channel each, (channels, height,
    width), is given as `array.transpose(1, 2, 0)`."""
    assert array.dtype in (np.float32, np.uint8) and array.ndim in (2, 3)
    channels = array.shape[2] if array.ndim == 3 else 1
    size = array.strides[1] // array.itemsize, (array.strides[2] // array.itemsize if array.ndim == 3 else 0)
    static = ("u8" if array.dtype == np.uint8 else "f32", *_steps(*size, channels))
    return Picture("source", size=(array.shape[1], array.shape[0]), channels=channels, static=static, data=array)


def _steps(pixel: int, channel: int, channels: int) -> tuple[int, int]:
    """How far apart pixels and channels are; the channel's 0 where that is only known when running."""
    together = channels == 1 or (channel == 1 and pixel != 1)
    return (pixel, 1) if together else (pixel, 0)


def coordinates(like: Picture) -> tuple[Picture, Picture]:
    """Each pixel's column and row, counted from 0."""
    size = like.width, like.height
    return Picture("x", size=size, channels=1), Picture("y", size=size, channels=1)


# --- functions ---


def where(condition: Picture, yes: Number, no: Number) -> Picture:
    """One or the other, by a comparison."""
    assert condition.op in BOOLEAN
    return _call("where", condition, yes, no)


def minimum(one: Number, other: Number) -> Picture:
    return _call("min", one, other)


def maximum(one: Number, other: Number) -> Picture:
    return _call("max", one, other)


def clamp(value: Picture, low: Number = 0.0, high: Number = 1.0) -> Picture:
    return minimum(maximum(value, low), high)


def fma(one: Number, other: Number, more: Number) -> Picture:
    """one * other + more, in one step."""
    return _call("fma", one, other, more)


def sqrt(value: Picture) -> Picture:
    """Of a number below 0, 0."""
    return _call("sqrt", value)


def floor(value: Picture) -> Picture:
    return _call("floor", value)


def exp(value: Picture) -> Picture:
    return _call("exp2", value * 1.4426950408889634)


def log2(value: Picture) -> Picture:
    return _call("log2", value)


def hashed(x: Picture, y: Picture, seed: Number) -> Picture:
    """A number in 0..1 that looks like noise, by whole numbers; the seed is below 2**24."""
    return _call("hashed", x, y, seed)


def mix(one: Number, other: Number, amount: Number) -> Picture:
    """One where the amount is 0, the other where it is 1, to the last bit."""
    return fma(other, amount, _call("mul", one, _call("sub", 1.0, amount)))


def stack(*parts: Picture) -> Picture:
    """Channels one after the other."""
    size = _size(parts)
    return Picture("stack", parts, size=size, channels=sum(part.channels for part in parts))


def luma(colors: Picture) -> Picture:
    """Brightness as the eye weighs it: Rec. 709 luma of sRGB values."""
    return _weighted(colors, (0.2126, 0.7152, 0.0722))


def matrix(colors: Picture, rows: Sequence[Sequence[float]], offset: Sequence[float] = (0.0, 0.0, 0.0)) -> Picture:
    """Three numbers from three, by a matrix, and an offset."""
    made = [_weighted(colors, row, float(shift)) for row, shift in zip(rows, offset, strict=True)]
    return stack(*made)


def _weighted(colors: Picture, weights: Sequence[float], total: float = 0.0) -> Picture:
    red, green, blue = map(float, weights)
    made = fma(colors[0], red, total) if total else colors[0] * red
    return fma(colors[2], blue, fma(colors[1], green, made))


def looked_up(table: Table, value: Picture) -> Picture:
    """A table's values at 0..1, linear between its entries, the same table for each channel; outside, its ends.
    table: (entries,), two or more."""
    assert table.ndim == 1 and len(table) > 1
    return Picture("table", (value,), data=np.ascontiguousarray(table, np.float32))


def looked_up_colors(table: Table, colors: Picture) -> Picture:
    """A cube's colors at red, green and blue in 0..1, trilinear between its entries. table: (n, n, n, 3) by blue,
    green, red."""
    assert table.ndim == 4 and colors.channels == 3
    return Picture("cube", (colors,), channels=3, data=np.ascontiguousarray(table, np.float32))


# --- neighbours: along one axis at a time; beyond the edge, the edge goes on ---


def convolved(picture: Picture, axis: str, weights: Table, reduce: str = "sum") -> Picture:
    """The weighted sum of a pixel and its neighbours along "x" or "y"; an odd number of weights, of which the
    middle one is the pixel's own. reduce: "max" for the greatest of them instead, unweighted."""
    assert len(weights) % 2 == 1
    return Picture("conv", (picture,), static=(axis, reduce), data=np.ascontiguousarray(weights, np.float32))


def resampled(picture: Picture, axis: str, sums: Sums) -> Picture:
    """As many pixels along an axis as there are sums. All that they are of is inside the picture."""
    count = len(sums.starts)
    size = (count, picture.height) if axis == "x" else (picture.width, count)
    static = sums.pattern if axis == "x" else ()
    return Picture("table_" + axis, (picture,), size=size, channels=picture.channels, static=static, data=sums)


class Sums:
    """What resampled pixels are made of, each the weighted sum of those from its start on: `starts` (n,) and
    `weights` (n, taps). Where they repeat, as those of a resize to two thirds do with every second pixel, `first`
    and `end` are the pixels between which they do. Immutable, and worth keeping: finding that out takes longer than
    the rest of a graph."""

    def __init__(self, starts: Table, weights: Table) -> None:
        self.starts, self.weights = (
            np.ascontiguousarray(starts, np.int32),
            np.ascontiguousarray(weights, np.float32),
        )
        self.first = self.end = 0
        self.pattern = self._pattern()

    @cached_property
    def by_tap(self) -> Table:
        """The weights, (taps, n): a tap of all pixels after the other."""
        return np.ascontiguousarray(self.weights.T)

    def _pattern(self) -> tuple[Any, ...]:
        """How they repeat: after how many pixels, how many sources further, and where each of those pixels starts.
        Empty where they do not."""
        count = len(self.starts)
        for period in range(1, min(_LONGEST_PERIOD, count // 4) + 1):
            steps = self.starts[period:] - self.starts[:-period]
            same = np.abs(self.weights[period:] - self.weights[:-period]).max(axis=1) < 2e-6
            same &= steps == steps[len(steps) // 2]
            if not same[len(same) // 2]:
                continue
            broken = np.flatnonzero(~same)
            before, after = broken[broken < len(same) // 2], broken[broken > len(same) // 2]
            self.first = int(before[-1]) + 1 if len(before) else 0
            end = int(after[0]) + period if len(after) else count
            self.end = self.first + (end - self.first) // period * period
            if self.end - self.first < count // 2:  # Pixels that are there several times, of an enlarged picture.
                continue
            places = self.starts[self.first : self.first + period] - self.starts[self.first]
            return period, int(steps[len(steps) // 2]), *map(int, places)
        return ()


def shifted(picture: Picture, axis: str, length: int, offset: int, step: int = 1) -> Picture:
    """`length` pixels along an axis: those from `offset` on, `step` 1 forwards or -1 backwards. Beyond the edge,
    the edge goes on."""
    size = (length, picture.height) if axis == "x" else (picture.width, length)
    whole = picture.width if axis == "x" else picture.height
    last = offset + step * (length - 1)
    inside = min(offset, last) >= 0 and max(offset, last) < whole
    return Picture(
        "shift", (picture,), size=size, channels=picture.channels, static=(axis, step, inside), data=offset
    )


def window(picture: Picture, weights: Table, body: Any) -> Picture:
    """A sum over a square around each pixel: of `body(pixel, neighbour, weight)`. weights: (side, side), odd."""
    tap = Picture("tap", size=(picture.width, picture.height), channels=picture.channels)
    weight = Picture("weight", size=(picture.width, picture.height), channels=1)
    made: Picture = body(picture, tap, weight)
    data = np.ascontiguousarray(weights, np.float32)
    return Picture("window", (picture, made, tap, weight), channels=made.channels, data=data)


def held(picture: Picture) -> Picture:
    """The same, put into memory as a whole: what is far apart in it is then read at no cost."""
    return Picture("held", (picture,))


def warped(picture: Picture, offsets: Picture, between: str = "linear") -> Picture:
    """A picture of the size of `offsets`: each pixel from so far away from its own place, down and right. `picture`
    is put into memory. between: "linear" between its pixels, or the "nearest" of them. Beyond the edge, the edge
    goes on; an offset that is no number is 0."""
    assert offsets.channels == 2 and offsets.width and between in ("linear", "nearest")
    size = offsets.width, offsets.height
    memory = picture if picture.op in ("source", "held") else held(picture)
    return Picture("warp", (memory, offsets), size=size, channels=picture.channels, static=(between,))


# --- alpha ---


def premultiplied(picture: Picture) -> Picture:
    """Colors times alpha, as filters need it: what is transparent has no color to spread."""
    return picture.recolored(picture.colors * picture[3]) if picture.channels == 4 else picture


def straight(picture: Picture) -> Picture:
    """The inverse of `premultiplied`; alpha is clamped to 0..1, and what is wholly transparent becomes black."""
    if picture.channels < 4:
        return picture
    alpha = picture[3]
    visible = alpha > 1e-6
    return stack(where(visible, picture.colors / where(visible, alpha, 1.0), 0.0), clamp(alpha))
