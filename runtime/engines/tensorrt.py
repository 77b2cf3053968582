"""The tensorrt engine: networks that TensorRT built ahead of time, on the GPU that they were built for.

Either package runs them, `tensorrt` or `tensorrt_rtx`, in exactly the version that built. Memory on the device is
ONNX Runtime's, so that arrays pass between networks and the steps of a denoise loop without a copy.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels.files import whole
from gflow.kernels.types import Array
from gflow.runtime import cache as kept
from gflow.runtime import cuda
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import Gpu
from gflow.runtime.cuda_graphs import Graphs
from gflow.runtime.device import Bound, Value, empty, put
from gflow.runtime.errors import EngineFailed
from gflow.runtime.loops import Loop, Loops
from gflow.runtime.network import Network
from gflow.runtime.targets import Engine, Place


class Refused(Exception):
    """An engine that can't be used here, and why."""


def load(bundle: Bundle, engine: Engine, place: Place, other: Callable[[], Bound | None]) -> Network:
    """The network of an engine. other: makes the network that takes what the engine was not built for.

    Raises Refused, and BundleBroken where the engine was changed."""
    assert place.gpu is not None
    held = None if place.pinned is None else place.pinned.get([engine.entry])
    data = bundle.read(engine.entry) if held is None else held[engine.entry]
    trt = checked(engine, data, place.gpu)
    try:
        return EngineNetwork(trt, data, _caches(engine), other)
    except cuda.NoCuda as error:
        raise Refused(f"its engine can't run: {error}") from None


def checked(engine: Engine, data: Any, gpu: Gpu) -> Any:
    """The package that runs an engine, when nothing speaks against it. Raises Refused."""
    if why := engine.refused(gpu, data):
        raise Refused(why)
    try:
        package = importlib.import_module(engine.package)
    except (ImportError, OSError):
        name = engine.package.replace("_", "-")
        raise Refused(f"`{engine.package}` is not installed: pip install {name}=={engine.version}") from None
    if package.__version__ != engine.version:
        raise Refused(
            f"its engine was built by {engine.package} {engine.version}, and {package.__version__} is installed"
        )
    return package


def _caches(engine: Engine) -> Path | None:
    """Where the kernels are kept that TensorRT for RTX makes when an engine first runs."""
    if engine.package != "tensorrt_rtx":
        return None
    return kept.folder() / "engines" / f"{Path(engine.entry).name}-{engine.capability}.kernels"


