"""Noise is a function of its key, and the bits of each key never change."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gflow.kernels import noise


def test_golden_values() -> None:
    """Scripts' pictures hang on these: they change only with a new major version."""
    key = noise.root(0).derive("poster").derive("images").item(3)
    assert key.path == "poster/images[3]"
    assert f"{noise.root(0).bits:032x}" == "37bd895f346e99c87b90c2380d00b7f6"
    assert f"{key.bits:032x}" == "e7c7e3c9d28239890033b551513bf146"
    assert f"{noise.explicit(42).bits:032x}" == "d1e7dc2387534cdda667eb9c45f2f78d"
    assert noise.uniform(key, 3).tolist() == [0.7622298497997749, 0.9222904449646498, 0.17724763653104592]
    assert noise.normal(key, (5,)).tolist() == pytest.approx(
        [-1.4451931715011597, 1.1363662481307983, -0.24373114109039307, 0.8856174349784851, 1.9540281295776367],
        abs=1e-7,
    )
    assert noise.normal(key, (5,), draw=1).tolist() == pytest.approx(
        [-0.5436971783638, -0.35725972056388855, 0.31195613741874695, 0.40616777539253235, 0.034299202263355255],
        abs=1e-7,
    )


def test_normal_has_the_moments_of_a_normal() -> None:
    values = noise.normal(noise.root(1), (1000, 1000)).astype(np.float64)
    # Five standard errors of each estimate over a million draws.
    assert abs(values.mean()) < 5e-3
    assert abs(values.std() - 1) < 4e-3
    assert abs((values**3).mean()) < 0.02
    assert abs((values**4).mean() - 3) < 0.05
    for bound in (0.5, 1.0, 2.0, 3.0):
        share = (np.abs(values) < bound).mean()
        assert share == pytest.approx(math.erf(bound / math.sqrt(2)), abs=2.5e-3)


def test_uniform_covers_its_range_evenly() -> None:
    values = noise.uniform(noise.root(2), 1_000_000)
    assert values.min() >= 0 and values.max() < 1
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    assert np.abs(counts - 50_000).max() < 5 * math.sqrt(50_000)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (3, 5, 7), (4, 8, 8), (0,), (2, 0)])
def test_any_shape(shape: tuple[int, ...]) -> None:
    values = noise.normal(noise.root(3), shape)
    assert values.shape == shape
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


def test_a_key_gives_the_same_noise_each_time() -> None:
    key = noise.root(4).derive("a")
    assert np.array_equal(noise.normal(key, (16, 16)), noise.normal(key, (16, 16)))
    # The path is for people, the bits decide.
    assert np.array_equal(noise.normal(key, (8,)), noise.normal(noise.Key(key.bits), (8,)))


def test_neighbouring_keys_and_draws_are_independent() -> None:
    root = noise.root(5)
    keys = [root, noise.root(6), root.derive("a"), root.derive("b"), root.item(0), root.item(1), root.derive("[0]")]
    keys += [root.derive("a").derive("b"), root.derive("a/b"), noise.explicit(5), root.item(0).item(0)]
    samples = [noise.normal(key, (20_000,)) for key in keys]
    samples += [noise.normal(root, (20_000,), draw=draw) for draw in (1, 2)]
    correlation = np.corrcoef(np.stack(samples)) - np.eye(len(samples))
    assert np.abs(correlation).max() < 5 / math.sqrt(20_000)


def test_within_a_draw_nothing_is_correlated() -> None:
    """Box and Muller give values in pairs; half an array away is the other one of the pair."""
    values = noise.normal(noise.root(7), (40_000,)).astype(np.float64)
    for lag in (1, 2, 20_000):
        assert abs(np.mean(values[lag:] * values[:-lag])) < 5 / math.sqrt(20_000)
        assert abs(np.mean(values[lag:] ** 2 * values[:-lag] ** 2) - 1) < 0.15


def test_seeds_of_any_size_are_keys() -> None:
    bits = {noise.root(seed).bits for seed in (0, 1, -1, 2**31, 2**63, 2**64, 2**64 + 1)}
    assert len(bits) == 7
