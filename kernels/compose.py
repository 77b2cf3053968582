"""Ops that put pictures together.

Where there is alpha, the formulas are those of W3C Compositing and Blending Level 1 (source-over).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.op import op
from gflow.kernels.pixel.picture import (
    Number,
    Picture,
    Sums,
    held,
    maximum,
    minimum,
    mix,
    premultiplied,
    resampled,
    stack,
    straight,
    where,
)
from gflow.kernels.pixels import (
    Image,
    Mask,
    check_range,
    check_same_size,
    checked_size,
    parse_color,
    with_alpha,
)

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


@op(pixel=True)
def pyramid_blend(image: Image, over: Image, mask: Mask, levels: int = 6) -> Image:
    """`composite` without a seam: another image where the mask is white, the first where it is black.

    All three are of one size. The coarser a detail is, the wider it goes over from one image into the other, up to
    about 2 to the power of `levels` pixels; `levels` is 0..16, 0 being a plain mix. Has alpha where one of the
    images has. Values may overshoot a little. Raises OpError for different sizes and for other levels.

    Burt and Adelson, "A multiresolution spline with application to image mosaics", 1983: both images are taken
    apart into Laplacian pyramids, which are put together by the mask's Gaussian pyramid. As taking apart is linear,
    it is done with the images' difference."""
    check_same_size("pyramid_blend", image, over, mask)
    check_range("pyramid_blend", "levels", levels, 0, 16)
    if image.channels != over.channels:
        image, over = with_alpha(image), with_alpha(over)
    below, above = premultiplied(image), premultiplied(over)
    return straight(below + _masked_by_bands(held(above - below), mask, levels))


def _masked_by_bands(picture: Picture, mask: Picture, levels: int) -> Picture:
    """The bands of a picture, each times a mask that is as coarse as the band. What a level reads is held in
    memory, as each one reaches twice as far as the one before."""
    if levels == 0 or max(picture.width, picture.height) == 1:
        return picture * mask
    coarse, soft = held(_halved(picture)), held(_halved(mask))
    detail = picture - _doubled(coarse, picture)
    return detail * mask + _doubled(held(_masked_by_bands(coarse, soft, levels - 1)), picture)


def _halved(picture: Picture) -> Picture:
    """Half the size, rounded up: Burt's REDUCE, by weights of 1, 4, 6, 4, 1 around every second pixel."""
    for axis, length in (("y", picture.height), ("x", picture.width)):
        places = 2 * np.arange((length + 1) // 2)[:, None] + np.arange(-2, 3)
        picture = resampled(picture, axis, _inside(places, np.array([1, 4, 6, 4, 1]) / 16, length))
    return picture


def _doubled(picture: Picture, like: Picture) -> Picture:
    """The inverse in size: Burt's EXPAND, by the same weights of the pixels between which new ones come."""
    for axis, length, count in (("y", picture.height, like.height), ("x", picture.width, like.width)):
        new = np.arange(count)[:, None]
        places = new // 2 + np.arange(-1, 2)
        weights = np.where(new % 2 == 0, np.array([1, 6, 1]) / 8, np.array([0, 4, 4]) / 8)
        picture = resampled(picture, axis, _inside(places, weights, length))
    return picture


def _inside(places: Any, weights: Any, length: int) -> Sums:
    """Of pixels at some places, (count, taps), inside an axis of so many pixels: beyond the edge, the edge goes
    on."""
    taps = min(places.shape[1], length)
    starts = np.clip(places[:, 0], 0, length - taps)
    kept = np.zeros((len(places), taps))
    rows = np.arange(len(places))[:, None]
    np.add.at(kept, (rows, np.clip(places, 0, length - 1) - starts[:, None]), weights)
    return Sums(starts, kept)


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
