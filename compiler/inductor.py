"""The packages of AOTInductor that a bundle holds for a target, one a network; made once, and kept in the cache.

They are made from the very modules that are exported to ONNX: the model is lowered once more, and what its family
exports is compiled instead. Machine code differs from build to build, as it names the files that it came from; a
package out of the cache does not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from gflow.compiler.gpu_target import Part, Source
from gflow.compiler.models.export import Exported, NotLowered, instead
from gflow.compiler.models.lowering import lower
from gflow.compiler.scratch import scratch
from gflow.compiler.stored import digest_of
from gflow.compiler.targets import CPU, capability
from gflow.compiler.tensorrt import NotBuilt
from gflow.kernels.pixel import shipped
from gflow.runtime import cache, cuda
from gflow.runtime import plan as p
from gflow.runtime.targets import Forms, Package, Packages, entry, packages_entry

#: Raised when packages change although neither torch nor the networks do.
VERSION = 1


def part(
    plan: p.Plan,
    sources: Mapping[str, Source],
    target: str,
    target_cpu: str = "native",
    beside: Part | None = None,
    progress: Callable[[str], None] = lambda what: None,
) -> Part:
    """The packages for a target, "cpu" or "cuda:sm_90". target_cpu: the processor, as for kernels. beside: what
    else the bundle holds for a GPU; networks are computed in the same precision. progress: told what is being
    compiled."""
    made, packages = Part(target), dict[str, Package]()
    try:
        usable(target)
    except NotBuilt as error:
        made.refused = dict.fromkeys(sources, str(error))
        return made
    forms = msgspec.json.decode(beside.files[entry(target)], type=Forms).forms if beside else {}
    for model in dict.fromkeys(source.model for source in sources.values()):
        wanted = []
        for source in sources.values():
            if source.model == model:
                form = forms.get(source.component.identity)
                wanted.append(_Wanted(source, target, target_cpu, form.precision if form else "fp32"))
        made.refused |= _build(plan.models[model], [each for each in wanted if not each.there], progress)
        for each in wanted:
            if each.there:
                package, file = each.read()
                made.copies[package.entry] = file
                packages[each.source.component.identity] = package
                made.runs[each.source.label] = f"inductor, torch {package.torch}, {package.precision}"
                made.tolerances[each.source.label] = package.tolerance
    made.files[packages_entry(target)] = msgspec.json.encode(Packages(packages), order="deterministic")
    return made


def usable(target: str) -> None:
    """Raises NotBuilt where packages for a target can't be compiled here, with what would help."""
    try:
        version("torch")
    except PackageNotFoundError:
        raise NotBuilt("AOTInductor needs torch: pip install 'gflow[models]'") from None
    if target == CPU:
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            raise NotBuilt(f"AOTInductor needs a C++ compiler, and there is no `{compiler}`")
        return
    try:
        gpu = cuda.gpu()
    except cuda.NoCuda as error:
        raise NotBuilt(f"AOTInductor compiles on the GPU itself: {error}") from None
    if gpu.capability != capability(target):
        raise NotBuilt(f"AOTInductor compiles on the GPU itself, and this is {gpu.told}")


@dataclass(frozen=True)
class _Wanted:
    """A package, and where the cache has it or will."""

    source: Source
    target: str
    target_cpu: str
    precision: str

    @property
    def device(self) -> str:
        return "cpu" if self.target == CPU else "cuda"

    @property
    def features(self) -> list[str]:
        return shipped.needed(self.target_cpu) if self.target == CPU else [capability(self.target)]

    @property
    def folder(self) -> Path:
        return cache.folder() / "packages"

    @property
    def place(self) -> Path:
        """What the package takes; it itself lies beside, under its digest."""
        told = f"{VERSION} {self.source.component.identity} {version('torch')} {self.device} {self.precision} "
        told += f"{self.target_cpu} {shipped.machine()} {self.features}"
        return self.folder / f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.json"

    @property
    def there(self) -> bool:
        return self.place.exists() and self.read()[1].exists()

    def read(self) -> tuple[Package, Path]:
        package = msgspec.json.decode(self.place.read_bytes(), type=Package)
        return package, self.folder / Path(package.entry).name

    def make(self, exported: Exported) -> None:
        """Compiles it. Raises Failed."""
        from gflow.compiler.models import inductor

        with scratch(self.folder) as folder:
            file, told = folder / "package", folder / "told"
            package = inductor.compiled(exported, self.device, self.precision, self.target_cpu, self.features, file)
            name = digest_of(file)
            told.write_bytes(
                msgspec.json.encode(
                    msgspec.structs.replace(package, entry=f"engines/{name}"), order="deterministic"
                )
            )
            os.replace(file, self.folder / name)
            with suppress(FileExistsError):  # Another process was faster: its package is everybody's.
                os.link(told, self.place)


def _build(model: p.Model, wanted: list[_Wanted], progress: Callable[[str], None]) -> dict[str, str]:
    """Compiles some of a model's networks into the cache; gives the labels of those that it can't, and why."""
    if not wanted:
        return {}
    from gflow.compiler.models import inductor

    refused: dict[str, str] = {}

    def take(exported: Exported) -> None:
        for each in wanted:
            if each.source.component.graph == f"{exported.name}.onnx":
                progress(f"{each.source.label} by AOTInductor")
                try:
                    each.make(exported)
                except inductor.Failed as error:
                    refused[each.source.label] = str(error)

    assert model.folder is not None
    try:
        with TemporaryDirectory() as folder, inductor.compiling(wanted[0].device), instead(take):
            lower(model.provider, Path(model.folder), Path(folder), loras=model.loras)
    except NotLowered as error:
        refused |= {each.source.label: str(error) for each in wanted if not each.there}
    return refused
