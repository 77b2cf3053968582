"""Color spaces, hue and white balance against OpenCV, against formulas in float64, and against published values."""

from __future__ import annotations

import colorsys
import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_calls import NOT_NUMBERS, RGB, RGBA, near, pixel, plain, run

from gflow.kernels.op import OpError

SPACES = ("srgb", "linear", "hsv", "ycbcr601", "ycbcr709", "lab")

# --- convert ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", SPACES)
@pytest.mark.parametrize("source", SPACES)
def test_there_and_back(source: str, to: str) -> None:
    image = run("convert", RGBA, source)
    there = run("convert", image, to, source=source)
    assert near(there, run("convert", RGBA, to), 1e-4)
    assert near(run("convert", there, source, source=to), image, 1e-4)
    assert np.array_equal(there[..., 3], RGBA[..., 3])


@pytest.mark.parametrize("to", SPACES)
def test_channels_are_between_0_and_1(to: str) -> None:
    corners = np.array([[[r, g, b] for g in (0, 1) for b in (0, 1)] for r in (0, 1)], np.float32)
    for image in (RGB, corners):
        made = run("convert", image, to)
        assert made.min() >= -1e-6 and made.max() <= 1 + 1e-6
    assert near(run("convert", run("convert", corners, to), "srgb", source=to), corners, 1e-4)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(SPACES[1:]), st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_any_color_there_and_back(to: str, color: list[float]) -> None:
    assert pixel("convert", pixel("convert", color, to), "srgb", to) == pytest.approx(color, abs=1e-3)


@pytest.mark.parametrize("space", SPACES)
def test_to_the_same_space_changes_nothing(space: str) -> None:
    assert np.array_equal(run("convert", RGBA, space, source=space), RGBA)


def test_linear_is_the_curve_of_srgb() -> None:
    values = np.linspace(-0.5, 1.5, 401)
    wanted = np.where(values <= 0.04045, values / 12.92, np.maximum((values + 0.055) / 1.055, 0) ** 2.4)
    gray = np.repeat(values.astype(np.float32)[None, :, None], 3, axis=2)
    assert near(run("convert", gray, "linear")[0, :, 0], wanted, 1e-5)
    assert pixel("convert", [0.5] * 3, "linear") == pytest.approx([0.21404] * 3, abs=1e-5)
    # Below black and above white the curve goes on.
    assert near(run("convert", run("convert", gray, "linear"), "srgb", source="linear"), gray, 1e-5)


def test_hsv_is_opencvs_and_pythons() -> None:
    theirs = cv2.cvtColor(RGB, cv2.COLOR_RGB2HSV) / np.float32([360, 1, 1])
    assert near(run("convert", RGB, "hsv"), theirs, 1e-5)
    for color in ([0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0.2, 0.9, 0.9], [0.7, 0.1, 0.69]):
        assert pixel("convert", color, "hsv") == pytest.approx(colorsys.rgb_to_hsv(*color), abs=1e-6)


