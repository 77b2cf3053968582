"""Exposure, levels and curves against formulas in float64, and against numbers worked out by hand."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from op_calls import MASK, NOT_NUMBERS, RGB, RGBA, near, pixel, plain, run

from gflow.kernels.op import OpError

# --- exposure --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [-3.0, -0.5, 0.1, 1.0, 2.5])
def test_exposure_is_in_linear_light(stops: float) -> None:
    wide = RGB.astype(np.float64)
    light = np.where(wide <= 0.04045, wide / 12.92, ((wide + 0.055) / 1.055) ** 2.4) * 2**stops
    wanted = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert near(run("exposure", RGB, stops), wanted, 1e-5)
    assert near(run("exposure", run("exposure", RGB, stops), -stops), RGB, 1e-5)


def test_a_stop_doubles_the_light() -> None:
    # 18 % grey is 0.4613 in sRGB, and 36 % is 0.6342.
    assert pixel("exposure", [0.46136] * 3, 1.0) == pytest.approx([0.63424] * 3, abs=1e-4)
    assert np.array_equal(run("exposure", RGBA, 0.0), RGBA)
    assert np.array_equal(run("exposure", RGBA, 1.0)[..., 3], RGBA[..., 3])
    for stops in (*NOT_NUMBERS, 20.1, -21.0):
        with pytest.raises(OpError, match="`exposure` takes -20 to 20 for `stops`"):
            run("exposure", RGB, stops)


# --- levels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"black": 0.25, "white": 0.75}, [0, 0, 0.5, 1]),
        ({"black": 0.5}, [0, 0, 0, 0.6]),
        ({"white": 0.5}, [0, 0.4, 1, 1]),
        ({"gamma": 2.0}, [0, 0.2**0.5, 0.5**0.5, 0.8**0.5]),
        ({"output_black": 0.2, "output_white": 0.7}, [0.2, 0.3, 0.45, 0.6]),
        ({"output_black": 1.0, "output_white": 0.0}, [1, 0.8, 0.5, 0.2]),
        ({"black": 0.1, "white": 0.9, "gamma": 0.5, "output_white": 0.5}, [0, 0.0078125, 0.125, 0.3828125]),
    ],
)
def test_levels(named: dict[str, float], expected: list[float]) -> None:
    values = np.array([[0, 0.2, 0.5, 0.8]], np.float32)
    assert near(run("levels", values, **named), [expected])
    image = np.stack([values[0]] * 3 + [values[0]], axis=1)[None]
    made = run("levels", image, **named)
    assert near(made[..., 0], [expected]) and near(made[..., 2], [expected])
    assert np.array_equal(made[..., 3], values)


def test_levels_that_change_nothing() -> None:
    for picture in (RGB, RGBA, MASK, RGB * 3 - 1):
        assert np.array_equal(run("levels", picture), picture)


@pytest.mark.parametrize("name", ["black", "white", "output_black", "output_white", "gamma"])
def test_levels_out_of_range(name: str) -> None:
    for value in (*NOT_NUMBERS, -0.1, 1001.0):
        with pytest.raises(OpError, match=f"`levels` takes .* for `{name}`"):
            run("levels", RGB, **{name: value})


def test_levels_need_white_above_black() -> None:
    for black, white in ((0.5, 0.5), (0.7, 0.2), (0.0, 0.0)):
        with pytest.raises(OpError, match="`white` above `black`"):
            run("levels", RGB, black, white)
    assert set(np.unique(run("levels", MASK, 0.5, math.nextafter(0.5, 1)))) <= {0, 1}


# --- curves ----------------------------------------------------------------------------------------


def curve(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [{"x": x, "y": y} for x, y in points]


def through(points: list[dict[str, float]], values: Any) -> Any:
    """What a curve makes of some values."""
    return run("curves", np.repeat(np.float32(values)[None, :, None], 3, axis=2), points)[0, :, 1]


def fritsch_carlson(points: list[dict[str, float]], at: float) -> float:
    """The interpolant as the paper has it, step by step: Hermite's form, slopes by its second algorithm."""
    x, y = [point["x"] for point in points], [point["y"] for point in points]
    delta = [(y[i + 1] - y[i]) / (x[i + 1] - x[i]) for i in range(len(x) - 1)]
    slope = [
        delta[0],
        *((a + b) / 2 if a * b > 0 else 0.0 for a, b in pairwise(delta)),
        delta[-1],
    ]
    for i, steep in enumerate(delta):
        if steep == 0:
            slope[i] = slope[i + 1] = 0.0
            continue
        alpha, beta = slope[i] / steep, slope[i + 1] / steep
        if alpha**2 + beta**2 > 9:
            tau = 3 / math.sqrt(alpha**2 + beta**2)
            slope[i], slope[i + 1] = tau * alpha * steep, tau * beta * steep
    if not x[0] < at < x[-1]:
        return y[0] if at <= x[0] else y[-1]
    i = max(i for i in range(len(delta)) if x[i] <= at)
    h = x[i + 1] - x[i]
    t = (at - x[i]) / h
    return (
        y[i] * (2 * t**3 - 3 * t**2 + 1)
        + h * slope[i] * (t**3 - 2 * t**2 + t)
        + y[i + 1] * (3 * t**2 - 2 * t**3)
        + h * slope[i + 1] * (t**3 - t**2)
    )


