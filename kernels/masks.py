"""Ops that make masks: 1 is white, what is meant; 0 is black, what stays."""

from __future__ import annotations

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixels import checked_size, luma
from gflow.kernels.types import Image, Mask, Size


@op
def mask_from(image: Image) -> Mask:
    """A mask of an image's luma (Rec. 709), 0..1: white where it is white. Transparent pixels count as black."""
    values = luma(image)[..., 0]
    if image.shape[2] == 4:
        values = values * image[..., 3]
    return np.clip(values, 0, 1)


@op
def rectangle_mask(size: Size, x: int, y: int, width: int, height: int) -> Mask:
    """A mask of a size that is white in a rectangle, in pixels: its left and top edge, counted from 0, its width
    and height. What reaches outside the size is cut off. Raises OpError for an empty rectangle or size."""
    checked_size("rectangle_mask", width, height)
    full = checked_size("rectangle_mask", *size)
    mask = np.zeros((full.height, full.width), np.float32)
    mask[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = 1
    return mask
