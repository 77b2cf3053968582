"""Generated Triton source as modules: Triton wants its kernels in files, which are kept by what is in them."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

from gflow.kernels.files import digest, whole
from gflow.kernels.pixel import c_compiler


class NoTriton(Exception):
    """Triton or PyTorch is not installed; the message says which."""


def folder() -> Path:
    """Where modules are kept."""
    return c_compiler.folder().parent / "triton"


@cache
def loaded(text: str) -> ModuleType:
    """The module of a source, with its kernels as attributes. Raises NoTriton."""
    if importlib.util.find_spec("triton") is None:
        raise NoTriton("Triton is not installed")
    place = _file(text)
    spec = importlib.util.spec_from_file_location(f"gflow_triton_{place.stem}", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file(text: str) -> Path:
    """The text's file, written now or before."""
    data = text.encode()
    place = folder() / f"{digest(data)}.py"
    if place.exists() and place.read_bytes() == data:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    whole(place, lambda part: part.write_bytes(data))
    return place
