"""What a bundle holds for one kind of GPU: networks in 16 bits, engines of TensorRT, kernels in Triton."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gflow.compiler import gpu_kernels, half, profiles, tensorrt
from gflow.compiler.profiles import Uses
from gflow.compiler.targets import capability
from gflow.compiler.tensorrt import NotBuilt, Range
from gflow.kernels.files import digest
from gflow.kernels.pixel.triton_module import NoTriton
from gflow.kernels.types import Array
from gflow.runtime import lowered as low
from gflow.runtime import plan as p
from gflow.runtime import weights
from gflow.runtime.lowered import Component, Lowered, Weight
from gflow.runtime.network import options
from gflow.runtime.targets import Engine, Form, Forms, entry

#: A component whose values in 16 bits differ by more than this share of its largest stays float32.
TOLERANCE = {"fp16": 0.02, "bf16": 0.1}

#: Reads a tensor when it is written.
Tensor = Callable[[], Array]


@dataclass(frozen=True)
class Source:
    """A network of a plan as it was lowered. model: its name in the script."""

    model: str
    part: str
    provider: str
    folder: Path
    lowered: Lowered
    component: Component

    @property
    def label(self) -> str:
        return f"{self.model}.{self.part}"


@dataclass
class Part:
    """Files and weights by the entries' names; by the network's label, what is said of it: how it runs, the
    difference from the torch reference, and what could not be made, and why. kernels: how many."""

    target: str
    files: dict[str, bytes] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    kernels: int = 0


def part(
    plan: p.Plan, sources: Mapping[str, Source], target: str, progress: Callable[[str], None] = lambda what: None
) -> Part:
    """What a bundle of a plan holds for a target, such as "cuda:sm_89". progress: told what is being built.

    Raises ImportError where `onnx` is not installed."""
    made, forms, used = Part(target), dict[str, Form](), profiles.uses(plan)
    for label, source in sources.items():
        progress(f"{label} for {target}")
        forms[source.component.identity] = _form(made, source, used)
    made.files[entry(target)] = msgspec.json.encode(Forms(forms), order="deterministic")
    _kernels(made, plan)
    return made


def _kernels(made: Part, plan: p.Plan) -> None:
    """The kernels for the plan's ops on pixels. Nothing launches them yet."""
    try:
        index, objects = gpu_kernels.kernels(plan, [capability(made.target)])
    except NoTriton as error:
        made.refused["ops on pixels"] = str(error)
        return
    place = entry(made.target).rpartition("/")[0]
    made.kernels = len(index.binaries[capability(made.target)])
    made.files[f"{place}/kernels.json"] = msgspec.json.encode(index, order="deterministic")
    made.files |= {f"kernels/{name}": data for name, data in objects.items()}


def _form(made: Part, source: Source, used: Uses) -> Form:
    """The network's form; its files and weights are put among the others."""
    graph = (source.folder / source.component.graph).read_bytes()
    network = _Weights(source, graph, {}, "fp32")
    why = ""
    try:
        shapes = profiles.profile(graph, source.model, source.lowered, source.component, used)
    except NotBuilt as error:
        shapes, why = None, str(error)
    difference = 0.0
    if _in_16_bits(source):
        precision = half.precision_of(weights.dtypes(source.folder, source.component))
        smaller = _Weights(source, *half.halved(graph, precision), precision)
        share, off = _difference(network, smaller, shapes)
        if share <= TOLERANCE[precision]:
            network, difference = smaller, off
    component = network.put(made)
    engine = None
    if shapes is not None:
        try:
            engine = _engine(made, network, shapes)
        except NotBuilt as error:
            why = str(error)
    if why:
        made.refused[source.label] = why
    built = f"{engine.package} {engine.version}" if engine else "onnx"
    made.runs[source.label] = f"{built}, {network.precision}"
    made.tolerances[source.label] = float(f"{source.component.tolerance + difference:.1e}")
    told = {name: [list(shape) for shape in shapes[name]] for name in shapes} if shapes else {}
    return Form(precision=network.precision, component=component, shapes=told, engine=engine)


