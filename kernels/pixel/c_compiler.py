"""The C compiler: `$CC`, `cc`, or the `ziglang` wheel; shared objects are kept by what they were made of."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from gflow.kernels.files import whole

#: Raised when the same source and flags would make another object.
VERSION = 1

_FLAGS = (
    "-std=c11", "-O3", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
    "-ffp-contract=off", "-fvisibility=hidden",
)  # fmt: skip


class NoCompiler(Exception):
    """There is no C compiler, or it failed; the message says which."""


@cache
def command() -> tuple[str, ...] | None:
    """How the compiler is called; None where there is none."""
    named = os.environ.get("CC")
    if named:
        return tuple(shlex.split(named))
    found = shutil.which("cc")
    if found:
        return (found,)
    return (sys.executable, "-m", "ziglang", "cc") if find_spec("ziglang") is not None else None


def flags(target_cpu: str = "native") -> tuple[str, ...]:
    """target_cpu: "native", or a level that a fleet has in common, such as "x86-64-v3". `$CFLAGS` come last."""
    compiler = command() or ()
    wide = ("-mprefer-vector-width=512",) if platform.machine() == "x86_64" and "ziglang" not in compiler else ()
    return (*_FLAGS, f"-march={target_cpu}", *wide, *shlex.split(os.environ.get("CFLAGS", "")))


def folder() -> Path:
    """Where objects are kept."""
    home = os.environ.get("GFLOW_CACHE")
    place = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gflow"
    return place / "kernels"


@cache
def _machine() -> str:
    """What "native" means here: an object made on another machine must not be taken for this one's."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def identity(text: str, target_cpu: str = "native") -> str:
    """A name for what a source is compiled to."""
    told = f"{VERSION} {command()} {flags(target_cpu)} {_machine() if target_cpu == 'native' else ''}\n{text}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def compiled(text: str, target_cpu: str = "native") -> Path:
    """The shared object of a source, made now or before. Raises NoCompiler."""
    compiler = command()
    if compiler is None:
        raise NoCompiler("there is no C compiler")
    place = folder() / f"{identity(text, target_cpu)}.so"
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    whole(place, lambda part: _compile(text, [*compiler, *flags(target_cpu)], part))
    return place


def _compile(text: str, compiler: Sequence[str], made: Path) -> None:
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".") as scratch:
        source = Path(scratch) / "kernel.c"
        source.write_text(text, encoding="utf-8")
        try:
            subprocess.run(
                [*compiler, "-o", made, source, "-lm"],
                check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            raise NoCompiler(f"the C compiler {compiler[0]} does not run: {error.strerror}") from error
        except subprocess.CalledProcessError as error:
            told = (error.stderr or "").strip().splitlines() or [f"it ended with {error.returncode}"]
            raise NoCompiler(f"the C compiler {compiler[0]} failed: {told[0][:300]}") from error
