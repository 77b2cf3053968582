"""Masks against OpenCV's morphology, and keys against numbers worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from op_calls import MASK, NOT_NUMBERS, RGB, RGBA, near, pixel, plain, run

from gflow.kernels.op import OpError

# --- threshold -------------------------------------------------------------------------------------


def test_threshold() -> None:
    assert np.array_equal(run("threshold", MASK, 0.3), np.where(MASK < 0.3, 0, 1))
    gray = RGB.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    assert np.array_equal(run("threshold", RGB), np.repeat((gray >= 0.5)[..., None], 3, axis=2).astype(np.float32))
    made = run("threshold", RGBA, 0.5)
    assert set(np.unique(made[..., :3])) == {0, 1} and np.array_equal(made[..., 3], RGBA[..., 3])


def test_threshold_takes_its_level_for_white() -> None:
    values = np.array([[0, 0.25, 0.5, 1]], np.float32)
    assert run("threshold", values, 0.25).tolist() == [[0, 1, 1, 1]]
    assert run("threshold", values, 0.0).tolist() == [[1, 1, 1, 1]]
    assert run("threshold", values, 1.0).tolist() == [[0, 0, 0, 1]]
    for level in (*NOT_NUMBERS, -0.1, 1.1):
        with pytest.raises(OpError, match="0 to 1 for `level`"):
            run("threshold", MASK, level)


# --- feather, grow ---------------------------------------------------------------------------------


def test_feather_is_blur() -> None:
    assert np.array_equal(run("feather", MASK, 2.0), run("blur", MASK, 2.0))
    assert np.array_equal(run("feather", MASK, 0.0), MASK)
    edge = np.zeros((9, 40), np.float32)
    edge[:, 20:] = 1
    soft = run("feather", edge, 3.0)[4]
    # Half of it inside, half outside.
    assert near(soft + soft[::-1], np.ones(40), 1e-5) and 0 < soft[15] < soft[19] < 0.5 < soft[20] < 1
    for radius in (*NOT_NUMBERS, -1.0, 501.0):
        with pytest.raises(OpError, match="0 to 500 for `radius`"):
            run("feather", MASK, radius)


@pytest.mark.parametrize("pixels", [1, 2, 5, 14])
def test_grow_is_opencvs(pixels: int) -> None:
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    assert np.array_equal(run("grow", MASK, pixels), cv2.dilate(MASK, square, borderType=cv2.BORDER_REPLICATE))
    assert np.array_equal(run("grow", MASK, -pixels), cv2.erode(MASK, square, borderType=cv2.BORDER_REPLICATE))


def test_grow_by_hand() -> None:
    dot = np.zeros((5, 6), np.float32)
    dot[2, 1] = 0.75
    assert run("grow", dot, 1)[1:4, 0:3].tolist() == [[0.75] * 3] * 3
    assert run("grow", dot, 1).sum() == 0.75 * 9
    assert run("grow", dot, -1).sum() == 0
    assert run("grow", dot, 500).tolist() == [[0.75] * 6] * 5
    assert np.array_equal(run("grow", MASK, 0), MASK)
    # What grows and shrinks again has no small holes.
    assert np.array_equal(run("grow", run("grow", 1 - dot, 1), -1), np.ones((5, 6)))
    for pixels in (-501, 501):
        with pytest.raises(OpError, match="-500 to 500 for `pixels`"):
            run("grow", MASK, pixels)


def test_round_corners() -> None:
    """What the docstring advises."""
    dot = np.zeros((41, 41), np.float32)
    dot[16:25, 16:25] = 1
    square = run("grow", dot, 8)
    rounded = run("threshold", run("feather", square, 4.0))
    assert square[8, 8] == 1 and rounded[8, 8] == 0
    assert np.array_equal(rounded[20], square[20])


# --- chroma key ------------------------------------------------------------------------------------


def test_chroma_key_by_hand() -> None:
    # Green is at Cb -0.3854, Cr -0.4542 (BT.709), 0.5957 from grey.
    assert pixel("chroma_key", [0, 1, 0], spill=0.0) == [0, 1, 0, 0]
    assert pixel("chroma_key", [0.5, 0.5, 0.5]) == [0.5, 0.5, 0.5, 1]
    distance = math.hypot(0.7152 / 1.8556, 0.7152 / 1.5748)
    assert distance == pytest.approx(0.5957, abs=1e-4)
    for share in (0.25, 0.6, 0.9):
        # A mix of grey and green, whose distance from grey is its share of that of green.
        color = [0.5 - 0.5 * share, 0.5 + 0.5 * share, 0.5 - 0.5 * share]
        wanted = min(max((distance * (1 - share) - 0.2) / 0.1, 0), 1)
        assert pixel("chroma_key", color, spill=0.0) == pytest.approx([*color, wanted], abs=1e-5)


def test_light_and_dark_of_a_screen_go() -> None:
    for color in ([0.1, 0.9, 0.1], [0.15, 1, 0.2], [0.0, 0.75, 0.0]):
        assert pixel("chroma_key", color)[3] < 0.05
    for color in ([0.9, 0.6, 0.5], [0.1, 0.1, 0.9], [1, 1, 1], [0, 0, 0], [0.4, 0.3, 0.2]):
        assert pixel("chroma_key", color, spill=0.0) == pytest.approx([*color, 1])
    assert pixel("chroma_key", [0.1, 0.2, 0.9], "#0000ff")[3] == 0
    assert pixel("chroma_key", [0.1, 0.9, 0.2], "blue")[3] == 1


def test_a_harder_key() -> None:
    hard = run("chroma_key", RGB, tolerance=0.4, softness=0.0)[..., 3]
    assert set(np.unique(hard)) == {0, 1}
    soft = run("chroma_key", RGB, tolerance=0.3, softness=0.2)[..., 3]
    assert (soft[hard == 1] >= 0.5).all() and (soft[hard == 0] <= 0.5).all()


def test_spill() -> None:
    assert pixel("chroma_key", [0.6, 0.8, 0.4], spill=1.0)[:3] == pytest.approx([0.6, 0.6, 0.4])
    assert pixel("chroma_key", [0.6, 0.8, 0.4], spill=0.5)[:3] == pytest.approx([0.6, 0.7, 0.4])
    assert pixel("chroma_key", [0.9, 0.8, 0.4], spill=1.0)[:3] == pytest.approx([0.9, 0.8, 0.4])
    assert pixel("chroma_key", [0.2, 0.3, 0.8], "blue", tolerance=0.0, spill=1.0)[:3] == pytest.approx(
        [0.2, 0.3, 0.3]
    )


def test_keys_keep_what_is_transparent() -> None:
    keyed = run("chroma_key", RGBA, spill=0.0)
    opaque = run("chroma_key", np.ascontiguousarray(RGBA[..., :3]), spill=0.0)
    assert np.array_equal(keyed[..., :3], RGBA[..., :3])
    assert near(keyed[..., 3], opaque[..., 3] * RGBA[..., 3])
    assert run("chroma_key", plain([0, 0, 0], 4, 3)).shape == (3, 4, 4)


def test_keys_that_are_refused() -> None:
    for color in ("white", "#808080", "transparent", "#807d80"):
        with pytest.raises(OpError, match=f'takes a color that is no grey, not "{color}"'):
            run("chroma_key", RGB, color)
    with pytest.raises(OpError, match="is not a color"):
        run("chroma_key", RGB, "greenish")
    for name in ("tolerance", "softness", "spill"):
        for value in (*NOT_NUMBERS, -0.1, 1.1):
            with pytest.raises(OpError, match=f"0 to 1 for `{name}`"):
                run("chroma_key", RGB, **{name: value})
