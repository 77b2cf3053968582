"""Reading bundles: entries by name, checked before they are used, weights as places to be mapped."""

from __future__ import annotations

import threading
from pathlib import Path, PurePosixPath
from typing import Protocol

import msgspec

from gflow.runtime import seal
from gflow.runtime.errors import BundleBroken
from gflow.runtime.plan import Plan


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """Where an entry's bytes are. Weights have a digest of their own, BLAKE2b of 256 bits, over the bytes from `begin`
    on: the zip's header and the padding before them, and themselves."""

    offset: int
    size: int
    begin: int = 0
    digest: str = ""


class Target(msgspec.Struct, frozen=True):
    """One kind of machine that a bundle runs on, and the greatest differences from the torch reference that its
    components met."""

    name: str
    tolerances: dict[str, float]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a bundle. `models`: what each model of the script came from, and its components' identities."""

    gflow: str
    script: str
    source: str
    main: str
    targets: list[Target]
    models: dict[str, dict[str, str]]
    entries: dict[str, Entry]


class Folder(Protocol):
    """What a lowered model is read from: a folder (`pathlib.Path`), or a part of a bundle."""

    def __truediv__(self, name: str) -> File: ...


class File(Protocol):
    def read_bytes(self) -> bytes: ...


class Bundle:
    """An open bundle. Raises BundleBroken where it must not be used. place: what `seal.check` said, if it was asked
    already."""

    def __init__(self, path: Path, place: tuple[int, int, int] | None = None) -> None:
        self.path = path.resolve()
        try:
            _, manifest, size = place or seal.check(str(path))
            with open(path, "rb") as file:
                file.seek(manifest)
                self.manifest = msgspec.json.decode(file.read(size), type=Manifest)
        except (seal.Broken, msgspec.MsgspecError) as error:
            raise BundleBroken(f"{path} can't be used: {error}") from error
        for name, entry in self.manifest.entries.items():
            parts = PurePosixPath(name)
            if parts.is_absolute() or ".." in parts.parts or "\\" in name or entry.offset + entry.size > manifest:
                raise BundleBroken(f"{path} can't be used: it names a path outside itself, {name!r}")
        self._lock = threading.Lock()
        self._checked: set[str] = set()

    @property
    def plan(self) -> Plan:
        plan = msgspec.json.decode(self.read("plan.json"), type=Plan)
        externs = {
            name: msgspec.structs.replace(extern, path=str(self.path / extern.path))
            for name, extern in plan.externs.items()
        }
        return msgspec.structs.replace(plan, externs=externs)

    def read(self, name: str) -> bytes:
        """An entry's bytes."""
        entry = self._entry(name)
        with open(self.path, "rb") as file:
            file.seek(entry.offset)
            return file.read(entry.size)

    def weights(self, name: str) -> int:
        """Where the bytes of weights begin in the file. They are checked when they are first asked for."""
        entry = self._entry(name)
        with self._lock:
            known = name in self._checked
        if not known:
            with open(self.path, "rb") as file:
                file.seek(entry.begin)
                found = seal.blake2b(file.read(entry.offset + entry.size - entry.begin), digest_size=32).hexdigest()
            if found != entry.digest:
                raise BundleBroken(f"{self.path} can't be used: its weights {name} were changed after it was made")
            with self._lock:
                self._checked.add(name)
        return entry.offset

    def check_all(self) -> None:
        """Checks all weights."""
        for name, entry in self.manifest.entries.items():
            if entry.digest:
                self.weights(name)

    def folder(self, name: str) -> Part:
        """A folder inside the bundle."""
        return Part(self, name)

    def _entry(self, name: str) -> Entry:
        found = self.manifest.entries.get(name)
        if found is None:
            raise BundleBroken(f"{self.path} can't be used: {name} is missing")
        return found


class Part:
    """A folder or a file inside a bundle."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        self.bundle, self.name = bundle, name

    def __truediv__(self, name: str) -> Part:
        return Part(self.bundle, f"{self.name}/{name}")

    def read_bytes(self) -> bytes:
        return self.bundle.read(self.name)


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle by its head or by its end: a damaged one is one, too."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
            file.seek(max(0, file.seek(0, 2) - seal.LENGTH))
            return b"gflow bundle" in head or file.read().startswith(b"gflow-bundle ")
    except OSError:
        return False
