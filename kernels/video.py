"""Ops on videos. Those on pictures work on videos, too: frame by frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated

from gflow.kernels import sound
from gflow.kernels import types as t
from gflow.kernels.clip import Clip, Reading, Retimed, Still, in_time
from gflow.kernels.montage import Averaged, Joined, Rolling
from gflow.kernels.motion import Interpolated
from gflow.kernels.op import OpError, op
from gflow.kernels.pixels import check_range
from gflow.kernels.types import Array, Duration, MediaFile

Video = Annotated[Clip, t.VIDEO]

LOWEST_RATE, HIGHEST_RATE = 0.1, 240.0
WIDEST_BLUR = 64
#: Frames that are held for a blur over time.
FEW = 4
LONGEST = 24 * 3600.0
#: Bytes that pictures of `frames` may take.
MOST_BYTES = 2 * 2**30


@op
def slideshow(frames: list[t.Image], hold: Duration = 3.0, crossfade: Duration = 0.5, fps: float = 24.0) -> Video:
    """A video of images of one size: each stands for `hold`, and goes over into the next in `crossfade`; 0s is a
    cut. Raises OpError for no images, images of different sizes, `hold` below one frame, and `fps` beyond
    0.1..240."""
    if not frames:
        raise OpError("`slideshow` of an empty list: there is no image to show")
    rate = _rate("slideshow", fps)
    overlap, shown = _count("slideshow", "crossfade", crossfade, rate), _count("slideshow", "hold", hold, rate)
    if shown < 1:
        raise OpError(f"`slideshow` can't hold an image for {hold:g}s: at {fps:g}fps that is less than one frame")
    last = len(frames) - 1
    lengths = [shown + overlap * ((place > 0) + (place < last)) for place in range(len(frames))]
    clips = [Still(image, rate, length) for image, length in zip(frames, lengths, strict=True)]
    _check_sizes("slideshow", clips)
    return Joined(clips, overlap)


@op
def concat(videos: list[Video]) -> Video:
    """Videos of one size, one after the other, at the rate of the first. Raises OpError for an empty list and for
    videos of different sizes."""
    return Joined(_alike("concat", videos))


@op
def crossfade(videos: list[Video], duration: Duration = 0.5) -> Video:
    """Videos of one size, one after the other, at the rate of the first; each goes over into the next in
    `duration`, while both play. The sound changes in the middle. Raises OpError for an empty list, videos of
    different sizes, and one that is too short for that."""
    clips = _alike("crossfade", videos)
    overlap = _count("crossfade", "duration", duration, clips[0].fps)
    for place, clip in enumerate(clips):
        taken = overlap * ((place > 0) + (place < len(clips) - 1))
        if clip.count <= taken:
            raise OpError(
                f"`crossfade` takes {float(taken / clip.fps):.3g}s of a video that lasts {clip.duration:.3g}s"
            )
    return Joined(clips, overlap)


def trimmed(clip: Clip, start: float | None, end: float | None) -> Clip:
    """The video from one moment to another, in seconds. Raises OpError for a moment that is outside, or nothing in
    between."""
    begin, stop = 0.0 if start is None else start, clip.duration if end is None else end
    if not 0 <= begin < stop:
        raise OpError(f"`trim` can't go from {begin:g}s to {stop:g}s")
    if begin >= clip.duration or stop > clip.duration + 1 / clip.fps:
        raise OpError(f"`trim` can't go from {begin:g}s to {stop:g}s: the video lasts {clip.duration:.3f}s")
    first, last = round(begin * clip.fps), min(round(stop * clip.fps), clip.count)
    if last <= first:
        raise OpError(f"`trim` from {begin:g}s to {stop:g}s is less than one frame at {float(clip.fps):g}fps")
    if (first, last) == (0, clip.count):
        return clip
    kept = sound.cut(clip.sound, first / float(clip.fps), (last - first) / float(clip.fps))
    return Retimed(clip, clip.fps, last - first, start=first, step=Fraction(1), sound=kept)


@op
def speed(video: Video, factor: float) -> Video:
    """The video faster or slower, at the same rate: `speed(2x)` leaves out every second frame, `speed(0.5)` shows
    each twice (`interpolate` first makes those in between). The sound keeps its pitch. Raises OpError for a factor
    beyond 0.01..100."""
    check_range("speed", "factor", factor, 0.01, 100)
    step = Fraction(factor).limit_denominator(10_000)
    count = max(1, math.floor(video.count / step))
    return Retimed(video, video.fps, count, step=step, sound=sound.sped(video.sound, float(step)))


@op
def interpolate(video: Video, fps: float) -> Video:
    """The video at another rate, with frames in between made by motion: each pixel is taken from where it comes
    from in the frame before, and from where it goes in the one after. Where a new scene begins, the nearer of the
    two is shown. Raises OpError for `fps` beyond 0.1..240."""
    rate = _rate("interpolate", fps)
    return video if rate == video.fps else Interpolated(video, rate)


@op
def temporal_blur(video: Video, frames: int = 3) -> Video:
    """Each frame the mean of so many frames around it, 1..64, as an open shutter would see them. Up to four are
    held in memory; of more, colors beyond -16..16 count as those, and frames are read twice where all would take
    more than 100 MB. Raises OpError for other numbers."""
    check_range("temporal_blur", "frames", frames, 1, WIDEST_BLUR)
    if frames == 1:
        return video
    return Averaged(video, frames) if frames <= FEW else Rolling(video, frames)


@op
def frame_at(video: Video, time: Duration = 0.0) -> t.Image:
    """The picture that a video shows at a moment; without `time`, the first one. Raises OpError for a moment that
    is not in it."""
    if not 0 <= time < video.duration + 1 / video.fps:
        raise OpError(f"`frame_at` can't show {time:g}s: the video lasts {video.duration:.3f}s")
    with Reading() as reading:
        return _picture(video, int(time * video.fps + Fraction(1, 1000)), reading)


@op(name="frames")
def frames_of(video: Video, every: Duration = 1.0) -> list[t.Image]:
    """The pictures that a video shows at 0s, `every`, twice that and so on. All are in memory: raises OpError where
    they would take more than 2 GiB, and for an `every` that is not above 0."""
    if not every > 0:
        raise OpError(f"`frames` takes a duration above 0 for `every`, not {every:g}s")
    step = max(Fraction(1), Fraction(every).limit_denominator(10_000_000) * video.fps)
    places = [int(number * step) for number in range(math.ceil(video.count / step))]
    size = video.size.width * video.size.height * video.picture.channels * 4
    if size * len(places) > MOST_BYTES:
        raise OpError(
            f"`frames` would hold {len(places)} pictures of {video.size} at once, {size * len(places) / 2**30:.1f} "
            "GiB: ask for fewer, or `resize` the video first"
        )
    with Reading() as reading:
        return [_picture(video, place, reading) for place in places]


@op
def with_audio(video: Video, audio: t.Audio) -> Video:
    """The video with another sound, which ends with it."""
    assert isinstance(audio, MediaFile)
    return _sounding(video, (sound.Part(audio.path, length=video.duration),))


@op
def without_audio(video: Video) -> Video:
    """The video without a sound."""
    return _sounding(video, ())


def _sounding(clip: Clip, heard: sound.Sound) -> Clip:
    """The clip with a sound."""
    return Retimed(clip, clip.fps, clip.count, step=Fraction(1), sound=heard)


def _picture(clip: Clip, place: int, reading: Reading) -> Array:
    return reading.array(reading.frame(clip, min(place, clip.count - 1)))


def _rate(name: str, fps: float) -> Fraction:
    """Frames a second as a ratio; 23.976 is television's 24000/1001. Raises OpError."""
    check_range(name, "fps", fps, LOWEST_RATE, HIGHEST_RATE)
    whole = round(fps * 1.001)
    if fps != round(fps) and abs(fps - whole / 1.001) < 0.005:
        return Fraction(whole * 1000, 1001)
    return Fraction(fps).limit_denominator(1001)


def _count(name: str, parameter: str, seconds: float, fps: Fraction) -> int:
    """A duration in frames. Raises OpError for a negative one, and beyond a day."""
    check_range(name, parameter, seconds, 0, LONGEST)
    return round(seconds * fps)


def _alike(name: str, clips: Sequence[Clip]) -> list[Clip]:
    """Clips at the rate of the first. Raises OpError for none, and where sizes differ."""
    if not clips:
        raise OpError(f"`{name}` of an empty list: there is no video to show")
    _check_sizes(name, clips)
    fps = clips[0].fps
    return [in_time(clip, fps, max(1, round(clip.count / clip.fps * fps))) for clip in clips]


def _check_sizes(name: str, clips: Sequence[Clip]) -> None:
    sizes = list(dict.fromkeys(clip.size for clip in clips))
    if len(sizes) > 1:
        raise OpError(
            f"`{name}` needs pictures of one size, there are {sizes[0]} and {sizes[1]}: resize them first"
        )
