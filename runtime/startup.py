"""What a program of ours does before anything else."""

from __future__ import annotations

import gc
import os
import sys


def prepare() -> None:
    """Makes sure that printing works where a stream was closed by the caller (`>&-`), and where its encoding lacks
    a character. Has NumPy's threads sleep until there is work, where they would spin on the other cores while a
    program starts; to be called before NumPy is imported. Looks for garbage less often: a program makes many small
    objects and ends soon, and looking among them took a third of its time."""
    gc.set_threshold(200_000, 30, 30)
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (for good)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
