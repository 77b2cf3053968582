"""What a benchmark tells: a line a figure, with the peer's, the ratio and the goal; and all values as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rounds import Failed, pin


@dataclass(frozen=True)
class Row:
    """What came out, a value a round. With a peer, the goal is the least ratio of peer to gflow; without, the
    most that gflow may take. unit: of the values, "s", "MB" or "x"."""

    name: str
    unit: str
    goal: float
    ours: list[float]
    peer: list[float] | None = None

    @property
    def ratios(self) -> list[float]:
        return [] if self.peer is None else [peer / ours for peer, ours in zip(self.peer, self.ours, strict=True)]

    @property
    def held(self) -> bool:
        return median(self.ours) <= self.goal if self.peer is None else median(self.ratios) >= self.goal


def told(
    title: str,
    cases: Collection[str],
    measured: Callable[[str, int], list[Row]],
    *,
    rounds: int,
    cores: int,
    packages: Sequence[str],
) -> int:
    """A benchmark's program: measures cases, tells what came out, and gives the exit status. measured: what
    came out of a case in so many rounds; raises Failed. packages: those whose versions matter."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--only", choices=list(cases), action="append", help="this case alone; may be given again")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"undisturbed rounds of each case ({rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all values there, too")
    options = parser.parse_args()
    pin(cores)
    about, failed = machine(packages), False
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(f"medians (quartiles) of {options.rounds} rounds\n")
    print(f"{'':<56} {'peer':>24} {'gflow':>24} {'ratio':>22} {'goal':>8}")
    found: list[dict[str, Any]] = []
    for name in options.only or cases:
        try:
            rows = measured(name, options.rounds)
        except Failed as error:
            print(f"{name}: {error}", flush=True)
            found.append({"case": name, "failed": str(error)})
            failed = True
            continue
        for row in rows:
            print(line(row), flush=True)
            found.append(as_json(name, row))
        if len(rows[0].ours) < options.rounds:
            print(f"    only {len(rows[0].ours)} rounds were undisturbed")
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": about, "rows": found}, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


def machine(packages: Sequence[str]) -> dict[str, str]:
    """What this runs on."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def spread(values: list[float]) -> tuple[float, float, float]:
    """The median and the quartiles."""
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return middle, low, high


def shown(values: list[float], unit: str) -> str:
    middle, low, high = spread(values)
    if unit == "ms":
        return f"{middle:.2f} ms ({low:.2f}–{high:.2f})"
    digits = 0 if unit == "MB" else 1 if unit == "x" and middle >= 10 else 2 if middle >= 1 else 3
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}–{high:.{digits}f})"


def line(row: Row) -> str:
    peer = "" if row.peer is None else shown(row.peer, row.unit)
    ratio = "" if row.peer is None else shown(row.ratios, "x")
    goal = f"≥ {row.goal:g} x" if row.peer is not None else f"< {row.goal:g} {row.unit}"
    held = "held" if row.held else "missed"
    return f"{row.name:<56} {peer:>24} {shown(row.ours, row.unit):>24} {ratio:>22} {goal:>8}  {held}"


def as_json(name: str, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"case": name, "name": row.name.strip(), "unit": row.unit, "goal": row.goal}
    found |= {"held": row.held, "gflow": row.ours}
    if row.peer is not None:
        found |= {"peer": row.peer, "ratios": row.ratios, "ratio": median(row.ratios)}
    return found
