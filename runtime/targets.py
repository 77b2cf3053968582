"""What a bundle holds for each kind of machine, and which of it the machine at hand runs.

A bundle runs on any CPU. For a GPU it may hold more: networks in 16 bits, engines of TensorRT, kernels. What is
taken is decided here, once, by what the driver says of the card and what ONNX Runtime gives a session when it is
asked: its list of providers names those, too, whose libraries are missing.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from gflow.runtime import cuda
from gflow.runtime.cuda import Gpu, NoCuda
from gflow.runtime.lowered import Component

if TYPE_CHECKING:
    from gflow.runtime.bundle import Bundle, Target
    from gflow.runtime.device_pixels import Pixels
    from gflow.runtime.pinned import Pinned


class Engine(msgspec.Struct, frozen=True):
    """A network that TensorRT has built. entry: of the bundle; package: `tensorrt` or `tensorrt_rtx`, of exactly
    that version; capability: the GPU it is for, such as "sm_89"; size in bytes."""

    entry: str
    package: str
    version: str
    capability: str
    size: int

    def refused(self, gpu: Gpu, data: Any) -> str:
        """Why it must not be given to TensorRT on a GPU; "" where it may. `data`: what is to be used, bytes or an
        array of them."""
        if self.capability != gpu.capability:
            return f"its engine is for {self.capability}, and this GPU is {gpu.capability}"
        magic = _MAGIC[self.package]
        if len(data) != self.size or bytes(data[: len(magic)]) != magic:
            return "its engine is cut short, or none"
        return ""


#: How engines begin, where that is known.
_MAGIC = {"tensorrt": b"", "tensorrt_rtx": b"vtrt"}


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a network runs on a target: as a graph in a precision ("fp32", "fp16", "bf16"), its weights in 16 bits
    among those of the bundle, and as an engine, where one could be built. fused: the entry of the same graph with
    attention as operators of ONNX Runtime's CUDA, "" where it has none; TensorRT finds it by itself. shapes: the
    smallest, the usual and the largest of each input that the plan has; for who builds an engine later. weights:
    what most of them are in ("int8", "fp8") where that is less than the precision."""

    precision: str
    component: Component
    fused: str = ""
    shapes: dict[str, list[list[int]]] = {}
    engine: Engine | None = None
    weights: str = ""

    @property
    def bytes(self) -> int:
        """What its weights take."""
        return self.component.bytes if self.engine is None else self.engine.size

    @property
    def entries(self) -> list[str]:
        """The bundle's entries that its weights are in."""
        held = [weight.file for weight in self.component.weights.values()]
        return held if self.engine is None else [self.engine.entry]


class Forms(msgspec.Struct, frozen=True):
    """The forms of a target's networks, by the identity of the component in float32."""

    forms: dict[str, Form]


class Axis(msgspec.Struct, frozen=True, array_like=True):
    """A side that a call decides: `step` times some number from `least` to `most`. That number is the same wherever
    `name` stands."""

    name: str
    least: int
    most: int
    step: int = 1


class Input(msgspec.Struct, frozen=True, array_like=True):
    """What a package takes: a dense array, rows last. dtype: NumPy's name of it."""

    name: str
    dtype: str
    shape: list[int | Axis]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A network that AOTInductor compiled. entry: of the bundle, `size` bytes. torch: the very version that runs
    it. device: "cpu" or "cuda". machine: as `platform.machine` says it; features: what a processor must have, or
    the GPU's capability. precision: "fp32", "fp16", "bf16". inputs: in the order of a call; outputs: their names.
    tolerance: the greatest difference from the torch reference that was met."""

    entry: str
    size: int
    torch: str
    device: str
    machine: str
    features: list[str]
    precision: str
    inputs: list[Input]
    outputs: list[str]
    tolerance: float


class Packages(msgspec.Struct, frozen=True):
    """The packages of a target's networks, by the identity of the component."""

    packages: dict[str, Package]


#: The smallest ONNX file, y = x: asked to run it, ONNX Runtime tells what it can really use.
IDENTITY = (
    b'\x08\x08:/\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0b\n\x01x\x12\x06\n\x04\x08\x01\x12\x00b'
    b"\x0b\n\x01y\x12\x06\n\x04\x08\x01\x12\x00B\x04\n\x00\x10\r"
)


def usable(provider: str) -> bool:
    """Whether ONNX Runtime really has a provider here: a session was made, and has it."""
    import onnxruntime as ort

    name = f"{provider}ExecutionProvider"
    if name not in ort.get_available_providers():
        return False
    if provider != "CPU":
        _load_libraries()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # What does not load is told by us, not in a log.
    with suppress(Exception):  # Its errors have no common class.
        session = ort.InferenceSession(IDENTITY, options, providers=[name])
        return bool(session.get_providers()[0] == name)
    return False


