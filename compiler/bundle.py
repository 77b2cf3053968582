"""Writing bundles: one executable file with everything that a plan takes to run.

What is written depends on the script, the models' files and the tools' versions alone: no times, no names of
folders, the same order always.
"""

from __future__ import annotations

import ast
import marshal
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from importlib import resources
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

import gflow
from gflow.compiler.compiled import Compiled
from gflow.compiler.device_graphs import GRAPHS
from gflow.compiler.gpu_target import Part, Source, Tensor
from gflow.compiler.stored import ALIGNED
from gflow.kernels.files import digest, whole
from gflow.kernels.pixel.shipped import Index
from gflow.runtime import lowered as low
from gflow.runtime import plan as p
from gflow.runtime import seal, weights
from gflow.runtime.bundle import KERNELS, Entry, Manifest, Origin, Quantization, Target
from gflow.runtime.lowered import Component, Lowered, Weight

#: What is checked when it is used, as weights are: engines are as large.
_ENGINES = "engines/"

#: Bytes that are copied or checked at once.
_PIECE = 1 << 20

#: What starts a bundle: `sh` reads two lines, and Python the text after them. Python itself, on the first line,
#: would tell of a bundle that was cut short as of a script whose syntax is wrong.
_HEAD = """#!/bin/sh
exec python3 -c 'import sys;sys.path=[p for p in sys.path if p];import zlib;\
s=open(sys.argv[1],"rb").read({size:5}).split(b"\\n",3)[-1];\
zlib.crc32(s)=={digest:10} or \
sys.exit(print("error[R1401]: this gflow bundle was changed or cut short",file=sys.stderr) or 2);\
exec(s)' "$0" "$@"
exit 2
"""


def write(
    program: Compiled,
    source: str,
    out: Path,
    *,
    main: str,
    kernels: tuple[Index, dict[str, bytes]] | None = None,
    parts: Sequence[Part] = (),
    quantization: Quantization | None = None,
) -> Manifest:
    """Writes a bundle, whole or not at all. source: the script's text; main: the flow that runs when none is named;
    kernels: what its ops on pixels run on, as `gflow.compiler.pixel_kernels` gives them; parts: what else it
    holds for its targets; quantization: what is told of one. Raises OSError."""
    contents = _Contents(program, main)
    for each in parts:
        contents.files |= each.files
        contents.copies |= each.copies
        contents.tensors |= each.tensors
    if kernels is not None:
        index, objects = kernels
        contents.files[KERNELS] = msgspec.json.encode(index, order="deterministic")
        contents.files |= {f"kernels/{name}.so": data for name, data in objects.items()}

    def manifest(entries: dict[str, Entry]) -> Manifest:
        return Manifest(
            gflow=gflow.__version__,
            script=Path(program.plan.script).name,
            source=source,
            main=main,
            targets=_targets(contents.tolerances, parts),
            models=contents.told,
            entries=entries,
            quantization=quantization,
        )

    def make(part: Path) -> Manifest:
        with open(part, "w+b") as file:
            made = _Writer(file).write(contents, manifest)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o755)
        return made

    return whole(out, make)


def sources(program: Compiled) -> dict[str, Source]:
    """The networks that a bundle of a program holds, by label, `painter.network`."""
    found = {}
    for name, model in program.plan.models.items():
        if model.lowered is not None:
            folder = Path(model.lowered)
            whole = low.read(folder)
            for part, component in _needed(whole, model.provider, _methods(program.plan, name)).items():
                source = Source(name, part, model.provider, folder, whole, component)
                found[source.label] = source
    return found


def _targets(tolerances: dict[str, float], parts: Sequence[Part]) -> list[Target]:
    """One for each machine, "cpu" first; several parts may be for the same one."""
    found = {"cpu": Target("cpu", tolerances)}
    for part in parts:
        told = found.get(part.target, Target(part.target, {}))
        tolerances, runs = told.tolerances | part.tolerances, told.runs | part.runs
        found[part.target] = Target(part.target, tolerances, runs, told.kernels + part.kernels)
    return list(found.values())


