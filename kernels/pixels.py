"""What the image ops share: limits, colors, luma, alpha.

Images are float32 (height, width, 3 or 4), sRGB, 0..1, alpha last and straight; masks are float32 (height,
width). Values may leave 0..1 between ops; writing a file clamps them.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from gflow.kernels.op import OpError
from gflow.kernels.types import Array, Image, Mask, Size

#: What an op that takes images and masks alike is written with.
ImageOrMask = TypeVar("ImageOrMask", Image, Mask)

MOST_PIXELS = 100_000_000


def size_of(picture: Array) -> Size:
    """Width and height of an image or a mask."""
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


def check_same_size(name: str, *pictures: Array) -> None:
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


def with_fill(picture: Array, color: str) -> tuple[Array, Array]:
    """The picture, and the color as a pixel of it. An image gets an alpha channel where the color needs one; on
    a mask the color is its luma."""
    rgba = parse_color(color)
    if picture.ndim == 2:
        return picture, luma(rgba)[0]
    if picture.shape[2] == 4 or rgba[3] < 1:
        return with_alpha(picture), rgba
    return picture, rgba[:3]


def with_alpha(image: Image) -> Image:
    """The image with four channels."""
    if image.shape[2] == 4:
        return image
    return np.concatenate([image, np.ones((*image.shape[:2], 1), np.float32)], axis=2)


def luma(pixels: Array) -> Array:
    """Brightness as the eye weighs it: Rec. 709 luma of sRGB values. The last axis becomes 1 long."""
    red, green, blue = (pixels[..., channel : channel + 1] for channel in range(3))
    weighed: Array = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return weighed


def premultiplied(picture: Array) -> Array:
    """The picture with colors multiplied by alpha, as filters need it: what is transparent has no color to
    spread. One without alpha is given back as it is."""
    if picture.ndim == 2 or picture.shape[2] == 3:
        return picture
    return np.concatenate([picture[..., :3] * picture[..., 3:], picture[..., 3:]], axis=2)


def straight(picture: Array) -> Array:
    """The inverse of `premultiplied`; alpha is clamped to 0..1, and what is wholly transparent becomes black."""
    if picture.ndim == 2 or picture.shape[2] == 3:
        return picture
    alpha = picture[..., 3:]
    visible = alpha > 1e-6
    colors = np.where(visible, picture[..., :3] / np.where(visible, alpha, 1), 0)
    return np.concatenate([colors, np.clip(alpha, 0, 1)], axis=2)
