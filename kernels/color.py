"""Ops that change colors, pixel by pixel. Alpha stays as it is, and nothing is clamped in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixels import ImageOrMask, check_range, luma
from gflow.kernels.types import Array, Image

MOST = 1000.0
LEAST_GAMMA = 0.001


@op(pixel="point")
def brightness(image: Image, factor: float) -> Image:
    """Colors times a factor, 0..1000: 0 is black, 1 changes nothing, 1.2 is brighter. Raises OpError for other
    factors."""
    check_range("brightness", "factor", factor, 0, MOST)
    return _recolored(image, (_brightened, factor))


@op(pixel="point")
def contrast(image: Image, factor: float) -> Image:
    """The distance from mid-grey times a factor, 0..1000: 0 is grey, 1 changes nothing, 1.2 is crisper. Raises
    OpError for other factors."""
    check_range("contrast", "factor", factor, 0, MOST)
    return _recolored(image, (_contrasted, factor))


@op(pixel="point")
def saturation(image: Image, factor: float) -> Image:
    """The distance from the grey of the same luma (Rec. 709) times a factor, 0..1000: 0 is black and white, 1
    changes nothing, 1.2 is more colorful. Raises OpError for other factors."""
    check_range("saturation", "factor", factor, 0, MOST)
    return _recolored(image, (_saturated, factor))


@op(pixel="point")
def gamma(image: Image, value: float) -> Image:
    """Colors to the power of 1/value, 0.001..1000: above 1 lightens the shadows, 1 changes nothing, below 1
    darkens them. Negative colors count as 0. Raises OpError for other values."""
    check_range("gamma", "value", value, LEAST_GAMMA, MOST)
    return _recolored(image, (_gamma_corrected, value))


@op(pixel="point")
def grade(
    image: Image, contrast: float = 1.0, saturation: float = 1.0, brightness: float = 1.0, gamma: float = 1.0
) -> Image:
    """`brightness`, `contrast`, `saturation` and `gamma`, in this order, in one call. Each is 1 unless given,
    which changes nothing. Raises OpError for values that these ops refuse."""
    check_range("grade", "brightness", brightness, 0, MOST)
    check_range("grade", "contrast", contrast, 0, MOST)
    check_range("grade", "saturation", saturation, 0, MOST)
    check_range("grade", "gamma", gamma, LEAST_GAMMA, MOST)
    return _recolored(
        image,
        (_brightened, brightness),
        (_contrasted, contrast),
        (_saturated, saturation),
        (_gamma_corrected, gamma),
    )


@op(pixel="point")
def invert(image: ImageOrMask) -> ImageOrMask:
    """The negative: 1 minus each color, or each value of a mask. Alpha stays as it is."""
    if image.ndim == 2:
        return 1 - image
    return np.concatenate([1 - image[..., :3], image[..., 3:]], axis=2)


def _recolored(image: Image, *steps: tuple[Callable[[Array, float], Array], float]) -> Image:
    """The image with its colors changed, step by step. A factor of 1 changes nothing, to the last bit."""
    colors = image[..., :3]
    # Extreme factors, one after the other, may leave what float32 holds.
    with np.errstate(over="ignore", invalid="ignore"):
        for change, factor in steps:
            if factor != 1:
                colors = change(colors, factor)
    return colors if image.shape[2] == 3 else np.concatenate([colors, image[..., 3:]], axis=2)


def _brightened(colors: Array, factor: float) -> Array:
    return colors * factor


def _contrasted(colors: Array, factor: float) -> Array:
    return (colors - 0.5) * factor + 0.5


def _saturated(colors: Array, factor: float) -> Array:
    return luma(colors) * (1 - factor) + colors * factor


def _gamma_corrected(colors: Array, value: float) -> Array:
    return np.maximum(colors, 0) ** np.float32(1 / value)
