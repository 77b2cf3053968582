"""Targets: how they are named, what of a bundle a machine runs, and that a GPU's bundle runs without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attentions import operators
from PIL import Image

from gflow.compiler import targets as known
from gflow.compiler.half import halved, in_16_bits
from gflow.grammar.diagnostics import ScriptError
from gflow.kernels.pixel.launches import Index
from gflow.kernels.types import Array
from gflow.runtime import cuda, targets, weights
from gflow.runtime import lowered as low
from gflow.runtime.bundle import Bundle, Target
from gflow.runtime.cuda import Gpu, NoCuda
from gflow.runtime.device import Bound
from gflow.runtime.executor import Executor
from gflow.runtime.network import Network

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "gflow" / "starter"
SCRIPT = """model painter = diffusion("starter/scenes")
flow paint(prompt: text = "a red circle") -> image {
  painter.generate(prompt, size: 64x64, steps: 2) |> resize(96x96) |> grade(contrast: 1.1)
}
"""


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )


def gflow(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "gflow", *arguments)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the CPU and an H100, for which nothing builds engines ahead of time."""
    pytest.importorskip("triton")
    folder = tmp_path_factory.mktemp("targets")
    (folder / "paint.gflow").write_text(SCRIPT)
    done = gflow("compile", folder / "paint.gflow", "-o", folder / "paint", "--target", "cuda:sm_90")
    assert done.returncode == 0, done.stderr
    return folder / "paint"


def test_the_cpu_is_always_a_target() -> None:
    assert known.read([]) == ["cpu"]
    assert known.read(["cuda:sm_90", "cpu", "cuda:sm_80", "cuda:sm_90"]) == ["cpu", "cuda:sm_90", "cuda:sm_80"]


@pytest.mark.parametrize(
    ("name", "meant"), [("cuda:sm_9", "cuda:sm_90"), ("sm_89", "cuda:sm_89"), ("80", "cuda:sm_80")]
)
def test_a_name_that_is_none_is_told_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ScriptError) as caught:
        known.read([name])
    [told] = caught.value.diagnostics
    assert told.code == "E0502" and meant in told.text("label") and told.span.text == name


def test_an_unknown_target_ends_with_status_2(tmp_path: Path) -> None:
    (tmp_path / "s.gflow").write_text("flow f() -> int { 1 }\n")
    done = gflow("compile", tmp_path / "s.gflow", "-o", tmp_path / "s", "--target", "cuda:sm_98", "--target", "tpu")
    assert done.returncode == 2 and done.stderr.count("E0502") == 2 and "Traceback" not in done.stderr
    assert not (tmp_path / "s").exists()


def test_a_bundle_for_a_gpu_runs_without_one(bundle: Path, tmp_path: Path) -> None:
    try:
        cuda.gpu()
        pytest.skip("this machine has a GPU")
    except NoCuda:
        pass
    done = run(sys.executable, bundle, "--out", tmp_path / "bundle", "--seed", "3")
    assert done.returncode == 0 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "cuda:sm_90" in done.stderr and "running on the CPU" in done.stderr and "driver" in done.stderr
    plain = gflow("run", bundle.parent / "paint.gflow", "--out", tmp_path / "script", "--seed", "3")
    assert plain.returncode == 0, plain.stderr
    ours, theirs = (np.asarray(Image.open(tmp_path / out / "paint.png")) for out in ("bundle", "script"))
    assert np.array_equal(ours, theirs)
    assert run(sys.executable, bundle, "--out", tmp_path, "--dry-run").stderr == ""


def test_what_a_bundle_holds_for_a_gpu(bundle: Path) -> None:
    import msgspec

    opened = Bundle(bundle)
    opened.check_all()
    names = opened.manifest.entries
    forms = msgspec.json.decode(opened.read("targets/sm_90/forms.json"), type=targets.Forms).forms
    precisions = {form.component.graph: form.precision for form in forms.values()}
    assert sorted(precisions.values()) == ["fp16", "fp16", "fp32"]  # The decoder keeps its range.
    for form in forms.values():
        assert form.engine is None and form.component.graph in names and form.shapes
        assert all(weight.file in names for weight in form.component.weights.values())
    fused = {form.component.graph: operators(opened.read(form.fused)) for form in forms.values() if form.fused}
    assert [each["MultiHeadAttention"] for each in fused.values()] == [8]  # The network's; texts are masked.
    assert all(operators(opened.read(plain))["Softmax"] == 9 for plain in fused)
    kernels = msgspec.json.decode(opened.read("targets/sm_90/kernels.json"), type=Index)
    assert {"sm_90", "compute_80"} == set(kernels.binaries) and kernels.launches
    for binaries in kernels.binaries.values():
        for binary in binaries.values():
            assert opened.read(f"kernels/{binary.object}")
    assert opened.read(f"kernels/{next(iter(kernels.binaries['sm_90'].values())).object}").startswith(b"\x7fELF")


def test_inspect_shows_targets(bundle: Path) -> None:
    shown = gflow("inspect", bundle)
    assert shown.returncode == 0 and "cuda:sm_90" in shown.stdout and "painter.network" in shown.stdout
    told = json.loads(gflow("inspect", bundle, "--json").stdout)["targets"]
    assert [target["name"] for target in told] == ["cpu", "cuda:sm_90"]
    assert told[1]["runs"]["painter.network"] == "onnx, fp16, attention fused"
    assert told[1]["runs"]["painter.text_encoder"] == "onnx, fp16"
    assert 0 < told[1]["tolerances"]["painter.network"] < 0.02


