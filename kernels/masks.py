"""Ops that make and change masks, and cut out by them: 1 is white, what is meant; 0 is black, what stays."""

from __future__ import annotations

import math

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.filters import WIDEST, blurred
from gflow.kernels.op import OpError, op
from gflow.kernels.pixel.picture import Picture, clamp, convolved, luma, maximum, sqrt, stack, where
from gflow.kernels.pixels import Image, ImageOrMask, Mask, check_range, checked_size, gray_of, parse_color
from gflow.kernels.spaces import BT709, ycbcr

#: The least distance from grey that a color to be keyed has, in Cb and Cr.
_LEAST_CHROMA = 0.05


@op(pixel=True)
def mask_from(image: Image) -> Mask:
    """A mask of an image's luma (Rec. 709), 0..1: white where it is white. Transparent pixels count as black."""
    gray = luma(image.colors)
    return clamp(gray * image[3] if image.channels == 4 else gray)


@op
def rectangle_mask(size: t.Size, x: int, y: int, width: int, height: int) -> t.Mask:
    """A mask of a size that is white in a rectangle, in pixels: its left and top edge, counted from 0, its width
    and height. What reaches outside the size is cut off. Raises OpError for an empty rectangle or size."""
    checked_size("rectangle_mask", width, height)
    full = checked_size("rectangle_mask", *size)
    mask = np.zeros((full.height, full.width), np.float32)
    mask[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = 1
    return mask


@op(pixel=True)
def threshold(image: ImageOrMask, level: float = 0.5) -> ImageOrMask:
    """Black and white only: white is what is at least as light as `level`, 0..1, by its luma (Rec. 709). Alpha
    stays as it is. A mask becomes one without greys. Raises OpError for other levels."""
    check_range("threshold", "level", level, 0, 1)
    gray = luma(image.colors) if image.channels > 1 else image
    white = where(gray >= level, 1.0, 0.0)
    return white if image.channels == 1 else image.recolored(stack(white, white, white))


@op(pixel=True)
def feather(mask: Mask, radius: float) -> Mask:
    """A mask with soft edges, half inside and half outside of the hard ones: `blur` by a radius in pixels, 0..500,
    which is the Gaussian's standard deviation. Raises OpError for other radii."""
    check_range("feather", "radius", radius, 0, WIDEST)
    return clamp(blurred(mask, radius))


@op(pixel=True)
def grow(mask: Mask, pixels: int) -> Mask:
    """A mask whose white reaches so many pixels further, -500..500; below 0 it shrinks.

    Each pixel becomes the lightest (the darkest) of a square around it, so that corners stay square; for round ones
    write `grow(8) |> feather(4) |> threshold()`. What is beyond the edge is as the edge. Raises OpError for more
    pixels."""
    check_range("grow", "pixels", pixels, -WIDEST, WIDEST)
    if pixels == 0:
        return mask
    return _grown(mask, pixels) if pixels > 0 else -_grown(-mask, -pixels)


def _grown(mask: Picture, pixels: int) -> Picture:
    weights = np.ones(2 * pixels + 1)
    return convolved(convolved(mask, "y", weights, "max"), "x", weights, "max")


@op(pixel=True)
def chroma_key(
    image: Image, color: str = "#00ff00", tolerance: float = 0.2, softness: float = 0.1, spill: float = 0.5
) -> Image:
    """The image with what is of a color made transparent, however light or dark it is: a green or blue screen.

    What counts is the distance in Cb and Cr (BT.709), in which pure green is 0.6 from grey. Up to `tolerance`,
    0..1, all is transparent; over the next `softness`, 0..1, it becomes opaque. Where the image is transparent
    already it stays so. `spill`, 0..1, takes the color's reflections off what stays: so much of what the color's
    strongest channel has more than the other two; 0 leaves all colors as they are. Raises OpError for other values,
    for what is not a color, and for a grey, which is no matter of hue."""
    check_range("chroma_key", "tolerance", tolerance, 0, 1)
    check_range("chroma_key", "softness", softness, 0, 1)
    check_range("chroma_key", "spill", spill, 0, 1)
    key = parse_color(color)
    blueness = (float(key[2]) - gray_of(key)) / (2 - 2 * BT709[1])
    redness = (float(key[0]) - gray_of(key)) / (2 - 2 * BT709[0])
    if math.hypot(blueness, redness) < _LEAST_CHROMA:
        raise OpError(f'`chroma_key` takes a color that is no grey, not "{color}"')
    found = ycbcr(image.colors, BT709) - 0.5
    blue, red = found[1] - blueness, found[2] - redness
    opaque = clamp((sqrt(blue * blue + red * red) - tolerance) / max(softness, 1e-6))
    strongest = int(np.argmax(key[:3]))
    one, other = (image[channel] for channel in range(3) if channel != strongest)
    excess = maximum(image[strongest] - maximum(one, other), 0.0) * spill
    parts = [image[channel] - excess if channel == strongest else image[channel] for channel in range(3)]
    return stack(*parts, opaque * image.alpha)
