"""From a torch module to a component: an ONNX graph without weights, and where its weights are."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gflow.compiler.half import number
from gflow.compiler.stored import stored
from gflow.kernels.types import Array
from gflow.runtime import weights as held_weights
from gflow.runtime.lowered import Component, Weight
from gflow.runtime.network import Network
from gflow.runtime.weights import tensor_of, tensors_in

#: Smaller initializers stay in the graph.
_SMALL = 1024

#: A component that differs from the torch reference by more than this share of its largest value is refused.
TOLERANCE = 1e-3


class NotLowered(Exception):
    """A component of a model can't be lowered; the torch engine runs the model then."""

    def __init__(self, component: str, reason: str) -> None:
        super().__init__(f"{component}: {reason}")
        self.component = component
        self.reason = reason


@dataclass(frozen=True)
class Exported:
    """What a family hands to `export`."""

    module: Any
    name: str
    inputs: Mapping[str, Any]
    outputs: Sequence[str]
    dynamic: Mapping[str, Mapping[int, Any]]
    check: Mapping[str, Any]


_instead: ContextVar[Callable[[Exported], None] | None] = ContextVar("instead", default=None)


@contextlib.contextmanager
def instead(take: Callable[[Exported], None]) -> Iterator[None]:
    """While a model is lowered, what is exported goes to `take`, and no graphs are made: for other engines, which
    are made from the very same modules."""
    token = _instead.set(take)
    try:
        yield
    finally:
        _instead.reset(token)


def export(
    module: Any,
    name: str,
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    *,
    dynamic: Mapping[str, Mapping[int, Any]],
    weights: Sequence[Path],
    out: Path,
    check: Mapping[str, Any],
) -> Component:
    """Writes `out/name.onnx` and gives the component.

    module: a torch.nn.Module in float32, whose `forward` takes `inputs` (example tensors) in that order and gives
    one tensor or a tuple, named `outputs`. dynamic: `torch.export.Dim`s by input and axis. weights: the model's
    safetensors files. check: other inputs, of other sizes, for which the graph is compared with the module.

    Raises NotLowered where torch can't export the module or the graph computes something else.
    """
    take = _instead.get()
    if take is not None:
        take(Exported(module, name, inputs, outputs, dynamic, check))
        return Component(f"{name}.onnx", {}, "", 0)
    program = _program(module, name, inputs, outputs, dynamic)
    found = _detach(program.model.graph, name, weights, out)
    data = _graph(program)
    (out / f"{name}.onnx").write_bytes(data)
    identity = hashlib.sha256(data)
    size = 0
    for initializer, (weight, tensor) in found.items():
        identity.update(f"{initializer} {weight.shape} {weight.transpose}".encode())
        identity.update(np.ascontiguousarray(tensor).data)
        size += tensor.nbytes
    component = Component(
        graph=f"{name}.onnx",
        weights={initializer: weight for initializer, (weight, _) in found.items()},
        identity=identity.hexdigest(),
        bytes=size,
    )
    return _checked(module, name, component, check, out)


def _program(
    module: Any, name: str, inputs: Mapping[str, Any], outputs: Sequence[str], dynamic: Mapping[str, Any]
) -> Any:
    """What torch makes of a module. Its weights are the module's own, in the same memory."""
    import torch

    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    shapes = tuple(dict(dynamic.get(each, {})) for each in inputs)
    try:
        # The exporter prints its progress and warns of what does not matter here.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                module.eval(),
                tuple(inputs.values()),
                dynamo=True,
                dynamic_shapes=shapes,
                input_names=list(inputs),
                output_names=list(outputs),
            )
    except Exception as error:  # torch.export raises whatever a model's code raises.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotLowered(name, f"torch can't export it: {lines[0][:300]}") from error
    finally:
        log.setLevel(level)


