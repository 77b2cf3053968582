"""Filters against OpenCV, against Pillow, and against sums written out in float64."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from op_calls import MASK, NOT_NUMBERS, RGB, RGBA, near, plain, run
from PIL import Image, ImageFilter

from gflow.kernels.op import OpError

#: Smooth, as photos are, with one hard edge.
PHOTO = np.ascontiguousarray(cv2.GaussianBlur(np.random.default_rng(9).random((40, 56, 3), np.float32), (0, 0), 3))
PHOTO[:, 28:] *= 0.3

# --- sharpen ---------------------------------------------------------------------------------------


def test_sharpen_leaves_what_is_below_the_threshold() -> None:
    detail = RGB - run("blur", RGB, 1.5)
    wanted = RGB + 2 * np.where(np.abs(detail) > 0.2, detail, 0)
    made = run("sharpen", RGB, 2.0, 1.5, threshold=0.2)
    assert near(made, wanted, 1e-5)
    assert 0.1 < (made == RGB).mean() < 0.9
    assert np.array_equal(run("sharpen", RGBA, 2.0, 1.5, threshold=1.0), RGBA)
    assert np.array_equal(run("sharpen", RGB, 2.0, 1.5, threshold=0.0), run("sharpen", RGB, 2.0, 1.5))
    for value in (*NOT_NUMBERS, -0.1, 1.1):
        with pytest.raises(OpError, match="0 to 1 for `threshold`"):
            run("sharpen", RGB, threshold=value)


def test_sharpen_is_pillows_unsharp_mask() -> None:
    picture = Image.fromarray((PHOTO * 255 + 0.5).astype(np.uint8))
    theirs = (
        np.asarray(picture.filter(ImageFilter.UnsharpMask(radius=2, percent=150, threshold=6)), np.float32) / 255
    )
    made = np.clip(run("sharpen", np.asarray(picture, np.float32) / 255, 1.5, 2.0, threshold=6 / 255), 0, 1)
    # Pillow blurs by boxes, in whole numbers: a pixel that is just about the threshold may be on the other side.
    assert np.quantile(np.abs(made - theirs), 0.97) < 4 / 255


# --- bilateral -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("space", "color"), [(1.0, 0.3), (2.0, 0.1), (3.0, 0.5)])
def test_bilateral_is_opencvs(space: float, color: float) -> None:
    reach = max(1, round(1.5 * space))
    theirs = cv2.bilateralFilter(PHOTO, 2 * reach + 1, color, space, borderType=cv2.BORDER_REPLICATE)
    assert near(run("bilateral", PHOTO, space, color), theirs, 2e-3)
    gray = np.ascontiguousarray(PHOTO[..., 1])
    theirs = cv2.bilateralFilter(gray, 2 * reach + 1, color, space, borderType=cv2.BORDER_REPLICATE)
    assert near(run("bilateral", gray, space, color), theirs, 2e-3)


def test_bilateral_keeps_edges() -> None:
    noisy = np.zeros((20, 40), np.float32)
    noisy[:, 20:] = 0.8
    noisy += np.random.default_rng(4).normal(0, 0.03, noisy.shape).astype(np.float32) + 0.1
    smooth = run("bilateral", np.clip(noisy, 0, 1), 3.0, 0.15)
    assert smooth[:, :19].std() < 0.4 * noisy[:, :19].std()
    assert (smooth[:, 20] - smooth[:, 19]).min() > 0.7
    # Where all colors are alike to it, it is a Gaussian blur (of a disc).
    wide = run("bilateral", PHOTO, 1.0, 10.0)
    squares = np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2)
    weights = np.where(squares <= 4, np.exp(-squares / 2), 0)
    assert near(wide, cv2.filter2D(PHOTO, -1, weights / weights.sum(), borderType=cv2.BORDER_REPLICATE), 5e-3)


def test_bilateral_with_alpha() -> None:
    """What is transparent counts for nothing; alpha stays."""
    image = np.concatenate([PHOTO, np.ones((40, 56, 1), np.float32)], axis=2)
    assert near(run("bilateral", image)[..., :3], run("bilateral", PHOTO), 1e-6)
    image[:, :10] = [0, 1, 0, 0]
    made = run("bilateral", image, 3.0, 10.0)
    assert np.array_equal(made[..., 3], image[..., 3])
    assert near(made[:, :5], image[:, :5]), "where all is transparent, colors stay"
    alone = run("bilateral", np.ascontiguousarray(image[:, 10:]), 3.0, 10.0)
    assert made[:, 10, 1].max() < alone[:, 0, 1].max() + 0.05, "no green came over"


def test_bilateral_of_nothing() -> None:
    assert np.array_equal(run("bilateral", RGBA, 0.0), RGBA)
    assert near(run("bilateral", plain([0.2, 0.4, 0.6], 9, 5)), plain([0.2, 0.4, 0.6], 9, 5))
    for value in (*NOT_NUMBERS, -1.0, 20.5):
        with pytest.raises(OpError, match="0 to 20 for `sigma_space`"):
            run("bilateral", RGB, value)
    for value in (*NOT_NUMBERS, 0.0, 11.0):
        with pytest.raises(OpError, match=r"0\.001 to 10 for `sigma_color`"):
            run("bilateral", RGB, 1.0, value)


# --- edge ------------------------------------------------------------------------------------------


def sobel(gray: Any) -> Any:
    across = cv2.Sobel(gray, cv2.CV_64F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(gray, cv2.CV_64F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    return np.clip(np.hypot(across, down) / 4, 0, 1)


def test_edge_is_sobels() -> None:
    gray = RGB.astype(np.float64) @ [0.2126, 0.7152, 0.0722]
    assert near(run("edge", RGB), np.repeat(sobel(gray)[..., None], 3, axis=2), 1e-5)
    assert near(run("edge", MASK), sobel(MASK), 1e-5)
    made = run("edge", RGBA)
    shown = (RGBA[..., :3].astype(np.float64) @ [0.2126, 0.7152, 0.0722]) * RGBA[..., 3]
    assert near(made[..., 1], sobel(shown), 1e-5) and np.array_equal(made[..., 3], RGBA[..., 3])


def test_an_edge_from_black_to_white_is_white() -> None:
    step = np.zeros((5, 6), np.float32)
    step[:, 3:] = 1
    assert run("edge", step).tolist() == [[0, 0, 1, 1, 0, 0]] * 5
    assert run("edge", np.ascontiguousarray(step.T)).tolist() == [
        [0] * 5,
        [0] * 5,
        [1] * 5,
        [1] * 5,
        [0] * 5,
        [0] * 5,
    ]
    assert run("edge", plain([0.3, 0.6, 0.9], 4, 3)).max() < 1e-6
    assert run("mask_from", run("edge", RGB)).shape == (21, 33)


# --- pyramid blend ---------------------------------------------------------------------------------


def reduced(values: Any) -> Any:
    """Burt and Adelson's REDUCE, equation 1, edges going on."""
    for axis in (0, 1):
        count = values.shape[axis]
        taps = [np.clip(2 * np.arange((count + 1) // 2) + m, 0, count - 1) for m in range(-2, 3)]
        values = sum(w * values.take(tap, axis) for w, tap in zip([1, 4, 6, 4, 1], taps, strict=True)) / 16
    return values


def expanded(values: Any, shape: tuple[int, ...]) -> Any:
    """Burt and Adelson's EXPAND, equation 2: 4 times the sum of w(m, n) G((i - m) / 2, (j - n) / 2), over whole
    places only, by both axes in turn."""
    for axis in (0, 1):
        rows = []
        for place in range(shape[axis]):
            total: Any = 0
            for m, w in zip(range(-2, 3), [1, 4, 6, 4, 1], strict=True):
                if (place - m) % 2 == 0:
                    at = min(max((place - m) // 2, 0), values.shape[axis] - 1)
                    total = total + 2 * w / 16 * values.take(at, axis)
            rows.append(total)
        values = np.stack(rows, axis=axis)
    return values


def burt_and_adelson(image: Any, over: Any, mask: Any, levels: int) -> Any:
    """Two Laplacian pyramids, put together and summed up, as in the paper."""
    gaussians = [[image, over, mask[..., None]]]
    while len(gaussians) <= levels and max(gaussians[-1][0].shape[:2]) > 1:
        gaussians.append([reduced(each) for each in gaussians[-1]])
    one, other, soft = gaussians[-1]
    total = other * soft + one * (1 - soft)
    for (one, other, soft), (small_one, small_other, _) in zip(gaussians[-2::-1], gaussians[:0:-1], strict=True):
        shape = one.shape[:2]
        laplacians = one - expanded(small_one, shape), other - expanded(small_other, shape)
        total = laplacians[1] * soft + laplacians[0] * (1 - soft) + expanded(total, shape)
    return total


@pytest.mark.parametrize(("height", "width"), [(21, 33), (32, 32), (1, 17), (9, 1), (1, 1), (2, 3)])
@pytest.mark.parametrize("levels", [0, 1, 3, 16])
def test_pyramid_blend_is_burt_and_adelsons(height: int, width: int, levels: int) -> None:
    rng = np.random.default_rng(height * 100 + width)
    image, over = (rng.random((height, width, 3), np.float32) for _ in range(2))
    mask = rng.random((height, width), np.float32)
    wanted = burt_and_adelson(*(each.astype(np.float64) for each in (image, over, mask)), levels)
    assert near(run("pyramid_blend", image, over, mask, levels), wanted, 1e-5)


def test_pyramids_are_opencvs() -> None:
    """Inside: at its edges OpenCV turns back, where ours go on."""
    image, over = (np.random.default_rng(seed).random((64, 64, 3), np.float32) for seed in (1, 2))
    mask = np.zeros((64, 64), np.float32)
    mask[:, 32:] = 1
    down = [[image, over, mask]]
    for _ in range(2):
        down.append([cv2.pyrDown(each) for each in down[-1]])
    one, other, soft = down[2]
    total = one + (other - one) * soft[..., None]
    for level in (1, 0):
        one, other, soft = down[level]
        fine = [each - cv2.pyrUp(small) for each, small in zip((one, other), down[level + 1][:2], strict=True)]
        total = cv2.pyrUp(total) + fine[0] + (fine[1] - fine[0]) * soft[..., None]
    assert near(run("pyramid_blend", image, over, mask, 2)[12:-12, 12:-12], total[12:-12, 12:-12], 1e-5)


def test_pyramid_blend_where_the_mask_is_even() -> None:
    other = np.random.default_rng(8).random(RGB.shape, np.float32)
    black, white = np.zeros(MASK.shape, np.float32), np.ones(MASK.shape, np.float32)
    assert np.array_equal(run("pyramid_blend", RGB, other, black), RGB)
    assert near(run("pyramid_blend", RGB, other, white), other, 1e-6)
    assert near(run("pyramid_blend", RGB, other, MASK, 0), run("composite", RGB, other, MASK), 1e-6)


def test_pyramid_blend_has_no_seam() -> None:
    dark, light = plain([0.2] * 3, 128, 64), plain([0.8] * 3, 128, 64)
    mask = np.zeros((64, 128), np.float32)
    mask[:, 64:] = 1
    row = run("pyramid_blend", dark, light, mask, 4)[32, :, 0]
    assert (np.diff(row) >= -1e-6).all() and np.diff(row).max() < 0.05
    assert row[0] == pytest.approx(0.2, abs=0.01) and row[-1] == pytest.approx(0.8, abs=0.01)


def test_pyramid_blend_with_alpha() -> None:
    other = np.random.default_rng(8).random(RGBA.shape, np.float32)
    assert run("pyramid_blend", RGB, RGB, MASK).shape[2] == 3
    for one, two in ((RGB, other), (RGBA, RGB), (RGBA, other)):
        assert run("pyramid_blend", one, two, MASK).shape[2] == 4
    # A red image beside a transparent green one fades, and stays red.
    red, clear = plain([1, 0, 0, 1], 32, 32), plain([0, 1, 0, 0], 32, 32)
    mask = np.zeros((32, 32), np.float32)
    mask[:, 16:] = 1
    made = run("pyramid_blend", red, clear, mask, 3)
    visible = made[made[..., 3] > 0.01]
    assert near(visible[:, :3], np.tile(np.float32([1, 0, 0]), (len(visible), 1)), 1e-4)
    assert made[16, 0, 3] > 0.95 and made[16, -1, 3] < 0.05


def test_pyramid_blend_refuses() -> None:
    with pytest.raises(OpError, match="these are 33x21, 33x21 and 4x4"):
        run("pyramid_blend", RGB, RGB, np.ones((4, 4), np.float32))
    for levels in (-1, 17):
        with pytest.raises(OpError, match="0 to 16 for `levels`"):
            run("pyramid_blend", RGB, RGB, MASK, levels)
