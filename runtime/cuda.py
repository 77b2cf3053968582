"""The CUDA driver, asked itself: which GPUs there are, and memory on them.

Through `ctypes`, as the driver's library is all that is needed, and is there wherever a GPU can be used. Packages
that are installed, and what they were compiled for, say nothing about a card.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Any

#: Attributes of a device (CUDA driver API, `CUdevice_attribute`).
_MAJOR, _MINOR = 75, 76


class NoCuda(Exception):
    """There is no GPU that could be used, and why."""


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
        raise NoCuda(f"the NVIDIA driver says: {(text.value or b'error').decode()} ({function}, {status})")


@cache
def _context() -> ctypes.c_void_p:
    """The context that the CUDA runtime uses, too."""
    found = ctypes.c_void_p()
    gpu()
    called("cuDevicePrimaryCtxRetain", ctypes.byref(found), 0)
    return found


def current() -> None:
    """Makes the GPU the one that this thread's calls are about. Raises NoCuda."""
    called("cuCtxSetCurrent", _context())


def stream() -> int:
    """A new stream, by address, for work that does not wait for other streams. Raises NoCuda."""
    found = ctypes.c_void_p()
    current()
    called("cuStreamCreate", ctypes.byref(found), 1)
    return int(found.value or 0)
