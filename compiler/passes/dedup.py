"""Models by content: components with the same weights and the same graph are one, whatever their models' names."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from pathlib import Path
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp, StringAttr

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, models
from gflow.runtime.lowered import Lowered, read


class Dedup(Pass):
    """Equal models become one, equal components of different models are loaded once."""

    name: ClassVar[str] = "dedup"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        notes: list[str] = []
        folders = {name: Path(op.lowered.data) for name, op in models(module).items() if op.lowered is not None}
        lowered = {name: read(folder) for name, folder in folders.items()}
        first: dict[Hashable, str] = {}
        same: dict[str, str] = {}
        for name, model in lowered.items():
            identity = _identity(model, folders[name])
            if first.setdefault(identity, name) != name:
                same[name] = first[identity]
                notes.append(f"`{name}` is the same model as `{first[identity]}`")
        if same:
            _rename(module, same)
        return notes + _shared({name: model for name, model in lowered.items() if name not in same})


def _identity(model: Lowered, folder: Path) -> Hashable:
    """What makes two models one: their networks, their settings, and the files that are neither, such as tokenizers
    and denoise loops."""
    files = [hashlib.sha256((folder / file).read_bytes()).digest() for file in model.files]
    parts = [(name, component.identity) for name, component in model.components.items()]
    return model.family, repr(model.settings), tuple(parts), tuple(files)


def _rename(module: ModuleOp, same: dict[str, str]) -> None:
    for op in module.walk():
        if isinstance(op, d.CallOp) and op.kind.data == "method":
            model, _, method = op.callee.data.rpartition(".")
            if model in same:
                op.properties["callee"] = StringAttr(f"{same[model]}.{method}")
    for name, op in models(module).items():
        if name in same:
            d.remove(op)


def _shared(lowered: dict[str, Lowered]) -> list[str]:
    """What several models have in common: the runtime loads components by what they hold."""
    owners: dict[str, list[str]] = {}
    for name, model in lowered.items():
        for part, component in model.components.items():
            owners.setdefault(component.identity, []).append(f"{name}.{part}")
    sizes = {c.identity: c.bytes for model in lowered.values() for c in model.components.values()}
    return [
        f"{' and '.join(places)} are one component: {(len(places) - 1) * sizes[identity] / 1e6:.1f} MB less to load"
        for identity, places in owners.items()
        if len(places) > 1
    ]
