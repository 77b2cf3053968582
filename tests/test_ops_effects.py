"""Vignettes by their formula, grain by its statistics."""

from __future__ import annotations

import numpy as np
import pytest
from op_calls import NOT_NUMBERS, RGB, RGBA, near, plain, run

from gflow.kernels.op import OpError

# --- vignette --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "midpoint", "feather"), [(0.5, 0.6, 0.8), (1.0, 0.3, 0.2), (-0.7, 1.0, 2.0)])
def test_vignette(amount: float, midpoint: float, feather: float) -> None:
    y, x = np.mgrid[0:21, 0:33]
    distance = np.sqrt((((x + 0.5) / 16.5 - 1) ** 2 + ((y + 0.5) / 10.5 - 1) ** 2) / 2)
    t = np.clip((distance - midpoint + feather / 2) / feather, 0, 1)
    factor = 1 - amount * (3 * t**2 - 2 * t**3)
    assert near(run("vignette", RGB, amount, midpoint, feather), RGB * factor[..., None], 1e-5)


def test_vignette_darkens_corners() -> None:
    made = run("vignette", plain([1, 1, 1], 101, 61), 1.0)[..., 0]
    assert made[30, 50] == 1 and made[0, 0] < 0.05
    assert made[30, 0] < 0.6 > made[0, 50]
    assert near(made, made[::-1]) and near(made, made[:, ::-1])
    assert run("vignette", plain([0.5] * 3, 101, 61), -1.0)[0, 0, 0] > 0.9


def test_a_hard_vignette() -> None:
    made = run("vignette", plain([1, 1, 1], 40, 40), 0.5, feather=0.0)
    assert set(np.unique(made)) == {0.5, 1}


def test_vignette_that_changes_nothing() -> None:
    assert np.array_equal(run("vignette", RGBA, 0.0), RGBA)
    assert np.array_equal(run("vignette", RGBA)[..., 3], RGBA[..., 3])
    assert np.array_equal(run("vignette", plain([0.5] * 3), 1.0), plain([0.5] * 3)), "one pixel is the middle"
    for name, low, high in (("amount", -1, 1), ("midpoint", 0, 1), ("feather", 0, 2)):
        for value in (*NOT_NUMBERS, low - 0.1, high + 0.1):
            with pytest.raises(OpError, match=f"{low} to {high} for `{name}`"):
                run("vignette", RGB, **{name: value})


# --- grain -----------------------------------------------------------------------------------------

GRAY = plain([0.5] * 3, 400, 300)


def noise(**named: object) -> np.ndarray:
    return run("grain", GRAY, **named).astype(np.float64) - 0.5


def test_grain_is_nearly_normal() -> None:
    made = noise(amount=0.1)
    assert np.array_equal(made[..., 0], made[..., 1]) and np.array_equal(made[..., 0], made[..., 2])
    one = made[..., 0]
    assert one.mean() == pytest.approx(0, abs=0.001)
    assert one.std() == pytest.approx(0.1, rel=0.01)
    assert (np.abs(one) < 0.1).mean() == pytest.approx(0.683, abs=0.02)
    assert (np.abs(one) < 0.2).mean() == pytest.approx(0.954, abs=0.01)


def test_grain_is_different_everywhere() -> None:
    one = noise(amount=0.1)[..., 0]
    for other in (one[1:, :], one[:, 1:], one[1:, 1:], one[::-1], one[:, ::-1]):
        same = one[: other.shape[0], : other.shape[1]]
        assert abs(np.corrcoef(same.ravel(), other.ravel())[0, 1]) < 0.01
    spectrum = np.abs(np.fft.fft2(one / 0.1)) ** 2 / one.size
    assert spectrum.max() < 16, "no wave stands out"


def test_grain_of_colors() -> None:
    made = noise(amount=0.1, monochrome=False)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(made[..., one].ravel(), made[..., other].ravel())[0, 1]) < 0.01
        assert made[..., other].std() == pytest.approx(0.1, rel=0.01)
    assert np.array_equal(made[..., 0], noise(amount=0.1)[..., 0])


@pytest.mark.parametrize("size", [2.0, 5.0])
def test_grains_have_a_size(size: float) -> None:
    one = noise(amount=0.1, size=size)[..., 0]
    assert one.std() == pytest.approx(0.1, rel=0.08)

    def alike(step: int) -> float:
        return float(np.corrcoef(one[:, step:].ravel(), one[:, :-step].ravel())[0, 1])

    # Half-way down at half of its width, and nothing beyond.
    assert alike(round(size / 2)) > 0.3 and abs(alike(round(3 * size))) < 0.05


def test_seeds() -> None:
    seeds = (0, 1, 2, -1, 2**24, 2**32, 10**18)
    fields = [noise(amount=0.1, seed=seed)[..., 0].ravel() for seed in seeds]
    for place, one in enumerate(fields):
        for other in fields[:place]:
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.01
    assert np.array_equal(run("grain", RGB, seed=5), run("grain", RGB, seed=5))
    # Grain does not depend on what else is in the picture, nor on its size.
    assert near(run("grain", GRAY[:50, :70]), run("grain", GRAY)[:50, :70])


def test_grain_that_changes_nothing() -> None:
    assert np.array_equal(run("grain", RGBA, 0.0), RGBA)
    assert np.array_equal(run("grain", RGBA)[..., 3], RGBA[..., 3])
    for value in (*NOT_NUMBERS, -0.1, 1.1):
        with pytest.raises(OpError, match="0 to 1 for `amount`"):
            run("grain", RGB, value)
    for value in (*NOT_NUMBERS, 0.9, 51.0):
        with pytest.raises(OpError, match="1 to 50 for `size`"):
            run("grain", RGB, size=value)
