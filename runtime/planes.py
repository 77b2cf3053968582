"""How the frames of a file lie in memory, and what pictures they are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from gflow.kernels.pixel import yuv
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.repeated import blank

#: FFmpeg's formats of three planes of bytes that are read as they are. The `j` is for full range, told apart below.
_PLANAR = ("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p")
#: FFmpeg's numbers of matrices (ISO/IEC 23001-8); where a file names none, its size tells.
_MATRICES = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt709", 9: "bt2020", 10: "bt2020"}
_FULL = 2
#: Frames of this size and smaller are television's of old.
_SMALL = 576


class Layout(NamedTuple):
    """format: FFmpeg's name of what frames are brought to: three planes of bytes, or packed "rgba". width, height:
    as they are stored, with square pixels. quarters: quarter turns, counter-clockwise, to be seen upright. coding:
    what the numbers of planes mean, upright."""

    format: str
    width: int
    height: int
    quarters: int
    coding: yuv.Coding

    @classmethod
    def of(cls, frame: Any, codec: str, aspect: Fraction) -> Layout:
        """The layout for frames like this one (`av.VideoFrame`) from a codec of that name. aspect: how many times
        as wide as high a pixel is, upright."""
        name = frame.format.name
        small = frame.height <= _SMALL and frame.width <= 1024
        matrix = _MATRICES.get(frame.colorspace, "bt601" if small else "bt709")
        full = frame.color_range == _FULL or name.startswith("yuvj")
        # JPEG has its chroma in the middle of pixels.
        coding = yuv.Coding(matrix, full, across=1.0 if codec == "mjpeg" else 0.5)
        quarters = round(frame.rotation / 90) % 4
        format = _nearest(frame.format)
        if format == "gbrp":
            coding = yuv.Coding("gbr", full=True)
        wide, high = (1, aspect) if quarters % 2 else (aspect, 1)
        width, height = max(1, round(frame.width * wide)), max(1, round(frame.height * high))
        return cls(format, width, height, quarters, _turned(coding, quarters))

    def blanks(self) -> list[Picture]:
        """What stands for a frame's planes."""
        width, height = self._upright(self.width, self.height)
        if self._channels > 1:
            return [blank(width, height, self._channels, "u8")]
        chroma = self._upright(*self._chroma)
        return [blank(width, height, 1, "u8"), *(blank(*chroma, 1, "u8") for _ in range(2))]

    def picture(self, planes: Sequence[Picture]) -> Picture:
        """A frame's colors, of its blanks."""
        if len(planes) == 1:
            return planes[0]
        luma, blue, red = planes
        return yuv.from_planes(luma, blue, red, self.coding)

    def arrays(self, frame: Any) -> list[Any]:
        """A frame's bytes, as the blanks take them. They are the frame's own memory unless it is turned."""
        if (frame.format.name, frame.width, frame.height) != (self.format, self.width, self.height):
            # Luma stays what it is: only colors of three channels have a matrix and a range.
            same = {"src_color_range": frame.color_range, "dst_color_range": frame.color_range}
            more: dict[str, Any] = same if self.format.startswith("yuv") else {}
            if (frame.width, frame.height) != (self.width, self.height):
                more = {**more, "interpolation": "BICUBIC"}
            frame = frame.reformat(self.width, self.height, self.format, **more)
        sizes = [(self.width, self.height), self._chroma, self._chroma]
        views = [_view(plane, *size, self._channels) for plane, size in zip(frame.planes, sizes, strict=False)]
        return [np.ascontiguousarray(np.rot90(view, self.quarters)) for view in views] if self.quarters else views

    @property
    def _channels(self) -> int:
        """Of each plane."""
        return 4 if self.format == "rgba" else 1

    @property
    def _chroma(self) -> tuple[int, int]:
        wide, high = (2 if part in self.format else 1 for part in ("42", "420"))
        return -(-self.width // wide), -(-self.height // high)

    def _upright(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.quarters % 2 else (width, height)


def _nearest(format: Any) -> str:
    """The layout that keeps most of a format."""
    name = str(format.name)
    if name in _PLANAR:
        return name
    alpha = any(component.is_alpha for component in format.components)
    if alpha or format.is_rgb or len(format.components) < 3:
        return "rgba" if alpha else "gbrp"
    if format.chroma_height(64) < 64:
        return "yuv420p"
    return "yuv422p" if format.chroma_width(64) == 32 else "yuv444p"


def _turned(coding: yuv.Coding, quarters: int) -> yuv.Coding:
    for _ in range(quarters):
        coding = coding._replace(across=coding.down, down=2 - coding.across)
    return coding


def _view(plane: Any, width: int, height: int, channels: int) -> Any:
    """A plane's pixels, uint8 (height, width) or (height, width, channels); its rows may be further apart."""
    line = plane.line_size
    if channels == 1:
        return np.ndarray((height, width), np.uint8, plane, strides=(line, 1))
    return np.ndarray((height, width, channels), np.uint8, plane, strides=(line, channels, 1))
