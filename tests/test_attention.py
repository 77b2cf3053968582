"""Attention as one operator: what torch's exporter writes is found and computes the same; nothing else is found."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import attentions
import msgspec
import numpy as np
import onnx
import pytest
import torch
from attentions import operators
from onnx_calls import STARTER
from torch.nn import functional as F

from gflow.compiler import attention, bundle, gpu_target, quantize
from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.half import halved
from gflow.compiler.models.export import export
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.runtime import device, lowered, weights
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import Gpu
from gflow.runtime.lowered import Component
from gflow.runtime.targets import Form, Forms, Place

BATCH = torch.export.Dim("batch", min=1, max=16)
LENGTH = torch.export.Dim("length", min=1, max=4096)


class Block(torch.nn.Module):
    """Attention with 4 heads of 8 between products, in one of the ways in which networks write it, or nearly so."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        wide = 64 if kind == "wide values" else 32
        self.qkv = torch.nn.ModuleList(torch.nn.Linear(32, width) for width in (32, 32, wide))
        self.out = torch.nn.Linear(wide, 32)
        self.register_buffer("bias", torch.randn(4, 48, 48))

    def forward(self, x: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        other = text if self.kind == "cross" else x
        q, k, v = (
            layer(part).view(part.shape[0], part.shape[1], 4, layer.out_features // 4).transpose(1, 2)
            for layer, part in zip(self.qkv, (x, other, other), strict=True)
        )
        made = getattr(self, "_" + self.kind.replace(" ", "_"), F.scaled_dot_product_attention)(q, k, v)
        return self.out(made.transpose(1, 2).contiguous().flatten(2))

    def _norms_of_heads(self, q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(F.rms_norm(q, (8,)), F.rms_norm(k, (8,)), v)

    def _joint(self, q: Any, k: Any, v: Any) -> Any:
        """Two streams in one, after their heads were made, as in Stable Diffusion 3."""
        joined = (torch.cat([part, part * part], 2) for part in (q, k, v))
        return F.scaled_dot_product_attention(*joined)[:, :, : q.shape[2]]

    def _another_scale(self, q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v, scale=0.11)

    def _scaled_values(self, q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v * 3.0)

    def _written_out(self, q: Any, k: Any, v: Any) -> Any:
        return ((q @ k.transpose(-1, -2)) / 8**0.5).softmax(-1) @ v

    def _causal(self, q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def _bias_of_heads(self, q: Any, k: Any, v: Any) -> Any:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=self.bias[None], scale=1.0)

    def _masked(self, q: Any, k: Any, v: Any) -> Any:
        hidden = torch.arange(48)[None, :] > torch.arange(48)[:, None]
        mask = torch.where(hidden, torch.finfo(torch.float32).min, 0.0)[None, None].expand(q.shape[0], 1, 48, 48)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)

    # --- what is none, or none that the operator takes ---

    def _probabilities_given(self, q: Any, k: Any, v: Any) -> Any:
        shares = (q @ k.transpose(-1, -2)).softmax(-1)
        return shares @ v + shares.mean(-1, keepdim=True)

    def _softmax_over_queries(self, q: Any, k: Any, v: Any) -> Any:
        return (q @ k.transpose(-1, -2)).softmax(-2) @ v

    def _one_head_for_all(self, q: Any, k: Any, v: Any) -> Any:
        return (q @ k[:, :1].transpose(-1, -2)).softmax(-1) @ v[:, :1]

    def _one_of_the_batch_for_all(self, q: Any, k: Any, v: Any) -> Any:
        return (q @ k[:1].transpose(-1, -2)).softmax(-1) @ v[:1]

    def _scaled_after_its_bias(self, q: Any, k: Any, v: Any) -> Any:
        return ((q @ k.transpose(-1, -2) + self.bias[None]) * 0.5).softmax(-1) @ v

    def _bias_of_keys(self, q: Any, k: Any, v: Any) -> Any:
        return (q @ k.transpose(-1, -2) + self.bias[None, :, :1]).softmax(-1) @ v

    def _softmax_alone(self, q: Any, k: Any, v: Any) -> Any:
        return (q + k + v).softmax(-1)


#: Of any length; of 48 tokens.
FOUND = ["self", "cross", "norms of heads", "joint", "another scale", "scaled values", "written out", "wide values"]
FOUND_OF_48 = ["bias of heads", "masked"]
NONE = [
    *("probabilities given", "softmax over queries", "softmax alone"),
    *("one head for all", "one of the batch for all"),
]
#: The last is left alone as its mask has two axes.
NONE_OF_48 = ["scaled after its bias", "bias of keys", "causal"]


class Blocks(torch.nn.Module):
    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList(map(Block, kinds))

    def forward(self, x: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(block(x, text) for block in self.blocks)


@dataclass(frozen=True)
class Exported:
    """Blocks, each with a result of its name."""

    folder: Path
    component: Component

    @property
    def graph(self) -> bytes:
        return (self.folder / self.component.graph).read_bytes()


def exported(folder: Path, kinds: Sequence[str], length: int | None) -> Exported:
    torch.manual_seed(0)
    inputs = {"x": torch.randn(2, length or 40, 32), "text": torch.randn(2, 11, 32)}
    dynamic: dict[str, dict[int, Any]] = {"x": {0: BATCH} | ({} if length else {1: LENGTH}), "text": {0: BATCH}}
    check = {name: torch.randn_like(value) for name, value in inputs.items()}
    names = [kind.replace(" ", "_") for kind in kinds]
    made = export(Blocks(kinds), "blocks", inputs, names, dynamic=dynamic, weights=[], out=folder, check=check)
    return Exported(folder, made)


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(tmp_path_factory.mktemp("free"), FOUND + NONE, None)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return exported(tmp_path_factory.mktemp("fixed"), FOUND_OF_48 + NONE_OF_48, 48)


def above(graph: bytes, output: str) -> Counter[str]:
    """The operators that lead to an output."""
    model = onnx.load_model_from_string(graph)
    wanted, found = {output}, Counter[str]()
    for node in reversed(model.graph.node):
        if not wanted.isdisjoint(node.output):
            wanted.update(node.input)
            found[node.op_type] += 1
    return found


@pytest.mark.parametrize(("which", "found"), [("free", FOUND), ("fixed", FOUND_OF_48)])
def test_what_torch_writes_is_found_and_nothing_else(which: str, found: list[str], request: Any) -> None:
    made: Exported = request.getfixturevalue(which)
    graph = attention.fused(made.graph)
    for output in onnx.load_model_from_string(graph).graph.output:
        there = above(graph, output.name)
        expected = (1, 0) if output.name.replace("_", " ") in found else (0, 1)
        assert (there["MultiHeadAttention"], there["Softmax"]) == expected, output.name
    assert operators(graph)["MultiHeadAttention"] == len(found)
    # Heads are put apart and together by views alone, but where something was done to each.
    assert above(graph, "self")["Transpose"] == 0 if which == "free" else above(graph, "masked")["Transpose"] == 0


@pytest.mark.parametrize("which", ["free", "fixed"])
def test_one_operator_computes_the_same(which: str, request: Any) -> None:
    made: Exported = request.getfixturevalue(which)
    plain, fused = (attentions.session(made.folder, made.component, fused=each) for each in (False, True))
    for batch, length in ((1, 40), (2, 64), (5, 7)):
        given = attentions.feeds(plain, batch, length)
        assert attentions.difference(plain, fused, given) < 2e-6


# --- where it runs ---------------------------------------------------------------------------------


CUDA = ("CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, gpu_target.Part]:
    """A scorer for a GPU for which nothing builds engines ahead of time."""
    folder = tmp_path_factory.mktemp("judge")
    text = 'model j = scorer("starter/judge")\nflow f(i: image) -> float { j.score(i, "x") }\n'
    (folder / "s.gflow").write_text(text)
    program = compiled(load(folder / "s.gflow"), Target())
    return program, gpu_target.parts(program.plan, bundle.sources(program), ["cuda:sm_90"])[0]


def image_form(part: gpu_target.Part) -> tuple[dict[str, Form], Form]:
    """All forms, and that of the scorer's network for images."""
    forms = msgspec.json.decode(part.files["targets/sm_90/forms.json"], type=Forms).forms
    return forms, next(form for form in forms.values() if "pixel_values" in form.shapes)


def test_cuda_reads_it_and_the_plain_graph_is_there_for_all_others(judge: tuple[Compiled, gpu_target.Part]) -> None:
    forms, form = image_form(judge[1])
    place = Place("cuda:sm_90", "cuda", Gpu("a card", "sm_90", (13, 0)), forms)
    plain = form.component.graph
    assert [way[:2] for way in device._ways(form, place)] == [(graph, CUDA) for graph in (form.fused, plain)]
    texts = next(each for each in forms.values() if each is not form)
    assert not texts.fused and len(device._ways(texts, place)) == 1
    # What a loop evaluates is recorded, where that is possible.
    looped = msgspec.structs.replace(form, shapes=form.shapes | {"timestep": [[1], [1], [1]]})
    told = [(way.graph, way.records, way.name) for way in device._ways(looped, place)]
    assert told == [
        (graph, records, "CUDAExecutionProvider") for graph in (form.fused, plain) for records in (True, False)
    ]
    assert operators(judge[1].files[form.fused])["MultiHeadAttention"] == 4
    assert operators(judge[1].files[form.component.graph])["Softmax"] == 4


@pytest.mark.parametrize("known", [True, False])
def test_a_release_that_lacks_the_operator_runs_the_plain_graph(
    judge: tuple[Compiled, gpu_target.Part], known: bool, tmp_path: Path
) -> None:
    """On the CPU as the device. An operator that is not there stands for one that is not there in a type."""
    program, part = judge
    forms, form = image_form(part)
    name = b"MultiHeadAttention" if known else b"MultiHeadAttentioX"
    changed = part.files | {form.fused: part.files[form.fused].replace(b"MultiHeadAttention", name)}
    bundle.write(program, "", tmp_path / "s", main="f", parts=[dataclasses.replace(part, files=changed)])
    opened, said = Bundle(tmp_path / "s"), list[str]()
    network = device.on_device(opened, form, Place("cuda:sm_90", "cpu", None, forms), said.append)
    assert network is not None and len(said) == (0 if known else 1)
    assert all("does not take attention as one operator" in each and "MultiHeadAttentioX" in each for each in said)
    pixels = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    source = bundle.sources(program)["j.image"]
    [expected] = attentions.session(source.folder, source.component, fused=False).run(
        None, {"pixel_values": pixels}
    )
    assert np.abs(network.run({"pixel_values": pixels})[0] - expected).max() < 1e-5


# --- in 16 bits, and in 8 --------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["free", "fixed"])
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_all_that_the_operator_reads_has_its_type(which: str, precision: str, request: Any) -> None:
    """By the schema of ONNX Runtime, which looks at types before it looks for kernels."""
    made: Exported = request.getfixturevalue(which)
    model = onnx.load_model_from_string(attention.fused(halved(made.graph, precision)[0]))
    told = onnx.shape_inference.infer_shapes(model).graph
    types = {value.name: value.type.tensor_type.elem_type for value in (*told.value_info, *told.input)}
    wanted = {"fp16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}[precision]
    nodes = [node for node in model.graph.node if node.op_type == "MultiHeadAttention"]
    assert nodes and all({types[name] for name in node.input if name} == {wanted} for node in nodes)
    if precision == "bf16":
        with pytest.raises(Exception, match=r"NOT_IMPLEMENTED.*Could not find an implementation for MatMul"):
            attentions.session(made.folder, made.component, fused=True, precision=precision)
        return
    full = attentions.session(made.folder, made.component, fused=False)
    half = attentions.session(made.folder, made.component, fused=True, precision=precision)
    given = attentions.feeds(full, 2, 24)
    assert 0 < attentions.difference(full, half, given) < 0.005


def test_masks_stay_in_the_range_of_float16(fixed: Exported) -> None:
    """The lowest float32 would be -inf, and a row of that no number."""
    model = onnx.load_model_from_string(attention.fused(halved(fixed.graph, "fp16")[0]))
    lowest = []
    for bias in {node.input[5] for node in model.graph.node if node.op_type == "MultiHeadAttention"}:
        running = attentions.session(fixed.folder, fixed.component, fused=True, precision="fp16", beside=bias)
        lowest += [values.min() for values in running.run([bias], attentions.feeds(running, 2, 48))]
    assert len(lowest) == len(FOUND_OF_48) and min(lowest) == -65504


def test_a_scale_that_was_rounded_is_the_usual_one(free: Exported) -> None:
    """Half of it is in a query, half in a key: 8 bits of bfloat16 each."""
    model = onnx.load_model_from_string(attention.fused(halved(free.graph, "bf16")[0]))
    scales = [
        [attribute.f for attribute in node.attribute if attribute.name == "scale"]
        for node in model.graph.node
        if node.op_type == "MultiHeadAttention"
    ]
    assert scales.count([]) == len(FOUND) - 1
    assert [pytest.approx(0.11, rel=0.01)] in scales


def test_a_network_in_8_bits_has_its_attentions() -> None:
    folder = STARTER / "scenes" / "lowered"
    component = lowered.read(folder).components["network"]
    graph = (folder / component.graph).read_bytes()
    ranges = dict.fromkeys(quantize.observed(graph), (-4.0, 4.0))
    half, moved = halved(graph, "fp16")

    def read(name: str) -> Any:
        return weights.one(folder, component.weights[moved.get(name, name)])

    made, packed = quantize.quantized(half, read, "int8", ranges, on="gpu")
    assert packed and operators(attention.fused(made))["MultiHeadAttention"] == 8


# --- whole networks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "part", "found", "left"),
    [
        ("scenes", "network", 8, 1),  # One pools its texts with Einsum.
        ("judge", "image", 4, 0),
        # Masked, of 24 tokens: no kernel is better than what is there.
        ("scenes", "text_encoder", 0, 3),
        ("judge", "text", 0, 3),
        # One token at a time, masked, after those in its cache.
        ("writer", "decoder", 0, 4),
    ],
)
def test_the_starter_models(model: str, part: str, found: int, left: int) -> None:
    folder = STARTER / model / "lowered"
    component = lowered.read(folder).components[part]
    graph = (folder / component.graph).read_bytes()
    made = attention.fused(graph)
    assert (operators(made)["MultiHeadAttention"], operators(made)["Softmax"]) == (found, left)
    assert made == attention.fused(graph) and (found > 0) == (made != graph)
    # Weights are found by their numbers.
    assert sorted(re.findall(rb"@weights-\d+", made)) == sorted(re.findall(rb"@weights-\d+", graph))
    plain, fused = (attentions.session(folder, component, fused=each) for each in (False, True))
    for batch, side in ((1, 4), (3, 8)) if found else ():
        given = attentions.feeds(plain, batch, side)
        assert attentions.difference(plain, fused, given) < 1e-5
