"""Places in a video file, from each of which frames are read forwards.

Whoever reads a clip asks for places, mostly one after the other. A cursor decodes ahead of them, in a thread of its
own. A file that is read in several places at once has a cursor for each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

from gflow.kernels.pixel import realize
from gflow.runtime import media
from gflow.runtime.errors import VideoBroken

if TYPE_CHECKING:
    from gflow.runtime.decoding import FileClip

#: Frames that are decoded before they are asked for.
_AHEAD = 3
#: A cursor this many frames before a place gets there faster than one that begins at a keyframe.
_NEAR = 150
#: The most cursors of one file, and the most threads each one's codec has.
_CURSORS, _THREADS = 4, 4


class _Shown(NamedTuple):
    """What a file shows from a place on. planes: None where the frame is damaged."""

    place: int
    planes: list[Any] | None


class Cursors:
    """The cursors of one clip, for one reading."""

    def __init__(self, clip: FileClip) -> None:
        self.clip = clip
        self._open: list[Cursor] = []

    def planes(self, place: int) -> list[Any]:
        """The planes of the frame at a place. Raises VideoBroken where it is damaged."""
        reachable = [cursor for cursor in self._open if cursor.shown <= place < cursor.shown + _NEAR]
        if reachable:
            cursor = max(reachable, key=lambda cursor: cursor.shown)
            self._open.remove(cursor)
        else:
            cursor = Cursor(self.clip, place)
        # The one that was used last is the last one.
        self._open.append(cursor)
        if len(self._open) > _CURSORS:
            self._open.pop(0).close()
        return cursor.at(place)

    def close(self) -> None:
        for cursor in self._open:
            cursor.close()
        self._open.clear()


class Cursor:
    """Reads forwards from a place on. shown: the place that was asked for last."""

    def __init__(self, clip: FileClip, place: int) -> None:
        self.clip, self.shown, self._asked = clip, place, place
        self._current: _Shown | None = None
        self._begin(place)
        if self._following is not None and self._following.place > place > 0:
            # Seeking went too far.
            self.close()
            self._begin(0)

    def _begin(self, place: int) -> None:
        self._thread = ThreadPoolExecutor(1, "decoding")
        self._frames = _decoded(self.clip, place)
        self._ahead: deque[Future[_Shown | None]] = deque()
        self._following = self._pulled()

    def at(self, place: int) -> list[Any]:
        """The planes shown at a place, not before the one that was asked for last."""
        while self._following is not None and self._following.place <= place:
            if self._following.planes is None:
                self._damaged(self._following.place)
            else:
                self._current = self._following
            self._following = self._pulled()
        if self._following is None and (self._current is None or self._missing(self._current.place, place)):
            self._damaged(place if self._current is None else self._current.place + 1)
        if self._current is None:  # The clip begins with damage, or before its first frame.
            while self._following is not None and self._following.planes is None:
                self._following = self._pulled()
            self._current = self._following
        if self._current is None or self._current.planes is None:
            raise self._error(place)
        self.shown = place
        return self._current.planes

    def _missing(self, last: int, place: int) -> bool:
        """Whether a file that has ended should have had more frames. Times are not exact: some may be missing."""
        return min(place, self.clip.count - 1) - last > max(2.0, float(self.clip.fps) / 10)

    def _damaged(self, place: int) -> None:
        """A frame is damaged. What comes before the first one that was asked for does not matter."""
        if place < self._asked:
            return
        if not self.clip.skips:
            raise self._error(place)
        if not self.clip.told:
            self.clip.told = True
            where = _moment(self.clip, place)
            realize.complaints.append(f"{where} is damaged; the frame before it is shown instead")

    def _error(self, place: int) -> VideoBroken:
        return VideoBroken(
            f"{_moment(self.clip, place)} is damaged or missing",
            help="`--on-error skip` shows the frame before it instead",
        )

    def _pulled(self) -> _Shown | None:
        """The next frame; those after it are decoded meanwhile."""
        while len(self._ahead) <= _AHEAD:
            self._ahead.append(self._thread.submit(next, self._frames, None))
        return self._ahead.popleft().result()

    def close(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._frames.close()
        self._ahead.clear()


def _moment(clip: FileClip, place: int) -> str:
    return f"{clip.path.name}: the frame at {float(place / clip.fps):.2f} s"


def _decoded(clip: FileClip, place: int) -> Generator[_Shown, None, None]:
    """What a file shows, from the keyframe before a place on."""
    with media.opened(clip.path) as container:
        stream = container.streams.video[clip.stream]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = media.threads(_THREADS)
        if place > 0:
            moment = clip.begin + (place - 1) / clip.fps
            container.seek(int(moment / stream.time_base), stream=stream)
        for time, frame in _whole(container, stream):
            at = round((time * stream.time_base - clip.begin) * clip.fps)
            yield _Shown(at, None if frame is None else clip.layout.arrays(frame))


def _whole(container: Any, stream: Any) -> Iterator[tuple[int, Any]]:
    """Frames and their times; None for those that are damaged. A decoder does not say which frame an error is of:
    it is the one that was sent and does not come out."""
    av = media.library()
    sent: list[int] = []
    failed = False
    packets = container.demux(stream)
    while True:
        frames: list[Any] = []
        try:
            packet = next(packets, None)
            if packet is None:
                break
            if packet.pts is not None:
                heappush(sent, packet.pts)
            frames = packet.decode()
        except av.error.EOFError:
            break
        except av.error.FFmpegError as error:
            failed = True
            if not isinstance(error, av.error.InvalidDataError):
                break
        for frame in frames:
            if frame.pts is None:
                continue
            while sent and sent[0] <= frame.pts:
                lost = heappop(sent)
                if failed and lost < frame.pts:
                    failed = False
                    yield lost, None
            yield frame.pts, None if frame.is_corrupt else frame
    if failed and sent:
        yield sent[0], None
