"""Networks in 8 bits: weights as int8 or float8 (E4M3) with a scale for each output channel, and what they are
multiplied with in 8 bits, too, by ranges that were measured.

It is written into the graph as ONNX has it, `DequantizeLinear` before a product or a convolution and a pair of
`QuantizeLinear` and `DequantizeLinear` around a value (Jacob et al. 2018): ONNX Runtime puts its integer kernels
there, TensorRT's strongly typed networks its own. Ranges are fixed, never those of the batch at hand, as a batch
must not change a picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gflow.compiler.half import number
from gflow.compiler.targets import capability
from gflow.grammar.diagnostics import ScriptError
from gflow.grammar.diagnostics.planning import NotQuantizable
from gflow.grammar.source import Source, Span
from gflow.kernels.types import Array

#: The largest value of each kind.
LARGEST = {"int8": 127.0, "fp8": 448.0}

#: Weights of a language model that have one scale together.
_BLOCK = 64

#: The lowest and the highest value that was seen, 0 among them.
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Scheme:
    """What `--quantize` asks for. kind: `int8` or `fp8`. activations: whether the network that denoises gets more
    than its weights in it."""

    kind: str
    activations: bool

    @property
    def name(self) -> str:
        return self.kind if self.activations else f"{self.kind}-weights"


SCHEMES = {scheme.name: scheme for kind in LARGEST for scheme in (Scheme(kind, True), Scheme(kind, False))}

#: GPUs whose matrix units know no float8.
_NO_FP8 = ("sm_80", "sm_86")


def scheme(name: str, targets: Sequence[str]) -> Scheme:
    """The scheme of that name (one of `SCHEMES`), for targets that can run it. Raises ScriptError with E0503."""
    found = SCHEMES[name]
    option = f"--quantize {name}"
    span = Span(Source("command line", option), option.index(" ") + 1, len(option))
    gpus = [target for target in targets if target != "cpu"]
    without = [target for target in gpus if capability(target) in _NO_FP8]
    if found.kind == "fp8" and (without or not gpus):
        where = ", ".join(without) or "the CPU"
        int8 = name.replace("fp8", "int8")
        raise ScriptError([NotQuantizable(span, name, where, int8)])
    return found


@dataclass(frozen=True)
class Packed:
    """A weight in 8 bits. name: what it was called. axis: that of its output channels. scale: of each, float32.
    transpose: whether it is turned round first. block: how many weights of a channel have one scale together, where
    it has several."""

    name: str
    kind: str
    axis: int
    transpose: bool
    scale: Array
    block: int = 0

    def pack(self, values: Array) -> Any:
        """The weight in 8 bits, from its values in float32: int8, uint8 around 128 (in blocks) or the bytes of
        float8."""
        values = np.ascontiguousarray(values.T if self.transpose else values, np.float32)
        if self.block:
            blocks = _blocks(values, self.block)
            return np.clip(np.rint(blocks / self.scale[..., None]) + 128, 1, 255).astype(np.uint8)
        shape = [1] * values.ndim
        shape[self.axis] = -1
        scaled = values / self.scale.reshape(shape)
        if self.kind == "int8":
            return np.clip(np.rint(scaled), -127, 127).astype(np.int8)
        import ml_dtypes

        return np.clip(scaled, -448, 448).astype(ml_dtypes.float8_e4m3fn).view(np.uint8)


def observed(graph: bytes) -> list[str]:
    """The values of a graph whose ranges `quantized` wants: what products and convolutions read, and what
    convolutions give."""
    import onnx

    found: dict[str, None] = {}
    for node in _weighted(onnx.load_model_from_string(graph).graph):
        found[node.input[0]] = None
        if node.op_type == "Conv":
            found[node.output[0]] = None
    return list(found)


def quantized(
    graph: bytes, read: Callable[[str], Array], kind: str, ranges: Ranges, *, on: str
) -> tuple[bytes, dict[str, Packed]]:
    """A graph with its weights in 8 bits, and those weights by their new names.

    read: gives a weight of the graph in float32. ranges: of values, by their names before the graph was put into 16
    bits; what has none stays as it is. on: "cpu", "gpu", or "language" for a language model on a CPU, whose
    weights ONNX Runtime multiplies token by token, block by block."""
    import onnx

    model = onnx.load_model_from_string(graph)
    made = _Quantizer(model.graph, read, kind, ranges, on)
    made.convert()
    number(model.graph)
    if on == "language":
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return model.SerializeToString(deterministic=True), made.packed


def _weighted(graph: Any) -> list[Any]:
    """The nodes that get weights in 8 bits: products and convolutions with large constant weights. Left as they
    are: the first that read the latents, and those whose result no other of them reads, where errors show most."""
    from onnx import TensorProto

    outside = {each.name: each for each in graph.initializer if each.data_location == TensorProto.EXTERNAL}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def takes(node: Any) -> bool:
        if node.op_type not in ("MatMul", "Gemm", "Conv") or node.input[1] not in outside:
            return False
        alone = all(other.op_type == node.op_type for other in readers[node.input[1]])
        plain = {"transA": 0, "alpha": 1.0, "beta": 1.0}
        told = {attribute.name: attribute.i or attribute.f for attribute in node.attribute}
        is_product = len(outside[node.input[1]].dims) == 2 and all(
            told.get(key, plain[key]) == plain[key] for key in plain
        )
        return alone and (node.op_type == "Conv" or is_product)

    fresh, first = {"sample"}, set()
    for node in graph.node:
        if node.op_type != "Shape" and not fresh.isdisjoint(node.input):
            if takes(node):
                first.add(node.output[0])
            else:
                fresh.update(node.output)
    followed, last = set[str](), set()
    for node in reversed(graph.node):
        is_followed = not followed.isdisjoint(node.output)
        if takes(node) and not is_followed:
            last.add(node.output[0])
        if takes(node) or is_followed:
            followed.update(node.input)
    return [node for node in graph.node if takes(node) and node.output[0] not in first | last]


def _blocks(values: Array, block: int) -> Array:
    """Weights (inputs, outputs) as (outputs, blocks, block), with zeros after the last input."""
    padded = np.pad(values, ((0, -len(values) % block), (0, 0)))
    blocks: Array = np.ascontiguousarray(padded.T).reshape(values.shape[1], -1, block)
    return blocks


def _scale(largest: Array, kind: str) -> Array:
    """Scales of 8 bits each, which are the same in float32, float16 and bfloat16, rounded up."""
    scale = np.maximum(largest / LARGEST[kind], 2.0**-24)
    step = np.maximum(2.0 ** (np.floor(np.log2(scale)) - 7), 2.0**-24)
    rounded: Array = (np.ceil(scale / step) * step).astype(np.float32)
    return rounded


class _Quantizer:
    """Goes through the nodes in order; each value is put into 8 bits once."""

    def __init__(self, graph: Any, read: Callable[[str], Array], kind: str, ranges: Ranges, on: str) -> None:
        from onnx import TensorProto

        self.graph, self.read, self.kind, self.ranges, self.on = graph, read, kind, ranges, on
        self.initializers = {each.name: each for each in graph.initializer}
        self.type = TensorProto.INT8 if kind == "int8" else TensorProto.FLOAT8E4M3FN
        self.packed: dict[str, Packed] = {}
        self.made: dict[str, str] = {}
        self.floats = TensorProto.FLOAT  # What the node at hand computes in.
        self.nodes: list[Any] = []

    def convert(self) -> None:
        wanted = {node.output[0] for node in _weighted(self.graph)}
        for node in list(self.graph.node):
            if node.output[0] not in wanted:
                self.nodes.append(node)
            elif self.on == "language":
                self._blockwise(node)
            else:
                self._node(node)
        used = {name for node in self.nodes for name in node.input}
        kept = [each for each in self.initializers.values() if each.name in used]
        for part, new in ((self.graph.node, self.nodes), (self.graph.initializer, kept)):
            del part[:]
            part.extend(new)
        self.graph.initializer.sort(key=lambda each: str(each.name))

    def _node(self, node: Any) -> None:
        x, weight, *bias = node.input
        self.floats = self.initializers[weight].data_type
        given = self._value(x)
        if node.op_type == "Conv":
            inputs = [given, self._weight(weight, axis=0)]
            if self.on == "cpu" and self._known(x) is not None:
                self._integers(node, inputs, bias)
            else:
                node.input[:] = [*inputs, *bias]
                self.nodes.append(node)
            return
        inputs = [given, self._weight(weight, axis=1, transpose=_transposed(node))]
        self._product("MatMul", inputs, bias, node)

    def _product(self, op: str, inputs: list[str], bias: list[str], node: Any, **attributes: Any) -> None:
        out = f"{node.output[0]}:product" if bias else node.output[0]
        self._add(op, inputs, [out], **attributes)
        if bias:
            self._add("Add", [out, *bias], list(node.output))

    def _integers(self, node: Any, inputs: list[str], bias: list[str]) -> None:
        """A convolution of which ONNX Runtime makes one of integers: its result is in 8 bits, its bias in 32.
        Ranges are known of both ends."""
        from onnx import TensorProto

        if bias:
            name = f"{node.output[0]}:bias"
            weight = self.packed[self._name(node.input[1])]
            scale = weight.scale * self._steps(node.input[0])[0]
            values = np.rint(self._values(bias[0]) / scale).clip(-(2**31), 2**31 - 128).astype(np.int32)
            self._constant(f"{name}:values", values, TensorProto.INT32)
            self._constant(f"{name}:scale", scale, TensorProto.FLOAT)
            self._constant(f"{name}:zero", np.zeros(len(scale)), TensorProto.INT32)
            self._add("DequantizeLinear", [f"{name}:{end}" for end in ("values", "scale", "zero")], [name], axis=0)
            inputs = [*inputs, name]
        out = node.output[0]
        node.input[:], node.output[0] = inputs, f"{out}:wide"
        self.nodes.append(node)
        self._pair(f"{out}:wide", out, out)
        self.made[out] = out

    def _value(self, name: str) -> str:
        """A value that was in 8 bits, or the value as it is, where no range of it is known."""
        if self._known(name) is None:
            return name
        if name not in self.made:
            self.made[name] = f"{name}:dequantized"
            self._pair(name, name, f"{name}:dequantized")
        return self.made[name]

    def _pair(self, name: str, about: str, out: str) -> None:
        """Puts a value into 8 bits and back. about: the value whose range it is."""
        from onnx import TensorProto

        scale, zero = self._steps(about)
        ends = [f"{about}:scale", f"{about}:zero"]
        if ends[0] not in self.initializers:
            self._constant(ends[0], np.array(scale), self.floats)
            self._constant(ends[1], np.array(zero), TensorProto.UINT8 if self.on == "cpu" else self.type)
        self._add("QuantizeLinear", [name, *ends], [f"{about}:quantized"])
        self._add("DequantizeLinear", [f"{about}:quantized", *ends], [out])

    def _known(self, name: str) -> tuple[float, float] | None:
        return self.ranges.get(re.sub(r"(:half|:full)+$", "", name))

    def _steps(self, name: str) -> tuple[float, int]:
        """Scale and zero of a value: unsigned with any zero on a CPU, around 0 on a GPU."""
        low, high = self._known(name) or (0.0, 0.0)
        if self.on == "cpu":
            scale = float(_scale(np.array((high - low) * 127 / 255), "int8"))
            return scale, round(-low / scale)
        return float(_scale(np.array(max(-low, high)), self.kind)), 0

    def _weight(self, name: str, *, axis: int, transpose: bool = False) -> str:
        """The weight in 8 bits, and what makes floats of it."""
        made = self._name(name)
        if made not in self.packed:
            values = self.read(name)
            others = tuple(each for each in range(values.ndim) if each != (1 - axis if transpose else axis))
            packed = Packed(name, self.kind, axis, transpose, _scale(np.abs(values).max(axis=others), self.kind))
            shape = values.T.shape if transpose else values.shape
            self._outside(made, packed, shape, self.type)
            self._constant(f"{made}:scale", packed.scale, self.floats)
            self._constant(f"{made}:zero", np.zeros(len(packed.scale)), self.type)
            ends = [made, f"{made}:scale", f"{made}:zero"]
            self._add("DequantizeLinear", ends, [f"{made}:dequantized"], axis=axis)
        return f"{made}:dequantized"

    def _name(self, name: str) -> str:
        return f"{name}:{self.kind}"

    def _blockwise(self, node: Any) -> None:
        """A product of ONNX Runtime's own, for few rows: weights stay in 8 bits in memory; each row is put into 8
        bits as it is."""
        from onnx import TensorProto

        x, weight, *bias = node.input
        if node.op_type == "Conv":
            self.nodes.append(node)
            return
        values, made = self.read(weight), self._name(weight)
        values = values.T if _transposed(node) else values
        if made not in self.packed:
            blocks = _blocks(values, _BLOCK)
            scale = _scale(np.abs(blocks).max(axis=2), "int8")
            packed = Packed(weight, self.kind, 1, _transposed(node), scale, _BLOCK)
            self._outside(made, packed, blocks.shape, TensorProto.UINT8)
            self._constant(f"{made}:scale", scale, TensorProto.FLOAT)
        sizes = {"K": values.shape[0], "N": values.shape[1], "bits": 8, "block_size": _BLOCK, "accuracy_level": 4}
        self._product("MatMulNBits", [x, made, f"{made}:scale"], bias, node, domain="com.microsoft", **sizes)

    def _add(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"{op} {outputs[0]}", **attributes))

    def _outside(self, name: str, packed: Packed, shape: Sequence[int], type_: int) -> None:
        from onnx import TensorProto

        tensor = TensorProto(name=name, data_type=type_, dims=shape, data_location=TensorProto.EXTERNAL)
        self.initializers[name], self.packed[name] = tensor, packed

    def _constant(self, name: str, values: Any, type_: int) -> None:
        from onnx import helper, numpy_helper

        values = values.astype(helper.tensor_dtype_to_np_dtype(type_))
        self.initializers[name] = numpy_helper.from_array(values, name)

    def _values(self, name: str) -> Array:
        """A constant, in the graph or outside."""
        from onnx import TensorProto, numpy_helper

        tensor = self.initializers[name]
        is_outside = tensor.data_location == TensorProto.EXTERNAL
        found: Array = self.read(name) if is_outside else numpy_helper.to_array(tensor)
        return found


def _transposed(node: Any) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