class _Contents:
    """Files by name, those that are copied and weights, too, and what is said of each model: `told`, and the
    tolerances met."""

    def __init__(self, program: Compiled, main: str) -> None:
        self.files = dict(_code())
        self.copies: dict[str, Path] = {}
        self.tensors: dict[str, Tensor] = {}
        self.told: dict[str, Origin] = {}
        self.tolerances: dict[str, float] = {}
        plan = program.plan
        models = {name: self._model(model, _methods(plan, name)) for name, model in plan.models.items()}
        externs = {name: self._extern(extern) for name, extern in plan.externs.items()}
        inside = msgspec.structs.replace(
            plan, script=Path(plan.script).name, models=models, externs=externs, tests={}, main=main
        )
        self.files["plan.json"] = msgspec.json.encode(_without_folders(inside), order="deterministic")

    def _extern(self, extern: p.Extern) -> p.Extern:
        text = Path(extern.path).read_bytes()
        entry = f"externs/{digest(text)}/{Path(extern.path).name}"
        self.files[entry] = text
        return msgspec.structs.replace(extern, path=entry)

    def _model(self, model: p.Model, methods: set[str]) -> p.Model:
        told = self.told[model.name] = Origin(source=str(model.args.get("source") or model.args.get("endpoint")))
        for file, scale in model.loras.items():
            told.loras[f"{Path(file).name} × {scale:g}"] = digest(Path(file).read_bytes())
        model = msgspec.structs.replace(model, folder=None, loras={})
        if model.lowered is None:
            return model
        folder = Path(model.lowered)
        whole = low.read(folder)
        kept = _needed(whole, model.provider, methods)
        files = {name: (folder / name).read_bytes() for name in whole.files}
        components = {}
        for part, component in kept.items():
            told.components[part] = component.identity
            self.tolerances[f"{model.name}.{part}"] = component.tolerance
            files[component.graph] = (folder / component.graph).read_bytes()
            components[part] = self._component(folder, component)
        inside = msgspec.structs.replace(whole, components=components)
        files[low.NAME] = msgspec.json.encode(inside, order="deterministic")
        # Two models of the script that are one model are there once.
        place = f"models/{digest(*(part for name in sorted(files) for part in (name.encode(), files[name])))}"
        self.files |= {f"{place}/{name}": data for name, data in files.items()}
        return msgspec.structs.replace(model, lowered=place)

    def _component(self, folder: Path, component: Component) -> Component:
        """The component with its weights by their content, as the graph wants them."""
        found = {}
        for name, weight in component.weights.items():
            tensor = weights.one(folder, weight)
            entry = f"weights/{digest(tensor.tobytes())}"
            self.tensors[entry] = partial(weights.one, folder, weight)
            found[name] = Weight(entry, "", list(tensor.shape))
        return msgspec.structs.replace(component, weights=found)


def _without_folders(value: Any) -> Any:
    """The plan, or a part of it, with the names of scripts alone in its places."""
    match value:
        case msgspec.Struct():
            fields = {name: _without_folders(getattr(value, name)) for name in value.__struct_fields__}
            if isinstance(value, (p.Step, p.Model)):
                fields["place"] = Path(fields["place"]).name
            return type(value)(**fields)
        case list():
            return [_without_folders(item) for item in value]
        case dict():
            return {name: _without_folders(item) for name, item in value.items()}
        case _:
            return value


def _methods(plan: p.Plan, model: str) -> set[str]:
    """What a plan calls of a model."""
    return {call.method for call in _calls(plan.flows) if call.model == model}


def _calls(value: Any) -> Iterator[p.ModelCall]:
    """The calls of models in a plan, or in a part of it."""
    if isinstance(value, p.ModelCall):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _calls(getattr(value, name))
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _calls(item)


def _needed(model: Lowered, provider: str, methods: set[str]) -> dict[str, Component]:
    """The components that some methods take: without a picture to start from, no encoder."""
    if provider == "diffusion" and not methods & {"generate", "encode_image"}:
        return {name: part for name, part in model.components.items() if name != "encoder"}
    return model.components


def _code() -> Iterator[tuple[str, bytes]]:
    """The lean runtime: sources, and beside them what this Python compiles them to, which starts faster."""
    package = Path(str(resources.files("gflow")))
    names = ["__init__.py"]
    for part in ("kernels", "kernels/pixel", "runtime", "runtime/engines"):
        names += [f"{part}/{file.name}" for file in sorted((package / part).glob("*.py"))]
    for name in sorted(names):
        # Neither PyTorch nor a C compiler nor Triton is there.
        if Path(name).name.startswith(("torch", "c_", "triton")):
            continue
        text = (package / name).read_bytes()
        yield f"gflow/{name}", text
        yield f"gflow/{name}c", _bytecode(text, f"gflow/{name}")
    for graph in GRAPHS:
        yield f"gflow/runtime/{graph}", (package / "runtime" / graph).read_bytes()
    yield "__main__.py", _seal()


