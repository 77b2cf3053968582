"""Networks on a GPU: an engine of TensorRT, TensorRT through ONNX Runtime, ONNX Runtime's CUDA; what works best.

Arrays stay on the device between calls where the caller binds them (`Bound.bound`). What decides is what a session
has when it was made, and what TensorRT says of an engine; each step down is told.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime import cache as kept
from gflow.runtime.bundle import Bundle, Folder
from gflow.runtime.errors import BundleBroken, OutOfMemory, RunError
from gflow.runtime.loops import MOST, Loop, Loops
from gflow.runtime.lowered import Component
from gflow.runtime.network import Network, failed, options
from gflow.runtime.sessions import CPU, Provider, mapped, session
from gflow.runtime.targets import Form, Place, usable

#: An array on a device, `onnxruntime.OrtValue`.
Value = Any


@runtime_checkable
class Binds(Protocol):
    """A network whose inputs and outputs can stay on its device."""

    device: str
    inputs: set[str]
    outputs: list[str]
    loops: Loops

    def put(self, array: Any) -> Value:
        """The array on the device."""
        ...

    def bound(self, feeds: Mapping[str, Value]) -> list[Value]:
        """All outputs, on the device. Inputs that the graph does not have are left out. Raises EngineFailed and
        OutOfMemory."""
        ...

    def again(self, loop: Loop) -> list[Value]:
        """All outputs for what a loop's arrays hold now. They may be where those of the last call were. Raises
        EngineFailed and OutOfMemory."""
        ...


def put(array: Any, device: str) -> Value:
    """A NumPy array on a device, "cpu" or "cuda"."""
    import onnxruntime as ort

    return ort.OrtValue.ortvalue_from_numpy(array, device, 0)


def empty(shape: Sequence[int], dtype: Any, device: str) -> Value:
    """Memory for an array on a device. Raises EngineFailed and OutOfMemory."""
    import onnxruntime as ort

    try:
        return ort.OrtValue.ortvalue_from_shape_and_type(list(shape), np.dtype(dtype).type, device, 0)
    except Exception as error:  # ONNX Runtime's errors have no common class.
        raise failed(error) from error


class Bound(Network):
    """A session of ONNX Runtime on a device. `run` takes and gives arrays in main memory.

    records: the session was made to record the work of loops (CUDA graphs). It does so apart for each thread that
    calls it, and keeps what it has recorded: one thread makes all calls, for so many loops."""

    def __init__(self, session: Any, device: str, *, records: bool = False) -> None:
        super().__init__(lambda split: session, 1)
        self.device, self.loops = device, Loops(device)
        self._caller = ThreadPoolExecutor(1, "recording") if records else None

    def _whole(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None) -> list[Array]:
        found: list[Array] = self._call(partial(self._session.run, outputs, feeds), 0)
        return found

    def put(self, array: Any) -> Value:
        return put(array, self.device)

    def bound(self, feeds: Mapping[str, Value], into: Mapping[str, Value] | None = None) -> list[Value]:
        """See `Binds`. into: where outputs go, for those that are named."""
        with self.telling():
            return self._bound(feeds, into or {}, 0)

    def again(self, loop: Loop) -> list[Value]:
        """See `Binds`."""
        with self.telling():
            into = dict(zip(self.outputs, loop.outputs or [], strict=False))
            # The outputs of the first call are new, so that what it does is not worth recording.
            loop.outputs = self._bound(loop.feeds, into, loop.number if loop.outputs else 0)
            return loop.outputs

    def _bound(self, feeds: Mapping[str, Value], into: Mapping[str, Value], number: int) -> list[Value]:
        binding = self._session.io_binding()
        for name, value in feeds.items():
            if name in self.inputs:
                binding.bind_ortvalue_input(name, value)
        for name in self.outputs:
            if name in into:
                binding.bind_ortvalue_output(name, into[name])
            else:
                binding.bind_output(name, self.device, 0)
        self._call(partial(self._session.run_with_iobinding, binding), number)
        made = binding.get_outputs()
        return [into.get(name, value) for name, value in zip(self.outputs, made, strict=True)]

    def _call(self, call: Callable[..., Any], number: int) -> Any:
        """Calls the session. number: of the loop whose work may be recorded; 0 for none."""
        if self._caller is None:
            return call()
        import onnxruntime as ort

        options = ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(number) if 0 < number <= MOST else "-1")
        return self._caller.submit(call, options).result()


@cache
def graph(name: str, device: str) -> Bound:
    """One of the graphs that `gflow.compiler.device_graphs` makes, on a device."""
    import onnxruntime as ort

    data = pkgutil.get_data("gflow.runtime", name)
    providers: list[Any] = ["CUDAExecutionProvider"] if device == "cuda" else []
    session = ort.InferenceSession(data, options(split=False), providers=[*providers, "CPUExecutionProvider"])
    return Bound(session, device)


def on_device(bundle: Bundle, form: Form, place: Place, told: Callable[[str], None]) -> Network | None:
    """A network on the GPU, the fastest way that works; None where none does, and the CPU has to. told: of what
    does not work, and why. Raises BundleBroken."""
    if form.engine is not None:
        from gflow.runtime.engines import tensorrt

        try:
            return tensorrt.load(bundle, form.engine, place, lambda: _session(bundle, form, place, told))
        except tensorrt.Refused as error:
            told(f"{error}; taking ONNX Runtime")
    return _session(bundle, form, place, told)


def from_folder(folder: Folder, component: Component, device: str) -> Bound:
    """A network of a script, in float32. Raises ModelMissing, EngineFailed and OutOfMemory."""
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if device == "cuda" else CPU
    try:
        return Bound(session(folder, component, split=False, providers=providers), device)
    except RunError:
        raise
    except Exception as error:  # ONNX Runtime's errors have no common class.
        raise failed(error) from error


class _Way(NamedTuple):
    """A way to run a network: the entry of its graph; the providers, each with what takes over the operators that
    it lacks; whether the session records the work of loops."""

    graph: str
    providers: Sequence[Provider]
    records: bool = False

    @property
    def name(self) -> str:
        first = self.providers[0]
        return first if isinstance(first, str) else first[0]


def _session(bundle: Bundle, form: Form, place: Place, told: Callable[[str], None]) -> Bound | None:
    for way in _ways(form, place):
        graph = bundle.read(way.graph)
        try:
            session = mapped(bundle, graph, form.component, way.providers, pinned=place.pinned)
        except BundleBroken:
            raise
        except Exception as error:  # ONNX Runtime's errors have no common class.
            if isinstance(short := failed(error), OutOfMemory):
                raise short from error
            if not way.records:  # Else the next way is the same one, without.
                what = "attention as one operator" if way.graph == form.fused else "it"
                told(f"{way.name} does not take {what}: {str(error).strip().splitlines()[0][:200]}")
            continue
        if session.get_providers()[0] == way.name:
            return Bound(session, place.device, records=way.records)
        told(f"{way.name} is not what the session got, but {session.get_providers()[0]}")
    return None


def _ways(form: Form, place: Place) -> list[_Way]:
    """What to try, the best first. Releases of ONNX Runtime that lack an operator in a type refuse the graph that
    has it; what has operators on the CPU, they refuse to record."""
    plain, ways = form.component.graph, list[_Way]()
    if place.device != "cpu" and form.engine is None and form.shapes and _tensorrt():
        # It would leave attention as one operator to CUDA, and cut the network there.
        tensorrt = "TensorrtExecutionProvider", _tensorrt_settings(form)
        ways.append(_Way(plain, (tensorrt, "CUDAExecutionProvider", *CPU)))
    for graph in filter(None, (form.fused, plain)):
        if place.device == "cpu":
            ways.append(_Way(graph, CPU))
            continue
        if "timestep" in form.shapes:  # It is evaluated in loops.
            recording = "CUDAExecutionProvider", {"enable_cuda_graph": "1"}
            ways.append(_Way(graph, (recording, *CPU), records=True))
        ways.append(_Way(graph, ("CUDAExecutionProvider", *CPU)))
    return ways


@cache
def _tensorrt() -> bool:
    return usable("Tensorrt")


def _tensorrt_settings(form: Form) -> dict[str, str]:
    """Settings of ONNX Runtime's TensorRT: engines and timings are kept in the cache, shapes are the plan's."""
    folder = str(kept.folder() / "engines")
    smallest, usual, largest = (
        ",".join(f"{name}:{'x'.join(map(str, shape[place]))}" for name, shape in form.shapes.items())
        for place in range(3)
    )
    integers = {"trt_int8_enable": "1"} if form.weights == "int8" else {}
    return integers | {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": folder,
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": folder,
        "trt_fp16_enable": "1" if form.precision == "fp16" else "0",
        "trt_bf16_enable": "1" if form.precision == "bf16" else "0",
        "trt_profile_min_shapes": smallest,
        "trt_profile_opt_shapes": usual,
        "trt_profile_max_shapes": largest,
    }
