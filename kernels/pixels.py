"""What the ops on pictures share: limits, sizes, colors.

Images are float32 (height, width, 3 or 4), sRGB, 0..1, alpha last and straight; masks are float32 (height,
width). Values may leave 0..1 between ops; writing a file clamps them.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.op import OpError
from gflow.kernels.pixel.picture import Picture, lift, stack
from gflow.kernels.types import Array, Size

# What ops in the pixel language are annotated with.
Image = Annotated[Picture, t.IMAGE]
Mask = Annotated[Picture, t.MASK]
#: An image or a mask; the result is of the same type.
ImageOrMask = Annotated[Picture, t.Var("ImageOrMask", (t.IMAGE, t.MASK))]

MOST_PIXELS = 100_000_000


def size_of(picture: Array | Picture) -> Size:
    """Width and height of an image or a mask."""
    if isinstance(picture, Picture):
        return Size(picture.width, picture.height)
    return Size(picture.shape[1], picture.shape[0])


def checked_size(name: str, width: int, height: int) -> Size:
    """The size, for a result of the op `name`. Raises OpError for one that is empty or beyond 100 megapixels."""
    if width < 1 or height < 1:
        raise OpError(f"`{name}` can't make a picture of {width}x{height}: both sides need at least 1 pixel")
    if width * height > MOST_PIXELS:
        megapixels = math.ceil(width * height / 1e6)
        raise OpError(
            f"`{name}` can't make a picture of {width}x{height}: {megapixels} megapixels, 100 are the most"
        )
    return Size(width, height)


def check_range(name: str, parameter: str, value: float, low: float, high: float) -> None:
    """Raises OpError unless `low <= value <= high`; a value that is not a number is refused, too."""
    if not low <= value <= high:
        raise OpError(f"`{name}` takes {low:g} to {high:g} for `{parameter}`, not {value:g}")


def check_same_size(name: str, *pictures: Picture) -> None:
    """Raises OpError unless the pictures are of one size."""
    sizes = [size_of(picture) for picture in pictures]
    if any(size != sizes[0] for size in sizes):
        raise OpError(f"`{name}` needs pictures of one size, these are {_listed(sizes)}: resize one of them first")


def _listed(sizes: list[Size]) -> str:
    return f"{', '.join(map(str, sizes[:-1]))} and {sizes[-1]}"


def parse_color(text: str) -> Array:
    """A color as red, green, blue, alpha, float32, 0..1: `white`, `#ff8800`, `#ff880080`, `rgb(255, 136, 0)`,
    `hsl(30, 100%, 50%)`, `transparent`. Raises OpError for anything else."""
    if text == "transparent":
        return np.zeros(4, np.float32)
    from PIL import ImageColor  # Takes its time, and most pictures need no color.

    try:
        color = ImageColor.getrgb(text)
    except ValueError:
        raise OpError(f'"{text}" is not a color: write a name like "white", or "#rrggbb"') from None
    return np.array([*color, 255][:4], np.float32) / np.float32(255)


def gray_of(color: Array) -> float:
    """The luma (Rec. 709) of a color."""
    return float(0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2])


def filled(color: Array) -> Picture:
    """A color as a picture of no size: one number a channel."""
    return stack(*(lift(float(value)) for value in color))


def with_fill(picture: Picture, color: str) -> tuple[Picture, Picture]:
    """The picture, and the color as a pixel of it. An image gets an alpha channel where the color needs one; on
    a mask the color is its luma."""
    rgba = parse_color(color)
    if picture.channels == 1:
        return picture, lift(gray_of(rgba))
    if picture.channels == 4 or rgba[3] < 1:
        return with_alpha(picture), filled(rgba)
    return picture, filled(rgba[:3])


def with_alpha(picture: Picture) -> Picture:
    """The picture with four channels."""
    return picture if picture.channels == 4 else stack(picture, lift(1.0))
