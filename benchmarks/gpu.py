"""gflow on a GPU, beside diffusers and PyTorch. README.md, beside this file, says what is measured.

    gpu.py                                     everything, at full size: hours the first time
    gpu.py --only sdxl/eager,sdxl/ort-cuda     some programs; what they need is made first
    gpu.py --size tiny                         the same shapes scaled down: tries everything, without a GPU too
    gpu.py --list                              the programs

Models, exports, bundles and answers are kept in the folder that --work names: what was measured on the same
machine, by the same versions, is in the table again when the next command has measured more. Each program runs in a
process of its own; one that fails is a line that says why.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import gpu_table
from gpu_bench import SIDES, Bench


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAMES", help="cases or programs, with commas: sdxl, poster/eager, …")
    parser.add_argument("--size", choices=list(SIDES), default="full", help="of the models (full)")
    parser.add_argument(
        "--batches", type=batches, default=[1, 2, 4, 8], help="pictures at once, of sdxl and flux (1,2,4,8)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each figure (5)")
    parser.add_argument(
        "--flux-depth", type=float, default=1.0, help="the share of Flux's and T5's layers that is made (1)"
    )
    parser.add_argument("--work", type=Path, default=Path("out/gpu"), help="what is kept is there (out/gpu)")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that a program may take (3600)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    parser.add_argument("--list", action="store_true", help="tell the programs, and run none")
    return parser.parse_args()


def batches(text: str) -> list[int]:
    """As in 1,4: each from 1 to 8, as the flows take them. Raises ValueError."""
    found = sorted({int(each) for each in text.split(",")})
    if not set(found) <= set(range(1, 9)):
        raise ValueError(text)
    return found


def main() -> int:
    options = arguments()
    bench = Bench(options)
    names = [each.strip() for each in options.only.split(",")] if options.only else []
    unknown = [each for each in names if each not in bench.programs and each not in gpu_table.CASES]
    if unknown:
        print(f"there is no case or program {unknown[0]!r}: --list tells them", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(bench.programs))
        return 0
    wanted = [name for name in bench.programs if {name, name.partition("/")[0]} & set(names)]
    if not names:
        # Without a GPU, tuning for minutes what then runs for milliseconds tells nothing.
        wanted = [name for name in bench.programs if bench.gpu is not None or not name.endswith("/compiled")]
    print(", ".join(f"{name} {value}" for name, value in bench.about.items()))
    if bench.gpu is None and options.size == "full":
        print(
            f"there is no GPU here ({bench.why}), and without one it would take days: --size tiny", file=sys.stderr
        )
        return 2
    if bench.gpu is None:
        print(f"There is no GPU here ({bench.why}): everything runs on the CPU, and says nothing of one.")
    for name in wanted:
        # What others needed is made.
        if name not in bench.measured and not (name.startswith(("models/", "bundles/")) and bench.ready(name)):
            bench.measure(name)
    answers = {name: found for name in bench.programs if (found := bench.kept(name)) is not None}
    rows = gpu_table.rows(answers, bench.side, bench.steps)
    judged = bench.gpu is not None and options.size == "full"
    print("\n" + gpu_table.table(rows, answers, options, judged=judged))
    if options.json is not None:
        told = {"machine": bench.about, "answers": answers, "rows": [asdict(row) for row in rows]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if any("failed" in found for found in bench.measured.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
