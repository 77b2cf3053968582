"""Ops that look at a pixel's neighbours."""

from __future__ import annotations

import math

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixel.picture import Picture, convolved, premultiplied, straight
from gflow.kernels.pixels import Image, ImageOrMask, check_range

WIDEST = 500.0


@op(pixel=True)
def blur(image: ImageOrMask, radius: float) -> ImageOrMask:
    """A Gaussian blur; `radius` is its standard deviation in pixels, 0..500. Edge pixels go on outwards, and what
    is transparent has no color to spread. On a mask: soft edges. Raises OpError for other radii."""
    check_range("blur", "radius", radius, 0, WIDEST)
    return blurred(image, radius)


@op(pixel=True)
def sharpen(image: Image, amount: float = 1.0, radius: float = 1.0) -> Image:
    """Unsharp masking: what a Gaussian blur of `radius` pixels (0..500) takes away is added `amount` times
    (0..100). Alpha stays as it is. Raises OpError for other values."""
    check_range("sharpen", "amount", amount, 0, 100)
    check_range("sharpen", "radius", radius, 0, WIDEST)
    if amount == 0:
        return image
    return image.recolored(image.colors + (image.colors - blurred(image, radius).colors) * amount)


def blurred(picture: Picture, sigma: float) -> Picture:
    """A Gaussian blur in two passes, down and across, of a kernel that ends at three standard deviations."""
    if sigma == 0:
        return picture
    reach = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    return straight(convolved(convolved(premultiplied(picture), "y", weights), "x", weights))
