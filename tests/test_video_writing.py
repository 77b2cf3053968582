"""Clips as files: what PyAV, OpenCV and ffprobe read is what was to be written, and the sound with it."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import Film, apart, film, heard, opencv, pitch, played, scene, write

from gflow.kernels import types as t
from gflow.kernels.clip import Clip
from gflow.kernels.op import registry
from gflow.kernels.pixel.picture import source
from gflow.kernels.pixel.realize import realize_all
from gflow.runtime.decoding import read_video
from gflow.runtime.encoding import coded, write_video
from gflow.runtime.errors import VideoBroken


def scenes(count: int = 12, width: int = 64, height: int = 48, fps: int = 10) -> Film:
    return Film([scene(index, width, height).astype(np.float32) / 255 for index in range(count)], fps)


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def written(clip: Clip, folder: Path) -> Path:
    path = folder / "made.mp4"
    write_video(clip, path, "where it is from")
    return path


def decoded(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets(path: Path, stream: int = 0) -> list[tuple[float, bytes]]:
    """The sound's packets, and their times in seconds."""
    with av.open(str(path)) as container:
        sound = container.streams.audio[stream]
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(sound)
            if packet.pts is not None
        ]


# --- pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [decoded, opencv], ids=["PyAV", "OpenCV"])
def test_others_read_what_was_written(read: Any, tmp_path: Path) -> None:
    clip = scenes()
    frames = read(written(clip, tmp_path))
    assert len(frames) == 12
    for frame, picture in zip(frames, clip.pictures, strict=True):
        assert apart(frame, picture * 255) < 3


def test_colors_are_exact_where_they_are_flat(tmp_path: Path) -> None:
    colors = [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.9, 0.1, 0.1), (0.1, 0.8, 0.2), (0.2, 0.1, 0.9)]
    clip = Film([np.full((32, 32, 3), color, np.float32) for color in colors for _ in range(5)])
    frames = decoded(written(clip, tmp_path))
    for place, color in enumerate(colors):
        middle = frames[5 * place + 2][8:24, 8:24].reshape(-1, 3).mean(axis=0)
        assert np.abs(middle - 255 * np.array(color)).max() < 4


def test_chroma_lies_where_h264_has_it() -> None:
    """In line with the first of two pixels, between two rows: on ramps, the value there."""
    x, y = np.meshgrid(np.arange(24), np.arange(24))
    red, blue = 0.1 + 0.8 * x / 23, 0.1 + 0.8 * y / 23
    picture = np.stack([red, np.full_like(red, 0.5), blue], axis=2).astype(np.float32)
    luma, u, v = realize_all(coded(source(picture)), ["u8"] * 3)
    bright = 0.2126 * red + 0.7152 * 0.5 + 0.0722 * blue
    assert np.abs(luma - (16 + 219 * bright)).max() <= 0.51
    # Samples are at pixels 0, 2, 4, …, and at rows 0.5, 2.5, 4.5, ….
    even = np.arange(0, 24, 2)
    at_red, at_blue = np.meshgrid(0.1 + 0.8 * even / 23, 0.1 + 0.8 * (even + 0.5) / 23)
    bright = 0.2126 * at_red + 0.7152 * 0.5 + 0.0722 * at_blue
    inside = np.s_[1:-1, 1:-1]
    assert np.abs(u - (128 + 224 * (at_blue - bright) / 1.8556))[inside].max() <= 0.51
    assert np.abs(v - (128 + 224 * (at_red - bright) / 1.5748))[inside].max() <= 0.51


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("there is no ffprobe")
    path = written(run("slideshow", scenes(2).pictures, hold=0.5, crossfade=0.0, fps=23.976), tmp_path)
    line = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    told = json.loads(subprocess.run(line, capture_output=True, check=True, text=True).stdout)
    [stream] = told["streams"]
    expected = {
        "codec_name": "h264",
        "pix_fmt": "yuv420p",
        "width": 64,
        "height": 48,
        "color_space": "bt709",
        "color_transfer": "bt709",
        "color_primaries": "bt709",
        "color_range": "tv",
        "r_frame_rate": "24000/1001",
        "avg_frame_rate": "24000/1001",
        "nb_frames": "24",
        "chroma_location": "left",
    }
    assert {name: stream.get(name) for name in expected} == expected
    assert told["format"]["tags"]["comment"] == "where it is from"
    # Players may begin before all is there: the head stands before the frames.
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("width", "height"), [(63, 47), (64, 47), (63, 48), (130, 34)])
def test_odd_sizes_get_a_row_or_a_column_more(width: int, height: int, tmp_path: Path) -> None:
    clip = scenes(4, width, height)
    frames = decoded(written(clip, tmp_path))
    for frame, picture in zip(frames, clip.pictures, strict=True):
        assert frame.shape == (height + height % 2, width + width % 2, 3)
        assert apart(frame[:height, :width], picture * 255) < 3
        assert apart(frame[-1], frame[height - 1]) < 4 and apart(frame[:, -1], frame[:, width - 1]) < 4


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    picture = np.full((32, 32, 4), (1, 1, 1, 0.5), np.float32)
    [frame, *_] = decoded(written(Film([picture] * 3), tmp_path))
    assert np.abs(frame[8:24, 8:24].astype(int) - 128).max() < 4


