"""Ops that change how light and dark are spread. Alpha stays as it is."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypedDict

import numpy as np

from gflow.kernels.color import LEAST_GAMMA, MOST
from gflow.kernels.op import OpError, op
from gflow.kernels.pixel.picture import Picture, clamp, looked_up, stack
from gflow.kernels.pixels import Image, ImageOrMask, check_range
from gflow.kernels.spaces import encoded, linear

#: Entries of a curve's table, which is linear between them: within 2e-5 of the curve, unless it is very steep.
_ENTRIES = 4097


class Point(TypedDict):
    """What becomes of a value: `x` before, `y` after, both 0..1."""

    x: float
    y: float


@op(pixel=True)
def exposure(image: Image, stops: float) -> Image:
    """More or less light, as with a camera: each stop, -20..20, doubles the light, each one below 0 halves it; 0
    changes nothing. It is computed in linear light, so that shadows keep their color. Raises OpError for other
    values."""
    check_range("exposure", "stops", stops, -20, 20)
    if stops == 0:
        return image
    return image.recolored(encoded(linear(image.colors) * 2.0**stops))


@op(pixel=True)
def levels(
    image: ImageOrMask,
    black: float = 0.0,
    white: float = 1.0,
    gamma: float = 1.0,
    output_black: float = 0.0,
    output_white: float = 1.0,
) -> ImageOrMask:
    """What is `black` or darker becomes `output_black`, what is `white` or lighter becomes `output_white`, and what
    is between them is spread between them.

    All four are 0..1. `gamma`, 0.001..1000, above 1 lightens what is in the
    middle. As they are, they change nothing; an `output_black` above `output_white` makes a negative. On a mask: a
    harder or softer one. Raises OpError for other values, and where `white` is not above `black`."""
    check_range("levels", "black", black, 0, 1)
    check_range("levels", "white", white, 0, 1)
    check_range("levels", "gamma", gamma, LEAST_GAMMA, MOST)
    check_range("levels", "output_black", output_black, 0, 1)
    check_range("levels", "output_white", output_white, 0, 1)
    if white <= black:
        raise OpError(f"`levels` needs `white` above `black`, not white {white:g} and black {black:g}")
    if (black, white, gamma, output_black, output_white) == (0, 1, 1, 0, 1):
        return image
    spread = clamp((image.colors - black) * (1 / max(white - black, 1e-30)))
    bent = spread if gamma == 1 else spread ** (1 / gamma)
    return image.recolored(bent * (output_white - output_black) + output_black)


@op(pixel=True)
def curves(
    image: Image,
    points: list[Point] | None = None,
    red: list[Point] | None = None,
    green: list[Point] | None = None,
    blue: list[Point] | None = None,
) -> Image:
    """Colors by a curve through some points: `curves([{ x: 0, y: 0.1 }, { x: 1, y: 1 }])` lifts the shadows.

    `points` is for all three colors; `red`, `green` and `blue` are each for one of them, and come before it. What
    is not given changes nothing.

    Two points or more, both numbers 0..1, each `x` above the one before. Between points the curve is smooth and
    never overshoots them: a monotone cubic (Fritsch and Carlson, "Monotone piecewise cubic interpolation", 1980).
    Before the first and after the last one it is flat. Raises OpError for other points."""
    colors = image.colors
    if red is not None or green is not None or blue is not None:
        given = ("red", red), ("green", green), ("blue", blue)
        colors = stack(*(_bent(colors[place], name, curve) for place, (name, curve) in enumerate(given)))
    if red is green is blue is points is None:
        return image
    return image.recolored(_bent(colors, "points", points))


def _bent(colors: Picture, name: str, points: list[Point] | None) -> Picture:
    return colors if points is None else looked_up(_table(name, points), colors)


def _table(name: str, points: list[Point]) -> Any:
    """The curve's values at even distances in 0..1. Raises OpError; `name` is the parameter's."""
    if len(points) < 2:
        raise OpError(f"`curves` takes two points or more for `{name}`, not {len(points)}")
    for point in points:
        check_range("curves", f"{name}: x", point["x"], 0, 1)
        check_range("curves", f"{name}: y", point["y"], 0, 1)
    x, y = (np.array([float(point[axis]) for point in points]) for axis in ("x", "y"))
    for before, after in pairwise(x):
        if after - before < 1e-6:
            raise OpError(f"`curves` needs each x above the one before: in `{name}`, {after:g} follows {before:g}")
    return monotone(x, y, np.linspace(0, 1, _ENTRIES))


def monotone(x: Any, y: Any, at: Any) -> Any:
    """The monotone cubic through some points at some places; flat before the first and after the last point.
    Fritsch and Carlson 1980: slopes are averages of the lines' on both sides, and cut where those two and it leave
    the circle of radius 3, which is enough."""
    width, line = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.concatenate([line[:1], (line[:-1] + line[1:]) / 2, line[-1:]])
    slope[1:-1][line[:-1] * line[1:] <= 0] = 0
    for piece, steep in enumerate(line):
        left, right = slope[piece : piece + 2]
        length = np.hypot(left, right)
        if length > 3 * abs(steep):
            slope[piece : piece + 2] *= 3 * abs(steep) / length
    piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    t = np.clip((at - x[piece]) / width[piece], 0, 1)
    # Hermite's polynomials.
    start, end = (1 + 2 * t) * (1 - t) ** 2, t * t * (3 - 2 * t)
    leave, arrive = t * (1 - t) ** 2 * width[piece], t * t * (t - 1) * width[piece]
    return start * y[piece] + end * y[piece + 1] + leave * slope[piece] + arrive * slope[piece + 1]
