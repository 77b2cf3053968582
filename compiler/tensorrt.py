"""Networks built by TensorRT: from a component's graph to an engine for one kind of GPU.

Two packages with nearly one interface. `tensorrt` builds on a GPU for that GPU. `tensorrt_rtx` (TensorRT for RTX)
builds for named generations, on a machine that has neither a GPU nor a driver. It takes a while, and bytes may
differ from one time to another (TensorRT for RTX 1.7 numbers what is dynamic as it pleases): what was built is kept
in the cache, by all that went into it, so that a script compiled again is the same bundle.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from gflow.compiler.scratch import scratch
from gflow.compiler.targets import GPUS
from gflow.kernels.files import whole
from gflow.kernels.types import Array
from gflow.runtime import cache as kept
from gflow.runtime import cuda

#: The shape of an input: as small, as planned, as large as it will be.
Range = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

#: What people call the packages.
_CALLED = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT for RTX"}


class NotBuilt(Exception):
    """A network that TensorRT can't build, and why, in its own words."""


@dataclass(frozen=True)
class Flavour:
    """One of the two packages, as it is installed. package: `tensorrt` or `tensorrt_rtx`."""

    package: str
    version: str

    @property
    def called(self) -> str:
        return f"{_CALLED[self.package]} {self.version}"


def flavour(capability: str) -> Flavour:
    """What builds for a GPU here: `tensorrt` where that GPU is in this machine, else `tensorrt_rtx` where it knows
    the generation. Raises NotBuilt, which says what would help."""
    classic, ahead = _version("tensorrt"), _version("tensorrt_rtx")
    present = _present()
    if classic is not None and present == capability:
        return Flavour("tensorrt", classic)
    if ahead is not None and hasattr(_module("tensorrt_rtx").ComputeCapability, _name(capability)):
        return Flavour("tensorrt_rtx", ahead)
    cards = GPUS.get(capability, "such GPUs")
    if ahead is not None:
        raise NotBuilt(
            f"TensorRT for RTX does not build for {capability} ({cards}), and TensorRT builds on the GPU itself: "
            f"compile there, with `tensorrt` installed"
        )
    raise NotBuilt(
        "neither `tensorrt_rtx` nor, with the GPU at hand, `tensorrt` is installed: pip install 'gflow[gpu]'"
    )


def build(
    made: Flavour,
    capability: str,
    graph: bytes,
    weights: Mapping[str, Array],
    profiles: Sequence[Mapping[str, Range]],
) -> Path:
    """The file of an engine in the cache; the one that was built before, if one was.

    graph: an ONNX file whose types are what is computed in. weights: its external initializers, as it wants them.
    profiles: the shapes of its dynamic inputs; where several take a shape, the last is for it. Raises NotBuilt."""
    place = kept.folder() / "engines" / _identity(made, capability, graph, weights, profiles)
    if place.is_file():
        return place
    with scratch(place.parent) as folder:
        _Build(made, capability).build(graph, weights, profiles, folder / "engine")
        with suppress(FileExistsError):  # Another process was faster: its engine is everybody's.
            os.link(folder / "engine", place)
    return place


def _identity(
    made: Flavour,
    capability: str,
    graph: bytes,
    weights: Mapping[str, Array],
    profiles: Sequence[Mapping[str, Range]],
) -> str:
    shapes = [sorted(profile.items()) for profile in profiles]
    found = hashlib.sha256(f"{made} {capability} {shapes}".encode())
    found.update(graph)
    for name, values in sorted(weights.items()):
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(values.data)
    return found.hexdigest()[:32]


