"""What programs mean: whose randomness is whose, which attempt is taken, what is tried again, what is never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gflow.compiler.program import load
from gflow.runtime.errors import ExpectFailed, ExternFailed, OpFailed, RunError, TimedOut
from gflow.runtime.executor import Executor, Observer

HEAD = """
model painter = diffusion("nobody/paints")
model writer = language(endpoint: "http://127.0.0.1:9/v1", name: "none")
extern op note(line: text) -> text from "py.py:note" impure
extern op fails(times: int) -> text from "py.py:fails" impure
extern op nap(seconds: float) -> float from "py.py:nap" impure
extern op wrong() -> int from "py.py:wrong"
"""

PYTHON = """
import pathlib, time
HERE = pathlib.Path(__file__).parent

def note(line):
    with open(HERE / "notes.txt", "a") as file:
        file.write(line + "\\n")
    return line

def fails(times):
    count = len((HERE / "notes.txt").read_text().split()) if (HERE / "notes.txt").exists() else 0
    note("x")
    if count < times:
        raise RuntimeError("not yet")
    return f"after {count}"

def nap(seconds):
    time.sleep(seconds)
    return seconds

def again(line, times=5):
    return line * times

def wrong():
    return "no number"
"""

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a flow `f` of some source text with stand-ins."""
    (tmp_path / "py.py").write_text(PYTHON, "utf-8")

    def run(source: str, seed: int = 0, observer: Observer | None = None, flow: str = "f", **args: Any) -> Any:
        (tmp_path / "s.gflow").write_text(HEAD + source, "utf-8")
        plan = load(tmp_path / "s.gflow").plan
        return Executor(plan, seed=seed, stand_ins=True, observer=observer).run(flow, args)

    return run


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "notes.txt"
    return lambda: path.read_text().split() if path.exists() else []


def same(left: Any, right: Any) -> bool:
    return bool(np.array_equal(left, right))


# --- randomness ------------------------------------------------------------------------------------

DRAFTS = 'flow f(n: int) -> list<image> { images = for i in 1..n { painter.generate("a", size: 8x8) }; images }'


def test_a_draft_is_the_same_alone_and_among_eight(run: Run) -> None:
    eight = run(DRAFTS, n=8)
    assert same(run(DRAFTS, n=1)[0], eight[0])
    assert len({image.tobytes() for image in eight}) == 8


def test_layout_and_what_stands_around_change_nothing(run: Run) -> None:
    moved = """
    flow other(x: int) -> int { x }   // pushes the rest down
    flow f(n: int) -> list<image> {
      _unused = painter.generate("b")
      images = for i in 1..n {
        painter.generate("a",
          size: 8x8)
      }
      images
    }
    """
    assert same(run(DRAFTS, n=2)[1], run(moved, n=2)[1])


def test_the_runs_seed_changes_everything_and_a_calls_seed_is_the_whole_key(run: Run) -> None:
    assert not same(run(DRAFTS, n=1, seed=1)[0], run(DRAFTS, n=1, seed=2)[0])
    here = run('flow f() -> image { painter.generate("a", size: 8x8, seed: 7) }', seed=1)
    there = run(
        """
        flow g() -> image { first(for i in [1] { painter.generate("a", size: 8x8, seed: 7) }) }
        flow f() -> image { g() }
        """,
        seed=2,
    )
    assert same(here, there)


def test_two_places_are_two_keys(run: Run) -> None:
    both = run(
        """
        flow one() -> image { painter.generate("a", size: 8x8) }
        flow f() -> list<image> {
          here = one()
          there = one()
          [here, there, painter.generate("a", size: 8x8), painter.generate("a", size: 8x8)]
        }
        """
    )
    assert len({image.tobytes() for image in both}) == 4


# --- refine ----------------------------------------------------------------------------------------


def test_refine_takes_the_first_attempt_that_passes(run: Run, notes: Callable[[], list[str]]) -> None:
    source = """
    flow f() -> int {
      refine n from 0 up to 9 { count([note("try")]) + n } until n >= 3
    }
    """
    assert run(source) == 3
    assert notes() == ["try"] * 3


def test_refine_that_never_passes(run: Run) -> None:
    told: list[str] = []

    class Told(Observer):
        def warning(self, message: str, place: str) -> None:
            told.append(message)

    attempt = "from 0 up to 4 { n + 1 } until n > 9"
    assert run(f"flow f() -> int {{ refine n {attempt} }}", observer=Told()) == 4
    assert "no attempt of 4" in told[0]
    assert run(f"flow f() -> int {{ refine n {attempt} keep best by abs(n - 2) * -1 }}") == 2
    assert run(f"flow f() -> int {{ refine n {attempt} keep best by 1 }}") == 1  # a tie: the lowest-numbered
    assert run(f"flow f() -> int {{ refine n {attempt} else {{ -1 }} }}") == -1
    with pytest.raises(OpFailed, match="at least one"):
        run("flow f(n: int) -> int { refine x from 0 up to n { x } until true }", n=0)


