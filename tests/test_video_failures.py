"""What can be wrong with videos: one clear message with a code, the right exit status, and no file by halves."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner
from films import apart, scene, write
from PIL import Image

import gflow
from gflow.cli import main
from gflow.runtime import media

SCRIPT = """
flow made(clip: video) -> video { clip |> invert() }
flow picture(clip: video, at: duration = 1s) -> image { frame_at(clip, at) }
flow two(clip: video, img: image) -> { still: image, film: video } { { still: img, film: clip } }
flow sure(clip: video, at: duration) -> image { try { frame_at(clip, at) } else { solid(8x8, "red") } }
flow sounding(clip: video, voice: audio) -> video { with_audio(clip, voice) }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.gflow").write_text(SCRIPT, "utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good.mp4: 6 s, with a keyframe every second. torn.mp4: a packet at 3.1 s is noise. cut.mkv: ends too soon."""
    folder = tmp_path_factory.mktemp("films")
    options = {"g": "10", "bf": "0", "crf": "10"}
    good = write(folder / "good.mp4", 60, options=options, tone="aac")
    write(folder / "good.mkv", 60, options=options)
    data = bytearray(good.read_bytes())
    with av.open(str(good)) as container:
        [packet] = [
            p for p in container.demux(video=0) if p.pts is not None and p.pts * p.time_base == Fraction(31, 10)
        ]
        begin, end = packet.pos, packet.pos + packet.size
    data[begin:end] = np.random.default_rng(3).integers(0, 256, end - begin, np.uint8).tobytes()
    (folder / "torn.mp4").write_bytes(data)
    whole = (folder / "good.mkv").read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    # A head at the front outlives the end of its file.
    fast = write(folder / "fast.mp4", 60, options=options, tone="aac", head_first=True).read_bytes()
    (folder / "cut_fast.mp4").write_bytes(fast[: len(fast) * 9 // 10])
    (folder / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("not a video\n" * 1000)
    (folder / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\ngood.mp4\n")
    Image.new("RGB", (8, 8)).save(folder / "picture.png")
    with av.open(str(good)) as given, av.open(str(folder / "sound.m4a"), "w", format="mp4") as container:
        stream = container.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return folder


def started(folder: Path, flow: str, *args: object, status: int = 0) -> str:
    """What `gflow run` says on stderr; there is no part of a file in any case."""
    line = ["run", str(folder / "s.gflow"), flow, *map(str, args), "--out", str(folder / "out"), "--quiet"]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output and not list(folder.rglob("*.part"))
    assert result.stderr.count("error[") == (1 if status else 0)
    return " ".join(result.stderr.split())


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere.mp4", "there is no file"),
        ("empty.mp4", "is not a video that can be read"),
        ("text.mp4", "is not a video that can be read"),
        ("playlist.mp4", "is not a video that can be read"),
        ("picture.png", "is not a video that can be read"),
        ("cut.mp4", "is not a video that can be read"),
        ("sound.m4a", "there is no video in"),
        ("", "is a folder, not a video"),
    ],
)
def test_what_is_not_a_video_is_told_before_anything_runs(name: str, told: str, films: Path, folder: Path) -> None:
    error = started(folder, "made", "--clip", films / name, status=2)
    assert "error[R1001]: --clip:" in error and told in error
    assert not (folder / "out").exists()


def test_a_damaged_frame_is_told_with_its_moment(films: Path, folder: Path) -> None:
    error = started(folder, "made", "--clip", films / "torn.mp4", status=2)
    assert "error[R1501]: torn.mp4: the frame at 3.10 s is damaged" in error and "--on-error skip" in error
    assert not list((folder / "out").iterdir())


def test_a_damaged_frame_is_skipped_where_that_is_asked(films: Path, folder: Path) -> None:
    line = [sys.executable, "-m", "gflow", "run", folder / "s.gflow", "made", "--clip", films / "torn.mp4"]
    line += ["--on-error", "skip", "--out", folder / "out"]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "warning" in said and "torn.mp4: the frame at 3.10 s is damaged" in said
    shown, good = frames(folder / "out" / "made.mp4"), frames(films / "good.mp4")
    assert len(shown) == 60
    assert all(apart(255 - shown[place], good[place]) < 3 for place in (*range(31), *range(40, 60)))
    # Until the next keyframe, what is built on the damaged frame may be wrong; itself, it is the one before.
    assert apart(255 - shown[31], good[30]) < 3


def test_what_comes_before_the_damage_is_no_matter(films: Path, folder: Path) -> None:
    started(folder, "picture", "--clip", films / "torn.mp4", "--at", "5s")
    picture = np.asarray(Image.open(folder / "out" / "picture.png").convert("RGB"))
    assert apart(picture, scene(50, 64, 48)) < 5


@pytest.mark.parametrize("name", ["cut.mkv", "cut_fast.mp4"])
def test_a_file_that_was_cut_short_fails_where_it_ends(name: str, films: Path, folder: Path) -> None:
    error = started(folder, "made", "--clip", films / name, status=2)
    assert f"error[R1501]: {name}: the frame at" in error and "missing" in error
    started(folder, "made", "--clip", films / name, "--on-error", "skip")
    shown, good = frames(folder / "out" / "made.mp4"), frames(films / "good.mkv")
    assert len(shown) == 60
    assert all(apart(255 - shown[place], good[place]) < 3 for place in range(15))
    assert apart(shown[-1], shown[-2]) < 1


def test_a_failure_leaves_earlier_files_as_they_are(films: Path, folder: Path) -> None:
    started(folder, "made", "--clip", films / "good.mp4")
    before = (folder / "out" / "made.mp4").read_bytes()
    started(folder, "made", "--clip", films / "torn.mp4", status=2)
    assert (folder / "out" / "made.mp4").read_bytes() == before
    assert [path.name for path in (folder / "out").iterdir()] == ["made.mp4"]


def test_a_script_can_have_a_plan_for_damage(films: Path, folder: Path) -> None:
    for at, color in (("3.1s", True), ("1s", False)):
        started(folder, "sure", "--clip", films / "torn.mp4", "--at", at)
        picture = np.asarray(Image.open(folder / "out" / "sure.png").convert("RGB"))
        assert (picture.reshape(-1, 3) == (255, 0, 0)).all() == color


def limited(folder: Path, films: Path, most: int) -> subprocess.CompletedProcess[str]:
    """A run whose files may have so many bytes, as on a disk that is full."""
    line = [sys.executable, "-m", "gflow", "run", folder / "s.gflow", "two", "--clip", films / "good.mp4"]
    line += ["--img", films / "picture.png", "--out", folder / "out", "--quiet"]
    return subprocess.run(
        list(map(str, line)),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_disk_that_is_full_while_encoding(films: Path, folder: Path) -> None:
    started(folder, "two", "--clip", films / "good.mp4", "--img", films / "picture.png")
    before = (folder / "out" / "film.mp4").read_bytes()
    done = limited(folder, films, len(before) // 2)
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("error[R1002]") == 1 and "Traceback" not in done.stderr
    assert (folder / "out" / "film.mp4").read_bytes() == before
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["film.mp4", "still.png"]


def test_a_sound_that_can_not_be_read(films: Path, folder: Path) -> None:
    for name, told in (("text.mp4", "can't be read"), ("good.mkv", "there is no sound in")):
        error = started(folder, "sounding", "--clip", films / "good.mp4", "--voice", films / name, status=2)
        assert "error[R1501]" in error and told in error


def test_frames_that_are_far_too_large(films: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gflow.runtime.decoding.MOST_PIXELS", 1000)
    assert "megapixels" in started(folder, "made", "--clip", films / "good.mp4", status=2)


def test_without_the_package(films: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    error = started(folder, "made", "--clip", films / "good.mp4", status=2)
    assert "error[R1502]: videos need the package `av`" in error and "pip install av" in error


def test_in_python(films: Path, folder: Path) -> None:
    script = gflow.load(folder / "s.gflow")
    clip = script.made(films / "good.mp4")
    assert (clip.size, clip.fps, clip.duration, len(clip)) == ((64, 48), 10.0, 6.0, 60)
    shown, good = list(clip), frames(films / "good.mp4")
    assert shown[0].dtype == np.uint8 and all(apart(255 - a, b) < 3 for a, b in zip(shown, good, strict=True))
    clip.save(folder / "a.mp4")
    assert len(frames(folder / "a.mp4")) == 60
    again = script.made(clip)
    assert apart(next(iter(again)), good[0]) < 3
    with pytest.raises(gflow.InputError, match=r"3\.10 s"):
        script.made(films / "torn.mp4").save(folder / "b.mp4")
    assert not (folder / "b.mp4").exists()
    skipping = gflow.load(folder / "s.gflow", on_error="skip")
    with pytest.warns(UserWarning, match=r"torn\.mp4: the frame at 3\.10 s is damaged"):
        assert len(list(skipping.made(films / "torn.mp4"))) == 60


def test_files_name_no_further_files() -> None:
    with pytest.raises((OSError, ValueError)):
        media.opened(Path("http://127.0.0.1:9/a.mp4"))
