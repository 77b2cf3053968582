"""Ops that look at a pixel's neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixel.picture import (
    Picture,
    clamp,
    convolved,
    exp,
    luma,
    premultiplied,
    sqrt,
    stack,
    straight,
    where,
    window,
)
from gflow.kernels.pixels import Image, ImageOrMask, check_range

WIDEST = 500.0


@op(pixel=True)
def blur(image: ImageOrMask, radius: float) -> ImageOrMask:
    """A Gaussian blur; `radius` is its standard deviation in pixels, 0..500. Edge pixels go on outwards, and what
    is transparent has no color to spread. On a mask: soft edges. Raises OpError for other radii."""
    check_range("blur", "radius", radius, 0, WIDEST)
    return blurred(image, radius)


@op(pixel=True)
def sharpen(image: Image, amount: float = 1.0, radius: float = 1.0, threshold: float = 0.0) -> Image:
    """Unsharp masking: what a Gaussian blur of `radius` pixels (0..500) takes away is added `amount` times
    (0..100), where it is more than `threshold` (0..1): with some, noise and soft surfaces stay as they are. Alpha
    stays as it is. Raises OpError for other values."""
    check_range("sharpen", "amount", amount, 0, 100)
    check_range("sharpen", "radius", radius, 0, WIDEST)
    check_range("sharpen", "threshold", threshold, 0, 1)
    if amount == 0:
        return image
    detail = image.colors - blurred(image, radius).colors
    if threshold > 0:
        detail = where(abs(detail) > threshold, detail, 0.0)
    return image.recolored(image.colors + detail * amount)


@op(pixel=True)
def bilateral(image: ImageOrMask, sigma_space: float = 3.0, sigma_color: float = 0.1) -> ImageOrMask:
    """Smooth surfaces, with edges kept: a Gaussian blur in which neighbours count less the more their colors differ
    (Tomasi and Manduchi, "Bilateral filtering for gray and color images", 1998).

    `sigma_space` is the standard deviation of distances in pixels, 0..20, up to 1.5 times which neighbours count;
    it takes time by its square. `sigma_color` is that of differences, 0.001..10: those of the three colors added
    up, as OpenCV does. Edge pixels go on outwards; what is transparent counts for nothing, and alpha stays as it
    is. Raises OpError for other values."""
    check_range("bilateral", "sigma_space", sigma_space, 0, 20)
    check_range("bilateral", "sigma_color", sigma_color, 0.001, 10)
    if sigma_space == 0:
        return image
    reach = max(1, round(1.5 * sigma_space))
    steps = np.arange(-reach, reach + 1.0) ** 2
    squares = steps[:, None] + steps
    near = np.where(squares <= reach**2, np.exp(-0.5 * squares / sigma_space**2), 0)

    def counted(pixel: Picture, neighbour: Picture, weight: Picture) -> Picture:
        """A neighbour's color as often as it counts, and how often that is."""
        colors = neighbour.colors
        differences = abs(colors - pixel.colors)
        apart = differences[0] + differences[1] + differences[2] if colors.channels == 3 else differences
        weight = weight * exp(apart * apart * (-0.5 / sigma_color**2)) * neighbour.alpha
        return stack(colors * weight, weight)

    sums = window(image, near, counted)
    *places, last = range(sums.channels)
    visible = sums[last] > 1e-6
    smooth = sums.only(*places) / where(visible, sums[last], 1.0)
    return image.recolored(where(visible, smooth, image.colors))


@op(pixel=True)
def edge(image: ImageOrMask) -> ImageOrMask:
    """White where light and dark meet, black where all is even: the length of Sobel's gradient, 0..1, a step from
    black to white being 1. Of an image, it is that of its luma (Rec. 709), as a grey image; alpha stays as it is,
    and what is transparent counts as black. `mask_from` makes a mask of it."""
    gray = luma(premultiplied(image).colors) if image.channels > 1 else image
    smooth, slope = np.array([1, 2, 1]) / 4, np.array([-1, 0, 1])
    across = convolved(convolved(gray, "y", smooth), "x", slope)
    down = convolved(convolved(gray, "y", slope), "x", smooth)
    length = clamp(sqrt(across * across + down * down))
    return length if image.channels == 1 else image.recolored(stack(length, length, length))


def blurred(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur in two passes, down and across."""
    if sigma == 0:
        return picture
    weights = gaussian(sigma)
    return straight(convolved(convolved(premultiplied(picture), "y", weights), "x", weights))


def gaussian(sigma: float) -> Any:
    """The weights of a Gaussian blur, which end at three standard deviations; their sum is 1."""
    reach = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()