def _strip(model: Any) -> None:
    """Removes what does not matter for running: stack traces with source paths, above all."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *model.functions):
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    del graph.value_info[:]
    model.producer_version = ""


def _detach(graph: Any, name: str, weights: Sequence[Path], out: Path) -> dict[str, tuple[Weight, Array]]:
    """Takes the weights out of a graph; gives them in the order of their names. Each is found among the tensors of
    the files, or put into a file of its own."""
    from onnx_ir import ExternalTensor

    known = _Known(weights, out)
    found: dict[str, tuple[Weight, Array]] = {}
    rest: dict[str, Array] = {}
    for initializer, value in sorted(graph.initializers.items()):
        held = value.const_value
        if held.size < _SMALL:
            continue
        tensor = held.numpy()
        weight = known.find(tensor)
        if weight is None:
            rest[initializer] = np.ascontiguousarray(tensor)
            weight = Weight(f"{name}.safetensors", initializer, list(tensor.shape))
        found[initializer] = (weight, tensor)
        value.const_value = ExternalTensor("", None, None, held.dtype, shape=held.shape, name=held.name)
    if rest:
        from safetensors.numpy import save_file

        save_file(rest, out / f"{name}.safetensors")
        (out / f"{name}.safetensors").chmod(0o644)
    return found


def _graph(program: Any) -> bytes:
    """The ONNX file of a program whose weights are outside, without the exporter's notes."""
    model = program.model_proto
    _strip(model)
    number(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def release(*modules: Any) -> None:
    """Lets go of the weights of modules that are not used any more: torch's exporter keeps the graph that it made
    last, and with it all of them."""
    import torch

    for module in modules:
        for parameter in module.parameters() if isinstance(module, torch.nn.Module) else ():
            parameter.data = torch.empty(0)


class _Known:
    """The tensors of some files, found by what they hold."""

    def __init__(self, files: Sequence[Path], out: Path) -> None:
        self.by_content: dict[tuple[int, bytes, bytes], list[tuple[Path, str]]] = {}
        self.out = out
        for file in files:
            for tensor_name in tensors_in(file):
                tensor = tensor_of(file, tensor_name)
                if tensor.size >= _SMALL:
                    self.by_content.setdefault(_content(tensor), []).append((file, tensor_name))

    def find(self, tensor: Array) -> Weight | None:
        for file, name in self.by_content.get(_content(tensor), ()):
            candidate = tensor_of(file, name)
            for transpose in (False, True):
                if transpose and candidate.ndim < 2:
                    continue
                shown = candidate.swapaxes(-1, -2) if transpose else candidate
                if np.array_equal(shown.reshape(tensor.shape), tensor):
                    place = Path(os.path.relpath(file.resolve(), self.out.resolve()))
                    return Weight(place.as_posix(), name, list(tensor.shape), transpose)
        return None


def _content(tensor: Array) -> tuple[int, bytes, bytes]:
    """The same for a tensor, its transpose and its reshaped forms; for others hardly ever."""
    return tensor.size, tensor.min().tobytes(), tensor.max().tobytes()


def _checked(module: Any, name: str, component: Component, check: Mapping[str, Any], out: Path) -> Component:
    """The component with the tolerance it met."""
    import msgspec
    import torch

    with torch.no_grad():
        expected = module(*check.values())
    expected = [expected] if isinstance(expected, torch.Tensor) else list(expected)
    feeds = {key: value.numpy() for key, value in check.items()}
    with stored(held_weights.read(out, component)) as held:
        session = held.session((out / component.graph).read_bytes())
    got = Network(lambda split: session, 1).run(feeds)
    worst = 0.0
    for theirs, ours in zip(expected, got, strict=True):
        reference = theirs.numpy()
        if reference.shape != ours.shape:
            raise NotLowered(name, f"its shape is {ours.shape} where torch gives {reference.shape}")
        difference = float(np.abs(reference - ours).max())
        if not difference <= TOLERANCE * max(1.0, float(np.abs(reference).max())):
            raise NotLowered(name, f"its values differ from torch's by {difference:.2g}")
        worst = max(worst, difference)
    return msgspec.structs.replace(component, tolerance=float(f"{worst:.1e}"))
