"""Pictures of a result are encoded while the run goes on."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from plans import together

from gflow.compiler.program import load
from gflow.kernels.types import Array
from gflow.runtime import outputs
from gflow.runtime.early import Encoder
from gflow.runtime.errors import ExternFailed
from gflow.runtime.executor import Executor

HEAD = """
model painter = diffusion("nobody/paints")
extern op bright(image: image) -> float from "py.py:bright"
extern op fails(image: image) -> image from "py.py:fails"
"""

PYTHON = """
def bright(image):
    return float(image.getpixel((0, 0))[0])

def fails(image):
    raise RuntimeError("no")
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Executor]:
    (tmp_path / "py.py").write_text(PYTHON, "utf-8")

    def make(source: str, many: int = 1) -> Executor:
        (tmp_path / "s.gflow").write_text(HEAD + source, "utf-8")
        plan = load(tmp_path / "s.gflow").plan
        return Executor(together(plan, many) if many > 1 else plan, stand_ins=True)

    return make


def kinds(value: Any) -> Any:
    """A result with "early" for what was finished before the run was over."""
    if isinstance(value, dict):
        return {name: kinds(item) for name, item in value.items()}
    if isinstance(value, list):
        return [kinds(item) for item in value]
    return value if isinstance(value, str) else type(value).__name__


PARTS = """
flow f(go: bool = true, n: int = 3) -> {
  one: image, all: list<image>, mask: mask?, score: float, read: image, pair: list<image>, either: image
} {
  read = painter.generate("read", size: 32x32) |> grade(contrast: 1.1)
  {
    one: painter.generate("one", size: 32x32) |> grade(contrast: 1.1),
    all: for i in 1..n { painter.generate("${i}", size: 32x32) |> invert() },
    mask: rectangle_mask(32x32, 0, 0, 8, 8),
    score: bright(read),
    read: read,
    pair: [painter.generate("left", size: 32x32), read],
    either: if go { painter.generate("yes", size: 32x32) |> invert() } else { read }
  }
}
"""


@pytest.mark.parametrize("many", [1, 3])
def test_pictures_that_nothing_else_reads_are_finished_as_soon_as_they_are_there(
    make: Callable[..., Executor], many: int
) -> None:
    made = make(PARTS, many).run("f", {}, finish=lambda picture: "early")
    assert kinds(made) == {
        "one": "early",
        "all": ["early"] * 3,
        "mask": "early",
        "score": "float",
        "read": "ndarray",
        "pair": ["early", "ndarray"],
        "either": "early",
    }


def test_the_files_are_the_same_and_say_the_same(make: Callable[..., Executor], tmp_path: Path) -> None:
    executor, told = make(PARTS), {"gflow": "test"}
    flow = executor.plan.flows["f"]
    assert flow.result is not None
    plain = outputs.write("f", flow.result, executor.run("f", {}), tmp_path / "plain", provenance=told)
    with Encoder() as finish:
        made = executor.run("f", {}, finish=finish)
        early = outputs.write("f", flow.result, made, tmp_path / "early", provenance=told)
    assert len(early) == len(plain) == 10
    assert [file.read_bytes() for file in early] == [file.read_bytes() for file in plain]
    assert isinstance(made["one"], Future) and Image.open(early[0]).info["gflow"] == '{"gflow": "test"}'
    outputs.show(early, made, as_json=True)  # Pictures are in the files.


class Painter:
    """Paints once the picture before is encoded, and knows which of its pictures are still held."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[Array]] = []
        self.encoded: Future[Any] | None = None

    def call(self, method: str, args: Any, **more: Any) -> Array:
        if self.encoded is not None:
            self.encoded.result(20)
        picture = np.zeros((8, 8, 3), np.float32)
        self.alive.append(weakref.ref(picture))
        return picture


def test_a_picture_is_encoded_while_the_next_one_is_made(make: Callable[..., Executor]) -> None:
    """And let go then."""
    executor = make('flow f() -> list<image> { for i in 1..3 { painter.generate("${i}") } }')
    painter = executor.models["painter"] = Painter()  # type: ignore[assignment]
    with Encoder() as finish:

        def noted(picture: Array) -> Any:
            painter.encoded = finish(picture)
            return painter.encoded

        made = executor.run("f", {}, finish=noted)
        assert [type(each.result()).__name__ for each in made] == ["Compressed"] * 3
    assert [each() for each in painter.alive] == [None] * 3


def test_what_fails_later_drops_what_was_finished(make: Callable[..., Executor]) -> None:
    executor = make('flow f() -> list<image> { a = painter.generate("a", size: 32x32); [a, fails(invert(a))] }')
    with pytest.raises(ExternFailed), Encoder() as finish:
        executor.run("f", {}, finish=finish)


def test_a_picture_that_can_not_be_encoded_fails_where_it_is_written(tmp_path: Path) -> None:
    from gflow.kernels import types as t

    with Encoder() as finish, pytest.raises(KeyError):
        broken = finish(np.zeros((4, 4, 5), np.float32))
        outputs.write("f", t.IMAGE, broken, tmp_path, provenance={})
    assert not list(tmp_path.iterdir())
