"""Copies between main memory and a GPU, through pinned memory: the GPU reads and writes that by itself, at the full
rate, while the host goes on."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from typing import Any

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime import cuda
from gflow.runtime.cuda import NoCuda

#: The smallest piece of pinned memory, in bytes, and how many of a size are kept for the next copies.
_LEAST, _KEPT = 1 << 16, 4


class Copies:
    """Copies for the work of one stream. Safe to use from several threads."""

    def __init__(self, stream: int) -> None:
        self.stream, self._down = stream, cuda.stream()
        self._lock = threading.Lock()
        self._free: dict[int, list[Any]] = defaultdict(list)
        self._busy: list[tuple[int, Any]] = []

    def up(self, array: Array, address: int) -> None:
        """Begins to copy an array to the GPU. It may be changed at once; work that the stream is given from now on
        finds the copy there. Raises NoCuda."""
        buffer = self._buffer(array.nbytes)
        buffer[: array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        cuda.write(address, buffer[: array.nbytes], self.stream)
        with self._lock:
            self._busy.append((cuda.event(self.stream), buffer))

    def down(self, address: int, into: Any) -> None:
        """Copies what the stream's work so far has made into a contiguous array, and waits for that alone: the
        stream may go on. Raises NoCuda."""
        buffer = self._buffer(into.nbytes)
        made = cuda.event(self.stream)
        cuda.follow(self._down, made)
        cuda.forget(made)
        cuda.read(address, buffer[: into.nbytes], self._down)
        into.reshape(-1).view(np.uint8)[:] = buffer[: into.nbytes]
        with self._lock:
            self._keep(buffer)

    def _buffer(self, size: int) -> Any:
        """Pinned memory that no copy needs any more."""
        room = max(_LEAST, 1 << math.ceil(math.log2(max(size, 1))))
        with self._lock:
            busy, self._busy = self._busy, []
            for event, buffer in busy:
                if cuda.done(event):
                    cuda.forget(event)
                    self._keep(buffer)
                else:
                    self._busy.append((event, buffer))
            if self._free[room]:
                return self._free[room].pop()
        try:
            return cuda.pinned(room)
        except NoCuda:  # The system gives no more of it: the driver copies a piece at a time.
            return np.empty(room, np.uint8)

    def _keep(self, buffer: Any) -> None:
        if len(self._free[len(buffer)]) < _KEPT:
            self._free[len(buffer)].append(buffer)
