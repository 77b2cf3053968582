"""Every example checks, is formatted, and does what its tests say, with the models that come with gflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from films import write
from PIL import Image

import gflow
from gflow.cli import main

EXAMPLES = Path(__file__).parent.parent / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.gflow"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_an_example_is_right(script: Path) -> None:
    for arguments in (["check"], ["fmt", "--check"], ["test", "--stand-ins"], ["test"]):
        result = CliRunner().invoke(main, [*arguments, str(script)])
        assert result.exit_code == 0, result.output
        assert "warning[" not in result.output


def test_there_are_the_examples() -> None:
    assert {"hello", "poster", "refine", "catalogue", "finish"} <= {path.stem for path in SCRIPTS}


def run(script: Path, out: Path, *args: str) -> bytes:
    """Runs an example in a process of its own; gives the picture's bytes."""
    line = [sys.executable, "-m", "gflow", "run", str(script), *args, "--out", str(out)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    [picture] = out.rglob("*.png")
    return picture.read_bytes()


def test_two_processes_make_the_same_file(tmp_path: Path) -> None:
    first, second = (run(EXAMPLES / "poster.gflow", tmp_path / name, "--drafts", "2") for name in "ab")
    assert first == second


def test_a_draft_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    path = tmp_path / "drafts.gflow"
    path.write_text(
        'model painter = diffusion("starter/scenes")\n'
        "flow all(drafts: int) -> list<image> {\n"
        '  images = for i in 1..drafts { painter.generate("a red circle", steps: 3) }\n'
        "  images\n"
        "}\n"
    )
    script = gflow.load(path)
    one, many = script.all(1), script.all(4)
    # Batches of other sizes round differently; `--exact` keeps one size.
    assert np.abs(np.asarray(one[0], int) - np.asarray(many[0], int)).max() <= 1
    assert len({np.asarray(picture).tobytes() for picture in many}) == 4


def test_the_catalogue_is_made_from_its_table(tmp_path: Path) -> None:
    arguments = [
        "run",
        str(EXAMPLES / "catalogue.gflow"),
        "--rows",
        str(EXAMPLES / "catalogue.csv"),
        "--out",
        str(tmp_path),
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "catalogue.jsonl").read_text().splitlines()) == 3
    assert {Image.open(path).size for path in tmp_path.rglob("*.png")} == {(256, 256)}


def test_a_photo_is_finished(tmp_path: Path) -> None:
    photo = EXAMPLES / "photos" / "box.png"
    script = EXAMPLES / "finish.gflow"
    made = run(script, tmp_path / "script", "--photo", str(photo))
    assert made == run(script, tmp_path / "again", "--photo", str(photo))
    before, after = (np.asarray(Image.open(path), int) for path in (photo, tmp_path / "script" / "finish.png"))
    assert after.shape == before.shape
    assert (after - before)[40:56, 70:80].mean() > 3, "more light"
    assert (after - before)[:6, :6].mean() < -30, "less of it in the corners"
    # The look goes with a bundle, which needs the script's folder no more.
    bundle = tmp_path / "finish"
    for line in (
        ["-m", "gflow", "compile", str(script), "-o", str(bundle)],
        [str(bundle), "--photo", str(photo), "--out", str(tmp_path / "bundle")],
    ):
        done = subprocess.run([sys.executable, *line], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr
    assert np.array_equal(np.asarray(Image.open(tmp_path / "bundle" / "finish.png")), after)


def test_photos_are_merged(tmp_path: Path) -> None:
    photos = [EXAMPLES / "photos" / name for name in ("lamp.png", "box.png")]
    script = gflow.load(EXAMPLES / "finish.gflow")
    made = np.asarray(script.merged(*(Image.open(photo) for photo in photos)), int)
    left, right = (np.asarray(Image.open(photo), int) for photo in photos)
    assert np.abs(made - left)[:, :4].mean() < 25 < np.abs(made - right)[:, :4].mean()
    assert np.abs(np.diff(made, axis=1))[:20].max() <= 3, "there is no seam"


def test_a_trailer_is_made_of_a_film(tmp_path: Path) -> None:
    film = write(tmp_path / "film.mp4", 100, 160, 120, fps=25, tone="aac")
    arguments = ["run", str(EXAMPLES / "clip.gflow"), "--film", str(film), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, [*arguments, "--size", "320x180"])
    assert result.exit_code == 0, result.output
    assert Image.open(tmp_path / "out" / "cover.png").size == (320, 180)
    with av.open(str(tmp_path / "out" / "trailer.mp4")) as made:
        [video], [sound] = made.streams.video, made.streams.audio
        assert (video.width, video.height, video.average_rate, video.frames) == (320, 180, 25, 89)
        assert abs(float(sound.duration * sound.time_base) - 3.56) < 0.1


def test_a_long_prompt_is_cut_with_a_warning(tmp_path: Path) -> None:
    script = tmp_path / "long.gflow"
    script.write_text(
        'model painter = diffusion("starter/scenes")\n'
        "flow f(prompt: text) -> image { painter.generate(prompt, steps: 2) }\n"
    )
    prompt = "a red circle above a blue square " * 6 + "and an owl"
    result = CliRunner().invoke(main, ["run", str(script), "--prompt", prompt, "--out", str(tmp_path / "o")])
    assert result.exit_code == 0, result.output
    told = " ".join(result.stderr.split())
    assert "warning" in told and "owl" in told and "long.gflow:2:" in told
