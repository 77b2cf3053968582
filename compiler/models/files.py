"""What can be told of a model from its files alone: JSON, and the headers of safetensors. Nothing is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Files that hold weights as pickles. They are recognised by name, never opened.
PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl"}


@dataclass(frozen=True)
class WrongKind:
    """It is a model of another kind, or none: what it is."""

    found: str


@dataclass(frozen=True)
class Damaged:
    """A file, by its path in the folder, and what is wrong with it."""

    file: str
    problem: str


@dataclass(frozen=True)
class Pickled:
    """A file of pickled weights, where there are no others."""

    file: str


Finding = WrongKind | Damaged | Pickled


class DamagedFile(Exception):
    """A file that can't be what it should be."""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises DamagedFile."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFile("it is missing" if isinstance(error, FileNotFoundError) else "it is not JSON") from error
    if not isinstance(data, dict):
        raise DamagedFile("it is not a JSON object")
    return data


def read_header(path: Path) -> dict[str, Any]:
    """The tensors in a safetensors file, name ▶ dtype, shape and data_offsets. Raises DamagedFile.

    The format: eight bytes with the header's length, little endian; the header, as JSON; the data, whose end
    the header gives. So a file that was cut short is known without reading it.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 + length:
                raise DamagedFile("it is cut short")
            header = json.loads(file.read(length))
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        ends = [entry["data_offsets"][1] for entry in tensors.values()]
    except OSError as error:
        raise DamagedFile("it can't be read") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DamagedFile("it is not a safetensors file") from error
    if size < 8 + length + max(ends, default=0):
        raise DamagedFile("it is cut short")
    return tensors


def check_weights(folder: Path, stem: str, within: Path) -> list[Finding]:
    """What is wrong with the weights of one component, `stem.safetensors` or its shards.

    within: the model's folder, which findings name files from.
    """
    name = str(folder.relative_to(within) / f"{stem}.safetensors")
    whole = sorted(folder.glob(f"{stem}.safetensors")) or sorted(folder.glob(f"{stem}.fp16.safetensors"))
    indexes = sorted(folder.glob(f"{stem}.safetensors.index*.json"))
    if not whole and not indexes:
        pickled = sorted(path for path in folder.iterdir() if path.suffix in PICKLED)
        if pickled:
            return [Pickled(str(pickled[0].relative_to(within)))]
        return [Damaged(name, "it is missing")]
    findings: list[Finding] = []
    shards = set(whole)
    for index in [] if whole else indexes:
        try:
            names = {str(name) for name in read_json(index)["weight_map"].values()}
            if not names or any(Path(name).name != name for name in names):
                raise DamagedFile("it names files elsewhere")
            shards |= {folder / name for name in names}
        except (DamagedFile, KeyError, AttributeError):
            findings.append(Damaged(str(index.relative_to(within)), "it is not a list of shards"))
    for shard in sorted(shards):
        try:
            read_header(shard)
        except DamagedFile as error:
            problem = str(error) if shard.exists() else "it is missing"
            findings.append(Damaged(str(shard.relative_to(within)), problem))
    return findings


def no_config(place: Path) -> Finding:
    """What to say of a file, or of a folder without the configuration that a model has."""
    if place.is_file():
        if place.suffix in PICKLED:
            return Pickled(place.name)
        return WrongKind("a single file" if place.suffix == ".safetensors" else f"a file, {place.name}")
    pickled = sorted(path.name for path in place.iterdir() if path.suffix in PICKLED)
    return Pickled(pickled[0]) if pickled else WrongKind(describe(place))


def describe(folder: Path) -> str:
    """What a folder holds, in a few words."""
    for name, field, what in (
        ("model_index.json", "_class_name", "a diffusers pipeline, {}"),
        ("config.json", "architectures", "a {}"),
        ("config.json", "model_type", "a model of type {}"),
        ("config.json", "_class_name", "a part of a pipeline, {}"),
    ):
        try:
            found = read_json(folder / name).get(field)
        except DamagedFile:
            continue
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, str):
            return what.format(found)
    if (folder / "adapter_config.json").exists():
        return "an adapter, which is no model by itself"
    inner = sorted(path.parent.name for path in folder.glob("*/model_index.json"))
    inner += sorted(path.parent.name for path in folder.glob("*/config.json"))
    if inner:
        return f"a folder of models or parts: {', '.join(inner[:4])}"
    return "a folder without model_index.json or config.json"
