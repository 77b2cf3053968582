"""A lowered model: what a model's files became at compile time, so that neither torch nor diffusers is needed to
run it.

It is a folder with `lowered.json` (a `Lowered`), one ONNX graph a component, and what is computed ahead: denoise
loops as tables, chat templates as pieces. The graphs hold no weights: each names the tensors it wants, which stay
in the model's own safetensors files and are mapped from there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from gflow.runtime.bundle import Folder


class Weight(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an initializer of a graph is: a tensor of a safetensors file, converted to the graph's dtype, then
    transposed (the last two axes) if `transpose`, then of that shape. Without `tensor`, the file is nothing but the
    initializer's bytes, as the graph wants them (in a bundle, from which they are mapped)."""

    file: str
    tensor: str
    shape: list[int]
    transpose: bool = False


class Component(msgspec.Struct, frozen=True):
    """A network. `graph`: the ONNX file. `weights`: by initializer. `identity`: SHA-256 over the graph and the
    tensors it reads, so equal networks of different models are known as such. `tolerance`: the greatest absolute
    difference from the torch reference that was met when it was checked."""

    graph: str
    weights: dict[str, Weight]
    identity: str
    bytes: int
    tolerance: float = 0.0


class Lowered(msgspec.Struct, frozen=True, kw_only=True):
    """`family` names the file of `runtime/engines/` that runs it, `settings` are that family's own. Files are
    relative to the folder of `lowered.json`; `files` lists those that are neither graphs nor weights."""

    version: int = 1
    family: str
    components: dict[str, Component]
    settings: dict[str, Any] = {}
    files: list[str] = []


NAME = "lowered.json"


def read(folder: Folder) -> Lowered:
    """The lowered model in a folder. Raises OSError and msgspec.MsgspecError."""
    return msgspec.json.decode((folder / NAME).read_bytes(), type=Lowered)


def write(lowered: Lowered, folder: Path) -> None:
    """Writes `lowered.json`: the same bytes for the same model."""
    text = msgspec.json.format(msgspec.json.encode(lowered, order="deterministic"), indent=1)
    (folder / NAME).write_bytes(text)
