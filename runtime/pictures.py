"""Reading pictures from files."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.pixels import MOST_PIXELS
from gflow.runtime.errors import InputError

#: What is read, by Pillow's names. Its other readers are left out: some run programs.
_FORMATS = ("PNG", "JPEG", "WEBP")


def read_image(path: Path, where: str) -> t.Image:
    """A PNG, JPEG or WebP file, turned upright as its EXIF says; RGBA where it has transparency, else RGB.

    `where` names the option or the row in errors. Raises InputError."""
    return from_pil(_opened(path, where))


def read_mask(path: Path, where: str) -> t.Mask:
    """A picture's lightness, as a mask."""
    return mask_from_pil(_opened(path, where))


def from_pil(image: Any) -> t.Image:
    """A PIL image as float32 (height, width, 3 or 4), 0..1."""
    wide = _sixteen_bit(image)
    if wide is not None:
        return np.repeat(wide[..., None], 3, axis=-1)
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return _floats(image.convert("RGBA" if transparent else "RGB"))


def mask_from_pil(image: Any) -> t.Mask:
    """A PIL image's lightness as float32 (height, width), 0..1."""
    wide = _sixteen_bit(image)
    return wide if wide is not None else _floats(image.convert("L"))


def _floats(image: Any) -> t.Array:
    """8 bits a channel as 0..1. In place, as a large picture should not be held twice."""
    pixels = np.array(image, np.float32)
    pixels /= np.float32(255)
    return pixels


def _sixteen_bit(image: Any) -> t.Array | None:
    """A gray picture of 16 bits, which Pillow's own conversion would clip."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        wide: t.Array = np.clip(np.asarray(image).astype(np.float32) / np.float32(65535), 0, 1)
        return wide
    return None


def _opened(path: Path, where: str) -> Any:
    from PIL import Image, ImageOps, UnidentifiedImageError

    if os.path.isdir(path):
        raise InputError(f"{where}: {path} is a folder, not a picture")
    if not os.path.exists(path):
        raise InputError(f"{where}: there is no file {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(path, image.size, where)
                # Reads a PNG to its end, with checksums; `load` stops at the last pixel.
                image.verify()
            with Image.open(path, formats=_FORMATS) as image:
                return ImageOps.exif_transpose(image)
    except UnidentifiedImageError as error:
        raise InputError(
            f"{where}: {path} is not a picture that can be read", help="PNG, JPEG and WebP files can be"
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{where}: {path} has more than {MOST_PIXELS // 1_000_000} megapixels, which is refused",
            help="make it smaller first",
        ) from error
    except PermissionError as error:
        raise InputError(f"{where}: {path} may not be read") from error
    except (OSError, SyntaxError, ValueError, struct.error) as error:  # Pillow's, for bytes that make no sense
        raise InputError(f"{where}: {path} is damaged or cut short: {error}") from error


def _check_size(path: Path, size: tuple[int, int], where: str) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        most = f"more than {MOST_PIXELS // 1_000_000} megapixels are refused"
        raise InputError(f"{where}: {path} is {width}x{height} pixels; {most}", help="make it smaller first")
