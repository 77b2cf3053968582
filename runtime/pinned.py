"""Weights in pinned memory: of networks that a full GPU had to let go and that the plan needs again. From there a
GPU reads them by itself, at the full rate. What there is no room for stays in the bundle's file."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gflow.runtime import cuda
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import NoCuda
from gflow.runtime.errors import BundleBroken


class Pinned:
    """Entries of a bundle in pinned memory. Safe to use from several threads. room: how many bytes they may take;
    None for half of what the machine has to spare when the first is read."""

    def __init__(self, bundle: Bundle, room: int | None = None) -> None:
        self.bundle, self.room = bundle, room
        self._held: dict[str, Any] = {}
        self._lock = threading.Lock()

    def hold(self, names: Sequence[str]) -> None:
        """Reads entries there, if there is room for all of them. What can't be read, its reader will tell."""
        with self._lock, suppress(NoCuda, BundleBroken):
            if self.room is None:
                self.room = _available() // 2
            sizes = {name: self.bundle.size(name) for name in names if name not in self._held}
            if sum(sizes.values()) > self.room:
                return
            for name, size in sizes.items():
                buffer = cuda.pinned(size)
                self.bundle.read_into(name, memoryview(buffer))
                self._held[name] = buffer
                self.room -= size

    def get(self, names: Sequence[str]) -> dict[str, Any] | None:
        """The entries, as uint8; None where some are not there."""
        with self._lock:
            return {name: self._held[name] for name in names} if all(name in self._held for name in names) else None


def _available() -> int:
    """Bytes of main memory that a program could have without others being swapped out."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0
