"""Videos from files, frame by frame.

Frames of a file have times; those of a clip have places. A file's frame is at the place nearest to its time, and
stays until the next one comes: so files whose rate varies have one that does not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from gflow.kernels.clip import Clip, Frame, Reading
from gflow.kernels.pixels import MOST_PIXELS
from gflow.kernels.sound import Part
from gflow.kernels.types import Size
from gflow.runtime import media
from gflow.runtime.cursors import Cursors
from gflow.runtime.errors import InputError
from gflow.runtime.planes import Layout

#: Rates beyond are a mistake of the file.
FASTEST = 240
#: A file whose last packets end so many seconds before it should was cut short.
_MISSING = Fraction(1, 2)


class FileClip(Clip):
    """A video file. path: where it is. stream: its number among the file's video streams. begin: the moment that is
    the clip's 0, in seconds of the file. layout: how its frames lie in memory. skips: a damaged frame is left out,
    and the one before stays; else reading it raises VideoBroken."""

    steady = False

    def __init__(
        self,
        path: Path,
        stream: int,
        layout: Layout,
        *,
        fps: Fraction,
        count: int,
        begin: Fraction,
        sound: bool,
        skips: bool,
    ) -> None:
        self.path, self.stream, self.layout, self.begin, self.skips = path, stream, layout, begin, skips
        self.planes = layout.blanks()
        heard = (Part(path, float(begin)),) if sound else ()
        super().__init__(layout.picture(self.planes), fps, count, heard)
        #: Whether damage was told of already.
        self.told = False

    def frame(self, index: int, reading: Reading) -> Frame:
        cursors = reading.state(self, lambda: Cursors(self))
        return Frame(self.picture, dict(zip(self.planes, cursors.planes(index), strict=True)))


def read_video(path: Path, where: str, *, on_error: str = "fail") -> FileClip:
    """An MP4, MOV, Matroska or WebM file as a clip: its first frame is read, and where it ends. on_error: "skip"
    for damaged frames to be left out. Raises InputError, which names `where`, and MediaMissing."""
    av = media.library()
    if os.path.isdir(path):
        raise InputError(f"{where}: {path} is a folder, not a video")
    if not os.path.isfile(path):
        raise InputError(f"{where}: there is no file {path}")
    try:
        with media.opened(path) as container:
            return _clip(container, path, where, skips=on_error == "skip")
    except PermissionError as error:
        raise InputError(f"{where}: {path} may not be read") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{where}: {path} is not a video that can be read", help="MP4, MOV, MKV and WebM files can be"
        ) from error


def _clip(container: Any, path: Path, where: str, *, skips: bool) -> FileClip:
    # A picture on the cover of a piece of music is a stream, too.
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        raise InputError(f"{where}: there is no video in {path}")
    stream = streams[0]
    _check_size(stream.codec_context, path, where)
    frame = next(_frames(container, stream), None)
    if frame is None or frame.pts is None:
        raise InputError(f"{where}: no frame of {path} can be read: it is damaged or empty")
    fps = _rate(stream)
    first = frame.pts * stream.time_base
    begin = _begin(container, first, fps)
    last = _last(container, stream, first, fps)
    count = max(1, round((last - begin) * fps) + 1)
    return FileClip(
        path,
        container.streams.video.index(stream),
        Layout.of(frame, stream.codec_context.name, _aspect(frame, stream)),
        fps=fps,
        count=count,
        begin=begin,
        sound=bool(container.streams.audio),
        skips=skips,
    )


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _check_size(codec: Any, path: Path, where: str) -> None:
    size = Size(codec.width, codec.height)
    if min(size) < 1:
        raise InputError(f"{where}: {path} does not say how large its frames are")
    if size.width * size.height > MOST_PIXELS:
        most = f"more than {MOST_PIXELS // 1_000_000} megapixels are refused"
        raise InputError(f"{where}: the frames of {path} are {size} pixels; {most}", help="make them smaller first")


def _frames(container: Any, stream: Any) -> Any:
    """Those that can be decoded."""
    av = media.library()
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _rate(stream: Any) -> Fraction:
    """Frames a second: the finest that the file keeps to, unless that is far beyond what it has on average."""
    rates: Sequence[Fraction | None] = (stream.average_rate, stream.guessed_rate)
    average, finest = (rate if rate and 0 < rate <= FASTEST else None for rate in rates)
    if finest is not None and (average is None or finest <= average * Fraction(21, 10)):
        return Fraction(finest)
    return Fraction(average or 25)


def _aspect(frame: Any, stream: Any) -> Fraction:
    """How many times as wide as high a pixel is, as it is seen."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    if not ratio or not Fraction(1, 8) <= ratio <= 8:
        return Fraction(1)
    return 1 / Fraction(ratio) if frame.rotation % 180 else Fraction(ratio)


def _begin(container: Any, first: Fraction, fps: Fraction) -> Fraction:
    """The moment that counts as 0: the first frame's, or the sound's where that begins a while before it."""
    begins = [
        audio.start_time * audio.time_base for audio in container.streams.audio if audio.start_time is not None
    ]
    earliest = min(begins, default=first)
    return earliest if first - earliest > 1 / (2 * fps) else first


def _last(container: Any, stream: Any, first: Fraction, fps: Fraction) -> Fraction:
    """When the last frame begins: as the last packets say; as the file's head says, where those are missing, which
    reading will tell; else as all packets say."""
    base = Fraction(1, media.library().time_base)
    length: Fraction | None = stream.duration * stream.time_base if stream.duration else None
    if length is None and container.duration:
        length = container.duration * base
    if length is None:
        return _ends(container, stream, Fraction(0)).begins or first
    ends = _ends(container, stream, first + length)
    # Without a length of its own, the video may end before the sound.
    missing = first + length - (ends.stream if stream.duration else ends.file)
    if ends.begins is None or missing > _MISSING:
        return first + length - 1 / fps
    return ends.begins


class _Ends(NamedTuple):
    """What the last packets of a file say. begins: when the last frame begins. stream, file: when the video ends,
    and whatever ends last."""

    begins: Fraction | None
    stream: Fraction
    file: Fraction


def _ends(container: Any, stream: Any, near: Fraction) -> _Ends:
    """near: a moment at the end, after which all packets are looked at."""
    begins, of_stream, of_file = None, Fraction(0), Fraction(0)
    try:
        container.seek(int(near / stream.time_base), stream=stream)
        for packet in container.demux():
            if packet.pts is None:
                continue
            begin = packet.pts * packet.time_base
            end = begin + (packet.duration or 0) * packet.time_base
            of_file = max(of_file, end)
            if packet.stream is stream:
                begins, of_stream = max(begins or begin, begin), max(of_stream, end)
    except media.library().error.FFmpegError:
        pass
    return _Ends(begins, of_stream, of_file)
