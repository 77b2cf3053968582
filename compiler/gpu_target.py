"""What a bundle holds for one kind of GPU: networks in 16 bits, engines of TensorRT, kernels in Triton."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from gflow.compiler import attention, gpu_kernels, half, profiles, quantize, tensorrt
from gflow.compiler.profiles import Uses
from gflow.compiler.quantize import Packed
from gflow.compiler.quantized import Measured, is_reduced, some
from gflow.compiler.stored import digest_of, stored
from gflow.compiler.targets import capability
from gflow.compiler.tensorrt import NotBuilt, Range
from gflow.kernels.files import digest
from gflow.kernels.pixel.triton_module import NoTriton
from gflow.kernels.types import Array
from gflow.runtime import denoise, step_kernel, weights
from gflow.runtime import plan as p
from gflow.runtime.lowered import Component, Lowered, Weight
from gflow.runtime.step_kernel import Update
from gflow.runtime.targets import Engine, Form, Forms, entry, folder

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
    difference from the torch reference, and what could not be made, and why. copies: large files of the cache.
    kernels: how many. sessions: make what runs there run on the CPU, its results rounded as a GPU's are; by the
    identity of the component in float32."""

    target: str
    files: dict[str, bytes] = field(default_factory=dict)
    copies: dict[str, Path] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    tolerances: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    kernels: int = 0
    sessions: dict[str, Callable[[], Any]] = field(default_factory=dict)


def parts(
    plan: p.Plan,
    sources: Mapping[str, Source],
    targets: Sequence[str],
    progress: Callable[[str], None] = lambda what: None,
    measured: Measured | None = None,
) -> list[Part]:
    """What a bundle of a plan holds for each of some targets, such as "cuda:sm_89". progress: told what is being
    built. measured: by what networks are put into 8 bits, where they are.

    Raises ImportError where `onnx` is not installed."""
    used = profiles.uses(plan)
    networks = []
    for label, source in sources.items() if targets else ():
        progress(f"{label} for GPUs")
        networks.append(_network(source, used, measured))
    steps = list(dict.fromkeys(step for source in sources.values() for step in _steps(source, used)))
    return [_part(plan, networks, steps, target, progress) for target in targets]


def _part(
    plan: p.Plan,
    networks: Sequence[_Network],
    steps: Sequence[Update],
    target: str,
    progress: Callable[[str], None],
) -> Part:
    made, forms = Part(target), dict[str, Form]()
    for network in networks:
        progress(f"{network.source.label} for {target}")
        forms[network.held] = _form(made, network)
    made.files[entry(target)] = msgspec.json.encode(Forms(forms), order="deterministic")
    _kernels(made, plan, steps)
    return made


def _kernels(made: Part, plan: p.Plan, steps: Sequence[Update]) -> None:
    """The kernels for the plan's ops on pixels, and for the steps of its denoise loops."""
    try:
        index, objects = gpu_kernels.kernels(plan, steps, [capability(made.target)])
    except NoTriton as error:
        made.refused["ops on pixels"] = str(error)
        return
    place = folder(made.target)
    made.kernels = len(index.binaries[capability(made.target)])
    made.files[f"{place}/kernels.json"] = msgspec.json.encode(index, order="deterministic")
    made.files |= {f"kernels/{name}": data for name, data in objects.items()}


def _steps(source: Source, used: Uses) -> list[Update]:
    """The kernels for the steps of a network's denoise loops."""
    if source.provider != "diffusion" or source.part != "network":
        return []
    settings = source.lowered.settings
    schedules = denoise.decode((source.folder / settings["schedules"]).read_bytes())
    guided = [False, True] if settings["guidance"] == "classifier-free" else [False]
    masked = source.model in used.masked and settings["inpaint"] == "blend"
    return step_kernel.all_updates(schedules, guided, [False, True] if masked else [False])


@dataclass(frozen=True)
class _Network:
    """A network as GPUs run it, whichever they are. held: the identity that the bundle's plan has for it. planned:
    the shapes that it is built for; none where that is not known, and why. fused: the graph with attention as
    operators; the same one where it has none. difference: from what it gives in float32."""

    source: Source
    held: str
    weights: _Weights
    component: Component
    planned: Sequence[Mapping[str, Range]]
    why: str
    fused: bytes
    difference: float


def _network(source: Source, used: Uses, measured: Measured | None = None) -> _Network:
    """In the precision that it runs in: it is compared with itself in float32."""
    graph = (source.folder / source.component.graph).read_bytes()
    identity = source.component.identity
    found = full = _Weights(source, graph, {}, "fp32")
    planned, why, difference = list[dict[str, Range]](), "", 0.0
    try:
        planned = profiles.profiles(graph, source.model, source.lowered, source.component, used)
    except NotBuilt as error:
        why = str(error)
    if is_reduced(source.provider, source.part):
        precision = half.precision_of(weights.dtypes(source.folder, source.component))
        smaller = _Weights(source, *half.halved(graph, precision), precision)
        share, off = _difference(full, smaller, _examples(planned))
        if share <= TOLERANCE[precision]:
            found, difference = smaller, off
        if measured is not None:
            found = found.packed_by(measured)
            difference = _difference(full, found, some(measured.fed.get(identity, [])))[1]
    held = measured.renamed.get(identity, identity) if measured is not None else identity
    return _Network(source, held, found, found.component(), planned, why, attention.fused(found.graph), difference)