# --- what is chosen --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "taken"), [("sm_90", "sm_90"), ("sm_86", "sm_80"), ("sm_120", "sm_90"), ("sm_75", "sm_80")]
)
def test_the_nearest_target_is_taken_one_that_is_not_newer_first(card: str, taken: str) -> None:
    there = [Target(f"cuda:{name}", {}) for name in ("sm_90", "sm_80")]
    assert targets._nearest(there, Gpu("a card", card, (12, 4))).name == f"cuda:{taken}"


def test_a_provider_that_is_listed_counts_only_when_a_session_has_it() -> None:
    import onnxruntime as ort

    assert targets.usable("CPU")
    assert not targets.usable("NoSuch")
    # Asked for, it is not refused: the session falls back.
    if "CUDAExecutionProvider" in ort.get_available_providers():
        try:
            cuda.gpu()
        except NoCuda:
            assert not targets.usable("CUDA")


def test_what_a_gpu_would_run_paints_the_same_picture_on_the_cpu(bundle: Path) -> None:
    """Graphs in 16 bits, their weights mapped from the bundle, arrays bound to a device: here the CPU."""
    import msgspec

    opened = Bundle(bundle)
    forms = msgspec.json.decode(opened.read(targets.entry("cuda:sm_90")), type=targets.Forms).forms
    pictures = []
    for place in (targets.CPU, targets.Place("cuda:sm_90", "cpu", None, forms)):
        executor = Executor(opened.plan, seed=3, bundle=opened)
        executor.components.place = place
        executor.components.told = lambda why: pytest.fail(why)
        pictures.append(executor.run("paint", {}))
        kinds = {type(held.network.result()) for held in executor.components._held.values()}
        assert kinds == {Network if place is targets.CPU else Bound}
    difference = np.abs(pictures[0] - pictures[1])
    assert 0 < difference.mean() < 0.01 and difference.max() < 0.1


# --- networks in 16 bits ---------------------------------------------------------------------------


def test_bfloat16_is_rounded_to_the_nearest_even() -> None:
    import torch

    values = np.concatenate([np.random.default_rng(0).standard_normal(2000), [0, 1e-40, np.inf, 3.0e38]])
    values = values.astype(np.float32)
    theirs = torch.from_numpy(values).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    assert np.array_equal(in_16_bits(values, "bf16"), theirs)
    assert in_16_bits(np.array([1e6, -1e6], np.float32), "fp16").tolist() == [65504, -65504]


def session(folder: Path, component: low.Component, precision: str | None) -> Any:
    """Of a component in a precision, its weights handed over by name."""
    import onnx
    import onnxruntime as ort

    graph, moved = (folder / component.graph).read_bytes(), dict[str, str]()
    if precision:
        graph, moved = halved(graph, precision)
    model = onnx.load_model_from_string(graph)
    held = dict(weights.read(folder, component))
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            values: Any = held[moved.get(tensor.name, tensor.name)]
            values = in_16_bits(values, str(precision)) if tensor.name in moved else values
            length = next(int(entry.value) for entry in tensor.external_data if entry.key == "length")
            assert length == values.nbytes
            del tensor.external_data[:]
            tensor.data_location, tensor.raw_data = onnx.TensorProto.DEFAULT, values.tobytes()
    onnx.checker.check_model(model)
    if precision == "bf16":
        return model  # The CPU has no arithmetic for it.
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def feeds(name: str) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    made: dict[str, Any] = {
        "network": {
            "sample": rng.standard_normal((2, 8, 8, 8)).astype(np.float32),
            "timestep": np.array([10, 900], np.float32),
            "text": rng.standard_normal((2, 24, 128)).astype(np.float32),
        },
        "text_encoder": {"input_ids": rng.integers(0, 100, (2, 24))},
    }
    found: dict[str, Array] = made[name]
    return found


@pytest.mark.parametrize("part", ["network", "text_encoder"])
def test_a_network_in_float16_is_close_to_the_one_in_float32(part: str) -> None:
    folder = STARTER / "scenes" / "lowered"
    component = low.read(folder).components[part]
    full, half = session(folder, component, None), session(folder, component, "fp16")
    shown = {value.name: value.type for value in (*half.get_inputs(), *half.get_outputs())}
    assert "tensor(float16)" not in shown.values()  # Who calls it need not know.
    for theirs, ours in zip(full.run(None, feeds(part)), half.run(None, feeds(part)), strict=True):
        assert 0 < np.abs(theirs - ours).max() < 0.005 * np.abs(theirs).max()


def test_a_network_in_bfloat16_computes_products_in_it() -> None:
    import onnx

    folder = STARTER / "scenes" / "lowered"
    model = session(folder, low.read(folder).components["network"], "bf16")
    types = {
        value.name: value.type.tensor_type.elem_type
        for value in onnx.shape_inference.infer_shapes(model).graph.value_info
    }
    products = [node for node in model.graph.node if node.op_type in ("Conv", "MatMul", "Gemm")]
    norms = [node for node in model.graph.node if node.op_type == "LayerNormalization"]
    assert products and {types.get(node.output[0]) for node in products} <= {onnx.TensorProto.BFLOAT16}
    assert norms and {types[node.output[0]] for node in norms} == {onnx.TensorProto.FLOAT}
