"""A model's files with all of its weights in float32.

torch maps weights that are in their file as they are wanted. Weights in 16 bits that are wanted in float32 it
converts in memory, where all of a model's would stay until it is exported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gflow.compiler.models.files import read_header
from gflow.compiler.scratch import scratch
from gflow.runtime import cache
from gflow.runtime.weights import tensor_of

_HALVES = ("BF16", "F16")

#: What diffusers and transformers call the files that they load; others may lie beside them.
_LOADED = re.compile(r"(model|diffusion_pytorch_model)(-\d+-of-\d+)?\.safetensors")


@contextmanager
def in_float32(folder: Path) -> Iterator[Path]:
    """A folder like this one, for as long as this lasts; what was mapped of it stays. It is the same one where
    nothing is in 16 bits. Raises OSError."""
    headers = {file: read_header(file) for file in folder.rglob("*") if _LOADED.fullmatch(file.name)}
    smaller = {file: header for file, header in headers.items() if _has_halves(header)}
    if not smaller:
        yield folder
        return
    with scratch(cache.folder() / "weights") as made:
        for file in folder.rglob("*"):
            place = made / file.relative_to(folder)
            if file.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if file in smaller:
                with place.open("wb") as out:
                    _widen(file, smaller[file], out)
            else:
                place.symlink_to(file.resolve())
        yield made


def _has_halves(header: Mapping[str, Any]) -> bool:
    return any(entry["dtype"] in _HALVES for entry in header.values())


def _widen(file: Path, header: Mapping[str, Any], out: BinaryIO) -> None:
    """Writes a safetensors file anew (https://huggingface.co/docs/safetensors: the header's length, the header,
    the tensors), one tensor after the other."""
    begin = 0
    entries: dict[str, dict[str, Any]] = {"__metadata__": {"format": "pt"}}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        half = entry["dtype"] in _HALVES
        end = begin + (last - first) * (2 if half else 1)
        entries[name] = {**entry, "dtype": "F32" if half else entry["dtype"], "data_offsets": [begin, end]}
        begin = end
    told = json.dumps(entries).encode()
    told += b" " * (-len(told) % 8)
    out.write(len(told).to_bytes(8, "little") + told)
    with file.open("rb") as given:
        start = 8 + int.from_bytes(given.read(8), "little")
        for name, entry in header.items():
            if entry["dtype"] in _HALVES:
                out.write(np.ascontiguousarray(tensor_of(file, name)).data)
            else:
                first, last = entry["data_offsets"]
                given.seek(start + first)
                out.write(given.read(last - first))
