"""The dataflow machine: what runs, in which order, what is stopped, what is kept."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eager import Eager
from hypothesis import HealthCheck, Phase, given, settings
from plans import together
from programs import programs
from test_programs import EXAMPLES, loaded

from gflow.compiler.program import load
from gflow.kernels import types as t
from gflow.runtime import plan as p
from gflow.runtime.errors import ExpectFailed, ExternFailed, OpFailed, RunError
from gflow.runtime.executor import Executor, Observer

HEAD = """
model painter = diffusion("nobody/paints")
model writer = language(endpoint: "http://127.0.0.1:9/v1", name: "none")
extern op note(line: text) -> text from "py.py:note" impure
extern op seen(line: text) -> text from "py.py:note"
extern op broken(line: text) -> text from "py.py:broken"
extern op thread(line: text) -> text from "py.py:thread" impure
extern op meet(line: text) -> text from "py.py:meet"
extern op same(image: image) -> image from "py.py:same"
"""

PYTHON = """
import pathlib, threading
HERE = pathlib.Path(__file__).parent
MEETING = threading.Barrier(2)

def note(line):
    with open(HERE / "notes.txt", "a") as file:
        file.write(line + "\\n")
    return line

def broken(line):
    note(line)
    raise RuntimeError(line)

def thread(line):
    return threading.current_thread().name

def meet(line):
    MEETING.wait(30)
    return line

def same(image):
    return image
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Executor]:
    """An executor of some source text, with stand-ins; many: so many iterations at a time."""
    (tmp_path / "py.py").write_text(PYTHON, "utf-8")

    def make(source: str, many: int = 1, observer: Observer | None = None) -> Executor:
        (tmp_path / "s.gflow").write_text(HEAD + source, "utf-8")
        plan = load(tmp_path / "s.gflow").plan
        return Executor(together(plan, many) if many > 1 else plan, stand_ins=True, observer=observer)

    return make


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "notes.txt"
    return lambda: path.read_text().split() if path.exists() else []


Make = Callable[..., Executor]
Notes = Callable[[], list[str]]