@cache
def _load_libraries() -> None:
    """Loads CUDA's libraries out of the packages that pip installs them with, where ONNX Runtime doesn't look."""
    import onnxruntime as ort

    # What is missing is printed; `usable` tells.
    with suppress(Exception), redirect_stdout(io.StringIO()):
        ort.preload_dlls()


@dataclass(frozen=True)
class Place:
    """Where a run takes place. target: the part of the bundle that is used. device: what arrays are bound to, "cpu"
    or "cuda". gpu: the card, on one. forms: how networks run there, by identity; packages: those that AOTInductor
    compiled. pixels: the device of the ops on pixels, where the bundle has kernels for it. pinned: weights in main
    memory that the GPU reads by itself. told: one sentence for
    the user, where a GPU was planned for and something is in the way; else ""."""

    target: str = "cpu"
    device: str = "cpu"
    gpu: Gpu | None = None
    forms: dict[str, Form] = field(default_factory=dict)
    pixels: Pixels | None = None
    pinned: Pinned | None = None
    told: str = ""
    packages: dict[str, Package] = field(default_factory=dict)

    def bytes(self, component: Component) -> int:
        """What a network's weights take here."""
        form = self.forms.get(component.identity)
        return component.bytes if form is None else form.bytes


CPU = Place()


def place(bundle: Bundle) -> Place:
    """The best that this machine has of what the bundle is for."""
    found = _place(bundle)
    name = packages_entry(found.target)
    if name not in bundle.manifest.entries:
        return found
    return replace(found, packages=msgspec.json.decode(bundle.read(name), type=Packages).packages)


def _place(bundle: Bundle) -> Place:
    cuda_targets = [target for target in bundle.manifest.targets if target.name.startswith("cuda:")]
    if not cuda_targets:
        return CPU
    names = ", ".join(target.name for target in cuda_targets)
    try:
        gpu = cuda.gpu()
    except NoCuda as error:
        return Place(told=f"compiled for {names}, too, but running on the CPU: {error}")
    from gflow.runtime.pinned import Pinned

    target = _nearest(cuda_targets, gpu)
    forms = msgspec.json.decode(bundle.read(entry(target.name)), type=Forms).forms
    if missing := no_cuda(gpu):
        return Place(told=f"compiled for {names}, too, but running on the CPU beside {gpu.told}: {missing}")
    told = ""
    if target.name != f"cuda:{gpu.capability}":
        told = f"compiled for {names}, and this is {gpu.told}: networks run on ONNX Runtime's CUDA"
    near = pixels(bundle, target.name, gpu, "cuda")
    return Place(target.name, "cuda", gpu, forms, near, Pinned(bundle), told)


def pixels(bundle: Bundle, target: str, gpu: Gpu, device: str) -> Pixels | None:
    """The device for the ops on pixels and the steps of denoise loops; None where the bundle has no kernels."""
    place = f"{folder(target)}/kernels.json"
    if place not in bundle.manifest.entries:
        return None
    from gflow.runtime.device_kernels import Kernels
    from gflow.runtime.device_pixels import Pixels

    return Pixels(Kernels(bundle, place, gpu), device)


def here() -> Place:
    """The best place for a script's own networks, in float32: the GPU where ONNX Runtime can use one."""
    try:
        gpu = cuda.gpu()
    except NoCuda:
        return CPU
    return CPU if no_cuda(gpu) else Place("cuda", "cuda", gpu)


def no_cuda(gpu: Gpu) -> str:
    """Why ONNX Runtime can't use a GPU; "" where it can."""
    import onnxruntime as ort

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "ONNX Runtime is installed without CUDA (`pip install onnxruntime-gpu` in its place)"
    from onnxruntime.capi import build_and_package_info as built

    needed = str(getattr(built, "cuda_version", ""))
    # Drivers run what was built for any minor version of their CUDA.
    if needed and gpu.driver[0] < int(needed.partition(".")[0]):
        return f"ONNX Runtime was built for CUDA {needed}, and the driver is too old for that; update it"
    if not usable("CUDA"):
        return "ONNX Runtime can't load CUDA's libraries (`pip install onnxruntime-gpu[cuda,cudnn]` has them)"
    return ""


def _nearest(targets: list[Target], gpu: Gpu) -> Target:
    """That of the GPU, else the newest that is older, else the oldest."""

    def number(target: Target) -> int:
        return int(target.name.partition("sm_")[2])

    wanted = int(gpu.capability.removeprefix("sm_"))
    older = [target for target in targets if number(target) <= wanted]
    return max(older, key=number) if older else min(targets, key=number)


def entry(target: str) -> str:
    """The bundle's entry that holds a target's forms."""
    return f"{folder(target)}/forms.json"


def packages_entry(target: str) -> str:
    """The bundle's entry that holds a target's packages."""
    return f"{folder(target)}/packages.json"


def folder(target: str) -> str:
    """What a bundle has for a target alone is under this."""
    return f"targets/{target.partition(':')[2] or target}"
