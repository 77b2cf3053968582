"""What the engines for scorers share: pictures as CLIP models want them, and scores from vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gflow.kernels.types import Array

# For models that bring no `calibration.json`: the published CLIP models give about 0.3 to a picture and its
# caption and 0.15 to a picture and a stranger's, so 0.2 is put in the middle. It is not calibrated.
DEFAULT_CALIBRATION = {"scale": 25.0, "bias": -5.0}


def complete(processor: Mapping[str, Any], side: int) -> dict[str, Any]:
    """A model's settings for its pictures, of `side` pixels; what they leave out is as in the first CLIP."""
    return {
        "size": {"shortest_edge": side},
        "crop_size": {"height": side, "width": side},
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        **processor,
    }


def score(image: Sequence[float], text: Sequence[float], calibration: Mapping[str, float]) -> float:
    """0..1 from two vectors of length 1, rounded to 4 decimals."""
    logit = calibration["scale"] * float(np.dot(image, text)) + calibration["bias"]
    return round(1 / (1 + math.exp(-logit)) if logit > -700 else 0.0, 4)


def prepare(image: Array, processor: Mapping[str, Any]) -> Array:
    """A picture as a `preprocessor_config.json` asks: resized, cropped to the middle, scaled, normalised.

    Gives float32 (3, height, width). It is what transformers' image processor does, but without rounding to
    bytes on the way.
    """
    pixels = np.clip(image[:, :, :3], 0, 1)
    if image.shape[2] == 4:
        pixels = pixels * image[:, :, 3:] + (1 - image[:, :, 3:])
    if processor.get("do_resize", True):
        pixels = _resized(pixels, processor["size"], processor.get("resample", 3))
    if processor.get("do_center_crop", True):
        pixels = _cropped(pixels, processor["crop_size"])
    pixels = pixels * 255
    if processor.get("do_rescale", True):
        pixels = pixels * processor.get("rescale_factor", 1 / 255)
    if processor.get("do_normalize", True):
        mean, std = (np.asarray(processor[name], dtype=np.float32) for name in ("image_mean", "image_std"))
        pixels = (pixels - mean) / std
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def _resized(pixels: Array, size: Any, resample: int) -> Array:
    height, width = pixels.shape[:2]
    if isinstance(size, int):
        size = {"shortest_edge": size}
    if "shortest_edge" in size:
        short = size["shortest_edge"]
        shape = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    else:
        shape = (size["width"], size["height"])
    from PIL import Image as PillowImage

    planes = [
        PillowImage.fromarray(np.ascontiguousarray(pixels[:, :, channel], dtype=np.float32)).resize(
            shape, PillowImage.Resampling(resample)
        )
        for channel in range(3)
    ]
    stacked: Array = np.stack([np.asarray(plane) for plane in planes], axis=2)
    return stacked.clip(0, 1)


def _cropped(pixels: Array, size: Any) -> Array:
    """The middle; a picture that is smaller gets a black border."""
    tall, wide = (size, size) if isinstance(size, int) else (size["height"], size["width"])
    height, width = pixels.shape[:2]
    above, left = max(0, (tall - height + 1) // 2), max(0, (wide - width + 1) // 2)
    below, right = max(0, tall - height - above), max(0, wide - width - left)
    pixels = np.pad(pixels, ((above, below), (left, right), (0, 0)))
    top, start = (pixels.shape[0] - tall) // 2, (pixels.shape[1] - wide) // 2
    return pixels[top : top + tall, start : start + wide]
