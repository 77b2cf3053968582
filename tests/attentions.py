"""Graphs with attention as one operator, beside those that they are made from, on ONNX Runtime's CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from gflow.compiler import attention
from gflow.compiler.half import halved, in_16_bits
from gflow.compiler.stored import stored
from gflow.kernels.types import Array
from gflow.runtime import weights
from gflow.runtime.lowered import Component, read


def one_operator_each(folder: Path) -> dict[str, int]:
    """How many attentions each component of a lowered model has, all of which must be found, and compute what they
    did."""
    found = {}
    for part, component in read(folder).components.items():
        graph = (folder / component.graph).read_bytes()
        made = operators(attention.fused(graph))
        found[part] = made["MultiHeadAttention"]
        assert found[part] == operators(graph)["Softmax"] and made["Softmax"] == 0, part
        plain, fused = (session(folder, component, fused=each) for each in (False, True))
        for batch, side in ((1, 8), (3, 12)) if found[part] else ():
            assert difference(plain, fused, feeds(plain, batch, side)) < 1e-5, part
    return found


def operators(graph: bytes) -> Counter[str]:
    """How many there are of each."""
    return Counter(node.op_type for node in onnx.load_model_from_string(graph).graph.node)


def session(
    folder: Path, component: Component, *, fused: bool, precision: str = "fp32", beside: str | None = None
) -> Any:
    """A component in a precision. beside: a value to give beside its own. Raises what ONNX Runtime does, which has
    looked at all types first."""
    graph, moved = (folder / component.graph).read_bytes(), dict[str, str]()
    if precision != "fp32":
        graph, moved = halved(graph, precision)
    model = onnx.load_model_from_string(attention.fused(graph) if fused else graph)
    model.graph.output.extend([onnx.ValueInfoProto(name=beside)] if beside else [])
    external = onnx.TensorProto.EXTERNAL
    outside = sorted(each.name for each in model.graph.initializer if each.data_location == external)

    def tensors_in() -> Iterator[tuple[str, Array]]:
        for name in outside:
            values = weights.one(folder, component.weights[moved.get(name, name)])
            yield name, in_16_bits(values, precision) if name in moved else values

    with stored(tensors_in()) as held:
        return held.session(model.SerializeToString())


def feeds(running: Any, batch: int, side: int) -> dict[str, Array]:
    """Inputs of a session. side: how long axes are that may have any length; what is wide is 4 longer."""
    rng, made = np.random.default_rng(0), dict[str, Any]()

    def size(axis: int | str) -> int:
        if isinstance(axis, int):
            return axis
        return batch if axis == "batch" else side + 4 * ("wide" in axis)

    for value in running.get_inputs():
        shape = [size(axis) for axis in value.shape]
        if value.type == "tensor(int64)":
            made[value.name] = rng.integers(3, 40, shape)
        else:
            made[value.name] = rng.standard_normal(shape).astype(np.float32) * (300 if len(shape) == 1 else 1)
    return made


def difference(one: Any, other: Any, given: Mapping[str, Any]) -> float:
    """Of two sessions' results, as a share of the largest of the one's."""
    pairs = zip(one.run(None, dict(given)), other.run(None, dict(given)), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in pairs)
