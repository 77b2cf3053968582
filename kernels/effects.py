"""Ops that give a picture the marks of a lens and of film."""

from __future__ import annotations

import math

from gflow.kernels.filters import gaussian
from gflow.kernels.op import op
from gflow.kernels.pixel import math as functions
from gflow.kernels.pixel.picture import Picture, clamp, convolved, coordinates, hashed, sqrt, stack
from gflow.kernels.pixels import Image, check_range

#: Evenly spread numbers that are added up, so that their sum is nearly normal (Irwin and Hall, 1927).
_SUMMED = 4


@op(pixel=True)
def vignette(image: Image, amount: float = 0.5, midpoint: float = 0.6, feather: float = 0.8) -> Image:
    """Darker towards the corners, as some lenses draw.

    `amount` is by how much, -1..1: at 1 the corners are black, at 0 nothing changes, below 0 they are lighter. The
    shade follows the image's proportions: the distance from the middle is 0 there and 1 in the corners. Half of the
    shade is reached at `midpoint`, 0..1; it comes in over a width of `feather`, 0..2 (0 is a hard edge). Raises
    OpError for other values."""
    check_range("vignette", "amount", amount, -1, 1)
    check_range("vignette", "midpoint", midpoint, 0, 1)
    check_range("vignette", "feather", feather, 0, 2)
    if amount == 0:
        return image
    x, y = coordinates(image)
    across = (x + (0.5 - image.width / 2)) / (image.width / 2)
    down = (y + (0.5 - image.height / 2)) / (image.height / 2)
    distance = sqrt((across * across + down * down) / 2)
    grown = clamp((distance - midpoint) / max(feather, 1e-6) + 0.5)
    shade = grown * grown * (3 - 2 * grown)
    return image.recolored(image.colors * (1 - shade * amount))


@op(pixel=True)
def grain(image: Image, amount: float = 0.05, size: float = 1.0, monochrome: bool = True, seed: int = 0) -> Image:
    """Noise like that of film.

    It is normally spread; `amount` is its standard deviation, 0..1. `size` is about how wide grains are, in pixels,
    1..50. Unless `monochrome`, each color has a noise of its own. The same seed gives the same grain wherever the
    call stands; give the pictures of a series different ones. Raises OpError for other values."""
    check_range("grain", "amount", amount, 0, 1)
    check_range("grain", "size", size, 1, 50)
    if amount == 0:
        return image
    fields = [_noise(image, size, seed, field) for field in range(1 if monochrome else 3)]
    noise = fields[0] if monochrome else stack(*fields)
    return image.recolored(image.colors + noise * amount)


def _noise(like: Picture, size: float, seed: int, field: int) -> Picture:
    """A field of noise of mean 0 and standard deviation 1."""
    x, y = coordinates(like)
    first, *others = (hashed(x, y, _seed(seed, _SUMMED * field + part)) for part in range(_SUMMED))
    noise = (sum(others, first) - _SUMMED / 2) * math.sqrt(12 / _SUMMED)
    if size == 1:
        return noise
    # Blurred noise is alike over 3.3 standard deviations of the blur. It is weaker by the weights' length.
    weights = gaussian(0.3 * size)
    return convolved(convolved(noise, "y", weights), "x", weights) / float((weights**2).sum())


def _seed(seed: int, part: int) -> float:
    """24 bits of a seed of any size, others for each part."""
    return float(functions.hashed(seed % 2**32, (seed >> 32) % 2**32, part)) * 2**24
