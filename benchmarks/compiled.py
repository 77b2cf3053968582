"""What compiling is worth: gflow beside scripts for diffusers and transformers, on two cores, with the models that
come with gflow. README.md, beside this file, says what is measured and what came out.

    compiled.py [--only NAME] [--rounds N] [--json FILE]

In each round the peer runs, then gflow; ratios are of such pairs. What every program makes is checked.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image, ImageChops, ImageStat
from rounds import Ended, Failed, Worker, environment, run, undisturbed
from telling import Row, told

HERE = Path(__file__).resolve().parent
STARTER = HERE.parent / "gflow" / "starter"
POSTER = HERE.parent / "examples" / "poster.gflow"
ROUNDS = 7
CORES = 2
PACKAGES = ("torch", "diffusers", "transformers", "onnxruntime", "numpy")

PROMPT = "a red circle above a blue square on a white background"
IDEAS = ("a red circle above a blue square", "a green star", "a yellow triangle left of a purple circle")

#: A search whose fifth attempt is the first that is accepted, with each of these seeds.
SEARCH = {"prompt": "a yellow star on a black background", "sure": 0.88}
SEARCH_SEEDS = (8, 13, 33)
ACCEPTED = 5

#: Calls of a worker in a round: one alone would be too short to tell whether it was disturbed.
CALLS = 4


class Bench:
    """The measured programs, in a scratch folder."""

    def __init__(self, scratch: Path, rounds: int) -> None:
        self.scratch, self.rounds = scratch, rounds
        self.env = environment(scratch)

    def gflow(self, *args: str | Path, **env: str) -> Ended:
        return run([sys.executable, "-m", "gflow", *args], {**self.env, **env})

    def script(self, path: str, *args: str | Path) -> Ended:
        return run([sys.executable, HERE / path, *args], self.env)

    def worker(self, path: str, *args: str | Path) -> Worker:
        return Worker([sys.executable, HERE / path, *args], self.env)

    def bundle(self, script: Path) -> Path:
        """The script as an executable file."""
        made = self.scratch / script.stem
        if not made.exists():
            self.gflow("compile", script, "-o", made)
        return made

    @cached_property
    def poster(self) -> Path:
        return self.bundle(POSTER)

    def in_turn(self, *actions: Callable[[int], Any], workers: tuple[Worker, ...] = ()) -> list[tuple[Any, ...]]:
        """What the actions give in undisturbed rounds, after one that does not count: it fills caches of files
        and of bytecode. Raises Failed where there is no such round."""
        for action in actions:
            action(-1)
        rounds = undisturbed(actions, self.rounds, workers)
        if not rounds:
            raise Failed("others kept the machine busy: no round was undisturbed")
        return list(zip(*rounds, strict=True))

    def picture(self, path: Path, side: int) -> Image.Image:
        """A picture that was just made, taken away. Raises Failed where it is not what it should be."""
        if not path.exists():
            raise Failed(f"{path.name} was not made")
        with Image.open(path) as opened:
            made = opened.convert("RGB")
        path.unlink()
        if made.size != (side, side) or max(ImageStat.Stat(made).stddev) < 5:
            raise Failed(f"{path.name} is not a picture of {side} pixels with something in it")
        return made


def same(one: Image.Image, other: Image.Image) -> None:
    """Raises Failed where two pictures are not the same, but for rounding."""
    found = ImageStat.Stat(ImageChops.difference(one, other))
    if max(found.mean) > 1 or max(most for _, most in found.extrema) > 4:
        raise Failed(f"peer and gflow paint different pictures: they differ by {max(found.mean):.1f} levels")


# --- cases -----------------------------------------------------------------------------------------


def one_picture(bench: Bench) -> list[Row]:
    """One picture, from process start to the PNG."""
    bundle, out = bench.bundle(HERE / "ours" / "one_picture.gflow"), bench.scratch / "one_picture.png"
    pictures: dict[int, Image.Image] = {}

    def peer(number: int) -> Ended:
        ended = bench.script("peers/one_picture.py", STARTER / "scenes", PROMPT, str(number + 1), out)
        pictures[number] = bench.picture(out, 64)
        return ended

    def ours(number: int) -> Ended:
        options = ("--prompt", PROMPT, "--noise", str(number + 1), "--out", str(bench.scratch))
        ended = run([bundle, *options], bench.env)
        same(pictures[number], bench.picture(out, 64))
        return ended

    theirs, made = bench.in_turn(peer, ours)
    return [
        Row(
            "one picture, process start to PNG",
            "s",
            15,
            [each.seconds for each in made],
            [each.seconds for each in theirs],
        ),
        Row(
            "    peak memory", "MB", 4, [each.memory / 1e6 for each in made], [each.memory / 1e6 for each in theirs]
        ),
    ]


def poster(bench: Bench) -> list[Row]:
    """Eight drafts from an idea, the best one finished, from process start to the PNG."""
    bundle, out = bench.poster, bench.scratch / "poster.png"

    def peer(number: int) -> float:
        ended = bench.script("peers/poster.py", STARTER, IDEAS[number % len(IDEAS)], str(number + 1), out)
        bench.picture(out, 512)
        return ended.seconds

    def ours(number: int) -> float:
        options = ("--idea", IDEAS[number % len(IDEAS)], "--seed", str(number + 1), "--out", str(bench.scratch))
        ended = run([bundle, *options], bench.env)
        bench.picture(out, 512)
        return ended.seconds

    theirs, made = bench.in_turn(peer, ours)
    return [Row("poster with 8 drafts and scoring, process start to PNG", "s", 6, list(made), list(theirs))]


def poster_steady(bench: Bench) -> list[Row]:
    """The same in one process that stays."""
    out = bench.scratch / "steady.png"

    def request(number: int) -> dict[str, Any]:
        return {"idea": IDEAS[number % len(IDEAS)], "seed": number + CALLS, "out": str(out)}

    def check(answer: list[str]) -> None:
        bench.picture(out, 512)

    with (
        bench.worker("peers/poster.py", STARTER) as peer,
        bench.worker("ours/steady.py", bench.poster, "poster") as ours,
    ):
        theirs, made = bench.in_turn(*(_calls(each, request, check) for each in (peer, ours)), workers=(peer, ours))
    return [Row("the same, steady state in one process", "s", 2, list(made), list(theirs))]


def refine(bench: Bench) -> list[Row]:
    """Attempts until one is accepted, which is the fifth of at most eight."""
    from gflow.kernels.noise import root

    out = bench.scratch / "found.png"

    def request(number: int) -> dict[str, Any]:
        seed = SEARCH_SEEDS[number % len(SEARCH_SEEDS)]
        # What `seed_like: "torch"` seeds the attempts with.
        seeds = [root(seed).derive("find").item(attempt).bits & (2**63 - 1) for attempt in range(8)]
        return {**SEARCH, "seed": seed, "seeds": seeds, "out": str(out)}

    pictures: list[Image.Image] = []

    def check(answer: list[str]) -> None:
        if answer[1] != str(ACCEPTED):
            raise Failed(f"attempt {answer[1]} was accepted, not attempt {ACCEPTED}")
        pictures.append(bench.picture(out, 64))

    with (
        bench.worker("peers/refine.py", STARTER) as peer,
        bench.worker("ours/steady.py", bench.bundle(HERE / "ours" / "find.gflow"), "find") as ours,
    ):
        for number in range(len(SEARCH_SEEDS)):
            for worker in (peer, ours):
                check(worker.ask(request(number)))
            same(*pictures[-2:])
        theirs, made = bench.in_turn(*(_calls(each, request, check) for each in (peer, ours)), workers=(peer, ours))
    return [Row(f"refine up to 8, accepted at the {ACCEPTED}th, steady", "s", 2, list(made), list(theirs))]


def _calls(
    worker: Worker, request: Callable[[int], dict[str, Any]], check: Callable[[list[str]], None]
) -> Callable[[int], float]:
    """Some calls of a worker, checked: the mean of their seconds."""

    def call(number: int) -> float:
        taken = []
        for each in range(CALLS):
            answer = worker.ask(request(number * CALLS + each))
            check(answer)
            taken.append(float(answer[0]))
        return fmean(taken)

    return call


def three_tasks(bench: Bench) -> list[Row]:
    """One model for text to image, image to image and inpainting: loading it, and the weights' memory."""
    bundle = bench.bundle(HERE / "ours" / "three_tasks.gflow")

    def told(ended: Ended) -> tuple[float, float]:
        seconds, held = ended.stdout.split()
        return float(seconds), float(held) / 1e6

    def peer(number: int) -> tuple[float, float]:
        return told(bench.script("peers/three_tasks.py", STARTER / "scenes"))

    def ours(number: int) -> tuple[float, float]:
        found = told(bench.script("ours/three_tasks.py", bundle, PROMPT, bench.scratch))
        for task in range(3):
            bench.picture(bench.scratch / f"{task}.png", 64)
        return found

    theirs, made = bench.in_turn(peer, ours)
    return [
        Row(
            "three tasks over one model: loading", "s", 3, [each[0] for each in made], [each[0] for each in theirs]
        ),
        Row("    the weights' memory", "MB", 3, [each[1] for each in made], [each[1] for each in theirs]),
    ]


