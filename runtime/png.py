"""Writing PNG files (https://www.w3.org/TR/png-3/). Pillow reads pictures; to write one it would have to be
imported, which takes longer and more memory than all of this."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

#: Colour types by channels: grey, RGB, RGBA.
_COLOURS = {1: 0, 3: 2, 4: 6}


class Compressed(NamedTuple):
    """The chunks of a PNG file that hold a picture, its head and its pixels."""

    head: bytes
    pixels: bytes


def compressed(pixels: Bytes) -> Compressed:
    """pixels: uint8, (height, width) for grey or (height, width, channels) for RGB and RGBA."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, _COLOURS[channels], 0, 0, 0])
    data = zlib.compress(_filtered(pixels.reshape(height, width * channels), channels).tobytes(), 6)
    return Compressed(_chunk(b"IHDR", head), _chunk(b"IDAT", data))


def file(picture: Compressed, texts: Mapping[str, str]) -> bytes:
    """The bytes of a PNG file. texts: what it says of itself, by Latin-1 keywords of up to 79 characters."""
    # Not compressed, in no language.
    told = [_chunk(b"iTXt", name.encode("latin-1") + bytes(5) + text.encode()) for name, text in texts.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join([picture.head, *told, picture.pixels, _chunk(b"IEND", b"")])


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)


def _filtered(rows: Bytes, channels: int) -> Bytes:
    """The rows, each after the number of its filter: itself (0), its difference from the pixel to the left (1), or
    from the row above (2), whichever has the smallest sum of absolute values, as the standard advises."""
    left, above = rows.copy(), rows.copy()
    left[:, channels:] -= rows[:, :-channels]
    above[1:] -= rows[:-1]
    choices = (rows, left, above)
    sums = np.stack([np.minimum(choice, 0 - choice).sum(axis=1, dtype=np.int64) for choice in choices])
    best = sums.argmin(axis=0).astype(np.uint8)
    result = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    result[:, 0] = best
    for number, choice in enumerate(choices):
        result[best == number, 1:] = choice[best == number]
    return result
