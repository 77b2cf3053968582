"""A process that is measured: `python -m gflow.bench.worker SPEC`, with SPEC a `Spec` in JSON. It runs a flow once,
writes the results, then runs it again and again, and prints a `Told` in JSON.

What is compiled comes as a bundle, so that nothing of the compiler is in the process; what runs as it is written is
a script.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import msgspec

from gflow.runtime import inputs, outputs
from gflow.runtime.bundle import Bundle
from gflow.runtime.early import Encoder
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.plan import Plan


class Spec(msgspec.Struct, kw_only=True):
    """What to run. file: a bundle, or with `leave_out` a script, compiled without those passes. args: texts, as on
    the command line. begin: `time.monotonic()` at which the process was started. runs: after the first. sizes: only
    these sizes of batches."""

    file: str
    flow: str
    args: dict[str, str]
    out: str
    begin: float
    runs: int
    seed: int = 0
    memory: int | None = None
    leave_out: list[str] | None = None
    lowers: bool = True
    sizes: list[int] = []


class Event(msgspec.Struct, frozen=True):
    """Something that took time. kind: call, load, op. begin: `time.monotonic()`. run: 0 for the first. size: of a
    batch, of which `used` calls were asked for. lane: the thread."""

    kind: str
    label: str
    place: str
    begin: float
    seconds: float
    run: int
    size: int = 1
    used: int = 1
    bytes: int = 0
    lane: int = 0


class Told(msgspec.Struct, kw_only=True):
    """What was measured. first: seconds from the process's start to results on disk. steady: of the later runs.
    peak: bytes of resident memory at most; `base` before anything ran."""

    first: float
    steady: list[float]
    peak: int
    base: int
    events: list[Event]
    files: list[str]


class Recorder(Observer):
    """Keeps what happens."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.run = 0
        # A call that runs, by thread: what it is, where, when it began, its batch.
        self._running: dict[int, tuple[str, str, float, int, int]] = {}

    def started(self, label: str, place: str, path: str) -> None:
        self._running[threading.get_ident()] = (label, place, time.monotonic(), 1, 1)

    def batch(self, label: str, size: int, used: int) -> None:
        _, place, begin, _, _ = self._running[threading.get_ident()]
        self._running[threading.get_ident()] = (label, place, begin, size, used)

    def finished(self) -> None:
        lane = threading.get_ident()
        label, place, begin, size, used = self._running.pop(lane)
        seconds = time.monotonic() - begin
        self.events.append(Event("call", label, place, begin, seconds, self.run, size, used, lane=lane))

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        begin = time.monotonic() - seconds
        self.events.append(
            Event("load", label, "", begin, seconds, self.run, bytes=bytes, lane=threading.get_ident())
        )

    def evicted(self, label: str) -> None:
        self.events.append(Event("evict", label, "", time.monotonic(), 0.0, self.run, lane=threading.get_ident()))

    def computed(self, label: str, place: str, begin: float, seconds: float) -> None:
        self.events.append(Event("op", label, place, begin, seconds, self.run))


def resident(which: str) -> int:
    """Bytes of memory that this process holds (VmRSS), or held at most (VmHWM); 0 where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(which):
                return int(line.split()[1]) * 1024
    return 0


def run(spec: Spec) -> Told:
    plan, bundle = _opened(spec)
    if spec.sizes:
        from gflow.bench.calibrate import resized

        plan = resized(plan, tuple(spec.sizes))
    flow, base = plan.flows[spec.flow], resident("VmRSS")
    values = {}
    for param in flow.params:
        if param.name in spec.args:
            values[param.name] = inputs.read_value(param.type, spec.args[param.name], option=f"--{param.name}")
            inputs.check_range(param, values[param.name], option=f"--{param.name}")
    recorder = Recorder()
    executor = Executor(plan, seed=spec.seed, observer=recorder, bundle=bundle, memory=spec.memory)
    if bundle is not None:
        executor.prefetch(spec.flow)
    assert flow.result is not None
    with Encoder() as finish:
        result = executor.run(spec.flow, values, finish=finish)
        files = outputs.write(flow.name, flow.result, result, Path(spec.out), provenance={})
    first, steady = time.monotonic() - spec.begin, []
    for number in range(1, spec.runs + 1):
        recorder.run, executor.seed = number, spec.seed + number
        begin = time.monotonic()
        executor.run(spec.flow, values)
        steady.append(time.monotonic() - begin)
    return Told(
        first=first,
        steady=steady,
        peak=resident("VmHWM"),
        base=base,
        events=recorder.events,
        files=[str(file) for file in files],
    )


def _opened(spec: Spec) -> tuple[Plan, Bundle | None]:
    if spec.leave_out is None:
        bundle = Bundle(Path(spec.file))
        return bundle.plan, bundle
    from gflow.compiler.compiled import compiled
    from gflow.compiler.passes import Target
    from gflow.compiler.program import load

    program = load(Path(spec.file))
    target = Target(flows=frozenset({spec.flow}), memory=spec.memory)
    return compiled(program, target, leave_out=spec.leave_out, lowers=spec.lowers).plan, None


def main() -> None:
    from gflow.runtime.errors import RunError

    # What libraries print must not stand in the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        told = run(msgspec.json.decode(sys.argv[1], type=Spec))
    except RunError as error:
        print(f"error[{error.code}]: {error.message}", file=sys.stderr)
        raise SystemExit(1) from None
    answer.write(msgspec.json.encode(told))
    answer.flush()
    os._exit(0)  # As bundles end.


if __name__ == "__main__":
    main()