@st.composite
def points(draw: Any, rising: bool = False) -> list[dict[str, float]]:
    """At places where the curve's table has an entry: corners between two are cut by a little."""
    places = draw(st.lists(st.integers(0, 64), min_size=2, max_size=8, unique=True))
    heights = [draw(st.integers(0, 64)) for _ in places]
    return curve(
        *((x / 64, y / 64) for x, y in zip(sorted(places), sorted(heights) if rising else heights, strict=True))
    )


@settings(max_examples=60, deadline=None)
@given(points())
def test_curves_are_fritsch_and_carlsons(given_points: list[dict[str, float]]) -> None:
    at = np.arange(-400, 4500, 37) / 4096
    assert near(through(given_points, at), [fritsch_carlson(given_points, value) for value in at], 1e-6)


@settings(max_examples=40, deadline=None)
@given(points(rising=True))
def test_curves_never_overshoot(given_points: list[dict[str, float]]) -> None:
    made = through(given_points, np.linspace(0, 1, 301))
    assert (np.diff(made) >= -1e-6).all(), "a rising curve rises everywhere"
    assert made[0] == pytest.approx(given_points[0]["y"], abs=1e-6)
    assert made[-1] == pytest.approx(given_points[-1]["y"], abs=1e-6)
    heights = through(given_points, [point["x"] for point in given_points])
    assert near(heights, [point["y"] for point in given_points], 1e-4)


def test_curves_by_hand() -> None:
    # Slopes 4/3, 1 and 2/3; half-way to the middle, 2/3 / 2 + 0.5 * (4/3 - 1) / 8.
    bent = curve((0, 0), (0.5, 2 / 3), (1, 1))
    assert through(bent, [0, 0.25, 0.5, 1]) == pytest.approx([0, 0.3541667, 2 / 3, 1], abs=1e-5)
    assert through(curve((0.25, 0.1), (0.75, 0.9)), [0, 0.25, 0.5, 0.75, 1]) == pytest.approx(
        [0.1, 0.1, 0.5, 0.9, 0.9]
    )
    assert near(run("curves", RGB, curve((0, 0), (1, 1))), RGB, 1e-6)
    assert near(run("curves", RGB, curve((0, 1), (1, 0))), 1 - RGB, 1e-6)


def test_curves_of_single_colors_come_first() -> None:
    half, negative = curve((0, 0), (1, 0.5)), curve((0, 1), (1, 0))
    assert pixel("curves", [0.4, 0.6, 0.8], red=half) == pytest.approx([0.2, 0.6, 0.8], abs=1e-6)
    assert pixel("curves", [0.4, 0.6, 0.8], negative, red=half, blue=half) == pytest.approx(
        [0.8, 0.4, 0.6], abs=1e-6
    )
    made = run("curves", RGBA, half, green=negative)
    assert near(made[..., 1], (1 - RGBA[..., 1]) / 2, 1e-6) and np.array_equal(made[..., 3], RGBA[..., 3])
    assert np.array_equal(run("curves", RGBA), RGBA)


def test_curves_take_whole_numbers() -> None:
    """As records of a script are not made of floats where it writes `{ x: 0, y: 1 }`."""
    assert near(run("curves", RGB, [{"x": 0, "y": 0}, {"x": 1, "y": 1}]), RGB, 1e-6)


@pytest.mark.parametrize(
    ("given_points", "message"),
    [
        ([], "two points or more for `points`, not 0"),
        (curve((0.5, 0.5)), "two points or more for `points`, not 1"),
        (curve((0, 0), (0, 1)), "each x above the one before: in `points`, 0 follows 0"),
        (curve((0, 0), (0.7, 1), (0.3, 1)), "0.3 follows 0.7"),
        (curve((0, 0), (1.5, 1)), "0 to 1 for `points: x`, not 1.5"),
        (curve((0, -0.5), (1, 1)), "0 to 1 for `points: y`, not -0.5"),
        (curve((0, math.nan), (1, 1)), "0 to 1 for `points: y`, not nan"),
        (curve((0, 0), (math.inf, 1)), "0 to 1 for `points: x`, not inf"),
    ],
)
def test_points_that_make_no_curve(given_points: list[dict[str, float]], message: str) -> None:
    with pytest.raises(OpError, match=message):
        run("curves", RGB, given_points)
    with pytest.raises(OpError, match=message.replace("points`", "red`").replace("points:", "red:")):
        run("curves", plain([0, 0, 0]), red=given_points)
