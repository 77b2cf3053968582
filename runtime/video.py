"""Videos as Python code gets them from a flow."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gflow.kernels.clip import Clip, Reading
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.realize import complaints
from gflow.kernels.pixel.repeated import Repeated


class Video:
    """A video that a flow gave. Its frames are made when they are asked for: by iterating, which gives uint8 arrays
    of shape (height, width, 3), or 4 where there is alpha; or by `save`. Both raise gflow.RunError where a frame
    can't be made, and warn of damaged frames that are left out. It may be given to a flow again."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.clip.size.width, self.clip.size.height

    @property
    def fps(self) -> float:
        """Frames a second."""
        return float(self.clip.fps)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.clip.duration

    def __len__(self) -> int:
        """How many frames it has."""
        return self.clip.count

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        kernels: dict[Picture, Repeated] = {}
        with Reading() as reading:
            for index in range(self.clip.count):
                frame = reading.frame(self.clip, index)
                if frame.picture not in kernels:
                    kernels[frame.picture] = Repeated([frame.picture], ["u8"])
                made: Any = kernels[frame.picture].run(frame.given)[0]
                _warn()
                yield made

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an MP4 file, H.264 with the sound that it has; whole or not at all. Raises OSError, too."""
        from gflow.kernels.files import whole
        from gflow.runtime.encoding import write_video

        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        whole(place, lambda part: write_video(self.clip, part, ""))
        _warn()

    def __repr__(self) -> str:
        width, height = self.size
        return f"<gflow.Video {width}x{height}, {self.duration:.6g} s, {self.fps:g} fps>"


def _warn() -> None:
    """Tells what there was to complain of."""
    while complaints:
        warnings.warn(complaints.popleft(), stacklevel=3)
