"""How long compiling takes that has much to compile: a script that unrolls to 10,000 steps, and to 20,000.

The script has no loop: every statement is written out, so that the IR has as many ops before any pass. What the
statements have in common is there for the passes to find.

    passes.py               both, pass by pass
    passes.py --steps N     the seconds that all passes took for N steps, with lowering to the plan
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.runtime import startup

STEPS = (10_000, 20_000)

HEAD = """model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")

/// Everything there is, written out.
flow written_out(idea: text = "a red circle") -> list<{ picture: image, score: float }> {
"""

#: Ops of a block, literals and all.
OPS = 14
BLOCK = """  prompt{i} = "${{idea}}, number {i}"
  image{i} = painter.generate(prompt{i}, steps: 12)
  tuned{i} = image{i} |> brightness(1.1) |> contrast(1.2) |> resize(512x512)
  score{i} = judge.score(image{i}, prompt{i})
  _unused{i} = judge.score(image{i}, idea)
  both{i} = {{ picture: tuned{i}, score: score{i} }}
"""


def script(steps: int) -> str:
    """A script of at least so many steps."""
    blocks = range(-(-steps // OPS))
    kept = ", ".join(f"both{i}" for i in blocks)
    return HEAD + "".join(BLOCK.format(i=i) for i in blocks) + f"  [{kept}]\n}}\n"


def measure(steps: int) -> tuple[float, float, Compiled]:
    """Seconds that it took to read and check the script, and to compile it; and what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "written_out.gflow"
        path.write_text(script(steps), encoding="utf-8")
        start = time.perf_counter()
        program = load(path)
        loaded = time.perf_counter()
        made = compiled(program, Target())
        ended = time.perf_counter()
    ops = made.report.ran[0].before
    assert ops >= steps, f"{ops} ops are not {steps} steps"
    return loaded - start, ended - loaded, made


def main() -> None:
    startup.prepare()  # As gflow's commands do.
    options = argparse.ArgumentParser(description="How long compiling takes that has much to compile.")
    options.add_argument("--steps", type=int, help="tell the seconds for so many steps, and nothing else")
    steps = options.parse_args().steps
    if steps:
        print(measure(steps)[1])
        return
    for steps in STEPS:
        read, seconds, made = measure(steps)
        passes = made.report.ran
        rest = seconds - sum(each.seconds for each in passes)
        print(f"{passes[0].before:,} steps: read and checked in {read:.2f} s, compiled in {seconds:.2f} s")
        for each in passes:
            print(f"  {each.name:<10} {each.seconds:>6.2f} s   {each.before:>6,} ops become {each.after:,}")
        print(f"  {'the rest':<10} {rest:>6.2f} s   verifying after each pass, lowering to the plan")


if __name__ == "__main__":
    main()
