"""Timing on a machine that others may use: rounds that they disturbed are thrown away and run again.

Others' load is what the cores were busy beyond the processor time of this process, its children, and the workers
that are still running. On few cores a round with such a load would measure that.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

#: Share of the cores' time that others may take.
FOREIGN = 0.10
#: Rounds that may be thrown away, for each that is wanted.
TRIES = 6

_TICKS = os.sysconf("SC_CLK_TCK")
T = TypeVar("T")


class Failed(Exception):
    """A measured program failed, or what it made is not what it should be."""


def pin(cores: int) -> None:
    """Keeps this process and its children on so many cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def environment(scratch: Path, **more: str) -> dict[str, str]:
    """For measured programs. Python's bytecode is kept, as installed packages have it; hubs are not asked."""
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(scratch / "bytecode"), "HF_HUB_OFFLINE": "1"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    # A bundle's first line asks the PATH for python3.
    kept["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, **more}


# --- what others do --------------------------------------------------------------------------------


def busy() -> float:
    """Seconds that the cores of this process have been busy, for whomever; what a hypervisor took counts."""
    ours, total = {f"cpu{core}" for core in os.sched_getaffinity(0)}, 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name in ours:
            user, nice, system, _, _, irq, softirq, steal = map(int, ticks[:8])
            total += user + nice + system + irq + softirq + steal
    return total / _TICKS


def own(workers: Sequence[Worker] = ()) -> float:
    """Seconds of processor time that this process, its children that ended, and its workers have used."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(worker.used() for worker in workers)


def watched(action: Callable[[int], T], number: int, workers: Sequence[Worker]) -> tuple[T, bool]:
    """What an action gives, and whether it was undisturbed."""
    busy_before, own_before, start = busy(), own(workers), time.perf_counter()
    made = action(number)
    wall = time.perf_counter() - start
    foreign = (busy() - busy_before) - (own(workers) - own_before)
    return made, foreign < FOREIGN * wall * len(os.sched_getaffinity(0))


def undisturbed(
    actions: Sequence[Callable[[int], T]], rounds: int, workers: Sequence[Worker] = ()
) -> list[tuple[T, ...]]:
    """What the actions give, in turn, in each of `rounds` undisturbed rounds; fewer where the machine is never
    quiet. An action is given the round's number, which is another one when a round is run again."""
    kept: list[tuple[T, ...]] = []
    for number in range(rounds * TRIES):
        made = []
        for action in actions:
            value, quiet = watched(action, number, workers)
            if not quiet:
                break
            made.append(value)
        if len(made) == len(actions):
            kept.append(tuple(made))
        if len(kept) == rounds:
            break
        time.sleep(0.1)
    return kept


# --- programs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ended:
    """A program from its start to its end."""

    command: Sequence[str | Path]
    seconds: float
    stdout: str
    _most: int

    @property
    def memory(self) -> int:
        """The most it held, in bytes. Raises Failed where that can't be told: the kernel's figure begins with what
        the parent held when it started the child."""
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if self._most <= least:
            raise Failed(f"{self.command[0]} held no more than what measures it, {least // 1024} MiB")
        return self._most * 1024


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> Ended:
    """Runs a program to its end. Raises Failed where its exit status is not 0."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            told = err.read().decode(errors="replace")[-2000:]
            raise Failed(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{told}")
        return Ended(command, seconds, out.read().decode(), usage.ru_maxrss)


class Worker:
    """A program that stays: it reads requests, a JSON object a line, and answers each with a line, of which the
    first word is the seconds that it took."""

    def __init__(self, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        self.command = command
        self._err = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the worker)
        self._process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._err, text=True
        )

    def ask(self, request: Mapping[str, Any]) -> list[str]:
        """The words of the answer. Raises Failed where there is none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # Told below, with what it said.
        answer = self._process.stdout.readline().split()
        if not answer:
            self._err.seek(0)
            told = self._err.read().decode(errors="replace")[-2000:]
            raise Failed(f"{' '.join(map(str, self.command))} ended with {self._process.wait()}:\n{told}")
        return answer

    def used(self) -> float:
        """Seconds of processor time."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # Closes its input, at whose end it ends.
        if error is None and self._process.returncode:
            raise Failed(f"{' '.join(map(str, self.command))} ended with {self._process.returncode}")
