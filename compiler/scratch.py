"""Folders for what is large and temporary while a script is compiled: in the cache, on disk, as a temporary folder
of the system's may be memory itself."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".part-"


@contextmanager
def scratch(within: Path) -> Iterator[Path]:
    """An empty folder in another one, which is made where it is missing; it goes when this ends. Raises OSError.

    What processes left that were killed goes first. A folder is locked while it is in use, and a lock ends with its
    process, however that ends: no process's number is trusted, which another machine may have given."""
    within.mkdir(parents=True, exist_ok=True)
    around = _locked(within)
    try:
        for left in within.glob(f"{_PREFIX}*"):
            _sweep(left)
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=within))
        held = _locked(made)
    finally:
        os.close(around)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(held)


def _locked(folder: Path) -> int:
    """A folder's descriptor, locked until it is closed; waits for it."""
    found = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # Not every file system has locks; there, nothing is swept either.
        fcntl.flock(found, fcntl.LOCK_EX)
    return found


def _sweep(folder: Path) -> None:
    """Removes a folder that nobody uses."""
    with suppress(OSError):
        found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(found)
