"""The CUDA driver, asked itself: which GPUs there are, and to run kernels that were compiled before.

Through `ctypes`, as the driver's library is all that is needed, and is there wherever a GPU can be used. Packages
that are installed, and what they were compiled for, say nothing about a card.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

#: Attributes of a device (CUDA driver API, `CUdevice_attribute`).
_MAJOR, _MINOR = 75, 76
#: An attribute of a function (`CUfunction_attribute`), which has to be set for shared memory beyond so many bytes.
_MOST_SHARED, _SHARED = 8, 48 * 1024
#: Events that keep no times (`CUevent_flags`).
_NO_TIMES = 2
#: The driver's status where memory is short, and where work is not done (`CUresult`).
_OUT_OF_MEMORY, _NOT_READY = 2, 600


class NoCuda(Exception):
    """There is no GPU that could be used, or it failed, and why."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def out_of_memory(self) -> bool:
        return self.status == _OUT_OF_MEMORY


@dataclass(frozen=True)
class Gpu:
    """A card. capability: such as "sm_90". driver: the newest CUDA that its driver takes, such as (12, 4)."""

    name: str
    capability: str
    driver: tuple[int, int]

    @property
    def told(self) -> str:
        """How people know it."""
        return f"{self.name} ({self.capability}, driver for CUDA {self.driver[0]}.{self.driver[1]})"


@cache
def gpu() -> Gpu:
    """The first GPU that the driver lets this process use. Raises NoCuda."""
    major, minor, version = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    device, count, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    called("cuInit", 0)
    called("cuDeviceGetCount", ctypes.byref(count))
    if count.value == 0:
        raise NoCuda("the NVIDIA driver shows no GPU")
    called("cuDeviceGet", ctypes.byref(device), 0)
    called("cuDeviceGetName", name, len(name), device)
    called("cuDeviceGetAttribute", ctypes.byref(major), _MAJOR, device)
    called("cuDeviceGetAttribute", ctypes.byref(minor), _MINOR, device)
    called("cuDriverGetVersion", ctypes.byref(version))
    driver = version.value // 1000, version.value % 1000 // 10
    return Gpu(name.value.decode(errors="replace"), f"sm_{major.value}{minor.value}", driver)


@cache
def _library() -> Any:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError:
        raise NoCuda("no NVIDIA driver is installed") from None


def called(function: str, *arguments: Any) -> None:
    """Calls a function of the driver. Raises NoCuda with the driver's own words."""
    status = getattr(_library(), function)(*arguments)
    if status != 0:
        text = ctypes.c_char_p()
        _library().cuGetErrorString(status, ctypes.byref(text))
        told = (text.value or b"error").decode()
        raise NoCuda(f"the NVIDIA driver says: {told} ({function}, {status})", status)


@cache
def _context() -> ctypes.c_void_p:
    """The context that the CUDA runtime uses, too."""
    found = ctypes.c_void_p()
    gpu()
    called("cuDevicePrimaryCtxRetain", ctypes.byref(found), 0)
    return found


_threads = threading.local()


def current() -> None:
    """Makes the GPU the one that this thread's calls are about. Raises NoCuda."""
    if not getattr(_threads, "set", False):
        called("cuCtxSetCurrent", _context())
        _threads.set = True


def stream() -> int:
    """A new stream, by address, for work that does not wait for other streams. Raises NoCuda."""
    found = ctypes.c_void_p()
    current()
    called("cuStreamCreate", ctypes.byref(found), 1)
    return int(found.value or 0)


def wait(stream: int) -> None:
    """Until all work that a stream was given is done. Raises NoCuda."""
    current()
    called("cuStreamSynchronize", ctypes.c_void_p(stream))


def function(code: bytes, name: str, shared: int) -> int:
    """A kernel of a cubin, or of PTX, which the driver compiles. shared: bytes of memory that its programs share.
    It stays loaded. Raises NoCuda."""
    module, found = ctypes.c_void_p(), ctypes.c_void_p()
    current()
    # PTX ends with a zero.
    called("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(code))
    called("cuModuleGetFunction", ctypes.byref(found), module, name.encode())
    if shared > _SHARED:
        called("cuFuncSetAttribute", found, _MOST_SHARED, shared)
    return int(found.value or 0)


def launch(
    function: int, grid: tuple[int, int], threads: int, shared: int, arguments: Sequence[Any], stream: int
) -> None:
    """Starts a kernel. grid: programs, across and down. arguments: of `ctypes`. Raises NoCuda."""
    current()
    given = (ctypes.c_void_p * len(arguments))(*(ctypes.addressof(each) for each in arguments))
    where = ctypes.c_void_p(function), ctypes.c_void_p(stream)
    called("cuLaunchKernel", where[0], *grid, 1, threads, 1, 1, shared, where[1], given, None)


# --- memory, and what is done when ---


def pinned(size: int) -> Any:
    """Main memory that the GPU copies to and from by itself: a NumPy array, uint8. It is given back when the last
    view of it is gone. Raises NoCuda."""
    import numpy as np

    found = ctypes.c_void_p()
    current()
    called("cuMemHostAlloc", ctypes.byref(found), ctypes.c_size_t(size), 0)
    assert found.value is not None
    held = (ctypes.c_uint8 * size).from_address(found.value)
    weakref.finalize(held, _given_back, found.value)
    return np.frombuffer(memoryview(held), np.uint8)


def _given_back(address: int) -> None:
    with suppress(NoCuda):  # A device that is lost has none of it.
        current()
        called("cuMemFreeHost", ctypes.c_void_p(address))


def read(address: int, into: Any, stream: int) -> None:
    """Copies from the GPU into a NumPy array, contiguous, after the work that a stream was given. Raises NoCuda."""
    current()
    target, size = ctypes.c_void_p(into.ctypes.data), ctypes.c_size_t(into.nbytes)
    called("cuMemcpyDtoHAsync_v2", target, ctypes.c_uint64(address), size, ctypes.c_void_p(stream))
    wait(stream)


def write(address: int, array: Any, stream: int) -> None:
    """Begins to copy a NumPy array, contiguous, to the GPU, as work of a stream. It must not be changed until that
    is done. Raises NoCuda."""
    current()
    source, size = ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
    called("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), source, size, ctypes.c_void_p(stream))


def event(stream: int) -> int:
    """What tells when the work is done that a stream was given so far. Raises NoCuda."""
    found = ctypes.c_void_p()
    current()
    called("cuEventCreate", ctypes.byref(found), _NO_TIMES)
    called("cuEventRecord", found, ctypes.c_void_p(stream))
    return int(found.value or 0)


def done(event: int) -> bool:
    """Raises NoCuda where the work failed."""
    current()
    try:
        called("cuEventQuery", ctypes.c_void_p(event))
    except NoCuda as error:
        if error.status != _NOT_READY:
            raise
        return False
    return True


def follow(stream: int, event: int) -> None:
    """What a stream is given from now on begins after an event. Raises NoCuda."""
    current()
    called("cuStreamWaitEvent", ctypes.c_void_p(stream), ctypes.c_void_p(event), 0)


def forget(event: int) -> None:
    """Raises NoCuda."""
    current()
    called("cuEventDestroy_v2", ctypes.c_void_p(event))