def compiling(bench: Bench) -> list[Row]:
    """`gflow compile examples/poster.gflow`, whose models are exported already, from process start to end."""
    out = bench.scratch / "compiled"

    def ours(number: int) -> float:
        out.unlink(missing_ok=True)
        ended = bench.gflow("compile", POSTER, "-o", out)
        if not os.access(out, os.X_OK):
            raise Failed("gflow compile made no executable file")
        return ended.seconds

    [made] = bench.in_turn(ours)
    return [Row("compile poster, exports cached", "s", 1, list(made))]


def passes(bench: Bench) -> list[Row]:
    """All passes over a script that unrolls to 10,000 steps, and to 20,000."""

    def measure(steps: int) -> Callable[[int], float]:
        return lambda number: float(bench.script("passes.py", "--steps", str(steps)).stdout)

    short, long = bench.in_turn(measure(10_000), measure(20_000))
    growth = [longer / shorter for shorter, longer in zip(short, long, strict=True)]
    return [
        Row("10,000 steps: all passes", "s", 5, list(short)),
        Row("    20,000 steps take so many times that", "x", 2.2, growth),
    ]


def again(bench: Bench) -> list[Row]:
    """`gflow run` after the last step of a long script was edited: with the results of the run before, and with
    an empty cache. 64 drafts of 100 steps, some ten seconds of work, so that there is something to keep."""
    text = POSTER.read_text(encoding="utf-8").replace("steps: 12", "steps: 100")
    last = "saturation: 1.2"
    if text.count(last) != 1 or "steps: 100" not in text:
        raise Failed(f"{POSTER.name} is not what it was")
    script, out, kept = bench.scratch / "again.gflow", bench.scratch / "poster.png", bench.scratch / "kept"
    pictures: dict[int, Image.Image] = {}

    def ran(number: int, cache: Path) -> float:
        script.write_text(text.replace(last, f"saturation: {1.3 + number / 1000:.3f}"), encoding="utf-8")
        options = ("--drafts", "64", "--quiet", "--out", bench.scratch)
        return bench.gflow("run", script, *options, GFLOW_CACHE=str(cache)).seconds

    def everything(number: int) -> float:
        fresh = bench.scratch / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        seconds = ran(number, fresh)
        pictures[number] = bench.picture(out, 512)
        return seconds

    def edited(number: int) -> float:
        seconds = ran(number, kept)
        same(pictures[number], bench.picture(out, 512))
        return seconds

    theirs, made = bench.in_turn(everything, edited)
    return [Row("again after the last step was edited", "s", 20, list(made), list(theirs))]


CASES = {
    case.__name__: case
    for case in (one_picture, poster, poster_steady, refine, three_tasks, again, compiling, passes)
}


def main() -> int:
    def measured(name: str, rounds: int) -> list[Row]:
        with tempfile.TemporaryDirectory() as scratch:
            return CASES[name](Bench(Path(scratch), rounds))

    title = "gflow beside scripts for diffusers and transformers."
    return told(title, CASES, measured, rounds=ROUNDS, cores=CORES, packages=PACKAGES)


if __name__ == "__main__":
    sys.exit(main())
