"""Ops that change colors, pixel by pixel. Alpha stays as it is, and nothing is clamped in between."""

from __future__ import annotations

from gflow.kernels.op import op
from gflow.kernels.pixel.picture import Picture, fma, luma, maximum, mix
from gflow.kernels.pixels import Image, ImageOrMask, check_range

MOST = 1000.0
LEAST_GAMMA = 0.001


@op(pixel=True)
def brightness(image: Image, factor: float) -> Image:
    """Colors times a factor, 0..1000: 0 is black, 1 changes nothing, 1.2 is brighter. Raises OpError for other
    factors."""
    check_range("brightness", "factor", factor, 0, MOST)
    return image.recolored(_brightened(image.colors, factor))


@op(pixel=True)
def contrast(image: Image, factor: float) -> Image:
    """The distance from mid-grey times a factor, 0..1000: 0 is grey, 1 changes nothing, 1.2 is crisper. Raises
    OpError for other factors."""
    check_range("contrast", "factor", factor, 0, MOST)
    return image.recolored(_contrasted(image.colors, factor))


@op(pixel=True)
def saturation(image: Image, factor: float) -> Image:
    """The distance from the grey of the same luma (Rec. 709) times a factor, 0..1000: 0 is black and white, 1
    changes nothing, 1.2 is more colorful. Raises OpError for other factors."""
    check_range("saturation", "factor", factor, 0, MOST)
    return image.recolored(_saturated(image.colors, factor))


@op(pixel=True)
def gamma(image: Image, value: float) -> Image:
    """Colors to the power of 1/value, 0.001..1000: above 1 lightens the shadows, 1 changes nothing, below 1
    darkens them. Negative colors count as 0. Raises OpError for other values."""
    check_range("gamma", "value", value, LEAST_GAMMA, MOST)
    return image.recolored(_gamma_corrected(image.colors, value))


@op(pixel=True)
def grade(
    image: Image, contrast: float = 1.0, saturation: float = 1.0, brightness: float = 1.0, gamma: float = 1.0
) -> Image:
    """`brightness`, `contrast`, `saturation` and `gamma`, in this order, in one call. Each is 1 unless given,
    which changes nothing. Raises OpError for values that these ops refuse."""
    check_range("grade", "brightness", brightness, 0, MOST)
    check_range("grade", "contrast", contrast, 0, MOST)
    check_range("grade", "saturation", saturation, 0, MOST)
    check_range("grade", "gamma", gamma, LEAST_GAMMA, MOST)
    colors = _contrasted(_brightened(image.colors, brightness), contrast)
    return image.recolored(_gamma_corrected(_saturated(colors, saturation), gamma))


@op(pixel=True)
def invert(image: ImageOrMask) -> ImageOrMask:
    """The negative: 1 minus each color, or each value of a mask. Alpha stays as it is."""
    return image.recolored(1 - image.colors)


# A factor of 1 changes nothing, to the last bit.


def _brightened(colors: Picture, factor: float) -> Picture:
    return colors if factor == 1 else colors * factor


def _contrasted(colors: Picture, factor: float) -> Picture:
    return colors if factor == 1 else fma(colors - 0.5, factor, 0.5)


def _saturated(colors: Picture, factor: float) -> Picture:
    return colors if factor == 1 else mix(luma(colors), colors, factor)


def _gamma_corrected(colors: Picture, value: float) -> Picture:
    return colors if value == 1 else maximum(colors, 0.0) ** (1 / value)
