"""Ops in the pixel language, each with several arguments: generated C is what their graphs mean in float64, at odd
sizes, with and without alpha; what is not a number harms its neighbours at most; alpha stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pictures as made_up
import pytest
from op_calls import run

from gflow.kernels.pixel import realize
from gflow.kernels.pixel.picture import Picture, source

CURVE = [{"x": 0.1, "y": 0.2}, {"x": 0.4, "y": 0.7}, {"x": 1, "y": 0.9}]
CUBE = "LUT_3D_SIZE 2\n" + "\n".join(
    f"{b} {g * 0.9} {r * 0.8 + 0.1}" for b in (0, 1) for g in (0, 1) for r in (0, 1)
)
CURVES = "DOMAIN_MAX 1 2 1\nLUT_1D_SIZE 3\n0 0 1\n.2 .8 .7\n1 .9 0\n"
SPACES = ("linear", "hsv", "ycbcr601", "ycbcr709", "lab")

#: Ops on colors, each pixel for itself: alpha stays as it is.
COLORS: list[tuple[str, dict[str, Any]]] = [
    ("exposure", {"stops": 1.3}),
    ("exposure", {"stops": -4.0}),
    ("white_balance", {"temperature": 3200.0}),
    ("white_balance", {"temperature": 9000.0, "tint": -70.0}),
    ("hue", {"degrees": 77.0}),
    ("hue", {"degrees": -140.0, "method": "luma"}),
    ("levels", {"black": 0.1, "white": 0.8, "gamma": 1.4, "output_black": 0.05}),
    ("curves", {"points": CURVE}),
    ("curves", {"points": CURVE, "green": CURVE, "blue": CURVE[:2]}),
    ("lut", {"file": CUBE}),
    ("lut", {"file": CURVES}),
    *(("convert", {"to": space}) for space in SPACES),
    *(("convert", {"to": "srgb", "source": space}) for space in SPACES),
    ("convert", {"to": "lab", "source": "hsv"}),
    ("vignette", {}),
    ("vignette", {"amount": -0.4, "midpoint": 0.2, "feather": 0.3}),
    ("grain", {}),
    ("grain", {"amount": 0.3, "size": 3.0, "monochrome": False, "seed": 99}),
    ("sharpen", {"amount": 2.0, "radius": 1.5, "threshold": 0.1}),
    ("bilateral", {}),
    ("bilateral", {"sigma_space": 1.0, "sigma_color": 0.5}),
    ("edge", {}),
    ("threshold", {"level": 0.4}),
]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("chroma_key", {}),
    ("chroma_key", {"color": "#3050c0", "tolerance": 0.1, "softness": 0.5, "spill": 1.0}),
]
#: Those that take masks, too.
MASKS: list[tuple[str, dict[str, Any]]] = [
    ("levels", {"black": 0.2, "gamma": 0.7}),
    ("bilateral", {}),
    ("edge", {}),
    ("threshold", {}),
    ("feather", {"radius": 2.5}),
    ("grow", {"pixels": 2}),
    ("grow", {"pixels": -17}),
]
SIZES = ((1, 1), (1, 9), (9, 1), (33, 21))


@pytest.fixture(autouse=True)
def _compiled() -> Any:
    """Every test is of generated C: nothing may have fallen back to NumPy."""
    yield
    assert not realize.complaints


def named(call: tuple[str, dict[str, Any]]) -> str:
    return "-".join([call[0], *(str(value)[:12] for value in call[1].values())])


def graph(op: str, arguments: dict[str, Any], *arrays: Any) -> Picture:
    """What an op makes of pictures: nothing is computed yet."""
    made: Picture = run(op, *map(source, arrays), **arguments)
    return made


@pytest.mark.parametrize("call", [*COLORS, *OTHERS], ids=named)
@pytest.mark.parametrize("channels", [3, 4])
def test_images(call: tuple[str, dict[str, Any]], channels: int) -> None:
    for seed, (width, height) in enumerate(SIZES):
        image = made_up.array(width, height, channels, "f32", seed) * np.float32(1.2) - np.float32(0.1)
        picture = graph(*call, image)
        assert made_up.agrees(realize.realize(picture), picture, "f32"), (width, height)


@pytest.mark.parametrize("call", [*COLORS, *OTHERS], ids=named)
def test_bytes_in_and_out(call: tuple[str, dict[str, Any]]) -> None:
    picture = graph(*call, made_up.array(33, 21, 3, "u8", 5))
    for layout in ("u8", "planar"):
        assert made_up.agrees(realize.realize(picture, layout), picture, layout)


@pytest.mark.parametrize("call", MASKS, ids=named)
def test_masks(call: tuple[str, dict[str, Any]]) -> None:
    for seed, (width, height) in enumerate(SIZES):
        picture = graph(*call, made_up.array(width, height, 1, "f32", seed))
        made = realize.realize(picture)
        assert made.shape == (height, width) and made_up.agrees(made, picture, "f32"), (width, height)
        assert made.min() >= 0 and made.max() <= 1


@pytest.mark.parametrize("channels", [(3, 3), (3, 4), (4, 4)])
def test_pyramid_blends(channels: tuple[int, int]) -> None:
    for width, height in SIZES:
        images = [made_up.array(width, height, count, "f32", seed) for seed, count in enumerate(channels)]
        picture = graph("pyramid_blend", {}, *images, made_up.array(width, height, 1, "f32", 7))
        assert made_up.agrees(realize.realize(picture), picture, "f32"), (width, height)


@pytest.mark.parametrize("call", COLORS, ids=named)
def test_alpha_stays(call: tuple[str, dict[str, Any]]) -> None:
    image = made_up.array(33, 21, 4, "f32", 3)
    made = run(call[0], image, **call[1])
    assert made.shape == image.shape and np.array_equal(made[..., 3], image[..., 3])


@pytest.mark.parametrize("call", [*COLORS, *OTHERS], ids=named)
def test_what_is_not_a_number_harms_its_neighbours_at_most(call: tuple[str, dict[str, Any]]) -> None:
    image = made_up.array(33, 21, 4, "f32", 4)
    broken = image.copy()
    broken[3, 4] = [np.nan, np.inf, -np.inf, np.nan]
    made, whole = run(call[0], broken, **call[1]), run(call[0], image, **call[1])
    assert np.array_equal(made[12:], whole[12:]) and np.array_equal(made[:, 16:], whole[:, 16:])


def test_together_they_are_one_kernel() -> None:
    """A photo's whole finish, fused: the same bits as op by op."""
    image = made_up.array(64, 48, 3, "f32", 6)
    finish: list[tuple[str, dict[str, Any]]] = [
        ("exposure", {"stops": 0.4}),
        ("white_balance", {"temperature": 5200.0}),
        ("curves", {"points": CURVE}),
        ("lut", {"file": CUBE}),
        ("vignette", {}),
        ("grain", {"amount": 0.02}),
    ]
    apart: Any = image
    together: Any = source(image)
    for op, arguments in finish:
        apart, together = run(op, apart, **arguments), run(op, together, **arguments)
    assert np.array_equal(realize.realize(together), apart)
