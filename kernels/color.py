"""Ops that change colors, pixel by pixel. Alpha stays as it is, and nothing is clamped in between."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from gflow.kernels.op import OpError, op
from gflow.kernels.pixel.picture import Picture, fma, luma, matrix, mix
from gflow.kernels.pixels import Image, ImageOrMask, check_range
from gflow.kernels.spaces import BT709, RGB_OF_XYZ, XYZ_OF_RGB, encoded, hue_of, linear, of_hue, of_ycbcr, ycbcr

MOST = 1000.0
LEAST_GAMMA = 0.001

#: Light that changes nothing, in kelvin.
_NEUTRAL = 6500.0

#: How the eye's three receptors see CIE XYZ, sharpened so that adaptation is a factor for each (Lam, "Metamerism
#: and colour constancy", 1985, known as Bradford).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


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
def hue(image: Image, degrees: float, method: Literal["hsv", "luma"] = "hsv") -> Image:
    """All hues turned by an angle: 120 makes red green, green blue and blue red; 0 and 360 change nothing.

    `"hsv"` turns the hue of HSV, as OpenCV and paint programs do: value and saturation stay, and pure colors stay
    pure. `"luma"` turns around the axis of greys, as the hue of ffmpeg and of CSS does: luma (Rec. 709) stays, so
    that light and dark do; strong colors may leave 0..1. Raises OpError for an angle that is not a number."""
    if not math.isfinite(degrees):
        raise OpError(f"`hue` takes an angle in degrees, not {degrees:g}")
    if degrees % 360 == 0:
        return image
    if method == "hsv":
        found, chroma, value = hue_of(image.colors)
        return image.recolored(of_hue(found + degrees % 360 / 360, chroma, value))
    # In the plane of Cb and Cr, hues go round against the clock.
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]]
    colors = matrix(ycbcr(image.colors, BT709) - 0.5, turned, (0.5, 0.5, 0.5))
    return image.recolored(of_ycbcr(colors, BT709))


@op(pixel=True)
def white_balance(image: Image, temperature: float = 6500.0, tint: float = 0.0) -> Image:
    """The image as if the light had been neutral; `temperature` and `tint` say which light it was.

    As in raw developers: 6500 kelvin change nothing; below (a bulb has 2900) the light was warm and the image gets
    bluer, above (shade has 8000) it gets warmer; 1500..15000. A tint of 0 changes nothing; above it the light was
    green and the image gets more magenta, below it greener; -150..150.

    The light is that of a black body (its place by Krystek, "An algorithm to calculate correlated colour
    temperature", 1985). A tint moves that of 6500 kelvin across the line of such lights, by tint / 3000 in CIE 1960
    u, v, as Adobe's DNG SDK counts it. White under such light becomes neutral by von Kries' factors in Bradford's
    space, in linear light. Raises OpError for other values."""
    check_range("white_balance", "temperature", temperature, 1500, 15000)
    check_range("white_balance", "tint", tint, -150, 150)
    if (temperature, tint) == (_NEUTRAL, 0):
        return image
    # Each has its own factors: moved across far enough, a warm light would be one that there is not.
    warm, green = _receptors(temperature, 0), _receptors(_NEUTRAL, tint)
    factors = (_receptors(_NEUTRAL, 0) / warm) * (_receptors(_NEUTRAL, 0) / green)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(factors) @ _BRADFORD
    return image.recolored(encoded(matrix(linear(image.colors), (RGB_OF_XYZ @ adapted @ XYZ_OF_RGB).tolist())))


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
    return colors if value == 1 else colors ** (1 / value)


def _receptors(temperature: float, tint: float) -> Any:
    """How strongly a light is seen by each receptor, its luminance being 1."""
    u, v = _black_body(temperature)
    before, after = np.array(_black_body(temperature - 1)), np.array(_black_body(temperature + 1))
    along = (after - before) / np.hypot(*(after - before))
    # Across: towards green, where v is greater.
    u, v = u + along[1] * tint / 3000, v - along[0] * tint / 3000
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return _BRADFORD @ np.array([x / y, 1, (1 - x - y) / y])


def _black_body(kelvin: float) -> tuple[float, float]:
    """The place of a black body's light in CIE 1960 u, v (Krystek 1985, 1000..15000 kelvin, within 0.0001)."""
    u = (0.860117757 + 1.54118254e-4 * kelvin + 1.28641212e-7 * kelvin**2) / (
        1 + 8.42420235e-4 * kelvin + 7.08145163e-7 * kelvin**2
    )
    v = (0.317398726 + 4.22806245e-5 * kelvin + 4.20481691e-8 * kelvin**2) / (
        1 - 2.89741816e-5 * kelvin + 1.61456053e-7 * kelvin**2
    )
    return u, v
