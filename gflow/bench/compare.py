"""Variants of one flow in turn, round by round, and what came out of it."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gflow.bench.rounds import Failed, process, quiet
from gflow.bench.worker import Event, Spec, Told


@dataclass(frozen=True)
class Variant:
    """One way to do the work: `spec` for a flow of ours, `command` for any other program. `label` is what people
    call it."""

    label: str
    spec: Spec | None = None
    command: list[str] | None = None


class Measured(msgspec.Struct, kw_only=True):
    """What one variant took. first: seconds from a process's start to results on disk, one a round; of other
    programs, to their end. steady: seconds of later runs in the same process, a list a round. peak: bytes of
    resident memory, one a round. events: of the last round. files: that it wrote; for other programs, those whose
    paths it printed."""

    label: str
    first: list[float] = []
    steady: list[list[float]] = []
    peak: list[int] = []
    events: list[Event] = []
    files: list[str] = []

    def add(self, told: Told) -> None:
        self.first.append(told.first)
        self.steady.append(told.steady)
        self.peak.append(told.peak)
        self.events, self.files = told.events, told.files

    @property
    def loads(self) -> list[Event]:
        """Of the first run and the later ones together."""
        return [event for event in self.events if event.kind == "load"]

    def calls(self, run: int) -> list[Event]:
        """Calls of models in a run."""
        return [event for event in self.events if event.kind == "call" and event.run == run]

    def steps(self) -> list[tuple[str, str, str, float]]:
        """Kind, label, place and seconds a run of every step, in order; the first run where there is no later."""
        runs = max((event.run for event in self.events), default=0)
        counted = [event for event in self.events if event.kind in ("call", "op") and (event.run or not runs)]
        found: dict[tuple[str, str, str], float] = {}
        for event in counted:
            key = (event.kind, event.label, event.place)
            found[key] = found.get(key, 0.0) + event.seconds / max(1, runs)
        return [(*key, seconds) for key, seconds in found.items()]


class Report(msgspec.Struct, kw_only=True):
    """Everything that was measured. disturbed: rounds in which others used the machine. difference: of the pictures
    that two variants gave, in levels of 255 (mean, most); None where there are none to compare."""

    file: str
    flow: str
    machine: str
    rounds: int
    runs: int
    disturbed: int
    variants: list[Measured]
    difference: tuple[float, int] | None = None


def machine() -> str:
    """This machine in words: processor, cores, Python."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{name}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def compare(
    file: str,
    flow: str,
    variants: Sequence[Variant],
    *,
    rounds: int,
    runs: int,
    progress: Callable[[str], None] = lambda what: None,
) -> Report:
    """Runs every variant once a round. Raises Failed where one fails, which names it."""
    found = {variant.label: Measured(label=variant.label) for variant in variants}
    with tempfile.TemporaryDirectory(prefix="gflow-bench-") as folder:

        def once() -> dict[str, Told]:
            told = {}
            for variant in variants:
                progress(variant.label)
                told[variant.label] = _run(variant, Path(folder))
            return told

        disturbed = 0
        for told, undisturbed in quiet(rounds, once):
            disturbed += not undisturbed
            for label, each in told.items():
                found[label].add(each)
        outputs = [_pictures(measured.files) for measured in found.values()]
        difference = _difference(outputs[0], outputs[1]) if len(outputs) > 1 else None
    return Report(
        file=file,
        flow=flow,
        machine=machine(),
        rounds=rounds,
        runs=runs,
        disturbed=disturbed,
        variants=list(found.values()),
        difference=difference,
    )


def _run(variant: Variant, folder: Path) -> Told:
    try:
        if variant.spec is None:
            assert variant.command is not None
            ended = process(variant.command)
            lines = ended.stdout.decode(errors="replace").splitlines()
            files = [line.strip() for line in lines if line.strip() and Path(line.strip()).is_file()]
            return Told(first=ended.seconds, steady=[], peak=ended.peak, base=0, events=[], files=files)
        out = folder / "".join(char if char.isalnum() else "-" for char in variant.label)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        spec = msgspec.structs.replace(variant.spec, out=str(out), begin=time.monotonic())
        ended = process([sys.executable, "-m", "gflow.bench.worker", msgspec.json.encode(spec).decode()])
        return msgspec.json.decode(ended.stdout, type=Told)
    except Failed as error:
        raise Failed(f"{variant.label}: {error}") from None


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, first and third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """How many times as much the first is, pair by pair."""
    return [mine / its for mine, its in zip(one, other, strict=False) if its > 0]


def _pictures(files: Sequence[str]) -> list[Path]:
    return [Path(file) for file in files if file.endswith(".png")]


def _difference(one: Sequence[Path], other: Sequence[Path]) -> tuple[float, int] | None:
    """The mean and the greatest difference of pictures, in levels of 255."""
    import numpy as np
    from PIL import Image

    if not one or len(one) != len(other):
        return None
    mean, most = 0.0, 0
    for pair in zip(one, other, strict=True):
        left, right = (np.asarray(Image.open(path).convert("RGBA"), np.int16) for path in pair)
        if left.shape != right.shape:
            return None
        apart = np.abs(left - right)
        mean, most = max(mean, float(apart.mean())), max(most, int(apart.max()))
    return mean, most
