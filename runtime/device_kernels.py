"""Kernels that came with a program for a GPU, started through the driver; there is no compiler."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from gflow.kernels.pixel.launches import PORTABLE, Binary, Index
from gflow.kernels.types import Array
from gflow.runtime import cuda
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import Gpu, NoCuda
from gflow.runtime.device import Value, empty
from gflow.runtime.device_copies import Copies
from gflow.runtime.network import failed

#: What holds an argument, by Triton's name of its type; addresses begin with "*".
_HOLDERS = {"i32": ctypes.c_int32, "fp32": ctypes.c_float}

#: What kernels read in the form that needs addresses and sizes to be multiples of so much.
_WIDE = 16


class Kernels:
    """A target's kernels, on one stream, and copies for them. Safe to use from several threads.

    entry: of the bundle, that says which there are. Each is loaded when it is first started."""

    def __init__(self, bundle: Bundle, entry: str, gpu: Gpu) -> None:
        self.bundle = bundle
        self.index = msgspec.json.decode(bundle.read(entry), type=Index)
        self.binaries = self.index.binaries.get(gpu.capability) or self.index.binaries[PORTABLE]
        self.stream = cuda.stream()
        self.copies = Copies(self.stream)
        self._functions: dict[str, int] = {}
        self._lock = threading.Lock()

    def put(self, array: Array, place: str) -> Value:
        """A contiguous array in memory of ONNX Runtime's, for kernels that are started from now on. place: ONNX
        Runtime's name of the device. Raises EngineFailed and OutOfMemory."""
        made = empty(array.shape, array.dtype, place)
        with telling():
            self.copies.up(array, int(made.data_ptr()))
        return made

    def __contains__(self, name: str) -> bool:
        return name in self.binaries

    def start(
        self, name: str, grid: tuple[int, int], types: Sequence[str], given: Sequence[Any], aligned: Sequence[int]
    ) -> None:
        """Starts a kernel, which other work on the stream waits for. types: of its arguments, by Triton's names;
        given: addresses, whole numbers and floats. aligned: places of those that decide, by being multiples of 16,
        whether its faster form may be taken, where it has one. Raises EngineFailed and OutOfMemory."""
        wide = f"{name} wide"
        if wide in self.binaries and all(given[place] % _WIDE == 0 for place in aligned):
            name = wide
        binary = self.binaries[name]
        holders = [ctypes.c_uint64 if kind.startswith("*") else _HOLDERS[kind] for kind in types]
        held = [holder(value) for holder, value in zip(holders, given, strict=True)]
        scratch = [ctypes.c_uint64(0), ctypes.c_uint64(0)]
        with telling():
            function = self._function(name, binary)
            cuda.launch(function, grid, binary.threads, binary.shared, [*held, *scratch], self.stream)

    def _function(self, name: str, binary: Binary) -> int:
        with self._lock:
            if name not in self._functions:
                code = self.bundle.read(f"kernels/{binary.object}")
                self._functions[name] = cuda.function(code, binary.function, binary.shared)
            return self._functions[name]


@contextmanager
def telling() -> Iterator[None]:
    """Says what goes wrong on the GPU by our errors."""
    try:
        yield
    except NoCuda as error:
        raise failed(error) from error