def _bytecode(text: bytes, name: str) -> bytes:
    """A .pyc that is valid whatever the times of files say. Marshal's second version writes the same bytes for the
    same code, where later ones depend on how objects are shared."""
    code = compile(ast.parse(text), name, "exec", dont_inherit=True, optimize=0)
    return MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code, 2)


def _head() -> bytes:
    text = _seal()
    digest = zlib.crc32(text)  # Enough for the text that checks everything else, and quick to import.
    size = len(_HEAD.format(size=0, digest=digest)) + len(text)
    return _HEAD.format(size=size, digest=digest).encode() + text


def _seal() -> bytes:
    return Path(seal.__file__).read_bytes()


class _Writer:
    """Writes the file: code and plan, engines and weights, the manifest, the zip's directory with the seal."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.entries: dict[str, Entry] = {}

    def write(self, contents: _Contents, make: Callable[[dict[str, Entry]], Manifest]) -> Manifest:
        self.file.write(_head())
        with zipfile.ZipFile(self.file, "w", zipfile.ZIP_STORED) as archive:
            engines = {name: data for name, data in contents.files.items() if name.startswith(_ENGINES)}
            for name in sorted(contents.files.keys() - engines.keys()):
                self._add(archive, name, contents.files[name])
            begin = self.file.tell()
            for name in sorted(engines.keys() | contents.copies.keys()):
                if name in engines:
                    self._add(archive, name, engines[name], weights=True)
                else:
                    self._copy(archive, name, contents.copies[name])
            for name, tensor in sorted(contents.tensors.items()):
                self._add(archive, name, tensor().data, weights=True)
            manifest = make(self.entries)
            data = msgspec.json.encode(manifest, order="deterministic")
            self._add(archive, "manifest.json", data)
            where = self.entries["manifest.json"].offset
            comment = f"gflow-bundle {seal.VERSION} {begin:012d} {where:012d} {len(data):012d} "
            archive.comment = comment.encode() + b"0" * 64
        self._seal(begin, where)
        return manifest

    def _add(self, archive: zipfile.ZipFile, name: str, data: bytes | memoryview, *, weights: bool = False) -> None:
        view = memoryview(data)
        self._put(archive, name, [view], view.nbytes, weights=weights)

    def _copy(self, archive: zipfile.ZipFile, name: str, place: Path) -> None:
        with place.open("rb") as file:
            pieces = iter(partial(file.read, _PIECE), b"")
            self._put(archive, name, pieces, place.stat().st_size, weights=True)

    def _put(
        self,
        archive: zipfile.ZipFile,
        name: str,
        pieces: Iterable[bytes | memoryview],
        size: int,
        *,
        weights: bool = False,
    ) -> None:
        """Writes an entry of `size` bytes, a piece after the other."""
        begin = self.file.tell()
        info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o644 << 16
        info.create_system = 3
        info.file_size = size
        if weights:
            # Padding, as an extra field of the zip's header.
            header = begin + 30 + len(name.encode()) + 4
            info.extra = b"\x35\xd9" + (-header % ALIGNED).to_bytes(2, "little") + bytes(-header % ALIGNED)
        with archive.open(info, "w") as entry:
            for piece in pieces:
                entry.write(piece)
        end = self.file.tell()
        begin = begin if weights else end - size
        self.entries[name] = Entry(end - size, size, begin, self._digest(begin, end).hexdigest())

    def _digest(self, begin: int, end: int) -> blake2b:
        """Of what was written, from one place to another; the file is at the other then."""
        found = seal.digest()
        self.file.seek(begin)
        while begin < end:
            piece = self.file.read(min(_PIECE, end - begin))
            found.update(piece)
            begin += len(piece)
        return found

    def _seal(self, begin: int, manifest: int) -> None:
        """Puts the digest of everything but the weights to the end."""
        digest = self._digest(0, begin)
        size = self.file.seek(0, 2)
        self.file.seek(manifest - seal.HEADER)
        digest.update(self.file.read(size - 64 - manifest + seal.HEADER))
        self.file.seek(size - 64)
        self.file.write(digest.hexdigest().encode())