def test_a_frame_that_stays_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gflow.kernels.pixel.repeated import Repeated

    computed, found = [0], Repeated.run

    def counted(*args: Any) -> Any:
        computed[0] += 1
        return found(*args)

    monkeypatch.setattr(Repeated, "run", counted)
    pictures = scenes(2).pictures
    frames = decoded(written(run("slideshow", pictures, hold=1.0, crossfade=0.0, fps=10.0), tmp_path))
    assert computed == [2] and len(frames) == 20
    assert all(apart(frames[place], pictures[place // 10] * 255) < 3 for place in range(20))


def test_a_file_through_ops_and_back(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", 12, options={"crf": "4"})
    clip = read_video(path, "--clip")
    made = run("flip", run("grade", clip, contrast=1.2, saturation=0.7))
    expected = [
        255 * run("flip", run("grade", (f / 255).astype(np.float32), contrast=1.2, saturation=0.7))
        for f in decoded(path)
    ]
    frames = decoded(written(made, tmp_path))
    assert all(apart(frame, np.clip(other, 0, 255)) < 3 for frame, other in zip(frames, expected, strict=True))


# --- sound -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sounding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds with a tone."""
    return write(tmp_path_factory.mktemp("sound") / "a.mp4", 30, tone="aac")


def test_sound_that_nothing_was_done_to_is_copied(sounding: Path, tmp_path: Path) -> None:
    made = written(run("invert", read_video(sounding, "--clip")), tmp_path)
    before, after = packets(sounding), packets(made)
    assert [data for _, data in before] == [data for _, data in after]
    assert np.allclose([time for time, _ in before], [time for time, _ in after], atol=0.002)


def test_a_part_is_copied_with_its_moments(sounding: Path, tmp_path: Path) -> None:
    made = written(run("trim", read_video(sounding, "--clip"), 1.0, 2.0), tmp_path)
    before = dict(map(reversed, packets(sounding)))  # type: ignore[arg-type]
    after = packets(made)
    assert abs(len(after) * 1024 / 48_000 - 1.0) < 0.05
    assert all(abs(before[data] - 1.0 - time) < 0.03 for time, data in after)


def test_other_speeds_keep_the_pitch(sounding: Path, tmp_path: Path) -> None:
    clip = read_video(sounding, "--clip")
    for factor in (2.0, 0.5, 5.0):
        samples = heard(written(run("speed", clip, factor), tmp_path))
        assert abs(samples.shape[1] / 48_000 - 3 / factor) < 0.15
        middle = samples[:, samples.shape[1] // 4 : samples.shape[1] * 3 // 4]
        assert abs(pitch(middle[0]) - 440) < 15 and abs(pitch(middle[1]) - 660) < 15


def test_clips_without_a_sound_are_silent_between_others(sounding: Path, tmp_path: Path) -> None:
    clip = read_video(sounding, "--clip")
    silent = run("without_audio", clip)
    samples = heard(written(run("concat", [run("trim", clip, end=1.0), silent, clip]), tmp_path))
    loud = [float(np.abs(samples[0, begin : begin + 24_000]).max()) for begin in range(12_000, 300_000, 48_000)]
    assert [level > 0.3 for level in loud] == [True, False, False, False, True, True]
    assert abs(samples.shape[1] / 48_000 - 7) < 0.1


def test_another_sound(tmp_path: Path) -> None:
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * 44_100) / 44_100)
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
    made = written(run("with_audio", scenes(20), t.MediaFile(path)), tmp_path)
    samples = heard(made)
    assert abs(samples.shape[1] / 48_000 - 2) < 0.05 and abs(pitch(samples[0]) - 1000) < 5
    with pytest.raises(VideoBroken, match="no sound"):
        written(run("with_audio", scenes(), t.MediaFile(write(tmp_path / "mute.mp4", 3))), tmp_path)
    assert registry()["without_audio"].kernel(read_video(made, "--clip")).sound == ()


def test_a_sound_that_begins_later_stays_in_time(sounding: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    with av.open(str(sounding)) as given, av.open(str(late), "w") as container:
        streams = {each: container.add_stream_from_template(each) for each in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    shift = int(1 / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                packet.stream = streams[packet.stream]
                container.mux(packet)
    made = written(run("invert", read_video(late, "--clip")), tmp_path)
    assert abs(packets(made)[0][0] - packets(late)[0][0]) < 0.03
    faster = heard(written(run("speed", read_video(late, "--clip"), 2.0), tmp_path))
    assert np.abs(faster[0, : int(0.4 * 48_000)]).max() < 0.1
    assert np.abs(faster[0, int(0.6 * 48_000) : int(0.9 * 48_000)]).max() > 0.3


def test_reading_what_was_written_gives_the_same_again(tmp_path: Path) -> None:
    clip = film(6, 64, 48)
    clip.pictures = [picture * 0.1 + 0.4 for picture in clip.pictures]
    again = read_video(written(clip, tmp_path), "--clip")
    assert (again.fps, again.count, again.size) == (Fraction(10), 6, clip.size)
    assert all(apart(255 * a, 255 * b) < 6 for a, b in zip(played(again), clip.pictures, strict=True))
