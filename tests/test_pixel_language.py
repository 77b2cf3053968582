"""The pixel language: generated C is what graphs mean, for random graphs, odd sizes and all layouts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pictures as made_up
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gflow.kernels.pixel import c_compiler, realize, shipped
from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.resample import resized


@pytest.fixture(autouse=True)
def _compiled() -> Any:
    """Every test is of generated C: nothing may have fallen back to NumPy."""
    yield
    assert not realize.complaints


@settings(
    max_examples=int(os.environ.get("GFLOW_FUZZ_PIXELS", 120)),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(made_up.pictures(), st.sampled_from(made_up.LAYOUTS))
def test_random_pictures(picture: Picture, layout: str) -> None:
    assert made_up.agrees(realize.realize(picture, layout), picture, layout)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(made_up.pictures(longest=4))
def test_kernels_for_any_size_give_the_same(picture: Picture) -> None:
    [loose] = realize.loosened([picture])
    assert made_up.agrees(realize.realize(loose), picture, "f32")


def test_kernels_for_any_size_have_one_name() -> None:
    def named(size: int, taps: int) -> str:
        image = px.source(made_up.array(size, size, 3, "f32", 1))
        soft = px.convolved(resized(image, 40, 40), "y", np.ones(taps) / taps)
        return realize.name(realize.loosened([soft]), ["f32"])

    assert named(60, 3) == named(400, 3) == named(60, 99) == named(800, 31)


def test_a_long_picture_in_many_parts() -> None:
    """Strips begin where others end, and rows that strips have in common are made once."""
    tall = px.source(made_up.array(3, 4097, 3, "u8", 1))
    weights = np.array([1, 4, 6, 4, 1]) / 16
    soft = px.convolved(px.convolved(tall, "y", weights), "x", weights)
    picture = px.mix(px.luma(soft), tall + (tall - soft) * 0.5, 1.2)
    for layout in made_up.LAYOUTS:
        assert made_up.agrees(realize.realize(picture, layout), picture, layout)
    wide = px.shifted(px.convolved(tall, "y", np.ones(99) / 99), "y", 4097, 4096, -1)
    assert made_up.agrees(realize.realize(wide), wide, "f32")


@pytest.mark.parametrize("reduce", ["sum", "max"])
def test_a_sum_of_many_neighbours_resampled_in_a_pattern(reduce: str) -> None:
    far = px.convolved(px.source(made_up.array(20, 6, 3, "u8", 4)) ** 0.5, "x", np.ones(31) / 31, reduce)
    picture = px.resampled(far, "x", px.Sums(np.arange(40) // 2, np.ones((40, 1))))
    assert made_up.agrees(realize.realize(picture), picture, "f32")


def test_powers() -> None:
    """White stays white to the bit, black black; what has no power is 0, what is too large the most of floats."""
    values = np.array([[0.0, 1.0, 2.0, -0.5, 1e-39, 1e30, np.nan, 0.25]], np.float32)
    image = px.source(values)
    for exponent in (0.01, 1 / 2.2, 1.0, 2.2, 60.0, 1e6):
        found = realize.realize(image**exponent)[0]
        assert found[0] == found[3] == found[6] == 0 and found[1] == 1
        assert np.isfinite(found).all() and (np.diff(found[[0, 4, 7, 1, 2, 5]]) >= 0).all()
        with np.errstate(over="ignore"):
            wanted = np.minimum(np.power(values[0, [2, 7]].astype(float), exponent), 3e38)
        assert np.allclose(found[[2, 7]], wanted, rtol=2e-6 * (1 + exponent)) or exponent == 1e6
    assert realize.realize(image**0.0).tolist() == [[1.0] * 8]
    assert realize.realize(px.source(values[:, :3]) ** -1.0)[0] == pytest.approx([0, 1, 0.5])


def test_results_of_different_sizes_at_once() -> None:
    whole = px.source(made_up.array(32, 20, 3, "u8", 2))
    half = px.resampled(whole, "y", px.Sums(np.arange(10) * 2, np.full((10, 2), 0.5)))
    half = px.resampled(half, "x", px.Sums(np.arange(16) * 2, np.full((16, 2), 0.5)))
    brighter = whole * 1.1
    outputs, layouts = [brighter, half, px.luma(brighter)], ["u8", "planar", "u8"]
    for got, picture, layout in zip(realize.realize_all(outputs, layouts), outputs, layouts, strict=True):
        assert made_up.agrees(got, picture, layout)


def test_ops_give_the_same_bits_together_and_apart() -> None:
    image = made_up.array(37, 29, 3, "f32", 3)
    weights = np.array([1, 2, 1]) / 4

    def graded(picture: Picture) -> Picture:
        return px.mix(px.luma(picture), picture * 1.1 + 0.05, 1.3)

    def softened(picture: Picture) -> Picture:
        return px.convolved(px.convolved(picture, "y", weights), "x", weights)

    together = realize.realize(softened(graded(px.source(image))))
    apart = realize.realize(softened(px.source(realize.realize(graded(px.source(image))))))
    assert np.array_equal(together, apart)


def test_what_is_no_number_becomes_black_in_bytes() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    assert realize.realize(px.source(values), "u8").tolist() == [[0, 255, 0, 128]]
    assert np.array_equal(realize.realize(px.source(values)), values, equal_nan=True)


def test_warped_pictures_go_on_beyond_their_edge() -> None:
    """Wherever an offset leads, also where it is no number."""
    ramp = px.source(np.arange(12, dtype=np.float32).reshape(3, 4))
    nowhere, far = np.nan, np.inf
    down = [1, 0.5, nowhere, far, -1e30, 0, 1]
    right = [0, -1, -1.75, -3, -4.5, nowhere, -far]
    offsets = px.source(np.stack([down, right], axis=1).astype(np.float32)[None])
    for between, expected in (("linear", [4, 2, 0.25, 8, 0, 3, 4]), ("nearest", [4, 4, 0, 8, 0, 3, 4])):
        for memory in (ramp, ramp * 0.5 + ramp * 0.5):
            picture = px.warped(memory, offsets, between)
            assert realize.realize(picture).tolist() == [expected]
            assert made_up.expected(picture, "f32").tolist() == [expected]


def test_one_kernel_serves_other_numbers_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = realize.realize(px.source(made_up.array(8, 8, 3, "f32", 1)) * 1.5 + 0.5)
    assert first.shape == (8, 8, 3)
    monkeypatch.setattr(c_compiler, "compiled", lambda *args: pytest.fail("compiled again"))
    picture = px.source(made_up.array(31, 9, 3, "f32", 2)) * 0.25 + 0.125
    assert made_up.agrees(realize.realize(picture), picture, "f32")


def test_where_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path))
    c_compiler.command.cache_clear()
    realize._tell.cache_clear()
    picture = px.source(made_up.array(8, 8, 3, "f32", 1)) * 0.123 - 0.25 * px.source(
        made_up.array(8, 8, 3, "u8", 4)
    )
    try:
        for layout in made_up.LAYOUTS:
            assert made_up.agrees(realize.realize(picture, layout), picture, layout)
        assert "does not run" in realize.complaints.popleft() and not realize.complaints
    finally:
        c_compiler.command.cache_clear()
        realize._tell.cache_clear()
        realize._kernels.clear()


def test_zig_is_a_compiler_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path))
    c_compiler.command.cache_clear()
    realize._kernels.clear()
    picture = px.mix(px.source(made_up.array(33, 21, 3, "u8", 6)), 0.5, 0.25) ** 0.8
    try:
        assert c_compiler.command() == (sys.executable, "-m", "ziglang", "cc")
        assert made_up.agrees(realize.realize(picture, "u8"), picture, "u8")
    finally:
        c_compiler.command.cache_clear()
        realize._kernels.clear()


def test_shipped_kernels_are_for_their_processor() -> None:
    index = shipped.Index(shipped.machine(), ["a feature that no processor has"], {})
    assert "processors with a feature" in shipped.offer(index, lambda name: b"")
    assert "for pdp11" in shipped.offer(shipped.Index("pdp11", [], {}), lambda name: b"")
    assert shipped.needed("x86-64-v3")[:3] == ["abm", "avx", "avx2"] and shipped.needed("x86-64") == []


@pytest.mark.parametrize("target_cpu", ["x86-64-v2", "x86-64-v3"])
def test_other_processors(target_cpu: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = c_compiler.compiled
    monkeypatch.setattr(c_compiler, "compiled", lambda text: compiled(text, target_cpu))
    realize._kernels.clear()
    picture = px.mix(px.source(made_up.array(33, 21, 4, "u8", 5)), 0.5, 0.25) ** 0.8
    assert made_up.agrees(realize.realize(picture, "u8"), picture, "u8")
    realize._kernels.clear()


@pytest.mark.parametrize(
    "examples", [pytest.param(25, id="some"), pytest.param(1000, id="many", marks=pytest.mark.slow)]
)
def test_generated_c_under_sanitizers(examples: int, tmp_path: Path) -> None:
    """The random pictures once more, by C that stops at the first byte read or written outside of its arrays, and
    at the first operation that the language does not define."""
    runtime = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the C compiler has no AddressSanitizer")
    env = {
        **os.environ,
        "LD_PRELOAD": runtime,
        "CFLAGS": "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all",
        "ASAN_OPTIONS": "detect_leaks=0",  # Python keeps what it has to the end.
        "GFLOW_CACHE": str(tmp_path),
        "GFLOW_FUZZ_PIXELS": str(examples),
    }
    tests = ["-k", "random or parts or sizes_at_once or warped", "-p", "no:cacheprovider", str(Path(__file__))]
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", *tests]
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
