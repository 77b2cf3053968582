"""Calls of models in batches: which calls meet, in which sizes, and that it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from plans import batching, together
from programs import programs
from test_programs import EXAMPLES, loaded

from gflow.compiler.lower import lower
from gflow.compiler.optimize import optimize
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.kernels.models import providers
from gflow.runtime import costs
from gflow.runtime.engines.base import Request
from gflow.runtime.errors import EngineFailed, ExternFailed, OpFailed, OutOfMemory, RunError
from gflow.runtime.executor import Executor, Observer

HEAD = """
model painter = diffusion("nobody/paints")
model judge = scorer("nobody/judges")
model writer = language(endpoint: "http://127.0.0.1:9/v1", name: "none")
extern op slow(image: image) -> image from "py.py:slow"
extern op broken(line: text) -> text from "py.py:broken"
"""

PYTHON = """
import random, time

def slow(image):
    time.sleep(random.random() / 100)
    return image

def broken(line):
    raise RuntimeError(line)
"""


class Adding:
    """A scorer whose score is the length of the text and the picture's width. It keeps the batches that it ran, and
    has memory for so many calls at once."""

    def __init__(self, memory: int = 99, refuses: str = "") -> None:
        self.batches: list[tuple[int, list[str]]] = []
        self.memory = memory
        self.refuses = refuses

    def call(self, method: str, args: Mapping[str, Any], **more: Any) -> Any:
        raise AssertionError("every call is in a batch")

    def call_batch(self, method: str, requests: Sequence[Request], *, size: int) -> list[Any]:
        assert len(requests) <= size
        texts = [request.args["text"] for request in requests]
        self.batches.append((size, texts))
        if size > self.memory:
            raise OutOfMemory("there is not enough memory")
        if self.refuses and self.refuses in texts:
            raise EngineFailed(f"{self.refuses} fails")
        return [
            float(len(text) + request.args["image"].shape[1]) for text, request in zip(texts, requests, strict=True)
        ]

    @property
    def sizes(self) -> list[int]:
        return [size for size, _ in self.batches]


Make = Callable[..., tuple[Executor, Adding]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """An executor whose judge is an Adding, with the table of costs that everybody has."""
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path))
    (tmp_path / "py.py").write_text(PYTHON, "utf-8")

    def make(
        source: str,
        many: int = 8,
        judge: Adding | None = None,
        sizes: tuple[int, ...] = (1, 2, 4, 8),
        **more: Any,
    ) -> tuple[Executor, Adding]:
        (tmp_path / "s.gflow").write_text(HEAD + source, "utf-8")
        executor = Executor(together(load(tmp_path / "s.gflow").plan, many, sizes), stand_ins=True, **more)
        executor.models["judge"] = judge = judge or Adding()
        return executor, judge

    return make


LOOP = 'flow f(n: int) -> list<float> { p = solid(4x4, "red"); for i in 1..n { judge.score(p, "${i}") } }'


def expected(n: int) -> list[float]:
    return [4.0 + len(str(i)) for i in range(1, n + 1)]


@pytest.mark.parametrize(("n", "sizes"), [(1, [1]), (3, [2, 1]), (8, [8]), (9, [8, 1]), (20, [8, 8, 4])])
def test_items_of_a_loop_meet(make: Make, n: int, sizes: list[int]) -> None:
    executor, judge = make(LOOP)
    assert executor.run("f", {"n": n}) == expected(n)
    assert judge.sizes == sizes


def test_calls_of_one_block_of_branches_and_of_flows_meet(make: Make) -> None:
    source = """
    flow other(p: image, line: text) -> float { judge.score(p, line) }
    flow f(go: bool) -> list<float> {
      p = solid(4x4, "red")
      a = judge.score(p, "a")
      b = if go { judge.score(p, "bb") } else { 0.0 }
      c = other(p, "ccc")
      d = for i in [1, 2] { match i { 1 => judge.score(p, "dddd"); _ => other(p, "eeeee") } }
      [a, b, c, first(d), best(d, by: x => x)]
    }
    """
    executor, judge = make(source)
    assert executor.run("f", {"go": True}) == [5.0, 6.0, 7.0, 8.0, 9.0]
    assert judge.batches == [(4, ["a", "bb", "ccc", "dddd"]), (1, ["eeeee"])]


def test_attempts_meet_and_the_first_that_passes_is_taken(make: Make) -> None:
    source = """
    flow f(n: float) -> float {
      p = solid(4x4, "red")
      refine x up to 8 { judge.score(p, writer.generate("x")) } until x >= n
    }
    """
    executor, judge = make(source, 4)
    first = executor.run("f", {"n": 0.0})
    assert [size for size, _ in judge.batches] == [4]
    judge.batches.clear()
    worst = executor.run("f", {"n": 999.0})
    assert [size for size, _ in judge.batches] == [4, 4]
    one_by_one, alone = make(source, 1)
    assert one_by_one.run("f", {"n": 0.0}) == first and one_by_one.run("f", {"n": 999.0}) == worst
    assert alone.sizes == [1] * 9


def test_equal_calls_are_made_once(make: Make) -> None:
    source = 'flow f() -> list<float> { p = solid(4x4, "red"); for i in 1..6 { judge.score(p, "${i % 2}") } }'
    executor, judge = make(source)
    assert executor.run("f", {}) == [5.0] * 6
    assert judge.batches == [(2, ["1", "0"])]


@pytest.mark.parametrize("many", [2, 4, 8])
def test_batches_do_not_depend_on_how_fast_threads_are(make: Make, many: int) -> None:
    source = """
    flow f() -> list<float> {
      p = solid(8x8, "red")
      for i in 1..19 {
        a = slow(p |> brightness(i / 9))
        first_one = judge.score(a, "${i}")
        if i % 3 == 0 { judge.score(slow(a) |> resize(4x4), "again ${first_one}") } else { first_one }
      }
    }
    """
    runs = []
    for _ in range(3):
        executor, judge = make(source, many)
        executor.run("f", {})
        runs.append(judge.batches)
    assert runs[0] == runs[1] == runs[2]
    assert max(runs[0])[0] == many


def test_exact_runs_have_one_size(make: Make) -> None:
    for n in (1, 3, 9):
        executor, judge = make(LOOP, exact=True)
        assert executor.run("f", {"n": n}) == expected(n)
        assert set(judge.sizes) == {8}


def test_a_batch_that_is_too_large_is_halved_and_remembered(make: Make) -> None:
    executor, judge = make(LOOP, judge=Adding(memory=2))
    assert executor.run("f", {"n": 8}) == expected(8)
    assert judge.sizes == [8, 4, 4, 2, 2, 2, 2]
    judge.batches.clear()
    assert executor.run("f", {"n": 8}) == expected(8)
    assert judge.sizes == [2, 2, 2, 2]
    executor, judge = make(LOOP, judge=Adding(memory=0))
    with pytest.raises(OutOfMemory) as caught:
        executor.run("f", {"n": 2})
    assert "s.gflow:" in caught.value.place


def test_one_call_that_fails_does_not_fail_its_neighbours(make: Make) -> None:
    source = """
    flow f() -> list<float> {
      p = solid(4x4, "red")
      for i in 1..4 { try { judge.score(p, "${i}") } else { -1.0 } }
    }
    """
    executor, _ = make(source, judge=Adding(refuses="3"))
    assert executor.run("f", {}) == [5.0, 5.0, -1.0, 5.0]
    executor, _ = make(LOOP, judge=Adding(refuses="3"))
    with pytest.raises(EngineFailed, match="3 fails"):
        executor.run("f", {"n": 8})


def test_what_waits_when_a_run_fails_is_never_called(make: Make) -> None:
    source = """
    flow f() -> list<text> {
      bad = broken("bad")
      late = for i in 1..4 { "${judge.score(solid(4x4, "red"), bad + "${i}")}" }
      late
    }
    flow g() -> list<text> {
      a = first(split("", "x") |> take(0))
      b = judge.score(solid(4x4, "red"), "b")
      [a, "${b}"]
    }
    """
    executor, judge = make(source)
    with pytest.raises(ExternFailed):
        executor.run("f", {})
    with pytest.raises(OpFailed, match="empty"):
        executor.run("g", {})
    assert judge.batches == []


def test_what_waits_inside_a_try_that_fails_is_never_called(make: Make) -> None:
    source = """
    flow f() -> float {
      p = solid(4x4, "red")
      try {
        a = broken("a")
        b = judge.score(p, "b")
        c = judge.score(slow(p), "c")
        best([b, c, 1.0 * count([a])], by: x => x)
      } else { judge.score(p, "dd") }
    }
    """
    executor, judge = make(source)
    assert executor.run("f", {}) == 6.0
    assert judge.batches == [(1, ["dd"])]


def test_progress_tells_of_batches(make: Make) -> None:
    told: list[Any] = []

    class Told(Observer):
        def started(self, label: str, place: str, path: str) -> None:
            told.append(label)

        def batch(self, label: str, size: int, used: int) -> None:
            told.append((size, used))

        def finished(self) -> None:
            told.append("finished")

    executor, _ = make(LOOP, observer=Told())
    executor.run("f", {"n": 9})
    assert told == ["judge.score", (8, 8), "finished", "judge.score", (1, 1), "finished"]


# Shrinking a program takes minutes and tells little: the failing one is printed whole.
@settings(
    max_examples=max(20, EXAMPLES // 4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(programs())
def test_batches_change_nothing(text: str) -> None:
    program = loaded(text)
    module = program.module.clone()  # type: ignore[attr-defined]
    optimize(module, Target(staged=True), verify_each=True)
    plan = lower(module, script="", main=None)

    def outcome(executor: Executor, flow: str) -> str:
        try:
            return repr(executor.run(flow, {}))
        except RunError as error:
            return f"{error.code} {error.message} {error.place}"

    for flow in plan.flows:
        assert outcome(batching(plan), flow) == outcome(Executor(plan, stand_ins=True), flow), text


# --- real models -----------------------------------------------------------------------------------


def test_a_batch_of_real_scores_is_the_scores_one_by_one(tmp_path: Path) -> None:
    script = tmp_path / "s.gflow"
    script.write_text(
        'model judge = scorer("starter/judge")\n'
        "flow f(n: int) -> list<float> {\n"
        '  for i in 1..n { judge.score(solid(64x64, if i % 2 == 0 { "red" } else { "blue" }), "circle ${i}") }\n'
        "}\n"
    )
    starter = Path(__file__).parent.parent / "gflow" / "starter" / "judge"
    plan = load(script).plan
    lowered = msgspec.structs.replace(plan.models["judge"], folder=str(starter), lowered=str(starter / "lowered"))
    plan = msgspec.structs.replace(plan, models={"judge": lowered})
    alone = Executor(plan).run("f", {"n": 6})
    sizes: list[tuple[int, int]] = []

    class Told(Observer):
        def batch(self, label: str, size: int, used: int) -> None:
            sizes.append((size, used))

    batched = Executor(together(plan, 6), observer=Told()).run("f", {"n": 6})
    assert np.allclose(batched, alone, atol=2e-4)
    assert len(set(alone)) > 1 and sizes == [(4, 4), (2, 2)]


# --- costs -----------------------------------------------------------------------------------------


def test_the_cheapest_sizes_are_taken() -> None:
    assert costs.Costs().sizes("diffusion.denoise", 9, costs.SIZES) == [8, 1]
    flat = costs.Costs(seconds={"diffusion.denoise": {1: 1.0, 8: 1.1}})
    assert flat.sizes("diffusion.denoise", 9, (1, 8)) == [8, 1]
    assert flat.sizes("diffusion.denoise", 3, (1, 8)) == [8]
    steep = costs.Costs(seconds={"diffusion.denoise": {1: 1.0, 8: 80.0}})
    assert steep.sizes("diffusion.denoise", 3, (1, 2, 4, 8)) == [1, 1, 1]
    assert steep.batch("diffusion.denoise", 4) > 4


def test_the_table_is_kept_and_a_damaged_one_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path / "cache"))
    assert costs.load() == costs.Costs()
    table = costs.Costs(seconds={"scorer.embed": {1: 0.5}}, machine="this one")
    costs.write(table)
    assert costs.load() == table
    assert json.loads(costs.file().read_text())["machine"] == "this one"
    costs.file().write_text("{")
    assert costs.load() == costs.Costs()


def test_stages_say_what_a_batch_shares() -> None:
    assert providers()["diffusion"].method("denoise").uniform is not None
    assert providers()["language"].method("generate").uniform is None