class _Build:
    """One network being built. What TensorRT logs is kept: where it fails, that is all it says."""

    def __init__(self, made: Flavour, capability: str) -> None:
        self.made, self.capability = made, capability
        self.trt = _module(made.package)
        self.told: list[str] = []
        self.logger = _logger(self.trt, self.told)
        self.builder = self._given(self.trt.Builder(self.logger), "it does not start")

    def build(
        self, graph: bytes, weights: Mapping[str, Array], profiles: Sequence[Mapping[str, Range]], out: Path
    ) -> None:
        """Writes the engine to a file."""
        typed = 1 << int(self.trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        network = self._given(self.builder.create_network(typed), "it makes no network")
        parser = self.trt.OnnxParser(network, self.logger)
        self._parse(parser, graph, weights)
        config = self._given(self.builder.create_builder_config(), "it takes no settings")
        self._configure(config)
        for profile in profiles:
            self._profile(config, network, profile)
        timing = self._timing(config)
        with out.open("wb") as file:
            self._write(network, config, file)
        if timing is not None:
            self._keep(config, timing)

    def _write(self, network: Any, config: Any, file: BinaryIO) -> None:
        """Piece by piece, where this TensorRT can: an engine is as large as its weights. Raises OSError."""
        failed = "it gives no engine"
        if not hasattr(self.builder, "build_serialized_network_to_stream"):
            file.write(memoryview(self._given(self.builder.build_serialized_network(network, config), failed)))
            return
        writer = _writer(self.trt, file)
        built = self.builder.build_serialized_network_to_stream(network, config, writer)
        if writer.error is not None:
            raise writer.error
        self._given(built, failed)

    def _given(self, value: Any, failed: str) -> Any:
        """What a call gave; calls that fail give None or False, and log why."""
        if value is None or value is False:
            raise NotBuilt(self.told[-1] if self.told else failed)
        return value

    def _parse(self, parser: Any, graph: bytes, weights: Mapping[str, Array]) -> None:
        """Weights are handed over by address, and must live until the network is built."""
        parsed = parser.load_model_proto(graph)
        for name, values in weights.items():
            parsed = parsed and parser.load_initializer(name, values.ctypes.data, values.nbytes)
        if parsed and parser.parse_model_proto():
            return
        found = [parser.get_error(number) for number in range(parser.num_errors)]
        reasons = [f"{error.node_operator() or 'the graph'}: {error.desc()}" for error in found]
        raise NotBuilt("; ".join(dict.fromkeys(reasons)) or (self.told[-1] if self.told else "it can't be read"))

    def _configure(self, config: Any) -> None:
        if self.made.package == "tensorrt_rtx":
            config.num_compute_capabilities = 1
            wanted = getattr(self.trt.ComputeCapability, _name(self.capability))
            self._given(config.set_compute_capability(wanted, 0), f"it does not know {self.capability}")

    def _profile(self, config: Any, network: Any, profile: Mapping[str, Range]) -> None:
        made = self.builder.create_optimization_profile()
        for number in range(network.num_inputs):
            tensor = network.get_input(number)
            if -1 in tuple(tensor.shape):
                made.set_shape(tensor.name, *profile[tensor.name])
        if config.add_optimization_profile(made) < 0:
            raise NotBuilt(self.told[-1] if self.told else "it does not take the sizes")

    def _timing(self, config: Any) -> Path | None:
        """What was measured of kernels on this GPU before, put to use, and where it is kept. TensorRT for RTX
        measures nothing when it builds."""
        if self.made.package == "tensorrt_rtx":
            return None
        place = kept.folder() / "engines" / f"{self.made.package}-{self.made.version}-{self.capability}.timing"
        known = place.read_bytes() if place.is_file() else b""
        config.set_timing_cache(config.create_timing_cache(known), False)
        return place

    def _keep(self, config: Any, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        whole(place, lambda part: part.write_bytes(bytes(config.get_timing_cache().serialize())))


def _logger(trt: Any, told: list[str]) -> Any:
    """Keeps what is an error."""

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                told.append(message.strip())

    return Kept()


def _writer(trt: Any, file: BinaryIO) -> Any:
    """Writes an engine's pieces. What goes wrong is kept: TensorRT is only told that nothing was written."""

    class Writer(trt.IStreamWriter):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IStreamWriter.__init__(self)
            self.error: OSError | None = None

        def write(self, data: bytes) -> int:
            try:
                return file.write(data)
            except OSError as error:
                self.error = error
                return 0

    return Writer()


def _name(capability: str) -> str:
    """`SM89` of `sm_89`."""
    return capability.upper().replace("_", "")


def _present() -> str | None:
    try:
        return cuda.gpu().capability
    except cuda.NoCuda:
        return None


def _version(package: str) -> str | None:
    try:
        return str(_module(package).__version__)
    except (ImportError, OSError):  # Its libraries may be missing.
        return None


@cache
def _module(package: str) -> Any:
    return importlib.import_module(package)
