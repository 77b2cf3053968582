"""Processes in turn, each whole round thrown away in which others took a noticeable share of the machine: on few
cores it would measure them."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

#: Share of the machine's time that others may take in a round.
FOREIGN = 0.10


@dataclass(frozen=True)
class Ended:
    """A process that has ended well. seconds: from its start to its end. peak: bytes of resident memory at most."""

    seconds: float
    peak: int
    stdout: bytes


class Failed(Exception):
    """A process that is measured ended badly: what it said at last."""


#: Starts a program from a process that holds next to nothing: the kernel's figure of the memory that a child held
#: begins with what its parent held.
_LAUNCH = """
import os, sys, time
begin = time.monotonic()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
told = f"{os.waitstatus_to_exitcode(status)} {time.monotonic() - begin} {usage.ru_maxrss}"
os.write(int(sys.argv[1]), told.encode())
"""


def process(command: Sequence[str]) -> Ended:
    """Runs a program to its end. Raises Failed."""
    answer, write = os.pipe()
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(write), *command]
    try:
        done = subprocess.run(launch, capture_output=True, pass_fds=(write,))
    finally:
        os.close(write)
    with open(answer, encoding="ascii") as file:
        told = file.read().split()
    if not told or told[0] != "0":
        lines = done.stderr.decode(errors="replace").strip().splitlines()[-5:]
        raise Failed("\n".join(lines) or f"it ended with status {told[0] if told else done.returncode}")
    return Ended(float(told[1]), int(told[2]) * (1 if sys.platform == "darwin" else 1024), done.stdout)


def quiet(rounds: int, measure: Callable[[], Result], *, tries: int | None = None) -> Iterator[tuple[Result, bool]]:
    """What so many rounds give, and whether each was undisturbed. Disturbed ones are gone through again, `tries`
    times (as many as there are rounds), then taken as they are."""
    left = rounds if tries is None else tries
    for _ in range(rounds):
        while True:
            busy, own, begin = _busy(), _own(), time.monotonic()
            result = measure()
            wall = time.monotonic() - begin
            foreign = (_busy() - busy) - (_own() - own)
            undisturbed = foreign < FOREIGN * wall * (os.cpu_count() or 1)
            if undisturbed or left == 0:
                yield result, undisturbed
                break
            left -= 1


def _busy() -> float:
    """Seconds of processor time that the whole machine has been busy; 0 where it does not say."""
    with contextlib.suppress(OSError):
        user, nice, system, _, _, irq, softirq = map(
            int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8]
        )
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _own() -> float:
    """Seconds of processor time that this process and its children have used."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
