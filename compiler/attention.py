"""Attention as one operator, `com.microsoft::MultiHeadAttention`, for ONNX Runtime's CUDA.

torch's exporter writes softmax(q kᵀ · scale + mask) v as two products and a softmax, and a matrix of queries by
keys goes through memory between them. TensorRT finds that by itself; ONNX Runtime's CUDA does not. Its operator
runs Dao, "FlashAttention-2" (2023), in 16 bits where heads are no wider than 256 and there is no mask, on GPUs
since sm_80; else Rabe and Staats, "Self-attention does not need O(n²) memory" (2021), up to a width of 1024, in
float32 from 256 tokens on. Both take widths that are multiples of 8. What neither takes runs as products and a
softmax.

ONNX's own Attention (opset 23) has no kernel on CUDA in ONNX Runtime 1.24 and before. This operator has them in
float32 and float16 in all releases that gflow takes, and in bfloat16 since 1.24. Releases that refuse it run the
graph that this was made from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from gflow.runtime.network import BATCH

#: With a mask, lengths must be multiples of this for the second: of 8 in 16 bits, of 16 in float32.
_ALIGNED = 16

#: What a mask says in 16 bits for "less than anything": float16 has no less but -inf, of which a row is no number.
_LOWEST = -65504.0

#: A scale that is as near to 1/sqrt(width) is that, of two factors that were rounded to the 8 bits of bfloat16.
_ROUNDED = 2.0**-7

#: A batch that is no other number in a graph.
_SOME = 1009

#: The permutations from (batch, length, heads, width) to (batch, heads, length, width), or back; of the last two
#: axes; of both, one after the other.
_HEADS_FIRST, _LAST_TWO, _BOTH = [0, 2, 1, 3], [0, 1, 3, 2], [0, 2, 3, 1]


def fused(graph: bytes) -> bytes:
    """A graph with each attention as one operator: that of a lowered component, or what was made of one in fewer
    bits. The graph itself where it has none. Its external weights stay the same ones."""
    import onnx

    model = onnx.load_model_from_string(graph)
    if not _Fused(model.graph, _shapes(graph)).rewrite():
        return graph
    if all(opset.domain != "com.microsoft" for opset in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return bytes(model.SerializeToString(deterministic=True))


def _shapes(graph: bytes) -> dict[str, list[int | str]]:
    """The shapes of values: numbers where they are known, and for the batch, so that what has it is told from what
    goes with any."""
    import onnx

    model = onnx.load_model_from_string(graph)
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param == BATCH:
                axis.dim_value = _SOME
    found = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    return {
        value.name: [axis.dim_value or axis.dim_param for axis in value.type.tensor_type.shape.dim]
        for value in (*found.value_info, *found.input, *found.output)
    }


@dataclass(frozen=True)
class _Value:
    """What a value is but for a factor and casts. cast: the type that it is cast to, 0 for none."""

    name: str
    factor: float
    cast: int


@dataclass(frozen=True)
class _Attention:
    """What one reads: query, key and value, (batch, heads, length, width) each. bias: what is added to the scaled
    scores, (batch or 1, heads or 1, queries, keys), "" for nothing. cast: the type that the bias is to be cast to,
    0 for none. last: the product that gives the result, as (batch, heads, queries, width)."""

    query: _Value
    key: _Value
    value: _Value
    scale: float
    bias: str
    cast: int
    last: Any


class _Fused:
    """A graph whose attentions are replaced. made: the node that makes a value; read: the nodes that read it, None
    for who calls the graph. gone: results of nodes that are in the way."""

    def __init__(self, graph: Any, shapes: dict[str, list[int | str]]) -> None:
        from onnx import TensorProto

        self.graph, self.shapes = graph, shapes
        self.made = {name: node for node in graph.node for name in node.output}
        self.read: dict[str, list[Any]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.read[name].append(node)
        for value in graph.output:
            self.read[value.name].append(None)
        self.constants = {
            tensor.name: tensor for tensor in graph.initializer if tensor.data_location != TensorProto.EXTERNAL
        }
        self.nodes: list[Any] = []
        self.gone: set[str] = set()

    def rewrite(self) -> int:
        """Replaces each attention, and takes out what nobody reads any more. Gives how many were found."""
        softmaxes = [node for node in self.graph.node if node.op_type == "Softmax"]
        found = {each.last.output[0]: each for each in map(self._attention, softmaxes) if each is not None}
        for node in self.graph.node:
            if node.output[0] in found:
                self._put(found[node.output[0]])
            elif node.output[0] not in self.gone:
                self.nodes.append(node)
        self._clean()
        return len(found)

    # --- what is found -------------------------------------------------------------------------------

    def _attention(self, softmax: Any) -> _Attention | None:
        """The attention around a softmax; None where it is none that the operator computes."""
        above, below = self._scores(softmax), self._last(softmax)
        if above is None or below is None:
            return None
        (first, scores, bias), (last, cast) = above, below
        query, key = self._bare(first.input[0]), self._transposed(first.input[1])
        value = self._bare(last.input[1], factors=False)
        if key is None or not self._fits(query.name, key.name, value.name):
            return None
        # What is computed in 16 bits may have scores in float32; all that is multiplied is in one type.
        if bool(scores.cast) != bool(cast) or len({query.cast, key.cast, value.cast, cast} - {0}) > 1:
            return None
        if bias and not self._takes(bias, query.name, key.name, scores.cast):
            return None
        scale = scores.factor * query.factor * key.factor
        return _Attention(query, key, value, scale, bias, cast, last)

    def _scores(self, softmax: Any) -> tuple[Any, _Value, str] | None:
        """The product of a softmax's scores, what becomes of it before a bias is added, and that bias."""
        found, bias = self._bare(softmax.input[0], once=True), ""
        if self._is(found.name, "Add") and self._once(found.name) and (found.factor, found.cast) == (1, 0):
            one, other = self.made[found.name].input
            found, bias = self._bare(one, once=True), other
            if not self._is(found.name, "MatMul"):
                found, bias = self._bare(other, once=True), one
        last = _attribute(softmax, "axis", -1) in (-1, 3)
        if not last or not self._is(found.name, "MatMul") or not self._once(found.name):
            return None
        return self.made[found.name], found, bias

    def _last(self, softmax: Any) -> tuple[Any, int] | None:
        """The product of a softmax's probabilities, which nobody else reads, and the type that they are cast to."""
        name, cast = softmax.output[0], 0
        while True:
            name = self._guarded(name)
            if not self._once(name):
                return None
            [node] = self.read[name]
            if node.op_type == "MatMul":
                return (node, cast) if node.input[0] == name else None
            if node.op_type != "Cast":
                return None
            name, cast = node.output[0], _attribute(node, "to", 0)

    def _guarded(self, name: str) -> str:
        """Where 0 is put for what is no number, as in rows that are masked as a whole, the result of that. No row
        is: every token sees itself."""
        readers = {node.op_type: node for node in self.read[name] if node is not None}
        if len(self.read[name]) != 2 or readers.keys() != {"IsNaN", "Where"}:
            return name
        test, choice = readers["IsNaN"].output[0], readers["Where"]
        guards = [choice.input[0], choice.input[2]] == [test, name] and self._number(choice.input[1]) == 0
        return str(choice.output[0]) if guards and self._once(test) else name

    def _bare(self, name: str, *, factors: bool = True, once: bool = False) -> _Value:
        """A value without the casts, and the factors, that were put to it last. once: as far as nobody else reads
        what is between."""
        from onnx import TensorProto

        floats = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
        factor, cast = 1.0, 0
        while (node := self.made.get(name)) is not None and (not once or self._once(name)):
            if node.op_type == "Cast" and _attribute(node, "to", 0) in floats:
                name, cast = node.input[0], cast or _attribute(node, "to", 0)
            elif factors and (scaled := self._scaled(node)) is not None:
                name, factor = scaled[0], factor * scaled[1]
            else:
                break
        return _Value(name, factor, cast)

    def _scaled(self, node: Any) -> tuple[str, float] | None:
        """What a node multiplies by a number, or divides by one, and the factor."""
        if node.op_type == "Mul":
            for name, other in (node.input, reversed(node.input)):
                if (number := self._number(other)) is not None:
                    return name, number
        number = self._number(node.input[1]) if node.op_type == "Div" else None
        return (node.input[0], 1 / number) if number else None

    def _transposed(self, name: str) -> _Value | None:
        """The value whose last two axes were swapped to make a value; factors and casts are looked through."""
        outer = self._bare(name)
        swapped = self._swapped(outer.name)
        if swapped is None:
            return None
        inner = self._bare(swapped)
        return _Value(inner.name, outer.factor * inner.factor, outer.cast or inner.cast)

    def _swapped(self, name: str) -> str | None:
        """What a value is with its last two axes as they were. torch's exporter makes them the only ones, with all
        before them in one, swaps them, and gives the value its four axes back."""
        if self._permutes(name, _LAST_TWO):
            return str(self.made[name].input[0])
        if self._permutes(name, _BOTH):
            return self._halfway(name)
        if not self._is(name, "Reshape"):
            return None
        swapped, shape = self.made[name].input
        if not self._permutes(swapped, [0, 2, 1]) or not self._is(self.made[swapped].input[0], "Reshape"):
            return None
        before, joined = self.made[self.made[swapped].input[0]].input
        same = self._axes(joined, before) == [-1, 2, 3] and self._axes(shape, before) == _LAST_TWO
        return str(before) if same else None

    def _halfway(self, name: str) -> str:
        """What would be there if both permutations were nodes. Only its source is read."""
        from onnx import helper

        made, source = f"{name}:heads first", self.made[name].input[0]
        self.made[made] = helper.make_node("Transpose", [source], [made], perm=_HEADS_FIRST)
        shape = self.shapes.get(source, [])
        self.shapes[made] = [shape[axis] for axis in _HEADS_FIRST] if len(shape) == 4 else []
        return made

    def _axes(self, name: str, of: str) -> list[int] | None:
        """A shape that is made of that of a value: its axes, -1 for whatever is left; None for any other."""
        node = self.made.get(name)
        if node is None:
            return [-1] if self._integers(name) == [-1] else None
        if node.op_type == "Shape" and node.input[0] == of:
            return list(range(4))[_attribute(node, "start", 0) : _attribute(node, "end", 4)]
        parts = [self._axes(each, of) for each in (node.input if node.op_type == "Concat" else node.input[:1])]
        if node.op_type == "Concat" and None not in parts:
            return [axis for part in parts if part is not None for axis in part]
        if node.op_type == "Slice" and parts[0] is not None and len(node.input) == 3:
            [begin], [end] = self._integers(node.input[1]) or [0], self._integers(node.input[2]) or [0]
            return parts[0][begin:end]
        return None

    def _fits(self, *names: str) -> bool:
        """Whether query, key and value go together: four axes, as many heads, as many in a batch; products of
        matrices let one go with several."""
        shapes = [self.shapes.get(name, []) for name in names]
        if any(len(shape) != 4 for shape in shapes):
            return False
        together = [{shape[axis] for shape in shapes} for axis in (0, 1)]
        return all(len(each) == 1 and isinstance(each.pop(), int) for each in together)

    def _takes(self, bias: str, query: str, key: str, widened: int) -> bool:
        """Whether the operator takes a bias, and has a kernel for it that is worth it."""
        from onnx import TensorProto

        (batch, heads, queries, _), keys = self.shapes[query], self.shapes[key][2]
        shape = self.shapes.get(bias) or list(self.constants[bias].dims if bias in self.constants else ())
        if len(shape) != 4 or shape[2:] != [queries, keys]:
            return False
        if shape[0] not in (1, batch) or shape[1] not in (1, heads):
            return False
        aligned = all(isinstance(length, int) and length % _ALIGNED == 0 for length in (queries, keys))
        return aligned and widened in (0, TensorProto.FLOAT)

    # --- what takes its place ------------------------------------------------------------------------

    def _put(self, found: _Attention) -> None:
        """Puts the operator where the last product was. It reads and gives (batch, length, heads x width)."""
        result = found.last.output[0]
        _, heads, _, width = self.shapes[found.query.name]
        inputs = [self._merged(each) for each in (found.query, found.key, found.value)]
        if found.bias:
            inputs += ["", "", self._lifted(found)]
        usual = isinstance(width, int) and abs(found.scale * math.sqrt(width) - 1) < _ROUNDED
        scale = {} if usual else {"scale": found.scale}
        domain = {"domain": "com.microsoft", "num_heads": heads}
        made = self._node("MultiHeadAttention", inputs, f"{result}:attention", **domain, **scale)
        apart = [made, self._constant([0, 0, heads, -1])]
        transposed = self.read[result][0].output[0] if self._once(result) else ""
        if self._permutes(transposed, _HEADS_FIRST):
            self.gone.add(transposed)
            self._node("Reshape", apart, transposed)
        else:
            by_length = self._node("Reshape", apart, f"{result}:by length")
            self._node("Transpose", [by_length], result, perm=_HEADS_FIRST)

    def _merged(self, value: _Value) -> str:
        """(batch, heads, length, width) as (batch, length, heads x width)."""
        parts = [self._by_length(value.name), self._constant([0, 0, -1])]
        return self._cast(self._shared("Reshape", parts, f"{value.name}:merged"), value.cast)

    def _by_length(self, name: str) -> str:
        """(batch, heads, length, width) as (batch, length, heads, width): as it was before, where it was that."""
        if self._permutes(name, _HEADS_FIRST):
            return str(self.made[name].input[0])
        along = self._is(name, "Concat") and _attribute(self.made[name], "axis", 0) in (2, -2)
        if along and all(self._permutes(part, _HEADS_FIRST) for part in self.made[name].input):
            parts = [self.made[part].input[0] for part in self.made[name].input]
            return self._shared("Concat", parts, f"{name}:by length", axis=1)
        return self._shared("Transpose", [name], f"{name}:by length", perm=_HEADS_FIRST)

    def _lifted(self, found: _Attention) -> str:
        """A bias in the type that the operator computes in, and in its range."""
        if not found.cast:
            return found.bias
        parts = [found.bias, self._constant(_LOWEST)]
        return self._cast(self._shared("Max", parts, f"{found.bias}:lifted"), found.cast)

    def _cast(self, name: str, to: int) -> str:
        return self._shared("Cast", [name], f"{name}:{to}", to=to) if to else name

    def _shared(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A new node's result; several attentions that read it read the same."""
        return output if output in self.made else self._node(op, inputs, output, **attributes)

    def _node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.made[output] = helper.make_node(op, inputs, [output], name=f"{op} {output}", **attributes)
        self.nodes.append(self.made[output])
        return output

    def _constant(self, values: Any) -> str:
        import numpy as np
        from onnx import numpy_helper

        name = f"attention:{values}"
        if name not in self.constants:
            array = np.array(values, np.float32 if isinstance(values, float) else np.int64)
            self.constants[name] = numpy_helper.from_array(array, name)
            self.graph.initializer.append(self.constants[name])
        return name

    def _clean(self) -> None:
        """Leaves what is read, and external weights, which are numbered."""
        from onnx import TensorProto

        wanted, kept = {value.name for value in self.graph.output}, []
        for node in reversed(self.nodes):
            if not wanted.isdisjoint(node.output):
                kept.append(node)
                wanted.update(node.input)
        external = TensorProto.EXTERNAL
        tensors = [each for each in self.graph.initializer if each.name in wanted or each.data_location == external]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(reversed(kept))
        self.graph.initializer.extend(tensors)

    # --- looking around ------------------------------------------------------------------------------

    def _once(self, name: str) -> bool:
        return len(self.read[name]) == 1 and self.read[name][0] is not None

    def _is(self, name: str, op: str) -> bool:
        return name in self.made and self.made[name].op_type == op

    def _permutes(self, name: str, axes: list[int]) -> bool:
        return self._is(name, "Transpose") and _attribute(self.made[name], "perm", []) == axes

    def _number(self, name: str) -> float | None:
        """A constant of one element."""
        from onnx import numpy_helper

        if name not in self.constants or math.prod(self.constants[name].dims) != 1:
            return None
        return float(numpy_helper.to_array(self.constants[name]).reshape(()))

    def _integers(self, name: str) -> list[int] | None:
        from onnx import numpy_helper

        return numpy_helper.to_array(self.constants[name]).ravel().tolist() if name in self.constants else None


def _attribute(node: Any, name: str, default: Any) -> Any:
    from onnx import helper

    found = [attribute for attribute in node.attribute if attribute.name == name]
    return helper.get_attribute_value(found[0]) if found else default
