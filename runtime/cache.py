"""Results of models' calls, kept on disk by content, so that a script that was edited recomputes what changed.

A call's key is the digest of everything that its result depends on: the method and its version, the model's files,
every argument, the key of its randomness. An entry is one file, written under another name and then renamed, so
any number of processes may share a folder. What is in it is checked when it is read.

Ops on pixels are not kept: reading a large picture takes longer than making it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from gflow.kernels.files import whole
from gflow.kernels.noise import Key
from gflow.kernels.types import Size
from gflow.runtime import lowered as low
from gflow.runtime.seal import digest

if TYPE_CHECKING:
    from gflow.runtime.plan import Model

#: Raised when results change although no method's version did: older entries are not used any more.
VERSION = 1

#: Bytes that results may take before those that were not used for longest are removed.
LIMIT = 10 * 2**30

_MAGIC = b"gflow-result 1\n"


def folder() -> Path:
    """Where gflow keeps what can be made again: GFLOW_CACHE, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("GFLOW_CACHE") or f"{home}/gflow").expanduser()


class Damaged(Exception):
    """An entry that is not what was written."""


class Results:
    """The results in a folder. Safe to use from several threads and processes."""

    def __init__(self, place: Path | None = None) -> None:
        self.place = place or folder() / "results"

    def get(self, key: str) -> Any:
        """The value of an entry. Raises KeyError where there is none, and Damaged, having removed it."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise KeyError(key) from error
        head = len(_MAGIC) + 32
        try:
            if data[:head] != _MAGIC + digest(key.encode() + data[head:]).digest():
                raise ValueError("its digest differs")
            value = _restored(msgspec.msgpack.decode(memoryview(data)[head:]))
        except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
            with suppress(OSError):
                path.unlink()
            raise Damaged(str(path)) from error
        with suppress(OSError):
            os.utime(path)
        return value

    def put(self, key: str, value: Any) -> None:
        """Keeps a value, if it is of a kind that can be kept and there is room for it."""
        try:
            data = msgspec.msgpack.encode(_plain(value))
        except (TypeError, OverflowError):
            return
        path, head = self._path(key), _MAGIC + digest(key.encode() + data).digest()
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            whole(path, lambda part: part.write_bytes(head + data))

    def _path(self, key: str) -> Path:
        return self.place / key[:2] / key[2:]

    def entries(self) -> Iterator[tuple[float, int, Path]]:
        """Every file: when it was used last, its size, its path."""
        for path in self.place.glob("*/*"):
            with suppress(OSError):
                known = path.stat()
                yield known.st_mtime, known.st_size, path

    def trim(self, limit: int = LIMIT) -> None:
        """Removes what was not used for longest, until the rest is smaller than `limit` bytes."""
        found = sorted(self.entries())
        total = sum(size for _, size, _ in found)
        for _, size, path in found:
            if total <= limit:
                return
            with suppress(OSError):
                path.unlink()
            total -= size


# --- keys ------------------------------------------------------------------------------------------


def call_key(
    model: str, method: str, args: Mapping[str, Any], key: Key | None, more: tuple[Any, ...]
) -> str | None:
    """The key of a model's call; None where an argument is of a kind that can't be told by its content.

    model: `model_identity`. key: of its randomness. more: what else the result depends on."""
    described = [VERSION, model, method, sorted(args.items()), None if key is None else f"{key.bits:x}", more]
    try:
        return digest(msgspec.msgpack.encode(_plain(described))).hexdigest()
    except (TypeError, OverflowError):
        return None


def model_identity(model: Model) -> str | None:
    """A digest of what a model is: its lowered form, its files, or a server's address. None where nobody knows."""
    told: list[bytes] = [model.provider.encode(), repr(sorted(model.args.items())).encode()]
    if model.args.get("endpoint") is not None:
        return digest(b"\n".join(told)).hexdigest()
    try:
        if model.lowered is not None:
            place = Path(model.lowered)
            told = [model.provider.encode(), (place / low.NAME).read_bytes()]
            told += [digest((place / name).read_bytes()).digest() for name in low.read(place).files]
        elif model.folder is not None:
            told += [stamp(Path(place)) for place in (model.folder, *model.loras)]
        else:
            return None
    except (OSError, msgspec.MsgspecError):
        return None
    return digest(b"\n".join(told)).hexdigest()


def stamp(place: Path) -> bytes:
    """What a folder's files, or a file, are now: which, how large, and when they were changed."""
    lines = [str(place.resolve())]
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        if file.is_file():
            known = file.stat()
            lines.append(f"{file.relative_to(place)} {known.st_size} {known.st_mtime_ns}")
    return "\n".join(lines).encode()


# --- values ----------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A value as msgpack holds it: what has parts is a list that begins with what it is. Raises TypeError."""
    match value:
        case None | bool() | int() | float() | str() | bytes():
            return value
        case np.ndarray():
            return ["array", value.dtype.str, value.shape, np.ascontiguousarray(value).data.cast("B")]
        case Size():
            return ["size", *value]
        case tuple():
            return ["tuple", [_plain(item) for item in value]]
        case list():
            return ["list", [_plain(item) for item in value]]
        case dict():
            return ["record", [[name, _plain(item)] for name, item in value.items()]]
        case _ if is_dataclass(value) and not isinstance(value, type):
            # What an engine hands from stage to stage.
            kind = type(value)
            parts = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
            return ["made by", kind.__module__, kind.__qualname__, parts]
        case _:
            raise TypeError(type(value).__name__)


def _restored(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    match value:
        case ["array", dtype, shape, data]:
            # Its own memory: the entry's other parts need not live as long.
            return np.frombuffer(data, np.dtype(dtype)).reshape(shape).copy()
        case ["size", width, height]:
            return Size(width, height)
        case ["tuple", items]:
            return tuple(_restored(item) for item in items)
        case ["list", items]:
            return [_restored(item) for item in items]
        case ["record", items]:
            return {name: _restored(item) for name, item in items}
        case ["made by", module, name, parts] if module.startswith("gflow.runtime.engines."):
            kind = getattr(importlib.import_module(module), name)
            return kind(**{field: _restored(part) for field, part in parts.items()})
    raise ValueError("an unknown kind of value")
