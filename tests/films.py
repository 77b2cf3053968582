"""Videos for tests: in memory, and as files that PyAV makes; and readers that are not gflow's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from gflow.kernels.clip import Clip, Frame, Reading
from gflow.kernels.pixel.repeated import blank
from gflow.kernels.types import Array


class Film(Clip):
    """Some pictures, float32 (height, width, 3 or 4), one after the other."""

    def __init__(self, pictures: Sequence[Array], fps: int = 10) -> None:
        height, width, channels = pictures[0].shape
        super().__init__(blank(width, height, channels), Fraction(fps), len(pictures))
        self.pictures = list(pictures)
        self.asked: list[int] = []

    def frame(self, index: int, reading: Reading) -> Frame:
        self.asked.append(index)
        return Frame(self.picture, {self.picture: self.pictures[index]})


def film(
    count: int = 6, width: int = 24, height: int = 16, channels: int = 3, fps: int = 10, seed: int = 0
) -> Film:
    rng = np.random.default_rng(seed)
    return Film([rng.random((height, width, channels), np.float32) for _ in range(count)], fps)


def played(clip: Clip) -> list[Array]:
    """Every frame of a clip, computed."""
    with Reading() as reading:
        return [reading.array(reading.frame(clip, index)) for index in range(clip.count)]


# --- files -----------------------------------------------------------------------------------------


def scene(index: int, width: int, height: int) -> Any:
    """A picture of a film: a soft gradient, and a bright square that moves two pixels a frame. uint8."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = np.stack([60 + 60 * x / width, 80 + 60 * y / height, 100 + 0 * x], axis=2)
    left, top, side = (2 * index) % max(1, width - 16), height // 3, min(12, height // 2)
    picture[top : top + side, left : left + side] = (220, 190, 60)
    return picture.round().astype(np.uint8)


def write(
    path: Path,
    count: int = 20,
    width: int = 64,
    height: int = 48,
    *,
    fps: int | Fraction = 10,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    pictures: Iterable[Any] | None = None,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    tone: str = "",
    tone_seconds: Fraction | None = None,
    aspect: Fraction | None = None,
    tags: dict[str, int] | None = None,
    head_first: bool = False,
) -> Path:
    """A file of `scene`s, or of other pictures. times: of each frame, in frames. tone: a codec for a sound."""
    with av.open(str(path), "w", options={"movflags": "+faststart"} if head_first else {}) as container:
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream(tone, rate=48_000, layout="stereo") if tone else None
        shown = pictures or (scene(index, width, height) for index in range(count))
        for index, picture in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if tags:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=tags["colorspace"])
            frame.pts, frame.time_base = (times[index] if times else index), 1 / Fraction(fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            for packet in _tone(sound, tone_seconds or count / Fraction(fps)):
                container.mux(packet)
    return path


def _tone(stream: Any, seconds: Fraction) -> Iterator[Any]:
    """440 Hz on the left, 660 Hz on the right."""
    time = np.arange(int(seconds * 48_000)) / 48_000
    wave = (0.5 * np.sin(2 * np.pi * np.array([[440], [660]]) * time)).astype(np.float32)
    for begin in range(0, wave.shape[1], 960):
        block = np.ascontiguousarray(wave[:, begin : begin + 960])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def heard(path: Path) -> Any:
    """The sound of a file, float32 (2, samples), 48 kHz."""
    resampler, blocks = av.AudioResampler(format="fltp", layout="stereo", rate=48_000), []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            blocks += [small.to_ndarray() for small in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1)


def pitch(samples: Any) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax()) * 48_000 / len(samples)


def opencv(path: Path) -> list[Any]:
    """The frames of a file as OpenCV reads them: uint8 (height, width, 3), red first."""
    cv2 = pytest.importorskip("cv2")
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = capture.read()
        if not there:
            capture.release()
            return frames
        frames.append(frame[:, :, ::-1])


def apart(one: Any, other: Any) -> float:
    """How far two pictures of 0..255 are from each other on average."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())
