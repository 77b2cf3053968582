"""Ops that put pictures together.

Where there is alpha, the formulas are those of W3C Compositing and Blending Level 1 (source-over).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixels import check_range, check_same_size, checked_size, parse_color
from gflow.kernels.types import Array, Image, Mask, Size

Mode = Callable[[Array, Array], Array]


def _normal(below: Array, above: Array) -> Array:
    return above


_MODES: Mapping[str, Mode] = {
    "normal": _normal,
    "multiply": lambda below, above: below * above,
    "screen": lambda below, above: below + above - below * above,
    "overlay": lambda below, above: np.where(below <= 0.5, 2 * below * above, 1 - 2 * (1 - below) * (1 - above)),
    "add": lambda below, above: below + above,
    "darken": np.minimum,
    "lighten": np.maximum,
    "difference": lambda below, above: np.abs(below - above),
}


@op
def solid(size: Size, color: str = "black") -> Image:
    """An image of one color: a name like "white", "#rrggbb", "#rrggbbaa" or "transparent". Raises OpError for an
    empty size, for more than 100 megapixels and for what is not a color."""
    width, height = checked_size("solid", *size)
    rgba = parse_color(color)
    pixel = rgba if rgba[3] < 1 else rgba[:3]
    return np.tile(pixel, (height, width, 1))


@op(pixel="point")
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
    return lay_over(image, other, np.float32(amount) * _alpha(other), _MODES[mode])


@op(pixel="point")
def composite(image: Image, over: Image, mask: Mask) -> Image:
    """Another image where the mask is white, the first where it is black, a mix where it is grey; all three of one
    size. Where the other is transparent the first one shows. Raises OpError for different sizes."""
    check_same_size("composite", image, over, mask)
    return lay_over(image, over, mask[..., None] * _alpha(over))


def _alpha(image: Image) -> Array:
    return image[..., 3:] if image.shape[2] == 4 else np.ones((*image.shape[:2], 1), np.float32)


def lay_over(image: Image, other: Image, coverage: Array, mode: Mode = _normal) -> Image:
    """`other` over `image` where `coverage`, (height, width, 1), says so, 0..1. Has alpha where `image` has."""
    below, above = image[..., :3], other[..., :3]
    if image.shape[2] == 3:
        return below * (1 - coverage) + mode(below, above) * coverage
    alpha = image[..., 3:]
    mixed = above * (1 - alpha) + mode(below, above) * alpha
    total = coverage + alpha * (1 - coverage)
    colors = mixed * coverage + below * (alpha * (1 - coverage))
    colors = np.where(total > 1e-6, colors / np.maximum(total, 1e-6), below)
    return np.concatenate([colors, total], axis=2)