class EngineNetwork(Network):
    """An engine, ready to run. What is larger or smaller than it was built for, another network runs, made when it
    is first needed."""

    device = "cuda"

    def __init__(self, trt: Any, data: Any, caches: Path | None, other: Callable[[], Bound | None]) -> None:
        self.trt, self.caches, self.running = trt, caches, 0
        self.loops = Loops(self.device)
        self.stream = cuda.stream()
        self.runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self.engine = self.runtime.deserialize_cuda_engine(data)
        if self.engine is None:
            raise Refused("TensorRT does not take its engine; a newer driver may be needed")
        self.context, self._kernels = self._context()
        # TensorRT for RTX records graphs itself, again when it has made better kernels for a shape.
        self.graphs = Graphs(self.stream) if caches is None else None
        names = [self.engine.get_tensor_name(number) for number in range(self.engine.num_io_tensors)]
        given = trt.TensorIOMode.INPUT
        self.inputs = {name for name in names if self.engine.get_tensor_mode(name) == given}
        self.outputs = [name for name in names if name not in self.inputs]
        self.profiles = [
            {name: self.engine.get_tensor_profile_shape(name, number) for name in self.inputs}
            for number in range(self.engine.num_optimization_profiles)
        ]
        self._make_other, self._other = other, dict[str, Bound]()

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> list[Array]:
        """See `Network.run`."""
        known = {name: self.put(np.ascontiguousarray(feeds[name])) for name in self.inputs}
        found = dict(zip(self.outputs, self.bound(known), strict=True))
        return [found[name].numpy() for name in outputs or self.outputs]

    def put(self, array: Any) -> Value:
        return put(array, self.device)

    def bound(self, feeds: Mapping[str, Value]) -> list[Value]:
        """See `gflow.runtime.device.Binds`."""
        with self.telling():
            profile = self._profile(feeds)
            if profile is None:
                return self._instead().bound(feeds)
            made = self._set(profile, feeds, None)
            self._enqueue()
            return self._done(made)

    def again(self, loop: Loop) -> list[Value]:
        """See `gflow.runtime.device.Binds`."""
        with self.telling():
            profile = self._profile(loop.feeds)
            if profile is None:
                return self._instead().again(loop)
            loop.outputs = self._set(profile, loop.feeds, loop.outputs)
            if self.graphs is None:
                self._enqueue()
            else:
                self.graphs.run(loop, self._enqueue)
            return self._done(loop.outputs)

    def _set(self, profile: int, feeds: Mapping[str, Value], into: list[Value] | None) -> list[Value]:
        """Tells the context where everything is; gives the outputs, new ones if there are none."""
        cuda.current()
        if self.context.active_optimization_profile != profile:
            self._given(self.context.set_optimization_profile_async(profile, self.stream))
            cuda.wait(self.stream)
        known = {name: feeds[name] for name in self.inputs}
        for name, value in known.items():
            self._given(self.context.set_input_shape(name, tuple(value.shape())))
        made = into or list(map(self._output, self.outputs))
        for name, value in (known | dict(zip(self.outputs, made, strict=True))).items():
            self._given(self.context.set_tensor_address(name, int(value.data_ptr())))
        return made

    def _done(self, made: list[Value]) -> list[Value]:
        cuda.wait(self.stream)
        self._keep()
        return made

    def _enqueue(self) -> None:
        self._given(self.context.execute_async_v3(self.stream))

    def _output(self, name: str) -> Value:
        return empty(list(self.context.get_tensor_shape(name)), np.float32, self.device)

    def _profile(self, feeds: Mapping[str, Value]) -> int | None:
        """The profile for feeds of such shapes: of those that take them, the last; None where none does."""
        shapes = {name: tuple(feeds[name].shape()) for name in self.inputs}
        return next(
            (number for number in reversed(range(len(self.profiles))) if _fit(shapes, self.profiles[number])), None
        )

    def _instead(self) -> Bound:
        if "it" not in self._other:
            made = self._make_other()
            if made is None:
                raise EngineFailed("the engine is not for this size, and ONNX Runtime does not take the network")
            self._other["it"] = made
        return self._other["it"]

    def _given(self, done: bool) -> None:
        if not done:
            raise EngineFailed("TensorRT failed")

    # --- kernels that are made when an engine first runs ---

    def _context(self) -> tuple[Any, Any]:
        """A context, and where the kernels that it makes are kept, for TensorRT for RTX."""
        if self.caches is None:
            return self._there(self.engine.create_execution_context()), None
        settings = self.engine.create_runtime_config()
        kernels = settings.create_runtime_cache()
        with suppress(OSError):
            kernels.deserialize(self.caches.read_bytes())  # One of another version is ignored.
        settings.set_runtime_cache(kernels)
        settings.cuda_graph_strategy = self.trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        return self._there(self.engine.create_execution_context(settings)), kernels

    def _there(self, context: Any) -> Any:
        if context is None:
            raise Refused("TensorRT has no memory for its engine, or the driver is too old")
        return context

    def _keep(self) -> None:
        """Writes the kernels, after the first run."""
        if self._kernels is None or self.caches is None:
            return
        data, self._kernels = bytes(self._kernels.serialize()), None
        with suppress(OSError):  # Without them, the next process makes them anew.
            self.caches.parent.mkdir(parents=True, exist_ok=True)
            whole(self.caches, lambda part: part.write_bytes(data))


def _fit(shapes: Mapping[str, tuple[int, ...]], profile: Mapping[str, Sequence[Sequence[int]]]) -> bool:
    """Whether a profile takes some shapes. It holds the smallest, the usual and the largest of each."""
    return all(
        low <= side <= high
        for name, sides in shapes.items()
        for low, side, high in zip(profile[name][0], sides, profile[name][2], strict=True)
    )
