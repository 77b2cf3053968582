"""Frames in between: nearer to what was there than the two around them mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from films import Film, film, played

from gflow.kernels.motion import Matching
from gflow.kernels.op import registry
from gflow.kernels.pixel.repeated import blank


def run(op: str, *args: Any) -> Any:
    return registry()[op].kernel(*args)


def same(left: list[Any], right: list[Any]) -> bool:
    return len(left) == len(right) and all(map(np.array_equal, left, right))


def moving(place: float, kind: str) -> Any:
    """A bright square on a ground, at some pixels from the left."""
    rng = np.random.default_rng(5)
    ground = np.full((72, 96, 3), 0.2, np.float32)
    if kind == "textured":
        noise = rng.random((72, 96, 3)).astype(np.float32)
        for _ in range(6):
            noise = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, -1, 0)) / 4
        ground = (noise - noise.min()) * 0.8
    left = round(20 + place)
    ground[24:48, left : left + 24] = (0.9, 0.8, 0.3)
    return ground


def error(one: Any, other: Any) -> float:
    return float(((one - other) ** 2).mean())


@pytest.mark.parametrize("kind", ["flat", "textured"])
def test_interpolated_frames_are_nearer_than_mixed_ones(kind: str) -> None:
    clip = Film([moving(place, kind) for place in (0, 8, 16)], fps=10)
    made = run("interpolate", clip, 20.0)
    shown = played(made)
    assert made.count == 6 and made.fps == 20 and same(shown[::2], clip.pictures)
    for place in (1, 3):
        truth, before, after = moving(4 * place, kind), *clip.pictures[place // 2 : place // 2 + 2]
        assert error(shown[place], truth) < 0.2 * error((before + after) / 2, truth)


def test_motion_by_an_odd_number_of_pixels_at_any_moment() -> None:
    clip = Film([moving(place, "textured") for place in (0, 7)], fps=10)
    made = run("interpolate", clip, 70.0)
    for place, shown in enumerate(played(made)[:8]):
        assert shown.dtype == np.float32
        assert error(shown, moving(place, "textured")) < 0.2 * error(clip.pictures[0], moving(1, "textured"))


def test_a_field_tells_how_far_blocks_move() -> None:
    """Down and right, also in what is smaller than a block, and where the size is odd."""
    rng = np.random.default_rng(2)
    ground = rng.random((190, 230, 3)).astype(np.float32)
    for height, width, down, right in ((101, 67, -3, 2), (48, 130, 5, -6), (5, 3, 0, 0)):
        one, other = (
            np.ascontiguousarray(ground[20 + y : 20 + y + height, 20 + x : 20 + x + width])
            for y, x in ((0, 0), (-down, -right))
        )
        matching = Matching(blank(width, height, 3))
        field = matching.field(matching.planes(one), matching.planes(other))
        assert field is not None and field.shape == (-(-height // 8), -(-width // 8), 2)
        assert (np.median(field, axis=(0, 1)) == (down, right)).all()


def test_interpolation_at_other_rates_and_over_cuts() -> None:
    still = film(1).pictures * 4
    assert all(
        np.allclose(picture, still[0], atol=1e-6) for picture in played(run("interpolate", Film(still), 25.0))
    )
    assert run("interpolate", film(10, fps=10), 5.0).count == 5
    clip = film(3)
    assert run("interpolate", clip, 10.0) is clip
    black, white = np.zeros((32, 32, 3), np.float32), np.ones((32, 32, 3), np.float32)
    cut = played(run("interpolate", Film([black, white]), 40.0))
    assert [float(picture.mean()) for picture in cut] == [0, 0, 1, 1, 1, 1, 1, 1]