def test_attempts_have_keys_of_their_own(run: Run) -> None:
    source = """
    flow f(tries: int) -> text {
      refine line up to tries { writer.generate("x") } until false
    }
    """
    assert run(source, tries=1) != run(source, tries=2)


# --- try -------------------------------------------------------------------------------------------


def test_try_tries_again_and_then_gives_up(run: Run, notes: Callable[[], list[str]]) -> None:
    assert run("flow f() -> text { try { fails(2) } retry 2 backoff 1ms }") == "after 2"
    assert len(notes()) == 3
    assert run('flow f() -> text { try { fails(99) } retry 1 backoff 1ms else { "no" } }') == "no"
    assert len(notes()) == 5
    with pytest.raises(ExternFailed, match=r"RuntimeError: not yet \(py.py:\d+\)") as caught:
        run("flow f() -> text { fails(99) }")
    assert "s.gflow:" in caught.value.place


def test_what_another_attempt_can_not_cure_is_not_tried_again(run: Run, notes: Callable[[], list[str]]) -> None:
    source = 'flow f() -> text { try { a = note("x"); first(split(a, "x") |> take(0)) } retry 5 else { "none" } }'
    assert run(source) == "none"
    assert notes() == ["x"]


def test_time_runs_out(run: Run) -> None:
    assert run("flow f() -> float { try { nap(30) } timeout 50ms else { 0.0 } }") == 0.0
    with pytest.raises(TimedOut):
        run("flow f() -> float { try { try { nap(30) } timeout 60s } timeout 50ms }")


def test_an_extern_op_has_the_defaults_that_the_script_declares(run: Run) -> None:
    extern = 'extern op again(line: text, times: int = 1 + 1) -> text from "py.py:again"\n'
    assert run(extern + 'flow f() -> text { again("ab") + again("c", times: 1) }') == "ababc"


def test_an_extern_ops_answer_is_checked(run: Run) -> None:
    with pytest.raises(RunError, match="int"):
        run("flow f() -> int { wrong() }")


# --- what is looked at -----------------------------------------------------------------------------


def test_the_right_side_is_looked_at_only_where_it_counts(run: Run, notes: Callable[[], list[str]]) -> None:
    source = """
    flow f(go: bool, name: text?) -> list<text> {
      a = if go and note("and") == "" { "x" } else { "y" }
      b = if go or note("or") == "" { "x" } else { "y" }
      [a, b, name ?? note("default")]
    }
    """
    assert run(source, go=True, name="n") == ["y", "x", "n"]
    assert notes() == ["and"]
    assert run(source, go=False, name=None) == ["y", "y", "default"]
    assert notes() == ["and", "or", "default"]


def test_match_compares_values_of_every_kind(run: Run) -> None:
    source = """
    flow f(n: int, s: size, word: text, yes: bool) -> list<text> {
      a = match n { 1 => "one"; -2 => "minus"; _ => "many" }
      b = match s { 8x8 => "small"; _ => "large" }
      c = match word { "x" => "ex"; _ => word }
      d = match yes { true => "yes"; false => "no" }
      [a, b, c, d]
    }
    """
    from gflow.kernels.types import Size

    assert run(source, n=-2, s=Size(8, 8), word="x", yes=False) == ["minus", "small", "ex", "no"]
    assert run(source, n=5, s=Size(8, 9), word="w", yes=True) == ["many", "large", "w", "yes"]


def test_expect_shows_the_values(run: Run) -> None:
    with pytest.raises(ExpectFailed, match=r"expected n \* 2 == 5, but n \* 2 is 4") as caught:
        run("flow f(n: int) -> int { expect n * 2 == 5; n }", n=2)
    assert caught.value.place.endswith("s.gflow:8:25")


def test_ints_become_floats_where_floats_are_asked(run: Run) -> None:
    assert run("flow f(n: int) -> list<float> { [n, 0.5] }", n=2) == [2.0, 0.5]
    assert run('flow f(n: int) -> text { x = if n > 0 { n } else { 0.5 }; "${x}" }', n=2) == "2.0"
    assert run("flow f(n: int) -> list<float> { [n, n] }", n=2) == [2.0, 2.0]


def test_text_shows_values_as_a_script_writes_them(run: Run) -> None:
    source = 'flow f() -> text { "${1} ${0.5} ${true} ${4s} ${8x9} ${none ?? "-"} ${[1, 2]} {brace}" }'
    assert run(source) == "1 0.5 true 4s 8x9 - [1, 2] {brace}"


def test_the_observer_is_told_in_order(run: Run) -> None:
    told: list[tuple[Any, ...]] = []

    class Told(Observer):
        def started(self, label: str, place: str, path: str) -> None:
            told.append((label, path))

        def finished(self) -> None:
            told.append(("finished",))

        def loop(self, path: str, done: int, total: int) -> None:
            told.append((path, done, total))

    run(DRAFTS, n=2, observer=Told())
    one, two = ("painter.generate", "f/images[0]"), ("painter.generate", "f/images[1]")
    assert told == [one, ("finished",), ("f/images", 1, 2), two, ("finished",), ("f/images", 2, 2)]
