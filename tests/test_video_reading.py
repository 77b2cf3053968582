"""Video files as clips: their frames are those that PyAV's own converter and OpenCV read, whatever the format."""

from __future__ import annotations

import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import apart, opencv, played, scene, write
from PIL import Image

from gflow.kernels.clip import Clip, Reading
from gflow.kernels.op import registry
from gflow.kernels.types import Size
from gflow.runtime.decoding import read_video

#: Of what quality the files are: what codecs take away is not what is looked at.
FINE = {"crf": "4"}


def read(path: Path) -> list[Any]:
    """All frames, uint8."""
    return [np.rint(picture * 255) for picture in played(read_video(path, "--clip"))]


def swscaled(path: Path) -> list[Any]:
    """All frames by FFmpeg's own converter."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


FORMATS = [
    ("libx264", "yuv420p", (64, 48)),
    ("libx264", "yuv422p", (64, 48)),
    ("libx264", "yuv444p", (63, 47)),
    ("libx264", "yuvj420p", (64, 48)),
    ("libx264", "yuv420p10le", (64, 48)),
    ("libx264", "gray", (64, 48)),
    ("libx264rgb", "rgb24", (64, 48)),
    ("mpeg4", "yuv420p", (61, 45)),
    ("libvpx-vp9", "yuv420p", (61, 45)),
    ("ffv1", "bgr0", (62, 45)),
    ("mjpeg", "yuvj422p", (64, 48)),
]


@pytest.mark.parametrize(("codec", "pix_fmt", "size"), FORMATS, ids=lambda value: str(value))
def test_frames_are_those_of_other_readers(codec: str, pix_fmt: str, size: tuple[int, int], tmp_path: Path) -> None:
    options = {"qmin": "2", "qmax": "4"} if "peg" in codec else {"b": "0", **FINE} if "vp9" in codec else FINE
    path = write(tmp_path / "a.mkv", 4, *size, codec=codec, pix_fmt=pix_fmt, options=options)
    shown, theirs = read(path), swscaled(path)
    assert len(shown) == len(theirs) == 4
    for ours, other in zip(shown, theirs, strict=True):
        assert ours.shape == other.shape
        assert apart(ours, other) < 2.5
    # Where the picture is flat, chroma's place between pixels is no matter.
    corner = np.s_[-8:, 4:12]
    assert all(apart(o[corner], t[corner]) < 1.6 for o, t in zip(shown, theirs, strict=True))
    assert pix_fmt == "gray" or apart(shown[2], scene(2, *size)) < 5


@pytest.mark.parametrize(("number", "matrix"), [(1, "bt709"), (5, "bt601"), (9, "bt2020")])
@pytest.mark.parametrize("full", [1, 2])
def test_what_a_file_says_of_its_colors_is_heeded(number: int, matrix: str, full: int, tmp_path: Path) -> None:
    # One color as the standards code it, by their own formula.
    kr, kb = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114), "bt2020": (0.2627, 0.0593)}[matrix]
    red, green, blue = 0.8, 0.3, 0.1
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    spans = (0, 255, 255) if full == 2 else (16, 219, 224)
    coded = [round(spans[0] + spans[1] * luma), round(128 + spans[2] * u), round(128 + spans[2] * v)]
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = number, full
        rows = np.concatenate(
            [np.full((rows, 32), value, np.uint8) for rows, value in zip((32, 8, 8), coded, strict=True)]
        )
        frame = av.VideoFrame.from_ndarray(rows, format="yuv420p")
        frame.colorspace, frame.color_range = number, full
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    [shown] = read(path)
    assert np.abs(shown - 255 * np.array([red, green, blue])).max() <= 2


def test_frames_stay_where_the_rate_varies(tmp_path: Path) -> None:
    times = [0, 1, 2, 5, 6, 10]
    path = write(tmp_path / "a.mkv", 6, fps=10, times=times)
    clip = read_video(path, "--clip")
    assert (clip.fps, clip.count) == (10, 11)
    files = swscaled(path)
    shown = [max(number for number, time in enumerate(times) if time <= place) for place in range(11)]
    for place, picture in enumerate(read(path)):
        assert apart(picture, files[shown[place]]) < 2.5
        others = [other for number, other in enumerate(files) if number != shown[place]]
        assert all(apart(picture, files[shown[place]]) < apart(picture, other) for other in others)


def test_rates_are_exact(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 30, fps=Fraction(24000, 1001))
    clip = read_video(path, "--clip")
    assert (clip.fps, clip.count) == (Fraction(24000, 1001), 30)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_turned_videos_stand_upright(degrees: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 3, 64, 40, rotation=degrees, options=FINE)
    theirs = opencv(path)
    shown = read(path)
    assert shown[0].shape == theirs[0].shape
    assert all(apart(ours, other) < 3.5 for ours, other in zip(shown, theirs, strict=True))


def test_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 2, 48, 48, aspect=Fraction(4, 3), options=FINE)
    assert read_video(path, "--clip").size == Size(64, 48)
    assert apart(read(path)[1], np.asarray(Image.fromarray(scene(1, 48, 48)).resize((64, 48)))) < 3


def test_turned_pixels_that_are_not_square_become_so(tmp_path: Path) -> None:
    """What is stored is turned, and then wide: pixels that were high are so upright."""
    path = write(tmp_path / "a.mp4", 2, 48, 40, aspect=Fraction(4, 3), rotation=90, options=FINE)
    [shown, _] = read(path)
    assert shown.shape == (48, 30, 3)
    upright = np.rot90(scene(0, 48, 40))
    straight, other = (np.asarray(Image.fromarray(p).resize((30, 48))) for p in (upright, upright[::-1, ::-1]))
    assert apart(shown, straight) < 3 or apart(shown, other) < 3


def test_any_order_of_reading_shows_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 60, options={"g": "12", "bf": "3"})
    clip, frames = read_video(path, "--clip"), read(path)
    rng = np.random.default_rng(0)
    with Reading() as reading:
        for place in [59, 0, 30, 29, 31, *rng.integers(0, 60, 20)]:
            picture = reading.array(reading.frame(clip, int(place)))
            assert np.array_equal(np.rint(picture * 255), frames[place])


def test_one_file_in_two_places(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 40, fps=10, options={"g": "10"})
    clip, frames = read_video(path, "--clip"), played(read_video(path, "--clip"))
    kernel = registry()
    both: Clip = kernel["blend"].kernel(clip, kernel["trim"].kernel(clip, 2.0), 0.5)
    for place, picture in enumerate(played(both)):
        expected = (frames[place] + frames[min(20 + place, 39)]) / 2
        assert np.allclose(picture, expected, atol=1e-5)


def test_only_what_is_asked_for_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.mp4", 600, fps=30, options={"g": "30", "preset": "ultrafast"})
    clip = read_video(path, "--clip")
    decoded = 0
    arrays = type(clip.layout).arrays

    def counted(*args: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return arrays(*args)

    monkeypatch.setattr(type(clip.layout), "arrays", counted)
    played(registry()["trim"].kernel(clip, 15.0, 15.5))
    assert decoded < 80  # 15 frames, those from the keyframe before, and a few ahead.


def test_a_file_that_was_cut_without_encoding_is_whole(tmp_path: Path) -> None:
    """FFmpeg keeps the packets from the keyframe before, and says in the head what is shown."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg")
    given = write(tmp_path / "a.mp4", 60, options={"g": "20", "bf": "3"}, tone="aac")
    for name in ("b.mp4", "b.mkv"):
        path = tmp_path / name
        line = [
            "ffmpeg",
            "-loglevel",
            "error",
            "-ss",
            "1.3",
            "-i",
            str(given),
            "-t",
            "3.5",
            "-c",
            "copy",
            str(path),
        ]
        subprocess.run(line, check=True)
        theirs = opencv(path)
        shown = read(path)
        assert abs(len(shown) - len(theirs)) <= 2
        # The sound may begin before the first frame, which stands until then.
        assert apart(shown[-1], theirs[-1]) < 4


def test_a_sound_that_lasts_longer_does_not_make_the_film_longer(tmp_path: Path) -> None:
    for name in ("a.mkv", "a.mp4"):
        path = write(tmp_path / name, 20, times=range(20), tone="aac", tone_seconds=Fraction(5))
        assert len(read(path)) == 20
