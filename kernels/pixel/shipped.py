"""Kernels that came with a program, so that nothing is compiled where it runs."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from gflow.kernels.pixel.arguments import Arguments

#: What levels of x86-64 need of a processor beyond the first (https://gitlab.com/x86-psABIs/x86-64-ABI).
_LEVELS = {
    "x86-64-v2": ("cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"),
    "x86-64-v3": ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}


class Shipped(msgspec.Struct, frozen=True):
    """A kernel by the name of its structure: the object's name, and what it takes."""

    object: str
    takes: Arguments


class Index(msgspec.Struct, frozen=True):
    """Kernels for one kind of processor: `machine`, and `features`, which it must have."""

    machine: str
    features: list[str]
    kernels: dict[str, Shipped]


_found: dict[str, tuple[Shipped, Callable[[str], bytes]]] = {}


def machine() -> str:
    return platform.machine()


def offer(index: Index, read: Callable[[str], bytes]) -> str:
    """Makes kernels known, where this machine can run them; else says why not. read: gives an object's bytes."""
    if index.machine != machine():
        return f"its kernels are for {index.machine}"
    missing = sorted(set(index.features) - features())
    if missing:
        return f"its kernels are for processors with {', '.join(missing[:4])}"
    _found.update({name: (kernel, read) for name, kernel in index.kernels.items()})
    return ""


def find(name: str) -> tuple[Any, Arguments] | None:
    """The function of that name, and what it takes."""
    if name not in _found:
        return None
    kernel, read = _found[name]
    return function(_as_file(read(kernel.object))), kernel.takes


def function(place: str) -> Any:
    """The function of an object, which runs without Python's lock."""
    found = ctypes.CDLL(place).gflow_kernel
    found.argtypes = [ctypes.c_void_p] * 4
    found.restype = ctypes.c_int
    return found


def _as_file(data: bytes) -> str:
    """The bytes under a path, which the system's loader wants: in memory where there is a way."""
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("gflow-kernel")
        os.write(handle, data)
        return f"/proc/self/fd/{handle}"
    import tempfile

    handle, place = tempfile.mkstemp(suffix=".so")
    os.write(handle, data)
    os.close(handle)
    return place


def features() -> set[str]:
    """What this processor can do, by the names of /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    flags = (line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, []))


def needed(target_cpu: str) -> list[str]:
    """What a processor must have for objects that were compiled for a target: a level, or "native"."""
    if target_cpu == "native":
        used = (
            "avx",
            "sse",
            "ssse",
            "fma",
            "bmi",
            "f16c",
            "abm",
            "movbe",
            "gfni",
            "vaes",
            "vpclmul",
            "asimd",
            "sve",
        )
        return sorted(feature for feature in features() if feature.startswith(used))
    found: list[str] = []
    for level, more in _LEVELS.items():
        found += more
        if level == target_cpu:
            break
    return sorted(found) if target_cpu in _LEVELS else []
