"""Reading pictures from files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.runtime.errors import InputError

#: Larger pictures are refused before they are decoded: 100 megapixels are 1.2 GB as float RGB.
MOST_PIXELS = 100_000_000


def read_image(path: Path, where: str) -> t.Image:
    """A PNG, JPEG or WebP file, turned upright as its EXIF says; RGBA where it has transparency, else RGB.

    `where` names the option or the row in errors. Raises InputError."""
    image = _opened(path, where)
    return from_pil(image)


def read_mask(path: Path, where: str) -> t.Mask:
    """A picture's lightness, as a mask."""
    return mask_from_pil(_opened(path, where))


def from_pil(image: Any) -> t.Image:
    """A PIL image as float32 (height, width, 3 or 4), 0..1."""
    wide = _sixteen_bit(image)
    if wide is not None:
        return np.repeat(wide[..., None], 3, axis=-1)
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return np.asarray(image.convert("RGBA" if transparent else "RGB"), np.float32) / np.float32(255)


def mask_from_pil(image: Any) -> t.Mask:
    """A PIL image's lightness as float32 (height, width), 0..1."""
    wide = _sixteen_bit(image)
    return wide if wide is not None else np.asarray(image.convert("L"), np.float32) / np.float32(255)


def _sixteen_bit(image: Any) -> t.Array | None:
    """A gray picture of 16 bits, which Pillow's own conversion would clip."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        wide: t.Array = np.clip(np.asarray(image).astype(np.float32) / np.float32(65535), 0, 1)
        return wide
    return None


def _opened(path: Path, where: str) -> Any:
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not path.exists():
        raise InputError(f"{where}: there is no file {path}")
    if path.is_dir():
        raise InputError(f"{where}: {path} is a folder, not a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
            if image.width * image.height > MOST_PIXELS:
                raise InputError(
                    f"{where}: {path} is {image.width}x{image.height} pixels; more than "
                    f"{MOST_PIXELS // 1_000_000} megapixels are refused",
                    help="make it smaller first",
                )
            image.load()
    except UnidentifiedImageError as error:
        raise InputError(
            f"{where}: {path} is not a picture that can be read", help="PNG, JPEG and WebP files can be"
        ) from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{where}: {path} has more than {MOST_PIXELS // 1_000_000} megapixels, which is refused",
            help="make it smaller first",
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{where}: {path} is damaged or cut short: {error}") from error
    return ImageOps.exif_transpose(image)
