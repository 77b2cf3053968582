"""Image ops against Pillow, and against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from gflow.kernels.op import OpError, registry
from gflow.kernels.types import Array, Size

RGB = np.random.default_rng(1).random((12, 20, 3), np.float32)
RGBA = np.random.default_rng(2).random((12, 20, 4), np.float32)
MASK = np.random.default_rng(3).random((12, 20), np.float32)
RED, GREEN, BLACK, WHITE = [1, 0, 0], [0, 128 / 255, 0], [0, 0, 0], [1, 1, 1]


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def plain(color: list[float], width: int, height: int) -> Array:
    return np.tile(np.array(color, np.float32), (height, width, 1))


def near(left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    return np.shape(left) == np.shape(right) and bool(np.allclose(left, right, rtol=0, atol=tolerance))


def bytes_of(image: Array) -> PillowImage.Image:
    return PillowImage.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))


# --- size ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [Size(7, 5), Size(40, 50), Size(20, 3), Size(1, 1)])
def test_resize_is_pillows_bicubic(size: Size) -> None:
    # Far enough from 0 and 1 that Pillow has nothing to clip; it rounds to bytes before, between and after.
    image = RGB * 0.5 + 0.25
    theirs = np.asarray(bytes_of(image).resize(size, PillowImage.Resampling.BICUBIC), np.float32) / 255
    assert near(run("resize", image, size), theirs, 2 / 255)


def test_resize_keeps_what_is_even() -> None:
    assert near(run("resize", plain(RED, 9, 9), Size(4, 31)), plain(RED, 4, 31))
    assert near(run("resize", np.ones((9, 9), np.float32), Size(4, 31)), np.ones((31, 4)))


def test_resize_to_the_same_size_changes_nothing() -> None:
    for fit in ("stretch", "contain", "cover"):
        assert np.array_equal(run("resize", RGBA, Size(20, 12), fit=fit), RGBA)


def test_shrinking_looks_at_every_pixel() -> None:
    stripes = np.zeros((64, 64, 3), np.float32)
    stripes[:, ::2] = 1
    assert near(run("resize", stripes, Size(4, 4)), np.full((4, 4, 3), 0.5), 0.02)


def test_contain_shows_all_with_bars() -> None:
    wide = plain(WHITE, 20, 10)
    shown = run("resize", wide, Size(10, 10), fit="contain", background="red")
    assert near(shown[:2], plain(RED, 10, 2)) and near(shown[8:], plain(RED, 10, 2))
    assert near(shown[3:7], plain(WHITE, 10, 4))
    assert run("resize", wide, Size(10, 10), fit="contain", background="transparent")[0, 0].tolist() == [0] * 4


def test_cover_cuts_both_sides_equally() -> None:
    image = np.concatenate([plain(RED, 5, 10), plain(WHITE, 10, 10), plain(RED, 5, 10)], axis=1)
    assert near(run("resize", image, Size(10, 10), fit="cover"), plain(WHITE, 10, 10), 1e-5)
    tall = image.transpose(1, 0, 2)
    assert near(run("resize", tall, Size(5, 5), fit="cover"), plain(WHITE, 5, 5), 0.1)


def test_a_long_image_is_contained_in_at_least_a_pixel() -> None:
    assert run("resize", plain(RED, 100, 1), Size(10, 10), fit="contain").sum() == pytest.approx(10, abs=1e-4)


def test_what_is_transparent_has_no_color() -> None:
    """A red square on transparent green stays red at its edges."""
    image = np.tile(np.array([0, 1, 0, 0], np.float32), (16, 16, 1))
    image[4:12, 4:12] = [1, 0, 0, 1]
    turned = run("rotate", image, 30.0, color="transparent")
    for result in (run("resize", image, Size(9, 9)), run("blur", image, 1.5), turned):
        visible = result[result[..., 3] > 0.01]
        assert len(visible) > 20
        assert near(visible[:, :3], np.tile(np.array(RED), (len(visible), 1)), 1e-3)


def test_scale() -> None:
    assert run("scale", RGB, 2.0).shape == (24, 40, 3)
    assert run("scale", MASK, 0.25).shape == (3, 5)
    assert run("scale", RGB, 0.001).shape == (1, 1, 3)
    assert np.array_equal(run("scale", RGB, 0.5), run("resize", RGB, Size(10, 6)))
    for factor in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(OpError, match="factor above 0"):
            run("scale", RGB, factor)


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("resize", (RGB, Size(0, 5))),
        ("resize", (RGB, Size(5, -1))),
        ("resize", (RGB, Size(10_001, 10_000))),
        ("scale", (RGB, 1e4)),
        ("crop", (RGB, Size(0, 0))),
        ("pad", (RGB, 10_000)),
        ("solid", (Size(0, 1),)),
        ("solid", (Size(100_000, 100_000),)),
        ("rectangle_mask", (Size(5, 0), 0, 0, 1, 1)),
        ("rectangle_mask", (Size(5, 5), 0, 0, 0, 1)),
    ],
)
def test_sizes_that_no_picture_has(op: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(OpError, match=f"`{op}` .* (at least 1 pixel|100 are the most)"):
        run(op, *args)


# --- cut, margin, turn -----------------------------------------------------------------------------


def test_crop() -> None:
    assert np.array_equal(run("crop", RGB, Size(4, 2)), RGB[5:7, 8:12])
    assert np.array_equal(run("crop", MASK, Size(4, 2), x=0, y=10), MASK[10:12, 0:4])
    assert np.array_equal(run("crop", RGB, Size(20, 12)), RGB)
    with pytest.raises(OpError, match="21x2 out of an image of 20x12"):
        run("crop", RGB, Size(21, 2))
    for place in ({"x": 17}, {"y": -1}, {"y": 11}):
        with pytest.raises(OpError, match="outside the image of 20x12"):
            run("crop", RGB, Size(4, 2), **place)


def test_pad() -> None:
    padded = run("pad", RGB, 2, bottom=5, color="#ff0000")
    assert padded.shape == (19, 24, 3)
    assert np.array_equal(padded[2:14, 2:22], RGB)
    padded[2:14, 2:22] = RED
    assert near(padded, plain(RED, 24, 19))
    assert run("pad", MASK, left=1, color="white")[:, 0].tolist() == pytest.approx([1.0] * 12)
    assert run("pad", RGB, top=1, color="#00ff0080")[0, 0].tolist() == pytest.approx([0, 1, 0, 128 / 255])
    with pytest.raises(OpError, match="0 pixels or more"):
        run("pad", RGB, right=-1)


def test_flip() -> None:
    assert np.array_equal(run("flip", RGB), np.fliplr(RGB))
    assert np.array_equal(run("flip", RGB, direction="vertical"), np.flipud(RGB))


@pytest.mark.parametrize("degrees", [0, 90, 180, 270, 360, -90, 450])
def test_quarter_turns_are_exact(degrees: int) -> None:
    theirs = np.asarray(bytes_of(RGB).rotate(degrees, expand=True))
    assert np.array_equal(np.asarray(bytes_of(run("rotate", RGB, float(degrees)))), theirs)


@pytest.mark.parametrize("degrees", [10.0, 33.0, -120.0])
def test_rotate_is_pillows_bilinear(degrees: float) -> None:
    ours = run("rotate", RGB, degrees, expand=False)
    planes = [PillowImage.fromarray(np.ascontiguousarray(RGB[..., channel])) for channel in range(3)]
    turned = [plane.rotate(degrees, PillowImage.Resampling.BILINEAR) for plane in planes]
    theirs = np.stack([np.asarray(plane) for plane in turned], axis=2)
    inside = run("rotate", np.ones((12, 20), np.float32), degrees, expand=False) > 0.999
    inside[[0, -1]] = inside[:, [0, -1]] = False
    assert inside.sum() > 50
    assert near(ours[inside], theirs[inside], 1e-4)


def test_rotate_expands_and_fills() -> None:
    turned = run("rotate", plain(WHITE, 30, 30), 45.0, color="red")
    assert turned.shape == (43, 43, 3)  # 30 times the root of 2 is 42.4
    assert all(near(turned[row, column], RED) for row in (0, -1) for column in (0, -1))
    assert near(turned[21, 21], WHITE)
    # What is white covers what it did before, edges mixed.
    assert turned[..., 1].sum() == pytest.approx(900, rel=0.01)
    assert run("rotate", plain(WHITE, 30, 20), 90.0, expand=False).shape == (20, 30, 3)
    with pytest.raises(OpError, match="angle"):
        run("rotate", RGB, math.nan)


def test_grid() -> None:
    images = [plain(RED, 4, 2), plain(GREEN, 2, 4), plain(WHITE, 4, 4)]
    made = run("grid", images, gap=1, background="black")
    assert made.shape == (9, 9, 3)
    assert made[:, :, 0].astype(int).tolist()[:4] == [
        [0] * 9,
        [1, 1, 1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0, 0, 0],
        [0] * 9,
    ]
    assert near(made[0:4, 6:8], plain(GREEN, 2, 4))
    assert near(made[5:9, 0:4], plain(WHITE, 4, 4))
    assert near(made[4:], np.concatenate([plain(BLACK, 9, 1), made[5:]]))
    assert run("grid", images, columns=1).shape == (12, 4, 3)
    assert run("grid", images, columns=8).shape == (4, 12, 3)
    assert run("grid", [*images, RGBA]).shape[2] == 4
    for args, named in (([], {}), (images, {"columns": 0}), (images, {"gap": -1})):
        with pytest.raises(OpError, match="`grid`"):
            run("grid", args, **named)


# --- color -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("brightness", (2.0,), [0.4, 1.0, 1.6]),
        ("brightness", (0.0,), [0, 0, 0]),
        ("contrast", (2.0,), [-0.1, 0.5, 1.1]),
        ("contrast", (0.0,), [0.5, 0.5, 0.5]),
        ("saturation", (0.0,), [0.45788] * 3),  # 0.2126 * 0.2 + 0.7152 * 0.5 + 0.0722 * 0.8
        ("saturation", (2.0,), [-0.05788, 0.54212, 1.14212]),
        ("gamma", (2.0,), [0.2**0.5, 0.5**0.5, 0.8**0.5]),
        ("gamma", (0.5,), [0.04, 0.25, 0.64]),
        ("grade", (), [0.2, 0.5, 0.8]),
        ("grade", (2.0, 1.0, 0.5, 0.5), [0.0, 0.0, 0.09]),  # 0.1 0.25 0.4 ▶ -0.3 0 0.3 ▶ squared
        ("invert", (), [0.8, 0.5, 0.2]),
    ],
)
def test_colors(op: str, args: tuple[float, ...], expected: list[float]) -> None:
    assert near(run(op, plain([0.2, 0.5, 0.8], 2, 1), *args), plain(expected, 2, 1))
    with_alpha = run(op, plain([0.2, 0.5, 0.8, 0.3], 2, 1), *args)
    assert near(with_alpha, plain([*expected, 0.3], 2, 1))


def test_grade_is_its_four_ops_in_order() -> None:
    steps = RGBA
    for op, factor in (("brightness", 1.2), ("contrast", 0.8), ("saturation", 1.5), ("gamma", 1.1)):
        steps = run(op, steps, factor)
    graded = run("grade", RGBA, brightness=1.2, contrast=0.8, saturation=1.5, gamma=1.1)
    assert np.array_equal(graded, steps)


@pytest.mark.parametrize("op", ["brightness", "contrast", "saturation", "gamma"])
def test_factors(op: str) -> None:
    assert np.array_equal(run(op, RGBA, 1.0), RGBA)
    for factor in (-0.1, math.nan, math.inf, 1001.0):
        with pytest.raises(OpError, match=f"`{op}` takes"):
            run(op, RGB, factor)
        with pytest.raises(OpError, match=f"`grade` takes .* `{op}`"):
            run("grade", RGB, **{op: factor})


# --- filters ---------------------------------------------------------------------------------------


def test_blur_is_gaussian() -> None:
    point = np.zeros((31, 31), np.float32)
    point[15, 15] = 1
    blurred = run("blur", point, 2.0)
    assert blurred.sum() == pytest.approx(1, abs=1e-5)
    # Gaussian: exp(-d² / 2σ²) away from the middle, the same in all directions.
    assert blurred[15, 17] / blurred[15, 15] == pytest.approx(math.exp(-0.5), rel=1e-4)
    assert blurred[12, 15] / blurred[15, 15] == pytest.approx(math.exp(-9 / 8), rel=1e-4)
    assert near(blurred, blurred.T) and near(blurred, blurred[::-1])


def test_blur_goes_on_at_edges() -> None:
    assert near(run("blur", plain(RED, 5, 3), 4.0), plain(RED, 5, 3), 1e-5)
    assert np.array_equal(run("blur", RGB, 0.0), RGB)
    for radius in (-1.0, math.nan, 501.0):
        with pytest.raises(OpError, match="`radius`"):
            run("blur", RGB, radius)


def test_sharpen_is_unsharp_masking() -> None:
    blurred = run("blur", RGB, 1.5)
    assert near(run("sharpen", RGB, 2.0, 1.5), RGB + 2 * (RGB - blurred), 1e-5)
    assert np.array_equal(run("sharpen", RGBA)[..., 3], RGBA[..., 3])
    assert np.array_equal(run("sharpen", RGBA, 0.0), RGBA)
    for args in ((-1.0, 1.0), (math.nan, 1.0), (1.0, -1.0)):
        with pytest.raises(OpError, match="`sharpen`"):
            run("sharpen", RGB, *args)


# --- putting together ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("normal", [0.5, 0.25, 0.75]),
        ("multiply", [0.1, 0.15, 0.75]),
        ("screen", [0.6, 0.7, 1.0]),
        ("overlay", [0.2, 0.4, 1.0]),
        ("add", [0.7, 0.85, 1.75]),
        ("darken", [0.2, 0.25, 0.75]),
        ("lighten", [0.5, 0.6, 1.0]),
        ("difference", [0.3, 0.35, 0.25]),
    ],
)
def test_blend_modes(mode: str, expected: list[float]) -> None:
    below, above = plain([0.2, 0.6, 1.0], 1, 1), plain([0.5, 0.25, 0.75], 1, 1)
    assert near(run("blend", below, above, 1.0, mode), plain(expected, 1, 1))
    assert np.array_equal(run("blend", below, above, 0.0, mode), below)
    assert near(run("blend", below, above, 0.25, mode), 0.75 * below + 0.25 * plain(expected, 1, 1))


def test_every_blend_mode_has_been_tried() -> None:
    modes = next(param.type for param in registry()["blend"].signature.params if param.name == "mode")
    tried = {mode for mode, _ in test_blend_modes.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert set(modes.values) == tried  # type: ignore[union-attr]


def test_composite_with_alpha_is_pillows() -> None:
    other = np.random.default_rng(5).random((12, 20, 4), np.float32)
    theirs = np.asarray(PillowImage.alpha_composite(bytes_of(RGBA), bytes_of(other)), np.float32) / 255
    ours = run("composite", RGBA, other, np.ones((12, 20), np.float32))
    assert near(ours[..., 3], theirs[..., 3], 2 / 255)
    solid = theirs[..., 3] > 0.4
    assert near(ours[solid], theirs[solid], 3 / 255)
    half_red, half_white = plain([1, 0, 0, 0.5], 1, 1), plain([1, 1, 1, 0.5], 1, 1)
    # 0.5 of white over 0.25 of red, together 0.75.
    assert near(run("composite", half_red, half_white, np.ones((1, 1), np.float32)), [[[1, 2 / 3, 2 / 3, 0.75]]])


def test_composite_follows_the_mask() -> None:
    left, right = plain(RED, 3, 1), plain(WHITE, 3, 1)
    mask = np.array([[0, 0.25, 1]], np.float32)
    assert near(run("composite", left, right, mask), [[RED, [1, 0.25, 0.25], WHITE]])
    clear = np.concatenate([right, np.zeros((1, 3, 1), np.float32)], axis=2)
    assert np.array_equal(run("composite", left, clear, mask), left)


def test_different_sizes_are_refused() -> None:
    with pytest.raises(OpError, match="these are 20x12 and 4x4: resize"):
        run("blend", RGB, plain(RED, 4, 4))
    with pytest.raises(OpError, match="these are 20x12, 20x12 and 4x4: resize"):
        run("composite", RGB, RGB, np.ones((4, 4), np.float32))
    for amount in (-0.1, 1.1, math.nan):
        with pytest.raises(OpError, match="`amount`"):
            run("blend", RGB, RGB, amount)


@pytest.mark.parametrize(
    ("color", "pixel"),
    [
        ("red", RED),
        ("#008000", GREEN),
        ("#F00", RED),
        ("rgb(255, 0, 0)", RED),
        ("#ff000080", [*RED, 128 / 255]),
        ("transparent", [0, 0, 0, 0]),
    ],
)
def test_solid_and_colors(color: str, pixel: list[float]) -> None:
    assert near(run("solid", Size(3, 2), color), plain(pixel, 3, 2))


@pytest.mark.parametrize("color", ["", "rad", "#12", "#gggggg", "rgb(1,2)"])
def test_what_is_not_a_color(color: str) -> None:
    for op, args, named in (
        ("solid", (Size(1, 1), color), {}),
        ("pad", (RGB, 1), {"color": color}),
        ("caption", (RGB, "a"), {"outline": color}),
    ):
        with pytest.raises(OpError, match="is not a color"):
            run(op, *args, **named)


# --- masks -----------------------------------------------------------------------------------------


def test_mask_from() -> None:
    assert near(run("mask_from", plain([0.2, 0.5, 0.8], 2, 1)), [[0.45788] * 2])
    assert near(run("mask_from", plain([1, 1, 1, 0.3], 1, 1)), [[0.3]])
    assert near(run("mask_from", plain([2, 2, 2], 1, 1)), [[1]])


def test_rectangle_mask() -> None:
    assert run("rectangle_mask", Size(4, 3), 1, 1, 2, 5).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    assert run("rectangle_mask", Size(3, 1), -1, 0, 2, 1).tolist() == [[1, 0, 0]]
    assert run("rectangle_mask", Size(3, 1), -5, 0, 2, 1).sum() == 0
    assert near(run("invert", MASK), 1 - MASK)
