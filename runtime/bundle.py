"""Reading bundles: entries by name, checked before they are used, weights as places to be mapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import msgspec

from gflow.runtime import seal
from gflow.runtime.errors import BundleBroken
from gflow.runtime.plan import Plan

Read = TypeVar("Read", bytes, memoryview)

#: The entry that says which kernels there are.
KERNELS = "kernels/index.json"

#: Bytes that are read at once to be checked.
_PIECE = 1 << 18


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """Where an entry's bytes are. `digest`: BLAKE2b of 256 bits over those from `begin` on, which for weights takes
    in the zip's header and the padding before them."""

    offset: int
    size: int
    begin: int
    digest: str


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """One kind of machine that a bundle runs on: "cpu", "cuda:sm_90". tolerances: the greatest differences from the
    torch reference that its components met. runs: what each runs as there, in words; kernels: how many."""

    name: str
    tolerances: dict[str, float]
    runs: dict[str, str] = {}
    kernels: int = 0


class Origin(msgspec.Struct, kw_only=True):
    """What a model came from: its source as the script gives it, the digests of the LoRAs that are folded in, and
    its components' identities."""

    source: str
    loras: dict[str, str] = {}
    components: dict[str, str] = {}


class Quality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How near a model in 8 bits comes to itself in float32, on "cpu" or "cuda" (there, emulated on the CPU).

    prompts: how many were tried. psnr, worst_psnr: of pictures, in dB, on average and at the prompt `worst`.
    distance: of the pictures' vectors by the plan's scorer, 1 - cosine, on average. tokens, worst_tokens: of a
    language model's likeliest answers, the share of tokens that stay the same."""

    model: str
    target: str
    prompts: int
    worst: str
    psnr: float | None = None
    worst_psnr: float | None = None
    distance: float | None = None
    tokens: float | None = None
    worst_tokens: float | None = None

    @property
    def told(self) -> str:
        """What people read of it."""
        worst = self.worst if len(self.worst) <= 40 else f"{self.worst[:39]}…"
        if self.tokens is not None:
            return f"{self.tokens:.0%} of tokens stay ({self.worst_tokens:.0%} for “{worst}”)"
        by_scorer = "" if self.distance is None else f", {self.distance:g} apart to the scorer"
        return f"{self.psnr:g} dB ({self.worst_psnr:g} for “{worst}”){by_scorer}"


class Quantization(msgspec.Struct, frozen=True):
    """What `--quantize` did: its name, and what it costs."""

    scheme: str
    quality: list[Quality]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is in a bundle."""

    gflow: str
    script: str
    source: str
    main: str
    targets: list[Target]
    models: dict[str, Origin]
    entries: dict[str, Entry]
    quantization: Quantization | None = None


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
        self._checked: set[str] = set()

    @property
    def plan(self) -> Plan:
        plan = msgspec.json.decode(self.read("plan.json"), type=Plan)
        externs = {
            name: msgspec.structs.replace(extern, path=str(self.path / extern.path))
            for name, extern in plan.externs.items()
        }
        return msgspec.structs.replace(plan, externs=externs)

    def offer_kernels(self) -> str:
        """Makes the bundle's kernels known to the pixel language. Where this machine can't run them, why."""
        if KERNELS not in self.manifest.entries:
            return ""
        from gflow.kernels.pixel.shipped import Index, offer

        index = msgspec.json.decode(self.read(KERNELS), type=Index)
        return offer(index, lambda name: self.read(f"kernels/{name}.so"))

    def read(self, name: str) -> bytes:
        """An entry's bytes."""
        return self._taken(name, lambda file, size: file.read(size))

    def read_into(self, name: str, into: memoryview) -> None:
        """Reads an entry into memory of its size."""
        self._taken(name, lambda file, size: into[: file.readinto(into)])

    def _taken(self, name: str, take: Callable[[BufferedReader, int], Read]) -> Read:
        """What is read of an entry, by who is given the file where it begins, and its size; it is checked."""
        entry = self._entry(name)
        with open(self.path, "rb") as file:
            file.seek(entry.begin)
            digest = seal.digest(file.read(entry.offset - entry.begin))
            data = take(file, entry.size)
        digest.update(data)
        if digest.hexdigest() != entry.digest:
            raise self._changed(name)
        return data

    def size(self, name: str) -> int:
        """An entry's bytes, counted."""
        return self._entry(name).size

    def place(self, name: str) -> int:
        """Where the bytes of an entry begin in the file. They are not checked by this."""
        return self._entry(name).offset

    def check(self, names: Iterable[str]) -> None:
        """Checks some entries, each once. Reads in pieces: weights that are mapped should not be held twice."""
        piece = memoryview(bytearray(_PIECE))
        with open(self.path, "rb", buffering=0) as file:
            for name in names:
                if name in self._checked:
                    continue
                entry, digest = self._entry(name), seal.digest()
                file.seek(entry.begin)
                left = entry.offset + entry.size - entry.begin
                while left > 0 and (count := file.readinto(piece[:left])):
                    digest.update(piece[:count])
                    left -= count
                if digest.hexdigest() != entry.digest:
                    raise self._changed(name)
                self._checked.add(name)

    def check_all(self) -> None:
        """Checks every entry, and that the zip's own directory says the same. Raises BundleBroken."""
        import zipfile  # Heavy; a bundle that runs does without.

        self.check(self.manifest.entries)
        with zipfile.ZipFile(self.path) as archive:
            listed = {info.filename: info.file_size for info in archive.infolist()}
        listed.pop("manifest.json", None)
        if listed != {name: entry.size for name, entry in self.manifest.entries.items()}:
            raise BundleBroken(f"{self.path} can't be used: its manifest names other files than it holds")

    def folder(self, name: str) -> Part:
        """A folder inside the bundle."""
        return Part(self, name)

    def _changed(self, name: str) -> BundleBroken:
        return BundleBroken(f"{self.path} can't be used: {name} was changed after it was made")

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
