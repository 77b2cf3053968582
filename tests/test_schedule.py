"""What is marked to run together, and what is foreseen before anything runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gflow.compiler import dialect as d
from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.passes import Target
from gflow.compiler.passes.schedule import too_large
from gflow.compiler.program import load
from gflow.runtime.costs import Costs
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.schedule import Foreseen

HEAD = """
model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")
extern op note(line: text) -> text from "py.py:note" impure
"""


def compile_(folder: Path, source: str, *, memory: int | None = None, costs: Costs | None = None) -> Compiled:
    (folder / "s.gflow").write_text(HEAD + source, "utf-8")
    (folder / "py.py").write_text("def note(line):\n    return line\n")
    return compiled(load(folder / "s.gflow"), Target(memory=memory, costs=costs or Costs()))


def together(found: Compiled) -> list[int]:
    """The marks of the loops, in order; 1 where there is none."""
    loops = [op for op in found.module.walk() if isinstance(op, (d.MapOp, d.RefineOp))]
    return [op.together.data if op.together else 1 for op in loops]


def sizes(found: Compiled, stage: str) -> list[str]:
    return [
        op.batch.data
        for op in found.module.walk()
        if isinstance(op, d.CallOp) and op.callee.data.endswith(stage) and op.batch
    ]


def foreseen(found: Compiled, flow: str = "f") -> Foreseen:
    op = next(op for op in found.module.ops if isinstance(op, d.FlowOp) and op.sym_name.data == flow)
    text = op.attributes["schedule"]
    return msgspec.json.decode(text.data, type=Foreseen)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "marks"),
    [
        ("for i in 1..n { painter.generate(\"${i}\") }", [8]),
        ("for i in 1..n { solid(8x8, \"red\") }", [1]),
        ("for i in 1..n { painter.generate(note(\"${i}\")) }", [1]),
        ("flatten(for i in 1..n { for j in 1..n { painter.generate(\"${i} ${j}\") } })", [1, 8]),
        ("flatten(for i in 1..n { for j in 1..2 { painter.generate(\"${i} ${j}\") } })", [4, 8]),
        ("for i in 1..n { painter.generate(\"a\", steps: i) |> resize(8x8) }", [8]),
    ],
)  # fmt: skip
def test_loops_without_effects_that_call_models_run_together(tmp_path: Path, body: str, marks: list[int]) -> None:
    assert together(compile_(tmp_path, f"flow f(n: int = 9) -> list<image> {{ {body} }}")) == marks


REFINE = """
flow f(n: int = 9) -> image {
  refine x up to LIMIT { painter.generate("a") } until judge.score(x, "a") > 0.5
}
"""


def test_a_refines_window_is_what_costs_least(tmp_path: Path) -> None:
    def costs(eight: float) -> Costs:
        table = {1: 1.0, 2: 1 + (eight - 1) / 7, 4: 1 + 3 * (eight - 1) / 7, 8: eight}
        return Costs(seconds=dict.fromkeys(("diffusion.denoise", "diffusion.decode", "scorer.embed"), table))

    free, none = costs(1.0), costs(8.0)
    assert together(compile_(tmp_path, REFINE.replace("LIMIT", "8"), costs=free)) == [8]
    assert together(compile_(tmp_path, REFINE.replace("LIMIT", "3"), costs=free)) == [2]
    assert together(compile_(tmp_path, REFINE.replace("LIMIT", "8"), costs=none)) == [1]
    carried = 'refine x from solid(64x64, "red") up to 8 { painter.generate("a", image: x) } until true'
    carried = f"flow f() -> image {{ {carried} }}"
    assert together(compile_(tmp_path, carried, costs=free)) == [1]


def test_sizes_go_as_far_as_calls_can_meet(tmp_path: Path) -> None:
    one = compile_(tmp_path, 'flow f() -> image { painter.generate("a") }')
    assert sizes(one, "denoise") == ["1"]
    two = compile_(tmp_path, 'flow f() -> list<image> { [painter.generate("a"), painter.generate("b")] }')
    assert sizes(two, "denoise") == ["1 2", "1 2"]
    loop = compile_(tmp_path, 'flow f(n: int) -> list<image> { for i in 1..n { painter.generate("a") } }')
    assert sizes(loop, "denoise") == ["1 2 4 8"]
    steep = Costs(seconds={"diffusion.denoise": {1: 1.0, 2: 1.5, 4: 9.0, 8: 9.0}})
    loop = compile_(
        tmp_path, 'flow f(n: int) -> list<image> { for i in 1..n { painter.generate("a") } }', costs=steep
    )
    assert sizes(loop, "denoise") == ["1 2"]


SCENES = """
flow f(n: int = 9) -> list<float> {
  images = for i in 1..n { painter.generate("a", steps: 2) }
  for image in images { judge.score(image, "a red circle") }
}
"""


class Loads(Observer):
    def __init__(self) -> None:
        self.loads: list[int] = []
        self.batches: list[tuple[str, int]] = []
        self.held = self.peak = 0

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        self.loads.append(bytes)

    def batch(self, label: str, size: int, used: int) -> None:
        self.batches.append((label, size))


@pytest.mark.parametrize("memory", [None, 24_000_000])
def test_what_is_foreseen_is_what_happens(tmp_path: Path, memory: int | None) -> None:
    found = compile_(tmp_path, SCENES, memory=memory)
    told = foreseen(found)
    run = Loads()
    Executor(found.plan, observer=run, memory=memory).run("f", {})
    assert sorted(load.bytes for load in told.loads) == sorted(run.loads)
    batched = {label for label, _ in run.batches}
    expected = [(each.label, size) for each in told.calls if each.label in batched for size in each.batches]
    assert sorted(expected) == sorted(run.batches)
    assert not told.assumed and not told.measured and told.seconds > 0
    assert told.peak <= (memory or 10**9)


def test_a_budget_costs_loads_and_says_so(tmp_path: Path) -> None:
    free, tight = compile_(tmp_path, SCENES), compile_(tmp_path, SCENES, memory=22_000_000)
    assert len(foreseen(tight).loads) > len(foreseen(free).loads)
    notes = " ".join(note for ran in tight.report.ran for note in ran.notes)
    assert "more than without a budget" in notes


def test_a_network_that_no_budget_holds(tmp_path: Path) -> None:
    found = compile_(tmp_path, SCENES)
    [large] = too_large(found.plan, 20_000_000)
    assert (large.model, large.network) == ("painter", "network") and large.bytes > 20_000_000
    assert "s.gflow:2" in large.place
    assert too_large(found.plan, 30_000_000) == []
