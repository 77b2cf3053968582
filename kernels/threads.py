"""Work on all cores at once: in the caller's thread, and in one for each other core."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

#: The core that each thread of a pool stays away from, by the system's number of the thread.
_away: dict[int, int] = {}


@cache
def cores() -> int:
    """How many cores this process may use."""
    return len(_all_cores())


def at_once(work: Sequence[Callable[[], T]], pool: str) -> list[T]:
    """What functions give that run at once, the first in the caller's thread. All of them are done when this ends,
    also where one raises; then the first error is raised. pool: whose threads run the others, one for each core."""
    if len(work) == 1:
        return [work[0]()]
    _keep_off(_core())
    others = [_pool(pool).submit(each) for each in work[1:]]
    try:
        first = work[0]()
    finally:
        for other in others:
            other.exception()
    return [first, *(other.result() for other in others)]


@cache
def _pool(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, cores() - 1), name, lambda: _away.update({threading.get_native_id(): -1}))


def _keep_off(core: int) -> None:
    """Keeps the pools off the caller's core. Linux likes to wake a thread on the core of who wakes it, where it
    would begin when the caller is done."""
    elsewhere = _all_cores() - {core}
    for thread, away in list(_away.items()):
        if away != core and elsewhere:
            os.sched_setaffinity(thread, elsewhere)
            _away[thread] = core


@cache
def _all_cores() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


@cache
def _getcpu() -> Any:
    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


def _core() -> int:
    """The core that runs the caller, now; -1 where the system doesn't tell."""
    getcpu = _getcpu()
    return -1 if getcpu is None else int(getcpu())
