"""gflow from Python."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gflow

SCRIPT = """
model painter = diffusion("nobody/paints")

/// One picture.
flow paint(idea: text, size: size = 16x8, mood: "calm" | "wild" = "calm") -> image {
  painter.generate("${idea} ${mood}", size: size)
}

flow halves(pictures: list<image>, by: float in 0.0..1.0 = 0.5) -> list<{ picture: image, size: size }> {
  for picture in pictures { { picture: picture |> scale(by), size: picture.size } }
}
"""


@pytest.fixture
def script(tmp_path: Path) -> gflow.Script:
    path = tmp_path / "s.gflow"
    path.write_text(SCRIPT, "utf-8")
    return gflow.load(path, stand_ins=True)


def test_a_flow_is_a_function(script: gflow.Script) -> None:
    picture = script.paint("fox", size=(20, 10))
    assert isinstance(picture, Image.Image) and picture.size == (20, 10)
    assert script.paint.__doc__ == "One picture."
    assert list(inspect.signature(script.paint).parameters) == ["idea", "size", "mood", "seed"]
    assert {"paint", "halves"} <= set(dir(script))


def test_the_seed_decides(script: gflow.Script) -> None:
    first, again, other = (script.paint(idea="fox", seed=seed).tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_pictures_go_in_as_pil_or_as_paths(script: gflow.Script, tmp_path: Path) -> None:
    Image.new("RGB", (8, 4), "red").save(tmp_path / "a.png")
    done = script.halves([Image.new("RGB", (4, 4), "blue"), tmp_path / "a.png"])
    assert [row["picture"].size for row in done] == [(2, 2), (4, 2)]
    assert done[1]["size"] == (8, 4)
    assert done[1]["picture"].getpixel((0, 0)) == (255, 0, 0)


def test_mistakes_are_told(script: gflow.Script) -> None:
    with pytest.raises(AttributeError, match="did you mean 'paint'"):
        script.piant  # noqa: B018
    with pytest.raises(TypeError, match="did you mean 'idea'"):
        script.paint(ida="x")
    with pytest.raises(TypeError, match="needs 'idea'"):
        script.paint()
    with pytest.raises(gflow.RunError, match="mood"):
        script.paint("x", mood="wilder")
    with pytest.raises(gflow.RunError, match="outside"):
        script.halves([], by=2.0)
    with pytest.raises(gflow.RunError, match="not finite"):
        script.halves([np.array([[[0.5, np.inf, 0.5]]], np.float32)])


def test_a_wrong_script_raises_all_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "s.gflow"
    path.write_text("flow f() -> int { a }\nflow g() -> int { b }\n")
    with pytest.raises(gflow.ScriptError) as caught:
        gflow.load(path)
    assert [found.code for found in caught.value.diagnostics] == ["E0202", "E0202"]
    assert len(gflow.check(path)) == 2
