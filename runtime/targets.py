"""What a bundle holds for each kind of machine, and which of it the machine at hand runs.

A bundle runs on any CPU. For a GPU it may hold more: networks in 16 bits, engines of TensorRT, kernels. What is
taken is decided here, once, by what the driver says of the card and what ONNX Runtime gives a session when it is
asked: its list of providers names those, too, whose libraries are missing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from gflow.runtime import cuda
from gflow.runtime.cuda import Gpu, NoCuda
from gflow.runtime.lowered import Component

if TYPE_CHECKING:
    from gflow.runtime.bundle import Bundle, Target


class Engine(msgspec.Struct, frozen=True):
    """A network that TensorRT has built. entry: of the bundle; package: `tensorrt` or `tensorrt_rtx`, of exactly
    that version; capability: the GPU it is for, such as "sm_89"; size in bytes."""

    entry: str
    package: str
    version: str
    capability: str
    size: int

    def refused(self, gpu: Gpu, data: bytes) -> str:
        """Why it must not be given to TensorRT on a GPU; "" where it may. `data`: what is to be used."""
        if self.capability != gpu.capability:
            return f"its engine is for {self.capability}, and this GPU is {gpu.capability}"
        if len(data) != self.size or not data.startswith(_MAGIC[self.package]):
            return "its engine is cut short, or none"
        return ""


#: How engines begin, where that is known.
_MAGIC = {"tensorrt": b"", "tensorrt_rtx": b"vtrt"}


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a network runs on a target: as a graph in a precision ("fp32", "fp16", "bf16"), its weights in 16 bits
    among those of the bundle, and as an engine, where one could be built. shapes: the smallest, the usual and the
    largest of each input that the plan has; for who builds an engine later."""

    precision: str
    component: Component
    shapes: dict[str, list[list[int]]] = {}
    engine: Engine | None = None


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
    options = ort.SessionOptions()
    options.log_severity_level = 4  # What does not load is told by us, not in a log.
    with suppress(Exception):  # Its errors have no common class.
        session = ort.InferenceSession(IDENTITY, options, providers=[name])
        return bool(session.get_providers()[0] == name)
    return False


@dataclass(frozen=True)
class Place:
    """Where a run takes place. target: the part of the bundle that is used. device: what arrays are bound to, "cpu"
    or "cuda". gpu: the card, on one. forms: how networks run there, by identity; packages: those that AOTInductor
    compiled. told: one sentence for the user, where a GPU was planned for and something is in the way; else ""."""

    target: str = "cpu"
    device: str = "cpu"
    gpu: Gpu | None = None
    forms: dict[str, Form] = field(default_factory=dict)
    told: str = ""
    packages: dict[str, Package] = field(default_factory=dict)


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
    target = _nearest(cuda_targets, gpu)
    forms = msgspec.json.decode(bundle.read(entry(target.name)), type=Forms).forms
    if not usable("CUDA"):
        missing = "ONNX Runtime can't use CUDA here (`pip install onnxruntime-gpu`; or the driver is too old)"
        return Place(told=f"compiled for {names}, too, but running on the CPU beside {gpu.told}: {missing}")
    told = ""
    if target.name != f"cuda:{gpu.capability}":
        told = f"compiled for {names}, and this is {gpu.told}: networks run on ONNX Runtime's CUDA"
    return Place(target.name, "cuda", gpu, forms, told)


def _nearest(targets: list[Target], gpu: Gpu) -> Target:
    """That of the GPU, else the newest that is older, else the oldest."""

    def number(target: Target) -> int:
        return int(target.name.partition("sm_")[2])

    wanted = int(gpu.capability.removeprefix("sm_"))
    older = [target for target in targets if number(target) <= wanted]
    return max(older, key=number) if older else min(targets, key=number)


def entry(target: str) -> str:
    """The bundle's entry that holds a target's forms."""
    return f"targets/{target.partition(':')[2]}/forms.json"


def packages_entry(target: str) -> str:
    """The bundle's entry that holds a target's packages."""
    return f"targets/{target.partition(':')[2] or target}/packages.json"
