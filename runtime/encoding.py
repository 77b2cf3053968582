"""Videos to files: H.264 in MP4. Frames are decoded, computed and encoded at the same time, a few of each."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels.clip import Clip, Frame, Reading
from gflow.kernels.pixel import yuv
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.realize import aligned
from gflow.kernels.pixel.repeated import Repeated
from gflow.kernels.types import Size
from gflow.runtime import media
from gflow.runtime.errors import OutputError
from gflow.runtime.sounds import Sounds

#: What is written: BT.709, limited range, chroma in line with the first of two pixels.
CODING = yuv.Coding()
_FORMAT, _BT709, _LIMITED = "yuv420p", 1, 1
#: Of the preset's settings, one is another: frames that are looked at ahead are what takes memory, and a third of
#: them makes files that are as good for their size.
OPTIONS = {"preset": "medium", "crf": "18", "rc-lookahead": "14"}
#: The largest side that H.264 has, the most threads of its encoder, and the frames that wait for it.
_LONGEST, _THREADS, _WAITING = 16_384, 12, 2
#: Seconds of sound that are written before the frame of the same moment.
_SOONER = 0.5
#: Seconds between two words on how far it is.
_PAUSE = 0.1

Told = Callable[[int, int], None]


def write_video(clip: Clip, path: Path, comment: str, told: Told = lambda done, total: None) -> None:
    """Writes a clip. comment: what stands in the file's metadata. told: is called with how many frames are done,
    and how many there are. Where a side is odd, the last column or row is there twice, as 4:2:0 takes pairs of
    pixels. Raises VideoBroken, OutputError and OSError; the file is then of no use."""
    output = _Output(clip, path, comment)
    encoder = ThreadPoolExecutor(1, "encoding")
    try:
        _frames(clip, output, encoder, told)
        encoder.submit(output.finish).result()
    except BaseException as error:
        encoder.shutdown(cancel_futures=True)
        output.abandon()
        if isinstance(error, media.library().error.FFmpegError) and not isinstance(error, OSError):
            raise OutputError(f"the video can't be encoded: {error.strerror}") from error
        raise
    encoder.shutdown()


def _frames(clip: Clip, output: _Output, encoder: ThreadPoolExecutor, told: Told) -> None:
    """Computes all frames, in this thread, and has them encoded in the encoder's."""
    waiting: deque[Future[None]] = deque()
    begun = time.monotonic()
    with Reading() as reading:
        for index in range(clip.count):
            frame = output.computed(reading.frame(clip, index), index)
            waiting.append(encoder.submit(output.add, frame))
            if len(waiting) > _WAITING:
                waiting.popleft().result()
            if time.monotonic() - begun > _PAUSE:
                begun = time.monotonic()
                told(index + 1, clip.count)
    while waiting:
        waiting.popleft().result()
    told(clip.count, clip.count)


class _Output:
    """The file, and the frames on their way to it."""

    def __init__(self, clip: Clip, path: Path, comment: str) -> None:
        av = media.library()
        width, height = (side + side % 2 for side in clip.size)
        if max(width, height) > _LONGEST:
            raise OutputError(f"a video of {clip.size} can't be written: H.264 ends at {_LONGEST} pixels a side")
        self.container = av.open(f"file:{path}", "w", format="mp4", options={"movflags": "+faststart"})
        self.container.metadata["comment"] = comment
        self.stream = self.container.add_stream("libx264", rate=clip.fps, options=dict(OPTIONS))
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, _FORMAT
        codec = self.stream.codec_context
        codec.thread_count = media.threads(_THREADS)
        codec.color_range = _LIMITED
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT709
        self.sounds = Sounds(self.container, clip.sound)
        # Of frames that wait, one that is encoded and one that is computed, each has its own memory.
        self._ring = deque(_Planes(av.VideoFrame(width, height, _FORMAT), clip.size) for _ in range(_WAITING + 3))
        self._kernels: dict[Picture, Repeated] = {}
        self._last: Frame | None = None

    def computed(self, frame: Frame, index: int) -> Any:
        """A frame's planes, in one of the frames (`av.VideoFrame`) that are used in turn."""
        before, planes = self._ring[-1], self._ring[0]
        self._ring.rotate(-1)
        planes.frame.make_writable()
        if frame.same(self._last):
            planes.copy(before)
        else:
            planes.fill(self._kernel(frame.picture), frame)
        self._last, planes.frame.pts = frame, index
        return planes.frame

    def _kernel(self, picture: Picture) -> Repeated:
        if picture not in self._kernels:
            self._kernels[picture] = Repeated(coded(picture), ["u8"] * 3)
        return self._kernels[picture]

    def add(self, frame: Any) -> None:
        """Encodes a frame; None: those that the codec still has."""
        for packet in self.stream.encode(frame):
            for sound in self.sounds.until(float(packet.pts * packet.time_base) + _SOONER):
                self.container.mux(sound)
            self.container.mux(packet)

    def finish(self) -> None:
        self.add(None)
        for sound in self.sounds.until(float("inf")):
            self.container.mux(sound)
        self.container.close()

    def abandon(self) -> None:
        with suppress(Exception):
            self.container.close()


def coded(picture: Picture) -> list[Picture]:
    """The planes of a picture as they are written."""
    return yuv.to_planes(picture, CODING)


class _Planes:
    """A frame (`av.VideoFrame`) and its planes as arrays. size: of what is shown, without the columns and rows that
    make it even."""

    def __init__(self, frame: Any, size: Size) -> None:
        self.frame = frame
        half = Size(-(-size.width // 2), -(-size.height // 2))
        self._shapes = [(side.height, side.width) for side in (size, half, half)]
        self._scratch = [aligned(shape, np.uint8) for shape in self._shapes]

    def _views(self) -> list[Any]:
        """Arrays over the frame's own memory."""
        return [
            np.ndarray((plane.height, plane.width), np.uint8, plane, strides=(plane.line_size, 1))
            for plane in self.frame.planes
        ]

    def fill(self, kernel: Repeated, frame: Frame) -> None:
        """Computes a frame into it: at once where its rows have no gaps."""
        whole = self._views()
        views = [view[:height, :width] for view, (height, width) in zip(whole, self._shapes, strict=True)]
        into = [view if view.flags.c_contiguous else room for view, room in zip(views, self._scratch, strict=True)]
        kernel.run(frame.given, into)
        for view, shown, made in zip(whole, views, into, strict=True):
            if made is not shown:
                shown[...] = made
            height, width = made.shape
            view[:, width:] = view[:, width - 1 : width]
            view[height:] = view[height - 1 : height]

    def copy(self, other: _Planes) -> None:
        for view, made in zip(self._views(), other._views(), strict=True):
            view[...] = made
