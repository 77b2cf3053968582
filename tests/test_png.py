"""PNG files as we write them, read by Pillow."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from gflow.runtime.png import compressed, file

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 3, 4])).map(
    lambda shape: shape if shape[2] else shape[:2]
)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)), st.text(max_size=9))
def test_pillow_reads_what_was_written(pixels: Any, text: str) -> None:
    read: Any = Image.open(io.BytesIO(file(compressed(pixels), {"gflow": text})))
    assert np.array_equal(np.asarray(read), pixels) and read.text == {"gflow": text}


def test_a_picture_is_as_small_as_pillow_makes_it() -> None:
    picture = Image.open(Path(__file__).parent.parent / "docs" / "poster.png").convert("RGB")
    theirs = io.BytesIO()
    picture.save(theirs, "PNG")
    assert len(file(compressed(np.asarray(picture)), {})) < 1.1 * len(theirs.getvalue())


@pytest.mark.parametrize("shape", [(1, 4097, 3), (4097, 1, 4), (3, 5000)])
def test_long_rows_and_columns(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(file(compressed(pixels), {})))), pixels)