def _form(made: Part, network: _Network) -> Form:
    """The network's form; its files and weights are put among the others."""
    source, run = network.source, network.weights
    made.sessions[source.component.identity] = run.session
    made.files[network.component.graph] = run.graph
    for name, weight in network.component.weights.items():
        made.tensors[weight.file] = partial(run.one, name)
    fused = "" if network.fused == run.graph else f"graphs/{digest(network.fused)}.onnx"
    if fused:
        made.files[fused] = network.fused
    engine, why = None, network.why
    if network.planned:
        try:
            engine = _engine(made, run, network.planned)
        except NotBuilt as error:
            why = str(error)
    if why:
        made.refused[source.label] = why
    if engine is not None:
        made.runs[source.label] = f"{engine.package} {engine.version}, {run.told}"
    else:
        made.runs[source.label] = f"onnx, {run.told}" + (", attention fused" if fused else "")
    made.tolerances[source.label] = float(f"{source.component.tolerance + network.difference:.1e}")
    shapes = network.planned[0] if network.planned else {}
    return Form(
        precision=run.precision,
        component=network.component,
        fused=fused,
        shapes={name: [list(shape) for shape in sizes] for name, sizes in shapes.items()},
        engine=engine,
        weights=next((each.kind for each in run.packed.values()), ""),
    )


def _engine(made: Part, run: _Weights, planned: Sequence[Mapping[str, Range]]) -> Engine:
    """Builds it and puts it among the files. Raises NotBuilt."""
    wanted = capability(made.target)
    flavour = tensorrt.flavour(wanted)
    with stored(run.read()) as held:
        file = tensorrt.build(flavour, wanted, run.graph, held.arrays(), planned)
    place = f"engines/{digest_of(file)}"
    made.copies[place] = file
    return Engine(place, flavour.package, flavour.version, wanted, file.stat().st_size)


@dataclass(frozen=True)
class _Weights:
    """A graph in a precision, and its weights. moved: the names of those in 16 bits, and what they were called.
    packed: those in 8 bits, by a scheme."""

    source: Source
    graph: bytes
    moved: Mapping[str, str]
    precision: str
    packed: Mapping[str, Packed] = field(default_factory=dict)
    scheme: str = ""

    @property
    def told(self) -> str:
        """`fp16`, `fp16 and int8`."""
        return f"{self.precision} and {self.scheme}" if self.packed else self.precision

    def packed_by(self, measured: Measured) -> _Weights:
        """The same in 8 bits."""
        scheme, ranges = measured.of(self.source.component)
        graph, packed = quantize.quantized(self.graph, self._full, scheme.kind, ranges, on="gpu")
        return replace(self, graph=graph, packed=packed, scheme=scheme.name)

    def names(self) -> list[str]:
        """The graph's external initializers."""
        import onnx

        initializers = onnx.load_model_from_string(self.graph).graph.initializer
        return sorted(each.name for each in initializers if each.data_location == onnx.TensorProto.EXTERNAL)

    def _full(self, name: str) -> Array:
        weight = self.source.component.weights[self.moved.get(name, name)]
        return np.ascontiguousarray(weights.one(self.source.folder, weight))

    def one(self, name: str) -> Array:
        if name in self.packed:
            bits: Array = self.packed[name].pack(self._full(self.packed[name].name))
            return bits
        values = self._full(name)
        return half.in_16_bits(values, self.precision) if name in self.moved else values

    def read(self) -> Iterator[tuple[str, Array]]:
        for name in self.names():
            yield name, self.one(name)

    def component(self) -> Component:
        """As it is in a bundle, where graph and weights are called by what they hold; weights in float32 are there
        for the CPU already."""
        found, size = {}, 0
        for name, values in self.read():
            held = f"weights/{digest(values.tobytes())}"
            found[name], size = Weight(held, "", list(values.shape)), size + values.nbytes
        identity = f"{self.source.component.identity} {self.told}"
        place = f"graphs/{digest(self.graph)}.onnx"
        return Component(place, found, identity, size, self.source.component.tolerance)

    def session(self) -> Any:
        """It on the CPU, its results rounded as a GPU's are."""
        if self.precision == "fp32":
            with stored(self.read()) as held:
                return held.session(self.graph)
        with stored(self._widened()) as held:
            return held.session(half.emulated(self.graph, self.precision))

    def _widened(self) -> Iterator[tuple[str, Array]]:
        for name, values in self.read():
            yield name, half.in_32_bits(values, self.precision) if name in self.moved else values

    def answers(self, fed: Sequence[Mapping[str, Any]]) -> list[list[Array]]:
        """What it gives on the CPU for some inputs."""
        running = self.session()
        return [running.run(None, dict(feeds)) for feeds in fed]


def _difference(full: _Weights, smaller: _Weights, fed: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """How far the values in fewer bits are from those in float32, on the CPU: the greatest difference, as a share
    of an output's largest value and as it is; infinite where some are no numbers. fed: inputs; where there are
    none, nothing is known: 0."""
    share = off = 0.0
    # One after the other: the first is gone when the second is loaded.
    answers = [network.answers(fed) for network in (full, smaller)] if fed else [[], []]
    for pair in zip(*answers, strict=True):
        for theirs, ours in zip(*pair, strict=True):
            if not np.isfinite(ours).all():
                return math.inf, math.inf
            worst = float(np.abs(theirs - ours).max())
            off, share = max(off, worst), max(share, worst / max(float(np.abs(theirs).max()), 1e-6))
    return share, off


def _examples(planned: Sequence[Mapping[str, Range]]) -> list[Mapping[str, Any]]:
    """Inputs of the smallest shapes, where some are planned."""
    rng = np.random.default_rng(0)
    return [{name: _example(rng, name, shape[0]) for name, shape in shapes.items()} for shapes in planned[:1]]


def _example(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    if name == "input_ids":
        return rng.integers(0, 100, shape)
    if len(shape) == 1:
        return (rng.random(shape) * 900).astype(np.float32)  # Times.
    return rng.standard_normal(shape).astype(np.float32)
