"""Ops that change where pixels are: size, cut, margin, turn. Those that take an `image | mask` give the same."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from gflow.kernels.core import nearest
from gflow.kernels.op import OpError, op
from gflow.kernels.pixels import (
    ImageOrMask,
    check_range,
    checked_size,
    premultiplied,
    size_of,
    straight,
    with_alpha,
    with_fill,
)
from gflow.kernels.types import Array, Image, Size

Box = tuple[float, float, float, float]


@op(pixel="resample")
def resize(
    image: ImageOrMask,
    size: Size,
    fit: Literal["stretch", "contain", "cover"] = "stretch",
    background: str = "black",
) -> ImageOrMask:
    """The image at another size in pixels.

    `fit: "stretch"` ignores its proportions. `"contain"` keeps them and shows all of it, with bars of the
    background color; `"cover"` keeps them and fills the size, and cuts off what is beyond, equally on both sides.

    Bicubic (a = -0.5), widened when shrinking so that every pixel counts; alpha is respected. At edges values may
    overshoot a little. Raises OpError for an empty size and for more than 100 megapixels.
    """
    width, height = checked_size("resize", *size)
    if fit == "contain":
        return _contained(image, width, height, background)
    whole = size_of(image)
    box: Box = (0, 0, whole.width, whole.height)
    if fit == "cover":
        scale = max(width / whole.width, height / whole.height)
        shown = min(width / scale, whole.width), min(height / scale, whole.height)
        left, top = (whole.width - shown[0]) / 2, (whole.height - shown[1]) / 2
        box = (left, top, left + shown[0], top + shown[1])
    return _resampled(image, width, height, box)


@op(pixel="resample")
def scale(image: ImageOrMask, factor: float) -> ImageOrMask:
    """The image larger or smaller by a factor, with its proportions: `scale(2x)`, `scale(0.5)`. See `resize`.
    Raises OpError for a factor that is not above 0, and for more than 100 megapixels."""
    if not (math.isfinite(factor) and factor > 0):
        raise OpError(f"`scale` takes a factor above 0, not {factor:g}")
    whole = size_of(image)
    width, height = (max(1, nearest(side * factor)) for side in whole)
    checked_size("scale", width, height)
    return _resampled(image, width, height, (0, 0, whole.width, whole.height))


def _contained(image: Array, width: int, height: int, background: str) -> Array:
    whole = size_of(image)
    scale = min(width / whole.width, height / whole.height)
    inner = [max(1, min(nearest(side * scale), most)) for side, most in zip(whole, (width, height), strict=True)]
    filled, fill = with_fill(image, background)
    small = _resampled(filled, inner[0], inner[1], (0, 0, whole.width, whole.height))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = _canvas(width, height, fill)
    canvas[top : top + inner[1], left : left + inner[0]] = small
    return canvas


def _resampled(image: Array, width: int, height: int, box: Box) -> Array:
    """The part of the image in `box` (left, top, right, bottom), at a size, by Pillow's convolution in float32."""
    if (width, height) == size_of(image) and box == (0, 0, width, height):
        return image
    from PIL import Image as PillowImage  # Takes its time, and many pictures are never resized.

    source = premultiplied(image)
    planes = [source] if source.ndim == 2 else [source[..., channel] for channel in range(source.shape[2])]
    resized = [
        np.asarray(
            PillowImage.fromarray(np.ascontiguousarray(plane)).resize(
                (width, height), PillowImage.Resampling.BICUBIC, box
            )
        )
        for plane in planes
    ]
    if image.ndim == 2:
        values: Array = np.clip(resized[0], 0, 1)
        return values
    return straight(np.stack(resized, axis=2))


def _canvas(width: int, height: int, fill: Array) -> Array:
    canvas = np.empty((height, width, *fill.shape), np.float32)
    canvas[...] = fill
    return canvas


@op(pixel="resample")
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
    return np.ascontiguousarray(image[top : top + height, left : left + width])


@op(pixel="resample")
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
    canvas = _canvas(width, height, fill)
    canvas[above : above + whole.height, before : before + whole.width] = filled
    return canvas


@op(pixel="resample")
def flip(image: ImageOrMask, direction: Literal["horizontal", "vertical"] = "horizontal") -> ImageOrMask:
    """The mirror image: left and right change places, or, with `"vertical"`, top and bottom."""
    return np.ascontiguousarray(image[:, ::-1] if direction == "horizontal" else image[::-1])


@op
def rotate(image: ImageOrMask, degrees: float, expand: bool = True, color: str = "black") -> ImageOrMask:
    """The image turned around its middle, counter-clockwise. With `expand` the result is as large as the turned
    image needs; without, it keeps its size and the corners are cut off. What the image does not cover gets the
    color, which may be `"transparent"`.

    Quarter turns are exact, others bilinear. Raises OpError for an angle that is not a number.
    """
    if not math.isfinite(degrees):
        raise OpError(f"`rotate` takes an angle in degrees, not {degrees:g}")
    quarters, rest = divmod(degrees, 90)
    if rest == 0 and (expand or quarters % 2 == 0):
        return np.ascontiguousarray(np.rot90(image, int(quarters % 4)))
    whole = size_of(image)
    angle = math.radians(degrees % 360)
    size = _turned_size(whole, angle) if expand else whole
    filled, fill = with_fill(image, color)
    framed = np.pad(filled, [(1, 1), (1, 1)] + [(0, 0)] * (filled.ndim - 2))
    framed[[0, -1]] = fill
    framed[:, [0, -1]] = fill
    return straight(_turned(premultiplied(framed), angle, checked_size("rotate", *size)))


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
def grid(images: list[Image], columns: int | None = None, gap: int = 0, background: str = "black") -> Image:
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
    if any(image.shape[2] == 4 for image in images):
        images = [with_alpha(image) for image in images]
    filled = [with_fill(image, background) for image in images]
    canvas = _canvas(width, height, filled[0][1])
    for place, ((image, _), size) in enumerate(zip(filled, sizes, strict=True)):
        left = (cell.width + gap) * (place % columns) + (cell.width - size.width) // 2
        top = (cell.height + gap) * (place // columns) + (cell.height - size.height) // 2
        canvas[top : top + size.height, left : left + size.width] = image
    return canvas
