"""Ops that make masks: 1 is white, what is meant; 0 is black, what stays."""

from __future__ import annotations

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.op import op
from gflow.kernels.pixel.picture import clamp, luma
from gflow.kernels.pixels import Image, Mask, checked_size


@op(pixel=True)
def mask_from(image: Image) -> Mask:
    """A mask of an image's luma (Rec. 709), 0..1: white where it is white. Transparent pixels count as black."""
    gray = luma(image.colors)
    return clamp(gray * image[3] if image.channels == 4 else gray)


@op
def rectangle_mask(size: t.Size, x: int, y: int, width: int, height: int) -> t.Mask:
    """A mask of a size that is white in a rectangle, in pixels: its left and top edge, counted from 0, its width
    and height. What reaches outside the size is cut off. Raises OpError for an empty rectangle or size."""
    checked_size("rectangle_mask", width, height)
    full = checked_size("rectangle_mask", *size)
    mask = np.zeros((full.height, full.width), np.float32)
    mask[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = 1
    return mask
