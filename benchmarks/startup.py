"""How long people wait before anything happens: `gflow --help`, and checking a script of 1,000 lines.

A round in which other processes took a noticeable share of the machine is thrown away: on few cores it would
measure them. Prints medians and spreads.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rounds import environment, run, undisturbed

ROUNDS = 7

FLOW = """
/// Flow {i}.
flow f{i}(idea: text = "x", n: int in 1..9 = 3) -> image {{
  prompt = "${{idea}} number ${{n * 2 + {i}}}"
  images = for i in 1..n {{ painter.generate(prompt, size: 64x64, steps: 12) }}
  kept = images |> filter(keep: img => judge.score(img, prompt) > 0.2)
  picked = kept |> best(by: img => judge.score(img, prompt))
  tuned = match n {{
    1 => picked |> brightness(1.1)
    _ => picked |> contrast(1.2) |> blur(2)
  }}
  if n > {i} and idea != "" {{ tuned }} else {{ picked |> resize(512x512) }}
}}
"""


def long_script(lines: int) -> str:
    """A script of about so many lines, with a bit of everything in each flow."""
    head = 'model painter = diffusion("nobody/paints")\nmodel judge = scorer("nobody/judges")\n'
    per_flow = FLOW.count("\n")
    return head + "".join(FLOW.format(i=i) for i in range(lines // per_flow))


def measure(command: list[str], env: Mapping[str, str]) -> list[float]:
    """Wall-clock seconds of some undisturbed rounds; fewer than asked where the machine is never quiet."""
    run(command, env)
    return [seconds for (seconds,) in undisturbed([lambda number: run(command, env).seconds], ROUNDS)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "long.gflow"
        script.write_text(long_script(1000), encoding="utf-8")
        lines = len(script.read_text().splitlines())
        gflow = [sys.executable, "-m", "gflow"]
        print(f"{'':<28} {'median':>8} {'least':>8} {'most':>8} {'goal':>8}")
        for name, command, goal in (
            ("gflow --help", [*gflow, "--help"], 0.3),
            (f"gflow check, {lines} lines", [*gflow, "check", str(script)], 1.0),
        ):
            times = measure(command, environment(Path(folder)))
            if not times:
                print(f"{name:<28} the machine was never quiet enough")
                continue
            figures = (statistics.median(times), min(times), max(times), goal)
            print(f"{name:<28} " + " ".join(f"{figure:>6.2f} s" for figure in figures) + f"   {len(times)} rounds")


if __name__ == "__main__":
    main()
