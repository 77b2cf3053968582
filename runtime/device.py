"""Networks on a GPU: an engine of TensorRT, TensorRT through ONNX Runtime, ONNX Runtime's CUDA; what works best.

Arrays stay on the device between calls where the caller binds them (`Bound.bound`). What decides is what a session
has when it was made, and what TensorRT says of an engine; each step down is told.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np

from gflow.runtime import cache as kept
from gflow.runtime.bundle import Bundle, Folder
from gflow.runtime.errors import BundleBroken, OutOfMemory, RunError
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
    outputs: list[str]

    def put(self, array: Any) -> Value:
        """The array on the device."""
        ...

    def bound(self, feeds: Mapping[str, Value], into: Sequence[Value] | None = None) -> list[Value]:
        """All outputs, on the device. Inputs that the graph does not have are left out. into: what an earlier call
        with feeds of the same shapes gave, which may be written again. Raises EngineFailed and OutOfMemory."""
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
    """A session of ONNX Runtime on a device. `run` takes and gives arrays in main memory."""

    def __init__(self, session: Any, device: str) -> None:
        super().__init__(lambda split: session, 1)
        self.device = device

    def put(self, array: Any) -> Value:
        return put(array, self.device)

    def bound(self, feeds: Mapping[str, Value], into: Sequence[Value] | None = None) -> list[Value]:
        """See `Binds`."""
        with self.telling():
            binding = self._session.io_binding()
            for name, value in feeds.items():
                if name in self.inputs:
                    binding.bind_ortvalue_input(name, value)
            for place, name in enumerate(self.outputs):
                if into is None:
                    binding.bind_output(name, self.device, 0)
                else:
                    binding.bind_ortvalue_output(name, into[place])
            self._session.run_with_iobinding(binding)
            return list(into or binding.get_outputs())


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


def _session(bundle: Bundle, form: Form, place: Place, told: Callable[[str], None]) -> Bound | None:
    for graph, providers in _choices(form, place):
        name = providers[0] if isinstance(providers[0], str) else providers[0][0]
        try:
            session = mapped(bundle, bundle.read(graph), form.component, providers)
        except BundleBroken:
            raise
        except Exception as error:  # ONNX Runtime's errors have no common class.
            if isinstance(short := failed(error), OutOfMemory):
                raise short from error
            what = "attention as one operator" if graph == form.fused else "it"
            told(f"{name} does not take {what}: {str(error).strip().splitlines()[0][:200]}")
            continue
        if session.get_providers()[0] == name:
            return Bound(session, place.device)
        told(f"{name} is not what the session got, but {session.get_providers()[0]}")
    return None


def _choices(form: Form, place: Place) -> list[tuple[str, Sequence[Provider]]]:
    """The graphs to try, the best first, and on which providers: each with what takes over the operators that it
    lacks. Releases of ONNX Runtime that lack an operator in a type refuse the graph that has it."""
    plain, on_cpu = form.component.graph, "CPUExecutionProvider"
    own: Sequence[Provider] = (on_cpu,) if place.device == "cpu" else ("CUDAExecutionProvider", on_cpu)
    found = [(graph, own) for graph in (form.fused, plain) if graph]
    if place.device == "cpu" or form.engine is not None or not form.shapes or not _tensorrt():
        return found
    # TensorRT would leave attention as one operator to CUDA, and cut the network there.
    return [(plain, (("TensorrtExecutionProvider", _tensorrt_settings(form)), *own)), *found]


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
