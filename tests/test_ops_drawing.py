"""Text drawn onto images: where, how large, in which colors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gflow.kernels.op import OpError, registry
from gflow.kernels.types import Array

BLACK, GREY, RED = [0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0]


def caption(image: Array, *args: Any, **named: Any) -> Array:
    return registry()["caption"].kernel(image, *args, **named)  # type: ignore[no-any-return]


def plain(color: list[float], width: int, height: int) -> Array:
    return np.tile(np.array(color, np.float32), (height, width, 1))


def rows_with_ink(image: Array) -> list[int]:
    return [row for row in range(image.shape[0]) if image[row].max() > 0.5]


def test_caption_is_where_it_is_asked() -> None:
    image = plain(BLACK, 120, 90)
    rows = {position: rows_with_ink(caption(image, "Hello", position)) for position in ("top", "bottom")}
    assert 0 < max(rows["top"]) < 30
    assert min(rows["bottom"]) > 60
    middle = rows_with_ink(caption(image, "Hello", "center"))
    assert 30 < min(middle) <= max(middle) < 60
    columns = rows_with_ink(caption(image, "Hello").transpose(1, 0, 2))
    assert abs(min(columns) + max(columns) - 119) <= 4


def test_caption_size_color_and_outline() -> None:
    image = plain(GREY, 200, 100)
    small, large = (caption(image, "Hx", size=size, outline="transparent") for size in (10, 40))
    assert 3 * len(rows_with_ink(small - 0.4)) < len(rows_with_ink(large - 0.4)) <= 40
    red = caption(image, "Hx", size=40, color="red", outline="#00ff00")
    assert red.reshape(-1, 3).max(axis=0).tolist() == pytest.approx([1, 1, 0.5])
    assert (np.abs(red - RED).max(axis=2) < 1e-6).sum() > 50
    assert np.array_equal(caption(image, "Hx", color="transparent", outline="transparent"), image)
    for size in (0, 3, 1001):
        with pytest.raises(OpError, match="4 to 1000 for `size`"):
            caption(image, "Hx", size=size)


def test_long_captions_wrap_and_shrink() -> None:
    image = plain(BLACK, 160, 160)
    for text in ("many words " * 14, "x" * 150, "one\ntwo\nthree"):
        made = caption(image, text, outline="transparent")
        ink = made.max(axis=2) > 0.5
        assert ink.any()
        assert not ink[0].any() and not ink[-1].any(), "nothing is cut off at top and bottom"
        assert not ink[:, 0].any() and not ink[:, -1].any()
    assert np.array_equal(caption(image, ""), image)


def test_caption_keeps_transparency_elsewhere() -> None:
    made = caption(np.zeros((60, 90, 4), np.float32), "Hi")
    assert made[..., 3].max() == pytest.approx(1)
    assert not made[:20].any()


@pytest.mark.parametrize("text", ["\n\n", "a\0b", "😀 日本語", "\ud800", "tab\there"])
def test_any_text_is_drawn_somehow(text: str) -> None:
    assert caption(plain(GREY, 20, 12), text).shape == (12, 20, 3)
