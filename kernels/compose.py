"""Ops that put pictures together.

Where there is alpha, the formulas are those of W3C Compositing and Blending Level 1 (source-over).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.op import op
from gflow.kernels.pixel.picture import Number, Picture, maximum, minimum, mix, stack, where
from gflow.kernels.pixels import Image, Mask, check_range, check_same_size, checked_size, parse_color

Mode = Callable[[Picture, Picture], Picture]

_MODES: Mapping[str, Mode] = {
    "normal": lambda below, above: above,
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: below + above - below * above,
    "overlay": lambda below, above: where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above)),
    "add": lambda below, above: below + above,
    "darken": minimum,
    "lighten": maximum,
    "difference": lambda below, above: abs(below - above),
}


@op
def solid(size: t.Size, color: str = "black") -> t.Image:
    """An image of one color: a name like "white", "#rrggbb", "#rrggbbaa" or "transparent". Raises OpError for an
    empty size, for more than 100 megapixels and for what is not a color."""
    width, height = checked_size("solid", *size)
    rgba = parse_color(color)
    pixel = rgba if rgba[3] < 1 else rgba[:3]
    return np.tile(pixel, (height, width, 1))


@op(pixel=True)
def blend(
    image: Image,
    other: Image,
    amount: float = 0.5,
    mode: Literal["normal", "multiply", "screen", "overlay", "add", "darken", "lighten", "difference"] = "normal",
) -> Image:
    """Another image of the same size over the first, by an amount, 0..1: 0 is the first alone, 1 the full effect.
    `mode` says what the two make of each other. Where the other is transparent the first one shows. Raises OpError
    for images of different sizes and for other amounts."""
    check_range("blend", "amount", amount, 0, 1)
    check_same_size("blend", image, other)
    coverage = other[3] * amount if other.channels == 4 else amount
    return lay_over(image, other, coverage, _MODES[mode])


@op(pixel=True)
def composite(image: Image, over: Image, mask: Mask) -> Image:
    """Another image where the mask is white, the first where it is black, a mix where it is grey; all three of one
    size. Where the other is transparent the first one shows. Raises OpError for different sizes."""
    check_same_size("composite", image, over, mask)
    return lay_over(image, over, mask * over[3] if over.channels == 4 else mask)


def lay_over(image: Picture, other: Picture, coverage: Number, mode: Mode = _MODES["normal"]) -> Picture:
    """`other` over `image` where `coverage` (one channel, or a number) says so, 0..1. Has alpha where `image`
    has."""
    below, above = image.colors, other.colors
    if image.channels == 3:
        return mix(below, mode(below, above), coverage)
    alpha = image[3]
    mixed = mix(above, mode(below, above), alpha)
    total = coverage + alpha * (1 - coverage)
    colors = mixed * coverage + below * (alpha * (1 - coverage))
    visible = total > 1e-6
    return stack(where(visible, colors / where(visible, total, 1.0), below), total)
