"""What each pass does, as text: `passes/PASS/CASE.gflow` is a script, `CASE.mlir` its IR before and after the pass,
with what the pass says it did. `UPDATE_GOLDEN=1 pytest tests/test_passes.py` writes the .mlir files anew: read the
difference before you keep it.

The first lines of a script may say what a case needs: `// after: expand` (the passes that run before it),
`// flows: f` (those that are kept), `// memory: 2000` (bytes). A model "nobody/NAME" is lowered where there is
`passes/lowered/NAME`; the others are when a line says `// staged`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr

from gflow.compiler import dialect as d
from gflow.compiler.lower import lower
from gflow.compiler.passes import Pass, Target, inline, models, passes
from gflow.compiler.program import load
from gflow.runtime.executor import Executor

FOLDER = Path(__file__).parent / "passes"
CASES = sorted(FOLDER.glob("*/*.gflow"))
PASSES = {each.name: each for each in passes()}
NEXT = "\n// -----\n"


@dataclass(frozen=True)
class Case:
    """A script, the pass it is for, and what its first lines say."""

    path: Path
    says: dict[str, str]

    @property
    def tested(self) -> Pass:
        return PASSES[self.path.parent.name]

    @property
    def target(self) -> Target:
        flows = frozenset(self.says["flows"].split()) if "flows" in self.says else None
        memory = int(self.says["memory"]) if "memory" in self.says else None
        return Target(flows=flows, memory=memory, staged="staged" in self.says)

    def before(self) -> ModuleOp:
        """The IR that the pass is given."""
        module = load(self.path.relative_to(FOLDER)).module
        for op in models(module).values():
            lowered = Path("lowered", op.args.data.partition("nobody/")[2].partition('"')[0])
            if (lowered / "lowered.json").is_file():
                op.properties["lowered"] = StringAttr(lowered.as_posix())
        for name in self.says.get("after", "").split():
            PASSES[name].apply(module, self.target)
        for op in module.ops:
            if isinstance(op, d.ExternOp):
                op.properties["path"] = StringAttr(Path(op.path.data).name)
        module.verify()
        return module


@pytest.fixture(params=CASES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.chdir(FOLDER)  # Paths in the texts are relative to it.
    head = re.match(r"(?:// .*\n)*", request.param.read_text("utf-8"))
    assert head is not None
    lines = [line.removeprefix("// ").partition(":") for line in head[0].splitlines()]
    return Case(request.param, {name: value.strip() for name, _, value in lines})


def applied(each: Case, module: ModuleOp) -> str:
    """What the pass makes of a module, its notes in front."""
    notes = each.tested.apply(module, each.target)
    module.verify()
    for op in module.ops:
        # What is foreseen is JSON with places, which texts have not; tests/test_schedule.py reads it.
        if isinstance(op, d.FlowOp) and op.attributes.pop("schedule", None):
            notes.append(f"(`{op.title}` has a schedule)")
    return "".join(f"// {note}\n" for note in notes or ["(says nothing)"]) + f"{module!s}\n"


def test_a_pass_makes_this_of_that(case: Case) -> None:
    golden = case.path.with_suffix(".mlir")
    module = case.before()
    found = f"{module!s}{NEXT}{applied(case, module)}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(found, "utf-8")
    assert found == golden.read_text("utf-8")


def test_a_pass_makes_the_same_of_ir_that_was_text(case: Case) -> None:
    before, after = case.path.with_suffix(".mlir").read_text("utf-8").split(NEXT)
    assert applied(case, d.read(before)) == after
    again = d.read(after)
    again.verify()
    assert f"{again!s}\n" == re.sub(r"(?m)^// .*\n", "", after)


def test_every_pass_has_cases_and_every_text_a_script() -> None:
    counts = Counter(path.parent.name for path in CASES)
    assert counts.keys() == PASSES.keys()
    assert min(counts.values()) >= 3
    assert {path.with_suffix("") for path in FOLDER.glob("*/*.mlir")} == {path.with_suffix("") for path in CASES}


def test_a_program_is_not_inlined_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "LIMIT", 40)
    lines = ["flow f0(n: int) -> int { n + 1 }"]
    lines += [f"flow f{level}(n: int) -> int {{ f{level - 1}(f{level - 1}(n)) }}" for level in range(1, 6)]
    (tmp_path / "s.gflow").write_text("\n".join(lines))
    module = load(tmp_path / "s.gflow").module
    notes = PASSES["inline"].apply(module, Target())
    module.verify()
    assert max(sum(1 for _ in flow.walk()) for flow in module.ops) <= 40
    assert [note.partition(" flow calls ")[2] for note in notes] == [
        "became part of the calling flow",
        "stayed: the program would have more than 40 steps",
    ]
    assert Executor(lower(module, script="", main=None)).run("f5", {"n": 3}) == 35
