"""Graphs in 16 bits: matrix products and convolutions in float16 or bfloat16, what needs range in float32.

Types are written into the graph, as TensorRT's strongly typed networks want them; ONNX Runtime runs the same graph.
Inputs and outputs stay float32, so that who calls a network need not know.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime.weights import placeholders

#: Computed in 16 bits, whatever they read.
_HALF = frozenset({"Attention", "Conv", "ConvTranspose", "Gemm", "MatMul"})

#: Computed in float32: sums over many values, powers and exponentials, which leave the range of float16.
_FULL = frozenset(
    {
        *("CumSum", "Einsum", "Exp", "Log", "Pow", "Reciprocal", "Sqrt", "Sin", "Cos", "Div"),
        *("ReduceL2", "ReduceMean", "ReduceSum", "ReduceSumSquare"),
        *("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization"),
        *("RMSNormalization", "Range", "RandomNormalLike"),
    }
)

#: The largest float16. Larger numbers are masks, which mean "less than anything".
_LARGEST = 65504.0


def halved(graph: bytes, precision: str) -> tuple[bytes, dict[str, str]]:
    """A lowered graph in "fp16" or "bf16", and its weights that are now in 16 bits: the old name by the new one.

    Weights stay outside of the graph, with the placeholders of `gflow.runtime.weights`."""
    import onnx

    model = onnx.load_model_from_string(graph)
    _unguard(model.graph)
    shapes = onnx.shape_inference.infer_shapes(model, data_prop=False)
    made = _Halved(model.graph, shapes.graph, precision)
    made.convert()
    number(model.graph)
    if precision == "bf16":
        # The first opset in which all that is in `_HALF` takes it; what else is new since concerns types alone.
        for opset in model.opset_import:
            opset.version = max(opset.version, 22) if opset.domain == "" else opset.version
    return model.SerializeToString(deterministic=True), made.moved


def in_16_bits(values: Array, precision: str) -> Array:
    """Values as float16, or as the upper halves of float32 (uint16), rounded to the nearest, ties to even."""
    if precision == "fp16":
        return np.where(np.isfinite(values), np.clip(values, -_LARGEST, _LARGEST), values).astype(np.float16)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def in_32_bits(values: Array, precision: str) -> Array:
    """What `in_16_bits` gave, as float32."""
    if precision == "fp16":
        return values.astype(np.float32)
    return (values.astype(np.uint32) << 16).view(np.float32)


def emulated(graph: bytes, precision: str) -> bytes:
    """A graph of `halved` whose arithmetic is in float32, every result of 16 bits rounded to them, as a GPU's units
    do; weights are wanted in float32. ONNX Runtime on a CPU left to itself rounds nowhere: it computes in float32
    and removes the casts that it has put in."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load_model_from_string(graph)
    half = TensorProto.FLOAT16 if precision == "fp16" else TensorProto.BFLOAT16
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    halves = {value.name for value in inferred if value.type.tensor_type.elem_type == half}
    for tensor in model.graph.initializer:
        if tensor.data_type != half:
            continue
        tensor.data_type = TensorProto.FLOAT
        if tensor.data_location != TensorProto.EXTERNAL:
            bits: Array = np.frombuffer(tensor.raw_data, np.float16 if precision == "fp16" else np.uint16)
            values = in_32_bits(bits, precision).reshape(tuple(tensor.dims))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name in halves:
                is_cast = node.op_type == "Cast"
                exact, rounded = f"{name}:exact", f"{name}:rounded"
                node.output[place] = rounded if is_cast else exact
                if not is_cast:
                    nodes.append(helper.make_node("Cast", [exact], [rounded], to=half))
                nodes.append(helper.make_node("Cast", [rounded], [name], to=TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    number(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def number(graph: Any) -> None:
    """Gives each external weight the placeholders of its place among their sorted names, and its length."""
    from onnx import TensorProto, helper

    outside = [tensor for tensor in graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    for number, tensor in enumerate(sorted(outside, key=lambda tensor: str(tensor.name))):
        location, offset = placeholders(number)
        size = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        length = str(size * math.prod(tensor.dims))
        del tensor.external_data[:]
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value


def _unguard(graph: Any) -> None:
    """Takes out what puts 0 where attention has no number, as it has not where a whole row is masked. No row is:
    every token sees itself. In 16 bits, TensorRT for RTX 1.7 fails on what stands between softmax and product."""
    guards = {node.output[0]: node for node in graph.node if node.op_type == "IsNaN"}
    guarded = {}
    for node in graph.node:
        guard = guards.get(node.input[0]) if node.op_type == "Where" else None
        if guard is not None and node.input[2] == guard.input[0]:
            guarded[node.output[0]] = node
    used = {name for node in graph.node if node.output[0] not in guarded for name in node.input}
    kept = [
        node
        for node in graph.node
        if node.output[0] not in guarded and not (node.output[0] in guards and node.output[0] not in used)
    ]
    for node in kept:
        for place, name in enumerate(node.input):
            if name in guarded:
                node.input[place] = guarded[name].input[2]
    del graph.node[:]
    graph.node.extend(kept)


class _Halved:
    """Goes through the nodes in order and puts casts where a node reads another type than it computes in.

    types: of every float value so far, `full` or `half`. moved: external weights in 16 bits.
    """

    def __init__(self, graph: Any, inferred: Any, precision: str) -> None:
        from onnx import TensorProto

        self.graph, self.precision = graph, precision
        self.full = TensorProto.FLOAT
        self.half = TensorProto.FLOAT16 if precision == "fp16" else TensorProto.BFLOAT16
        told = [*inferred.value_info, *inferred.input, *inferred.output]
        floats = {value.name for value in told if value.type.tensor_type.elem_type == self.full}
        self.constants = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == self.full}
        self.floats = floats | set(self.constants)
        self.types = {value.name: self.full for value in graph.input if value.name in floats}
        self.moved: dict[str, str] = {}
        self.nodes: list[Any] = []
        self.casts: dict[tuple[str, int], str] = {}

    def convert(self) -> None:
        outputs = {value.name for value in self.graph.output if value.name in self.floats}
        for node in list(self.graph.node):
            self._node(node, outputs)
        for name in sorted(outputs):
            if self.types[name] == self.half:
                self._give_full(name)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        used = {name for node in self.nodes for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.initializer[:]
        self.graph.initializer.extend(sorted(kept, key=lambda tensor: str(tensor.name)))

    def _node(self, node: Any, outputs: set[str]) -> None:
        reads = [name for name in node.input if name in self.floats]
        makes = [name for name in node.output if name in self.floats]
        if node.op_type == "Cast" or not reads:
            # What is cast to float32, and what makes floats of something else, is float32.
            self.types |= dict.fromkeys(makes, self.full)
            self.nodes.append(node)
            return
        kind = self._kind(node, [name for name in reads if name not in self.constants])
        for place, name in enumerate(node.input):
            if name in self.floats:
                node.input[place] = self._as(name, kind)
        self.types |= dict.fromkeys(makes, kind)
        self.nodes.append(node)

    def _kind(self, node: Any, reads: list[str]) -> int:
        if node.op_type in _HALF:
            return self.half
        if node.op_type in _FULL or node.op_type == "Resize":  # Its sizes are floats, too.
            return self.full
        # What only moves or adds values is in 16 bits where all it reads is.
        return self.half if reads and all(self.types[name] == self.half for name in reads) else self.full

    def _as(self, name: str, kind: int) -> str:
        """A value in a type: a constant is converted now, anything else by a cast."""
        if name in self.constants:
            return name if kind == self.full else self._constant(name)
        if self.types[name] == kind:
            return name
        if (name, kind) not in self.casts:
            from onnx import helper

            made = f"{name}:{'full' if kind == self.full else 'half'}"
            self.nodes.append(helper.make_node("Cast", [name], [made], name=f"cast {made}", to=kind))
            self.casts[name, kind] = made
        return self.casts[name, kind]

    def _constant(self, name: str) -> str:
        from onnx import TensorProto, numpy_helper

        made = f"{name}:half"
        if (name, self.half) in self.casts:
            return made
        self.casts[name, self.half] = made
        tensor = TensorProto()
        tensor.CopyFrom(self.constants[name])
        tensor.name, tensor.data_type = made, self.half
        if tensor.data_location == TensorProto.EXTERNAL:
            self.moved[made] = name
        else:
            values = in_16_bits(numpy_helper.to_array(self.constants[name]), self.precision)
            tensor.ClearField("float_data")
            tensor.raw_data = values.tobytes()
        self.graph.initializer.append(tensor)
        return made

    def _give_full(self, name: str) -> None:
        """Makes an output of the graph float32."""
        from onnx import helper

        made = f"{name}:half"
        for node in self.nodes:
            for ends in (node.input, node.output):
                for place, each in enumerate(ends):
                    if each == name:
                        ends[place] = made
        self.nodes.append(helper.make_node("Cast", [made], [name], name=f"cast {name}", to=self.full))


def precision_of(dtypes: Mapping[str, str]) -> str:
    """The 16 bits for a component by its weights' types in their files: bfloat16 where they came so, as such a
    network may leave the range of float16."""
    return "bf16" if dtypes and all(dtype == "BF16" for dtype in dtypes.values()) else "fp16"
