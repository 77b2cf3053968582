"""The sound of a video that is written: packets as they are where nothing was done to it, else AAC."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels.sound import Part, Sound
from gflow.runtime import media
from gflow.runtime.errors import VideoBroken

#: What MP4 holds and players know.
_COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "flac", "opus", "libopus"})
_RATE, _BITS = 48_000, 192_000
#: Samples of an AAC frame.
_FRAME = 1024
#: How many times as fast `atempo` of FFmpeg makes a sound at once; as many times as slow, too.
_FASTEST = 2.0


class Sounds:
    """The packets of a sound for `container`, in order. Raises VideoBroken for a file without one."""

    def __init__(self, container: Any, sound: Sound) -> None:
        self._next: Any = None
        self._packets: Iterator[Any] = iter(())
        if sound:
            made = _copied(container, sound[0]) if len(sound) == 1 and sound[0].path is not None else None
            self._packets = _encoded(container, sound) if made is None else made
            self._next = next(self._packets, None)

    def until(self, seconds: float) -> Iterator[Any]:
        """The packets that begin before a moment, and were not given yet."""
        while self._next is not None and float(self._next.dts * self._next.time_base) < seconds:
            yield self._next
            self._next = next(self._packets, None)


def _opened(path: Path) -> Any:
    try:
        container = media.opened(path, sounds=True)
    except (OSError, ValueError) as error:
        raise VideoBroken(f"the sound of {path.name} can't be read") from error
    if not container.streams.audio:
        container.close()
        raise VideoBroken(f"there is no sound in {path.name}")
    return container


def _copied(container: Any, part: Part) -> Iterator[Any] | None:
    """The file's own packets; None where they must be made anew. All of its audio streams are taken."""
    assert part.path is not None
    given = _opened(part.path)
    streams = [stream for stream in given.streams.audio if stream.codec_context.name in _COPIED]
    if part.speed != 1 or given.streams.audio[0] not in streams:
        given.close()
        return None
    return _moved(given, {stream: container.add_stream_from_template(stream) for stream in streams}, part)


def _moved(given: Any, streams: dict[Any, Any], part: Part) -> Iterator[Any]:
    """Packets that begin within the part, at the part's times."""
    with given:
        if part.begin > 0:
            given.seek(int(part.begin * media.library().time_base))
        for packet in given.demux(list(streams)):
            if packet.dts is None or packet.pts is None:
                continue
            base, length = packet.time_base, packet.duration or 0
            time = float(packet.pts * base) - part.begin
            # One that is heard in part is taken where most of it is inside.
            if (part.begin > 0 and time < -float(length * base) / 2) or time >= part.length:
                continue
            shift = round(part.begin / base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = streams[packet.stream]
            yield packet


def _encoded(container: Any, sound: Sound) -> Iterator[Any]:
    """AAC of 192 kbit/s, two channels."""
    av = media.library()
    stream = container.add_stream("aac", rate=_RATE, layout="stereo", bit_rate=_BITS)
    for part in sound:
        if part.path is not None:
            _opened(part.path).close()

    def packets() -> Iterator[Any]:
        at = 0
        for samples in _in_frames(block for part in sound for block in _samples(part)):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = _RATE, at, Fraction(1, _RATE)
            at += samples.shape[1]
            yield from stream.encode(frame)
        yield from stream.encode(None)

    return packets()


def _in_frames(blocks: Iterable[Any]) -> Iterator[Any]:
    """The samples in blocks of the codec's size; the last one may be shorter."""
    left = np.zeros((2, 0), np.float32)
    for block in blocks:
        left = np.concatenate([left, block], axis=1)
        whole = left.shape[1] // _FRAME * _FRAME
        for begin in range(0, whole, _FRAME):
            yield left[:, begin : begin + _FRAME]
        left = left[:, whole:]
    if left.shape[1]:
        yield left


def _samples(part: Part) -> Iterator[Any]:
    """The part's samples, float32 (2, any number): as many as it is long, silence where the file has none."""
    count = None if math.isinf(part.length) else round(part.length * _RATE)
    for block in _decoded(part) if part.path is not None else ():
        if count is not None:
            block = block[:, :count]
            count -= block.shape[1]
        yield block
        if count == 0:
            return
    while count:
        silence = np.zeros((2, min(count, _RATE)), np.float32)
        count -= silence.shape[1]
        yield silence


def _decoded(part: Part) -> Iterator[Any]:
    """Samples from the part's begin on, at its speed, to the end of the file."""
    av = media.library()
    assert part.path is not None
    with _opened(part.path) as given:
        stream = given.streams.audio[0]
        if part.begin > 0:
            given.seek(int(part.begin / stream.time_base), stream=stream)
        tempo = _Tempo(part.speed)
        resampler, late = av.AudioResampler(format="fltp", layout="stereo", rate=_RATE), None
        for packet in given.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if late is None:
                    late = round((float(frame.time or 0.0) - part.begin) * _RATE)
                    if late > 0:
                        yield from tempo.blocks(np.zeros((2, late), np.float32))
                for small in resampler.resample(frame):
                    block = small.to_ndarray()
                    skipped = min(-late, block.shape[1]) if late < 0 else 0
                    late += skipped
                    yield from tempo.blocks(block[:, skipped:])
        yield from tempo.blocks(None)


class _Tempo:
    """Sound faster or slower at the same pitch, by FFmpeg's `atempo` (overlapping pieces where they fit best)."""

    def __init__(self, speed: float) -> None:
        self.graph: Any = None
        if speed == 1:
            return
        graph = media.library().filter.Graph()
        steps = max(1, math.ceil(abs(math.log(speed)) / math.log(_FASTEST)))
        base = Fraction(1, _RATE)
        nodes = [graph.add_abuffer(format="fltp", sample_rate=_RATE, layout="stereo", time_base=base)]
        nodes += [graph.add("atempo", f"{speed ** (1 / steps):.9f}") for _ in range(steps)]
        # `atempo` gives samples of both channels in turn.
        nodes.append(graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"))
        graph.link_nodes(*nodes, graph.add("abuffersink")).configure()
        self.graph, self.at = graph, 0

    def blocks(self, samples: Any) -> Iterator[Any]:
        """What comes out where these go in; None at the end."""
        if self.graph is None:
            if samples is not None and samples.shape[1]:
                yield samples
            return
        av = media.library()
        frame = None
        if samples is not None:
            if not samples.shape[1]:
                return
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = _RATE, self.at, Fraction(1, _RATE)
            self.at += samples.shape[1]
        self.graph.push(frame)
        while True:
            try:
                yield self.graph.pull().to_ndarray()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
