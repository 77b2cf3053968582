"""Random pictures of the pixel language, and what they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import evaluate
from gflow.kernels.pixel.resample import resized

#: Odd ones, the smallest, and one as long as no register.
SIZES = ((1, 1), (1, 9), (9, 1), (7, 5), (16, 8), (33, 21), (64, 3))

LAYOUTS = ("f32", "u8", "planar")


def array(width: int, height: int, channels: int, kind: str, seed: int) -> Any:
    """A picture's numbers: "u8", "f32" pixel by pixel, or "planes" channel by channel."""
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, channels)
    if kind == "u8":
        return rng.integers(0, 256, shape, np.uint8)
    if kind == "planes" and channels > 1:
        return rng.random((channels, height, width), np.float32).transpose(1, 2, 0)
    return rng.random(shape, np.float32)


@st.composite
def pictures(draw: Any, longest: int = 6) -> Picture:
    """A chain of random ops, some of which read other pictures or what came before."""
    width, height = draw(st.sampled_from(SIZES))
    number = st.floats(-1.5, 1.5, width=32)
    kinds, seeds = st.sampled_from(("u8", "f32", "planes")), st.integers(0, 99)

    def source(channels: int, wide: int, high: int) -> Picture:
        return px.source(array(wide, high, channels, draw(kinds), draw(seeds)))

    made = source(draw(st.sampled_from((1, 3, 4))), width, height)
    for _ in range(draw(st.integers(0, longest))):
        made = _step(draw, made, number, source)
    return made


def _step(draw: Any, made: Picture, number: Any, source: Any) -> Picture:
    match draw(st.integers(0, 17)):
        case 0:
            return made * draw(number) + draw(number)
        case 1:
            return (
                made.recolored(px.mix(px.luma(made.colors), made.colors, draw(number)))
                if made.channels > 1
                else -made
            )
        case 2:
            return px.clamp(made) ** draw(st.floats(0.25, 3, width=32))
        case 3:
            other = source(made.channels, made.width, made.height)
            return px.where(made < other, px.maximum(made, 0.25), px.minimum(other, abs(made)))
        case 4:
            return px.mix(made, source(1, made.width, made.height), draw(st.floats(0, 1, width=32)))
        case 5 | 6:
            taps = np.array(draw(st.lists(st.floats(0, 1), min_size=1, max_size=draw(st.sampled_from((2, 7, 20))))))
            weights = np.concatenate([taps, [1], taps[::-1]])
            return px.convolved(made, draw(st.sampled_from("xy")), weights / weights.sum())
        case 7 | 8:
            sides = draw(st.sampled_from((*SIZES, (2 * made.width, 2 * made.height))))
            method = draw(st.sampled_from(("nearest", "bilinear", "bicubic", "lanczos", "area")))
            return resized(made, *sides, method=method, antialias=draw(st.booleans()))
        case 9:
            axis = draw(st.sampled_from("xy"))
            length = made.width if axis == "x" else made.height
            return px.shifted(made, axis, draw(st.integers(1, length + 3)), draw(st.integers(-3, length)))
        case 10:
            axis = draw(st.sampled_from("xy"))
            length = made.width if axis == "x" else made.height
            return px.shifted(made, axis, length, length - 1, -1)
        case 11:
            return px.convolved(
                made, draw(st.sampled_from("xy")), np.ones(draw(st.sampled_from((3, 5, 31)))), "max"
            )
        case 12:
            x, y = px.coordinates(made)
            return made + (px.hashed(x, y, float(draw(st.integers(0, 99)))) - 0.5) * 0.1 + x * 0.001
        case 13:
            table = np.linspace(0, 1, draw(st.integers(2, 9))) ** 2
            return px.looked_up(table, made)
        case 14:
            if made.channels < 3:
                return px.sqrt(made)
            cube = np.random.default_rng(1).random((3, 3, 3, 3))
            return made.recolored(px.looked_up_colors(cube, made.colors))
        case 15 | 16:
            return px.warped(made, *_offsets(draw, made, source))
    side = draw(st.sampled_from((1, 3, 5)))
    spatial = np.full((side, side), 1 / side**2)

    def similar(pixel: Picture, neighbour: Picture, weight: Picture) -> Picture:
        difference = neighbour[0] - pixel[0]
        return neighbour * (weight * px.exp(-(difference * difference)))

    return px.window(made, spatial, similar)


def _offsets(draw: Any, made: Picture, source: Any) -> tuple[Picture, str]:
    """How far away pixels are read, some of them far outside; whole numbers where the nearest one is."""
    sides = draw(st.sampled_from((*SIZES, (made.width, made.height))))
    x, y = px.coordinates(source(1, *sides))
    chance = [px.hashed(x, y, float(seed)) for seed in (1, 2, 3)]
    far = draw(st.sampled_from((0.0, 40.0, -1e30, np.inf, -np.inf, np.nan)))
    if draw(st.booleans()):
        near, between = px.floor(px.stack(*chance[:2]) * 9) - 4, "nearest"
    else:
        near, between = source(2, *sides) * 7 - 3, "linear"
    return px.where(chance[2] < 0.2, far, near), between


def expected(picture: Picture, layout: str) -> Any:
    """What the graph means, in float64: of "u8", not yet rounded."""
    values = evaluate(picture, np.float64)
    if layout == "u8":
        values = np.clip(values, 0, 1) * 255
    if picture.channels == 1:
        return values[..., 0]
    return values.transpose(2, 0, 1) if layout == "planar" else values


def agrees(got: Any, picture: Picture, layout: str) -> bool:
    """Within one level in bytes; in floats, within what float32 loses on the way."""
    wanted = expected(picture, layout)
    if got.shape != wanted.shape:
        return False
    if layout == "u8":
        return bool(np.abs(got.astype(np.float64) - wanted).max() <= 1)
    largest = max(1.0, float(np.abs(wanted).max()))
    return bool(np.abs(got - wanted).max() <= 2e-4 * largest)
