"""Ops that change where pixels are: size, cut, margin, turn. Those that take an `image | mask` give the same."""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.core import nearest
from gflow.kernels.op import OpError, op
from gflow.kernels.pixel.picture import Picture, clamp, coordinates, premultiplied, shifted, source, straight, where
from gflow.kernels.pixel.realize import realize
from gflow.kernels.pixel.resample import fitted, resized
from gflow.kernels.pixels import ImageOrMask, check_range, checked_size, parse_color, size_of, with_fill
from gflow.kernels.types import Array, Size

#: What the ops take that work on arrays.
Pixels = TypeVar("Pixels", t.Image, t.Mask)
Method = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]


@op(pixel=True, version=2)
def resize(
    image: ImageOrMask,
    size: Size,
    fit: Literal["stretch", "contain", "cover"] = "stretch",
    background: str = "black",
    method: Method = "bicubic",
    antialias: bool = True,
) -> ImageOrMask:
    """The image at another size in pixels.

    `fit: "stretch"` ignores its proportions. `"contain"` keeps them and shows all of it, with bars of the
    background color; `"cover"` keeps them and fills the size, and cuts off what is beyond, equally on both sides.

    The filter is `method`, bicubic with a = -0.5; with `antialias` it is widened when shrinking, so that every
    pixel counts. Alpha is respected. At edges values may overshoot a little. Raises OpError for an empty size and
    for more than 100 megapixels.
    """
    width, height = checked_size("resize", *size)
    whole = size_of(image)
    if fit == "contain":
        filled, fill = with_fill(image, background)
        inner = fitted(*whole, width, height)
        small = _clipped(resized(filled, *inner, method=method, antialias=antialias))
        return _framed(small, (width - inner[0]) // 2, (height - inner[1]) // 2, width, height, fill)
    box = (0.0, 0.0, float(whole.width), float(whole.height))
    if fit == "cover":
        scale = max(width / whole.width, height / whole.height)
        shown = min(width / scale, whole.width), min(height / scale, whole.height)
        left, top = (whole.width - shown[0]) / 2, (whole.height - shown[1]) / 2
        box = (left, top, left + shown[0], top + shown[1])
    return _clipped(resized(image, width, height, box=box, method=method, antialias=antialias))


@op(pixel=True, version=2)
def scale(image: ImageOrMask, factor: float, method: Method = "bicubic") -> ImageOrMask:
    """The image larger or smaller by a factor, with its proportions: `scale(2x)`, `scale(0.5)`. See `resize`.
    Raises OpError for a factor that is not above 0, and for more than 100 megapixels."""
    if not (math.isfinite(factor) and factor > 0):
        raise OpError(f"`scale` takes a factor above 0, not {factor:g}")
    width, height = checked_size("scale", *(max(1, nearest(side * factor)) for side in size_of(image)))
    return _clipped(resized(image, width, height, method=method))


def _clipped(picture: Picture) -> Picture:
    """A mask is 0..1."""
    return clamp(picture) if picture.channels == 1 else picture


def _framed(picture: Picture, left: int, top: int, width: int, height: int, fill: Picture) -> Picture:
    """The picture on a canvas of a color."""
    if (picture.width, picture.height) == (width, height):
        return picture
    placed = shifted(shifted(picture, "y", height, -top), "x", width, -left)
    x, y = coordinates(placed)
    inside = (x >= left) & (x < left + picture.width) & (y >= top) & (y < top + picture.height)
    return where(inside, placed, fill)


@op(pixel=True)
def crop(image: ImageOrMask, size: Size, x: int | None = None, y: int | None = None) -> ImageOrMask:
    """A part of the image, of a size in pixels. `x` and `y` are the part's left and top edge, counted from 0;
    without them it is taken from the middle. Raises OpError for a part that is not inside the image."""
    width, height = checked_size("crop", *size)
    whole = size_of(image)
    if width > whole.width or height > whole.height:
        raise OpError(f"`crop` can't take {size} out of an image of {whole}")
    left = (whole.width - width) // 2 if x is None else x
    top = (whole.height - height) // 2 if y is None else y
    if not (0 <= left <= whole.width - width and 0 <= top <= whole.height - height):
        raise OpError(f"`crop` can't take {size} at x {left}, y {top}: that reaches outside the image of {whole}")
    return shifted(shifted(image, "y", height, top), "x", width, left)


@op(pixel=True)
def pad(
    image: ImageOrMask,
    all: int = 0,
    top: int | None = None,
    right: int | None = None,
    bottom: int | None = None,
    left: int | None = None,
    color: str = "black",
) -> ImageOrMask:
    """The image with a margin of a color, in pixels: `pad(8)` on all sides, `pad(bottom: 20, color: "white")`, or
    `pad(8, bottom: 20)`. Raises OpError for a negative margin and for more than 100 megapixels."""
    above, beside, below, before = (all if side is None else side for side in (top, right, bottom, left))
    if min(above, beside, below, before) < 0:
        raise OpError("`pad` takes margins of 0 pixels or more; `crop` makes an image smaller")
    whole = size_of(image)
    width, height = checked_size("pad", whole.width + before + beside, whole.height + above + below)
    filled, fill = with_fill(image, color)
    return _framed(filled, before, above, width, height, fill)


@op(pixel=True)
def flip(image: ImageOrMask, direction: Literal["horizontal", "vertical"] = "horizontal") -> ImageOrMask:
    """The mirror image: left and right change places, or, with `"vertical"`, top and bottom."""
    if direction == "horizontal":
        return shifted(image, "x", image.width, image.width - 1, -1)
    return shifted(image, "y", image.height, image.height - 1, -1)


@op
def rotate(image: Pixels, degrees: float, expand: bool = True, color: str = "black") -> Pixels:
    """The image turned around its middle, counter-clockwise. With `expand` the result is as large as the turned
    image needs; without, it keeps its size and the corners are cut off. What the image does not cover gets the
    color, which may be `"transparent"`.

    Quarter turns are exact, others bilinear. Raises OpError for an angle that is not a number.
    """
    if not math.isfinite(degrees):
        raise OpError(f"`rotate` takes an angle in degrees, not {degrees:g}")
    quarters, rest = divmod(degrees, 90)
    if rest == 0 and (expand or quarters % 2 == 0):
        turned: Array = np.ascontiguousarray(np.rot90(image, int(quarters % 4)))
        return turned
    whole = size_of(image)
    angle = math.radians(degrees % 360)
    size = _turned_size(whole, angle) if expand else whole
    filled, fill = with_fill(source(image), color)
    framed = realize(premultiplied(_framed(filled, 1, 1, whole.width + 2, whole.height + 2, fill)))
    made: Array = realize(straight(source(_turned(framed, angle, checked_size("rotate", *size)))))
    return made


def _turned_size(size: Size, angle: float) -> Size:
    # What floating point adds to a side that comes out whole is taken off again.
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return Size(
        math.ceil(size.width * cos + size.height * sin - 1e-6),
        math.ceil(size.width * sin + size.height * cos - 1e-6),
    )


def _turned(framed: Array, angle: float, size: Size) -> Array:
    """Every pixel's middle turned back into the image, whose frame, one pixel wide, goes on outwards."""
    height, width = framed.shape[0] - 2, framed.shape[1] - 2
    x = np.arange(size.width) + (0.5 - size.width / 2)
    y = (np.arange(size.height) + (0.5 - size.height / 2))[:, None]
    cos, sin = math.cos(angle), math.sin(angle)
    column = np.clip(x * cos - y * sin + (width / 2 + 0.5), 0, width + 1)
    row = np.clip(x * sin + y * cos + (height / 2 + 0.5), 0, height + 1)
    left = np.minimum(column.astype(np.intp), width)
    top = np.minimum(row.astype(np.intp), height)
    extra = (slice(None), slice(None), *[None] * (framed.ndim - 2))
    across = (column - left).astype(np.float32)[extra]
    down = (row - top).astype(np.float32)[extra]
    upper = framed[top, left] * (1 - across) + framed[top, left + 1] * across
    lower = framed[top + 1, left] * (1 - across) + framed[top + 1, left + 1] * across
    sampled: Array = upper * (1 - down) + lower * down
    return sampled


@op
def grid(images: list[t.Image], columns: int | None = None, gap: int = 0, background: str = "black") -> t.Image:
    """Images side by side and row by row, as one. Every cell is as wide as the widest and as high as the highest
    image, which stand in the middle of their cells; `gap` pixels are between cells. Without `columns` the grid is
    about as many cells wide as high. Raises OpError for no images and for more than 100 megapixels."""
    if not images:
        raise OpError("`grid` of an empty list: there is no image to show")
    if columns is None:
        columns = math.ceil(math.sqrt(len(images)))
    check_range("grid", "columns", columns, 1, 10_000)
    check_range("grid", "gap", gap, 0, 10_000)
    rows = math.ceil(len(images) / columns)
    columns = min(columns, len(images))
    sizes = [size_of(image) for image in images]
    cell = Size(max(size.width for size in sizes), max(size.height for size in sizes))
    width, height = (cell.width + gap) * columns - gap, (cell.height + gap) * rows - gap
    checked_size("grid", width, height)
    color = parse_color(background)
    channels = 4 if color[3] < 1 or any(image.shape[2] == 4 for image in images) else 3
    canvas = np.empty((height, width, channels), np.float32)
    canvas[...] = color[:channels]
    for place, (image, size) in enumerate(zip(images, sizes, strict=True)):
        left = (cell.width + gap) * (place % columns) + (cell.width - size.width) // 2
        top = (cell.height + gap) * (place // columns) + (cell.height - size.height) // 2
        part = canvas[top : top + size.height, left : left + size.width]
        part[..., : image.shape[2]] = image
        part[..., image.shape[2] :] = 1  # Opaque, where it has no alpha of its own.
    return canvas