# Shrinking a program takes minutes and tells little: the failing one is printed whole.
@settings(
    max_examples=max(20, EXAMPLES // 4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(programs())
def test_programs_mean_what_they_mean_step_by_step(text: str) -> None:
    plan = loaded(text).plan  # type: ignore[attr-defined]
    for flow in plan.flows:
        try:
            expected = repr(Eager(plan).run(flow))
        except RunError:
            continue  # Dead code may be what failed.
        for width in (1, 3):
            executor = Executor(together(plan, width), stand_ins=True)
            assert repr(executor.run(flow, {})) == expected, text


# --- what runs -------------------------------------------------------------------------------------


def test_what_nothing_needs_never_runs(make: Make, notes: Notes) -> None:
    source = """
    flow f(go: bool) -> text {
      _dead = broken("dead")
      far = seen("far")
      near = seen(far + "er")
      a = if go { near } else { "-" }
      b = if go { near + "!" } else { "-" }
      a + b
    }
    """
    assert make(source).run("f", {"go": False}) == "--"
    assert notes() == []
    assert make(source).run("f", {"go": True}) == "farerfarer!"
    assert notes() == ["far", "farer"]


def test_what_a_try_reads_from_outside_fails_outside(make: Make) -> None:
    source = """
    flow f() -> text {
      bad = broken("outside")
      if true { try { bad } retry 3 else { "caught" } } else { "" }
    }
    flow g() -> text { try { bad = broken("inside"); bad } else { "caught" } }
    """
    with pytest.raises(ExternFailed, match="outside"):
        make(source).run("f", {})
    assert make(source).run("g", {}) == "caught"


def test_effects_keep_their_order(make: Make, notes: Notes) -> None:
    source = """
    flow inner(line: text) -> text { note(line) }
    flow f(n: int) -> list<text> {
      late = painter.generate("x", size: 8x8)
      a = note("size-${late.size.width}")
      expect n > 0
      b = for i in 1..2 { note("loop-${i}") }
      [a, first(b), inner("inner"), note("end")]
    }
    """
    make(source).run("f", {"n": 1})
    assert notes() == ["size-8", "loop-1", "loop-2", "inner", "end"]
    with pytest.raises(ExpectFailed):
        make(source).run("f", {"n": 0})
    assert notes()[5:] == ["size-8"]


def test_the_first_error_in_order_is_told_and_nothing_after_it_begins(make: Make, notes: Notes) -> None:
    source = """
    flow f() -> list<text> {
      slow = seen("slow")
      first_one = broken(slow)
      second = first(split("", "x") |> take(0))
      [first_one, second, seen("after")]
    }
    """
    with pytest.raises(ExternFailed, match="slow"):
        make(source).run("f", {})
    assert "after" not in notes()


@pytest.mark.parametrize("many", [1, 3, 8])
def test_of_a_loops_items_the_first_that_fails_is_told(make: Make, notes: Notes, many: int) -> None:
    source = """
    flow f() -> list<text> {
      for i in 1..9 { if i == 5 or i == 4 { broken("bad-${i}") } else { seen("good-${i}") } }
    }
    """
    with pytest.raises(ExternFailed, match="bad-4") as caught:
        make(source, many).run("f", {})
    assert "s.gflow:" in caught.value.place
    assert "good-9" not in notes()


# --- refine ----------------------------------------------------------------------------------------


def test_attempts_made_ahead_change_nothing(make: Make, notes: Notes) -> None:
    source = """
    flow f(n: int) -> text {
      refine x up to 7 { writer.generate("x") } until writer.generate(x, as: int) == n
      keep best by writer.generate(x + "?", as: float)
    }
    flow fails(bad: int) -> int {
      numbers = [1, 2, 3, 4]
      refine n up to 4 { best(numbers, by: x => 1.0 * x) - 4 } until n == 0
    }
    """
    for n in range(10):
        assert len({make(source, many).run("f", {"n": n}) for many in (1, 2, 3, 7)}) == 1


def test_errors_of_attempts_after_the_accepted_one_do_not_count(make: Make, notes: Notes) -> None:
    source = """
    flow f(good: text) -> text {
      refine x up to 4 { writer.generate("x") } until if x == good { true } else { broken(x) == "" }
    }
    """
    first = make('flow f() -> text { refine x up to 1 { writer.generate("x") } until true }').run("f", {})
    assert make(source, 4).run("f", {"good": first}) == first
    with pytest.raises(ExternFailed, match=first):
        make(source, 4).run("f", {"good": "another"})


# --- at once ---------------------------------------------------------------------------------------


class Meeting:
    """A model whose answer waits for an extern function, which waits for it."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self.barrier = barrier

    def call(self, method: str, args: Mapping[str, Any], **more: Any) -> Any:
        self.barrier.wait(30)
        return np.zeros((8, 8, 3), np.float32)


def test_an_extern_function_runs_beside_a_models_call(make: Make) -> None:
    executor = make('flow f() -> text { a = painter.generate("x"); b = meet("b"); "${a.size} ${b}" }')
    barrier = threading.Barrier(2)
    executor.models["painter"] = Meeting(barrier)
    from gflow.runtime import extern

    extern._module(executor.plan.externs["meet"].path).MEETING = barrier
    assert executor.run("f", {}) == "8x8 b"


def test_a_program_without_overlap_starts_no_threads(make: Make) -> None:
    before = threading.active_count()
    source = """
    flow f() -> list<text> {
      image = painter.generate("x", size: 8x8) |> resize(4x4) |> brightness(1.5)
      ["${image.size}", thread("${image.size}"), thread("${image.size}")]
    }
    """
    size, *names = make(source).run("f", {})
    assert size == "4x4" and names == [threading.current_thread().name] * 2
    assert threading.active_count() <= before


# --- size ------------------------------------------------------------------------------------------


def chain(length: int) -> list[p.AnyStep]:
    """Slot 1 is 1, and each further slot one more."""
    one: list[p.AnyStep] = [p.Const(out=1, type=t.INT, value=1)]
    return one + [p.Call(out=slot, op="+", args={"left": slot - 1, "right": 1}) for slot in range(2, length + 1)]


def run_steps(steps: list[p.AnyStep], result: int) -> Any:
    flow = p.Flow(name="f", params=[], key=0, body=p.Block(steps, result), result=t.INT)
    return Executor(p.Plan(models={}, externs={}, flows={"f": flow}, tests={}, main="f")).run("f", {})


def test_long_programs_do_not_nest() -> None:
    steps = chain(20_000)
    assert run_steps(steps, 20_000) == 20_000
    read_late = p.If(out=-2, condition=-1, then=p.Block([], 20_000), orelse=p.Block([], 1))
    assert run_steps([*steps, p.Const(out=-1, type=t.BOOL, value=True), read_late], -2) == 20_000


class Counting:
    """A model that knows how many of its pictures are still held."""

    def __init__(self) -> None:
        self.alive: list[weakref.ref[Any]] = []
        self.most = 0

    def call(self, method: str, args: Mapping[str, Any], **more: Any) -> Any:
        picture = np.zeros((8, 8, 3), np.float32)
        self.alive = [ref for ref in self.alive if ref() is not None] + [weakref.ref(picture)]
        self.most = max(self.most, len(self.alive))
        return picture


@pytest.mark.parametrize(("many", "most"), [(1, 1), (4, 8)])
def test_pictures_are_let_go_when_nobody_reads_them_again(make: Make, many: int, most: int) -> None:
    source = 'flow f() -> list<size> { for i in 1..40 { (painter.generate("x") |> resize(4x4)).size } }'
    executor = make(source, many)
    counting = executor.models["painter"] = Counting()
    assert len(executor.run("f", {})) == 40
    assert counting.most <= most


def test_a_chain_holds_one_picture(make: Make) -> None:
    lines = "\n".join(f'p{i} = painter.generate("x", image: p{i - 1})' for i in range(1, 20))
    executor = make(f'flow f() -> image {{ p0 = painter.generate("x")\n{lines}\np19 }}')
    counting = executor.models["painter"] = Counting()
    executor.run("f", {})
    assert counting.most <= 2


def test_an_observer_hears_of_every_item(make: Make) -> None:
    told: list[tuple[int, int]] = []

    class Told(Observer):
        def loop(self, path: str, done: int, total: int) -> None:
            told.append((done, total))

    make('flow f() -> list<text> { for i in 1..5 { writer.generate("${i}") } }', 2, Told()).run("f", {})
    assert told == [(done, 5) for done in range(1, 6)]


def test_op_errors_have_a_place(make: Make) -> None:
    with pytest.raises(OpFailed) as caught:
        make('flow f() -> image { painter.generate("x", size: 8x8) |> crop(5x5, x: 99, y: 99) }').run("f", {})
    assert "s.gflow:" in caught.value.place