def test_ycbcr_is_opencvs() -> None:
    theirs = cv2.cvtColor(RGB, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    # OpenCV rounds its factors to 3 digits.
    assert near(run("convert", RGB, "ycbcr601"), theirs, 1e-3)


@pytest.mark.parametrize(("space", "red", "blue"), [("ycbcr601", 0.299, 0.114), ("ycbcr709", 0.2126, 0.0722)])
def test_ycbcr_by_its_definition(space: str, red: float, blue: float) -> None:
    wide = RGB.astype(np.float64)
    luma = wide @ [red, 1 - red - blue, blue]
    made = [luma, (wide[..., 2] - luma) / (2 - 2 * blue) + 0.5, (wide[..., 0] - luma) / (2 - 2 * red) + 0.5]
    assert near(run("convert", RGB, space), np.stack(made, axis=2))
    assert pixel("convert", [0, 0, 1], space)[:2] == pytest.approx([blue, 1], abs=1e-6)
    assert pixel("convert", [0.3] * 3, space) == pytest.approx([0.3, 0.5, 0.5], abs=1e-6)


def natural(lab: Any) -> Any:
    """L*, a* and b* in their own units."""
    return np.asarray(lab) * [100, 256, 256] - [0, 128, 128]


def test_lab_is_cies() -> None:
    # Lindbloom's calculator, sRGB under D65.
    for color, lab in (
        ([1, 0, 0], [53.2408, 80.0925, 67.2032]),
        ([0, 1, 0], [87.7347, -86.1827, 83.1793]),
        ([0, 0, 1], [32.2970, 79.1875, -107.8602]),
        ([1, 1, 1], [100, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
        ([0.5] * 3, [53.3890, 0, 0]),
    ):
        assert natural(pixel("convert", color, "lab")) == pytest.approx(lab, abs=0.01)


def test_lab_is_opencvs() -> None:
    # OpenCV interpolates in a table.
    assert near(natural(run("convert", RGB, "lab")), cv2.cvtColor(RGB, cv2.COLOR_RGB2Lab), 0.5)


def test_curves_of_lightness_in_lab() -> None:
    lighter = run("curves", run("convert", RGB, "lab"), red=[{"x": 0, "y": 0.1}, {"x": 1, "y": 1}])
    back = run("convert", run("convert", lighter, "srgb", source="lab"), "lab")
    assert near(back[..., 0], 0.1 + 0.9 * run("convert", RGB, "lab")[..., 0], 1e-3)


# --- hue -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [30.0, 120.0, 250.0, -75.0, 1000.0])
def test_hue_is_that_of_opencvs_hsv(degrees: float) -> None:
    hsv = cv2.cvtColor(RGB, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + degrees) % 360
    assert near(run("hue", RGB, degrees), cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), 1e-5)


def test_hue_turns_pure_colors() -> None:
    assert pixel("hue", [1, 0, 0], 120.0) == [0, 1, 0]
    assert pixel("hue", [1, 0, 0], 60.0) == [1, 1, 0]
    assert pixel("hue", [0.5] * 3, 77.0) == pytest.approx([0.5] * 3, abs=1e-7)
    assert near(run("hue", run("hue", RGB, 50.0), -50.0), RGB, 1e-5)


def test_hue_keeps_luma() -> None:
    """The matrix of ffmpeg's hue: Cb and Cr turned as a point is."""
    cos, sin = math.cos(math.radians(70)), math.sin(math.radians(70))
    luma, blue, red = np.moveaxis(run("convert", RGB, "ycbcr709").astype(np.float64), 2, 0)
    made = np.stack([luma, cos * (blue - 0.5) - sin * (red - 0.5), sin * (blue - 0.5) + cos * (red - 0.5)], axis=2)
    turned = run("hue", RGB, 70.0, method="luma")
    assert near(run("convert", turned, "ycbcr709") - np.float32([0, 0.5, 0.5]), made, 1e-5)
    # Both ways turn red towards green.
    red_turned = pixel("hue", [0.8, 0.2, 0.2], 90.0, method="luma")
    assert red_turned[1] > red_turned[0] and red_turned[1] > red_turned[2]


@pytest.mark.parametrize("method", ["hsv", "luma"])
def test_hue_all_the_way_round_changes_nothing(method: str) -> None:
    for degrees in (0.0, 360.0, -720.0):
        assert np.array_equal(run("hue", RGBA, degrees, method=method), RGBA)
    assert np.array_equal(run("hue", RGBA, 40.0, method=method)[..., 3], RGBA[..., 3])
    for degrees in NOT_NUMBERS:
        with pytest.raises(OpError, match="`hue` takes an angle"):
            run("hue", RGB, degrees, method=method)


# --- white balance ---------------------------------------------------------------------------------

#: CIE 1931 color matching, every 20 nm from 380 to 720.
OBSERVER = np.array(
    [
        [0.001368, 0.000039, 0.006450], [0.01431, 0.000396, 0.06785], [0.13438, 0.0040, 0.6456],
        [0.34828, 0.0230, 1.74706], [0.2908, 0.0600, 1.6692], [0.09564, 0.13902, 0.81295],
        [0.0049, 0.3230, 0.2720], [0.06327, 0.7100, 0.07825], [0.2904, 0.9540, 0.0203],
        [0.5945, 0.9950, 0.0039], [0.9163, 0.8700, 0.00165], [1.0622, 0.6310, 0.0008],
        [0.85445, 0.3810, 0.00019], [0.4479, 0.1750, 0.00002], [0.1649, 0.0610, 0],
        [0.04677, 0.0170, 0], [0.011359, 0.004102, 0], [0.002899, 0.001047, 0],
    ]
)  # fmt: skip
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def black_body(kelvin: float) -> Any:
    """XYZ of a black body by Planck's law, Y being 1."""
    meters = np.arange(380, 721, 20) * 1e-9
    radiance = meters**-5 / np.expm1(1.438777e-2 / (meters * kelvin))
    xyz = radiance @ OBSERVER
    return xyz / xyz[1]


@pytest.mark.parametrize("kelvin", [2000.0, 2900.0, 5000.0, 8000.0, 15000.0])
def test_white_balance_is_bradfords(kelvin: float) -> None:
    seen, wanted = BRADFORD @ black_body(kelvin), BRADFORD @ black_body(6500)
    adapted = np.linalg.inv(TO_XYZ) @ np.linalg.inv(BRADFORD) @ np.diag(wanted / seen) @ BRADFORD @ TO_XYZ
    image = RGB * 0.25 + 0.25
    light = run("convert", image, "linear").astype(np.float64) @ adapted.T
    made = run("convert", run("white_balance", image, kelvin), "linear")
    # Krystek's line is within 0.0001, and the observer's table is a coarse one; blue is up to 8 times as strong.
    assert np.abs(made - light).max() < 0.01 * max(1, np.abs(light).max())


def test_white_balance_goes_the_way_of_raw_developers() -> None:
    gray = [0.5] * 3
    for colder, warmer in ((2900.0, 5000.0), (5000.0, 6500.0), (6500.0, 9000.0)):
        one, other = pixel("white_balance", gray, colder), pixel("white_balance", gray, warmer)
        assert one[0] < other[0] and one[2] > other[2]
    red, green, blue = pixel("white_balance", gray, tint=60.0)
    assert red > green < blue
    red, green, blue = pixel("white_balance", gray, tint=-60.0)
    assert red < green > blue


def test_a_tint_is_a_distance_in_uv() -> None:
    """A light that is 30 / 3000 from the line, at a right angle to it, becomes what 6500 kelvin are."""

    def uv(xyz: Any) -> Any:
        return np.array([4 * xyz[0], 6 * xyz[1]]) / (xyz @ [1, 15, 3])

    # What 6500 kelvin would be under the inverse tint is that light.
    shown = np.linalg.inv(TO_XYZ) @ black_body(6500)
    image = run("convert", plain(list(shown / shown.max() * 0.5)), "srgb", source="linear")
    moved = run("convert", run("white_balance", image, tint=-30.0), "linear")[0, 0]
    step = uv(TO_XYZ @ moved) - uv(black_body(6500))
    along = uv(black_body(6600)) - uv(black_body(6400))
    assert np.hypot(*step) == pytest.approx(0.01, abs=0.002)
    assert abs(step @ along) < 0.1 * np.hypot(*step) * np.hypot(*along)
    assert step[1] > 0, "greener"


def test_white_balance_keeps_what_is_neutral() -> None:
    assert np.array_equal(run("white_balance", RGBA), RGBA)
    assert np.array_equal(run("white_balance", RGBA, 3000.0)[..., 3], RGBA[..., 3])
    # Each value alone, at its ends, gives numbers.
    for named in ({"temperature": 1500.0}, {"temperature": 15000.0}, {"tint": -150.0}, {"tint": 150.0}):
        assert np.isfinite(run("white_balance", RGB, **named)).all()
    assert np.isfinite(run("white_balance", RGB, 1500.0, 150.0)).all()
    for value in (*NOT_NUMBERS, 1499.0, 15001.0):
        with pytest.raises(OpError, match="1500 to 15000 for `temperature`"):
            run("white_balance", RGB, value)
    for value in (*NOT_NUMBERS, -151.0, 151.0):
        with pytest.raises(OpError, match="-150 to 150 for `tint`"):
            run("white_balance", RGB, 6500.0, value)