def _in_16_bits(source: Source) -> bool:
    """Whether 16 bits are tried: not for autoencoders, some of which leave the range of float16 (XL's), and not for
    scorers, which are small and whose scores are compared."""
    match source.provider:
        case "diffusion":
            return source.part not in ("encoder", "decoder")
        case "language":
            return True
    return False


def _engine(made: Part, network: _Weights, shapes: Mapping[str, Range]) -> Engine:
    """Builds it and puts it among the files. Raises NotBuilt."""
    wanted = capability(made.target)
    flavour = tensorrt.flavour(wanted)
    data = tensorrt.build(flavour, wanted, network.graph, dict(network.read()), shapes)
    place = f"engines/{digest(data)}"
    made.files[place] = data
    return Engine(place, flavour.package, flavour.version, wanted, len(data))


@dataclass(frozen=True)
class _Weights:
    """A graph in a precision, and its weights. moved: the names of those in 16 bits, and what they were called."""

    source: Source
    graph: bytes
    moved: Mapping[str, str]
    precision: str

    def names(self) -> list[str]:
        """The graph's external initializers."""
        import onnx

        initializers = onnx.load_model_from_string(self.graph).graph.initializer
        return sorted(each.name for each in initializers if each.data_location == onnx.TensorProto.EXTERNAL)

    def one(self, name: str) -> Array:
        weight = self.source.component.weights[self.moved.get(name, name)]
        values = np.ascontiguousarray(weights.one(self.source.folder, weight))
        return half.in_16_bits(values, self.precision) if name in self.moved else values

    def read(self) -> Iterator[tuple[str, Array]]:
        for name in self.names():
            yield name, self.one(name)

    def put(self, made: Part) -> Component:
        """Puts graph and weights among a bundle's; those in float32 are there for the CPU already."""
        place = f"graphs/{digest(self.graph)}.onnx"
        made.files[place] = self.graph
        found, size = {}, 0
        for name in self.names():
            values = self.one(name)
            held = f"weights/{digest(values.tobytes())}"
            made.tensors[held] = partial(self.one, name)
            found[name], size = Weight(held, "", list(values.shape)), size + values.nbytes
        identity = f"{self.source.component.identity} {self.precision}"
        return low.Component(place, found, identity, size, self.source.component.tolerance)


def _difference(full: _Weights, smaller: _Weights, shapes: Mapping[str, Range] | None) -> tuple[float, float]:
    """How far the values in 16 bits are from those in float32, on the CPU: the greatest difference, as a share of
    an output's largest value and as it is; infinite where some are no numbers. Where no shapes are known, nothing
    is: 0."""
    if shapes is None:
        return 0.0, 0.0
    rng = np.random.default_rng(0)
    feeds = {name: _example(rng, name, shape[0]) for name, shape in shapes.items()}
    share = off = 0.0
    for theirs, ours in zip(_values(full, feeds), _values(smaller, feeds), strict=True):
        if not np.isfinite(ours).all():
            return math.inf, math.inf
        worst = float(np.abs(theirs - ours).max())
        off, share = max(off, worst), max(share, worst / max(float(np.abs(theirs).max()), 1e-6))
    return share, off


def _example(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    if name == "input_ids":
        return rng.integers(0, 100, shape)
    if len(shape) == 1:
        return (rng.random(shape) * 900).astype(np.float32)  # Times.
    return rng.standard_normal(shape).astype(np.float32)


def _values(network: _Weights, feeds: Mapping[str, Any]) -> list[Array]:
    import onnxruntime as ort

    precision, graph = network.precision, network.graph
    made, held = options(split=False), dict(network.read())
    if precision != "fp32":
        graph = half.emulated(graph, precision)
        held |= {name: half.in_32_bits(held[name], precision) for name in network.moved}
    made.add_external_initializers(list(held), [ort.OrtValue.ortvalue_from_numpy(each) for each in held.values()])
    graph = weights.placed(graph, [("", 0)] * len(held))
    session = ort.InferenceSession(graph, made, providers=["CPUExecutionProvider"])
    found: list[Array] = session.run(None, dict(feeds))
    return found
