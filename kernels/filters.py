"""Ops that look at a pixel's neighbours."""

from __future__ import annotations

import math

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixels import ImageOrMask, check_range, premultiplied, straight
from gflow.kernels.types import Array, Image

WIDEST = 500.0


@op(pixel="stencil")
def blur(image: ImageOrMask, radius: float) -> ImageOrMask:
    """A Gaussian blur; `radius` is its standard deviation in pixels, 0..500. Edge pixels go on outwards, and what
    is transparent has no color to spread. On a mask: soft edges. Raises OpError for other radii."""
    check_range("blur", "radius", radius, 0, WIDEST)
    if radius == 0:
        return image
    return straight(_gaussian(premultiplied(image), radius))


@op(pixel="stencil")
def sharpen(image: Image, amount: float = 1.0, radius: float = 1.0) -> Image:
    """Unsharp masking: what a Gaussian blur of `radius` pixels (0..500) takes away is added `amount` times
    (0..100). Alpha stays as it is. Raises OpError for other values."""
    check_range("sharpen", "amount", amount, 0, 100)
    check_range("sharpen", "radius", radius, 0, WIDEST)
    if amount == 0 or radius == 0:
        return image
    blurred = straight(_gaussian(premultiplied(image), radius))
    colors = image[..., :3] + amount * (image[..., :3] - blurred[..., :3])
    return np.concatenate([colors, image[..., 3:]], axis=2)


def _gaussian(picture: Array, sigma: float) -> Array:
    """Two passes, down and across, of a kernel that ends at three standard deviations."""
    reach = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        margin = [(reach, reach) if axis == this else (0, 0) for this in range(picture.ndim)]
        padded = np.pad(picture, margin, mode="edge")
        length = picture.shape[axis]
        total = np.zeros_like(picture)
        for place, weight in enumerate(weights):
            window = slice(place, place + length)
            total += weight * (padded[window] if axis == 0 else padded[:, window])
        picture = total
    return picture
