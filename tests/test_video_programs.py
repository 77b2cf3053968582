"""Whole programs with videos: as one executable file, and how much memory they take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from films import apart, scene, write

from gflow.compiler import pixel_kernels
from gflow.compiler.compiled import compiled
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.kernels.op import registry
from gflow.kernels.pixel import realize, yuv
from gflow.runtime.encoding import coded
from gflow.runtime.planes import Layout

SCRIPT = """
flow made(clip: video) -> video {
  clip |> contrast(1.1) |> saturation(1.2) |> gamma(1.1) |> sharpen(amount: 0.5) |> flip("horizontal")
}
flow cut(clip: video) -> video {
  crossfade([clip |> trim(0s, 1s), clip |> trim(1s, 2s) |> resize(clip.size)], duration: 200ms) |> temporal_blur()
}
flow smooth(clip: video) -> video { clip |> interpolate(25fps) |> contrast(1.1) }
flow blurred(clip: video, frames: int) -> video { clip |> contrast(1.1) |> temporal_blur(frames) }
"""

#: Of flows, how many frames they make of 20.
COUNTS = {"made": 20, "cut": 18, "smooth": 50}


def program(*command: object, **options: Any) -> tuple[str, int]:
    """What a program said on stderr, and the most it held, in bytes."""
    # From a small process: the kernel's figure begins with what the parent held.
    code = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    line = [sys.executable, "-c", code, *map(str, command)]
    done = subprocess.run(line, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stderr, int(done.stdout.split()[-1]) * 1024


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "s.gflow").write_text(SCRIPT, "utf-8")
    return tmp_path / "s.gflow"


@pytest.mark.parametrize(
    ("flow", "pix_fmt"),
    [("made", "yuv420p"), ("made", "yuv422p"), ("cut", "yuv444p"), ("cut", "gray"), ("smooth", "yuv420p")],
)
def test_a_bundle_makes_the_same_film_with_the_kernels_it_holds(flow: str, pix_fmt: str, script: Path) -> None:
    folder = script.parent
    clip = write(folder / "clip.mp4", 20, pix_fmt=pix_fmt)
    run = [sys.executable, "-m", "gflow"]
    program(*run, "compile", script, "-o", folder / "bundle", "--flow", flow)
    program(*run, "run", script, flow, "--clip", clip, "--out", folder / "one", "--quiet")
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said, _ = program(
        sys.executable, folder / "bundle", "--clip", clip, "--out", folder / "two", cwd=folder, env=alone
    )
    assert "NumPy" not in said
    one, two = frames(folder / "one" / f"{flow}.mp4"), frames(folder / "two" / f"{flow}.mp4")
    assert len(one) == len(two) == COUNTS[flow]
    assert all(apart(left, right) < 0.5 for left, right in zip(one, two, strict=True))
    if flow == "made":
        assert apart(one[0], scene(0, 64, 48)[:, ::-1]) < apart(one[0], scene(0, 64, 48))


def test_one_kernel_serves_videos_of_all_kinds_and_sizes(script: Path) -> None:
    """One more does for those with alpha, and one for what is usual, which is faster."""
    program = load(script)
    plan = compiled(program, Target(flows=frozenset({"made"}))).plan
    recorded = pixel_kernels.traced(plan)
    names = {realize.name(form, layouts) for outputs, layouts in recorded for form in pixel_kernels.forms(outputs)}
    assert len(names) == 3
    chain = {"contrast": (1.1,), "saturation": (1.2,), "gamma": (1.1,), "sharpen": (0.5,), "flip": ("horizontal",)}
    used = set()
    for format in ("yuv420p", "yuvj422p", "yuv444p", "gbrp", "rgba"):
        for size in ((1920, 1080), (3840, 2160), (61, 45), (2, 2), (720, 1280)):
            layout = Layout(format, *size, 0, yuv.Coding("bt601", full=True, across=1.0))
            made = layout.picture(layout.blanks())
            for op, given in chain.items():
                made = registry()[op].kernel(made, *given)
            used.add(realize.name(realize.loosened(coded(made)), ["u8"] * 3))
    assert len(used) == 2 and used < names


def held(script: Path, clip: Path, flow: str = "made", *options: str) -> int:
    out = script.parent / clip.stem
    line = [sys.executable, "-m", "gflow", "run", script, flow, "--clip", clip, *options, "--out", out, "--quiet"]
    return program(*line)[1]


def test_a_longer_film_takes_no_more_memory(script: Path) -> None:
    short, long = (
        held(script, write(script.parent / f"{count}.mp4", count, 320, 180, options={"preset": "ultrafast"}))
        for count in (150, 1500)
    )
    # All frames of the long one would be 250 MB.
    assert long < short + 15e6


def test_a_mean_of_many_frames_holds_few(script: Path) -> None:
    clip = write(script.parent / "a.mp4", 100, 640, 360, options={"preset": "ultrafast"})
    few, many = (held(script, clip, "blurred", "--frames", width) for width in ("2", "64"))
    # 64 pictures are 177 MB.
    assert many < few + 80e6


@pytest.mark.slow
def test_a_mean_of_64_frames_of_1080p_holds_few(script: Path) -> None:
    clip = write(script.parent / "a.mp4", 150, 1920, 1080, fps=30, options={"preset": "ultrafast", "g": "30"})
    none, many = (held(script, clip, "blurred", "--frames", width) for width in ("1", "64"))
    # 64 pictures are 1.6 GB. Four are made and summed, and the file is decoded in a second place.
    assert many < none + 250e6, f"{none / 1e6:.0f} and {many / 1e6:.0f} MB"


@pytest.mark.slow
def test_ten_minutes_of_1080p_take_less_than_400_mb(script: Path) -> None:
    folder = script.parent
    once = write(folder / "once.mp4", 300, 1920, 1080, fps=30, options={"preset": "ultrafast", "g": "30"})
    long = folder / "long.mp4"
    with av.open(str(long), "w") as container:
        for turn in range(60):
            with av.open(str(once)) as given:
                stream = given.streams.video[0]
                made = container.streams.video[0] if turn else container.add_stream_from_template(stream)
                shift = int(turn * 10 / stream.time_base)
                for packet in given.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, made
                        container.mux(packet)
    most = held(script, long)
    with av.open(str(folder / "long" / "made.mp4")) as container:
        assert container.streams.video[0].frames == 18_000
    assert most < 400e6, f"{most / 1e6:.0f} MB"
