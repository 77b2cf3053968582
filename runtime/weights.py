"""Tensors mapped from safetensors files, as the graphs of lowered models want them."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime.errors import ModelMissing
from gflow.runtime.lowered import Component, Weight

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


#: Bytes that a path and an offset take in a graph, so that they can be put in without parsing it.
_PATH, _OFFSET = 255, 20


def placeholders(number: int) -> tuple[str, str]:
    """What stands in a graph for the path and the offset of its weights of that number, in the order of
    `Component.weights`."""
    return f"@weights-{number:08d}".ljust(_PATH, "@"), f"@offset-{number:08d}".ljust(_OFFSET, "@")


_PLACEHOLDERS = re.compile(rb"@weights-(\d{8})@{238}|@offset-(\d{8})@{4}")


def placed(graph: bytes, places: Sequence[tuple[str, int]]) -> bytes:
    """A graph with the file and the offset of each of its weights put in. File names are relative to the folder
    that ONNX Runtime is told. Raises ValueError for a name that is too long."""

    def put(match: re.Match[bytes]) -> bytes:
        if match[2] is not None:
            return str(places[int(match[2])][1]).zfill(_OFFSET).encode()
        return padded(places[int(match[1])][0]).encode()

    return _PLACEHOLDERS.sub(put, graph)


def padded(file: str) -> str:
    """A file's name as graphs have it: with slashes and dots that change nothing, up to the length. Raises
    ValueError."""
    spare = _PATH - len(file.encode())
    if spare < 2:
        raise ValueError(f"the name {file!r} is too long")
    return "./" * (spare // 2 - spare % 2) + ".//" * (spare % 2) + file


def read(folder: Path, component: Component) -> Iterator[tuple[str, Array]]:
    """The weights of a component, one by one, in order: the initializer's name and a contiguous array. Floats of
    fewer bits become float32. Raises ModelMissing."""
    for name, weight in component.weights.items():
        yield name, one(folder, weight)


def one(folder: Path, weight: Weight) -> Array:
    """One of a component's weights. Raises ModelMissing."""
    try:
        tensor = tensor_of(folder / weight.file, weight.tensor)
    except (OSError, ValueError, KeyError) as error:
        raise ModelMissing(f"{weight.file} does not have the weights `{weight.tensor}`: {error}") from error
    if weight.transpose:
        tensor = tensor.swapaxes(-1, -2)
    return np.ascontiguousarray(tensor).reshape(weight.shape)


def tensor_of(file: Path, name: str) -> Array:
    """A tensor of a safetensors file: float16 and bfloat16 as float32, anything else as it is, mapped."""
    buffer, start, header = _mapped(file)
    entry = header[name]
    begin, end = entry["data_offsets"]
    raw = np.frombuffer(buffer, np.uint8, end - begin, start + begin)
    if entry["dtype"] == "BF16":
        # The upper half of a float32.
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
    tensor = raw.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensor.astype(np.float32) if entry["dtype"] == "F16" else tensor


def tensors_in(file: Path) -> list[str]:
    """The names of a safetensors file's tensors, in order."""
    return list(_mapped(file)[2])


def dtypes(folder: Path, component: Component) -> dict[str, str]:
    """The types that a component's large weights have in safetensors files, as those call them, by initializer."""
    named = {name: weight for name, weight in component.weights.items() if weight.tensor}
    return {name: _mapped(folder / weight.file)[2][weight.tensor]["dtype"] for name, weight in named.items()}


@cache
def _mapped(file: Path) -> tuple[Any, int, dict[str, Any]]:
    """A file in memory, where its tensors begin, and its header. Raises ValueError for a file that is none."""
    with file.open("rb") as opened:
        buffer = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    length = int.from_bytes(buffer[:8], "little")
    if length > len(buffer) - 8:
        raise ValueError("the file is cut short")
    header = json.loads(buffer[8 : 8 + length])
    header.pop("__metadata__", None)
    return buffer, 8 + length, header
