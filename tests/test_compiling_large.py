"""Large models are compiled in little memory, and what is large and temporary does not stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tiny_models import scorer

from gflow.compiler import bundle as writer
from gflow.compiler import gpu_target
from gflow.compiler.compiled import compiled
from gflow.compiler.models.files import read_header
from gflow.compiler.models.in_float32 import in_float32
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.compiler.scratch import scratch
from gflow.runtime.weights import tensor_of

ROOT = Path(__file__).parent.parent


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own; what it prints is read line by line."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


# --- what is temporary -----------------------------------------------------------------------------


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from gflow.compiler.scratch import scratch\n"
        "with scratch(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'weights').write_bytes(b'large')\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(600)\n"
    )
    (tmp_path / "kept").write_bytes(b"")
    with child(code, tmp_path) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        with scratch(tmp_path) as mine, scratch(tmp_path) as another:
            assert mine != another and (left / "weights").exists()  # They are in use.
        other.send_signal(signal.SIGKILL)
    assert (left / "weights").exists()
    with scratch(tmp_path) as mine:
        assert set(tmp_path.iterdir()) == {mine, tmp_path / "kept"}
    assert list(tmp_path.iterdir()) == [tmp_path / "kept"]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), scratch(tmp_path / "new") as mine:
        (mine / "file").write_bytes(b"")
        raise ValueError("wrong")
    assert not list((tmp_path / "new").iterdir())


# --- weights in 16 bits ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model in bfloat16, of which one tensor is in float32."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = scorer(tmp_path_factory.mktemp("halves") / "judge")
    held = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(folder / "model.safetensors").items()}
    held["logit_scale"] = held["logit_scale"].float()
    save_file(held, folder / "model.safetensors", {"format": "pt"})
    (folder / "other.safetensors").write_bytes(b"not one that is loaded")
    return folder


def test_a_model_is_widened_in_files(halves: Path) -> None:
    with in_float32(halves) as same:
        before, after = halves / "model.safetensors", same / "model.safetensors"
        assert {entry["dtype"] for entry in read_header(after).values()} == {"F32"}
        assert read_header(after).keys() == read_header(before).keys()
        for name in read_header(before):
            assert np.array_equal(tensor_of(after, name), tensor_of(before, name))
        for file in halves.iterdir():
            if file != before:
                assert (same / file.name).read_bytes() == file.read_bytes()
        with in_float32(same) as again:
            assert again == same  # There is nothing to do.
    assert not same.exists()


def test_torch_maps_what_was_widened(halves: Path) -> None:
    from transformers import CLIPModel

    with in_float32(halves) as same:
        model = CLIPModel.from_pretrained(same, local_files_only=True)
    places = [
        tuple(int(end, 16) for end in line.split()[0].split("-"))
        for line in Path("/proc/self/maps").read_text().splitlines()
        if str(same) in line
    ]
    assert sum(parameter.numel() for parameter in model.parameters()) > 7_000
    for parameter in model.parameters():
        assert any(begin <= parameter.data_ptr() < end for begin, end in places)


# --- for GPUs --------------------------------------------------------------------------------------


def test_networks_are_compared_once_for_all_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime as ort

    made: list[bytes] = []

    class Counted(ort.InferenceSession):  # type: ignore[misc]
        def __init__(self, graph: bytes, *args: object, **more: object) -> None:
            made.append(graph)
            super().__init__(graph, *args, **more)

    monkeypatch.setattr(ort, "InferenceSession", Counted)
    (tmp_path / "s.gflow").write_text(
        'model w = language("starter/writer")\nflow f() -> text { w.generate("a") }\n'
    )
    given = compiled(load(tmp_path / "s.gflow"), Target())
    told: list[str] = []
    # No engine is built for either here, which takes a while.
    first, second = gpu_target.parts(given.plan, writer.sources(given), ["cuda:sm_90", "cuda:sm_100"], told.append)
    assert len(made) == 2  # In float32 and in 16 bits.
    assert told == ["w.decoder for GPUs", "w.decoder for cuda:sm_90", "w.decoder for cuda:sm_100"]
    assert first.runs == second.runs == {"w.decoder": "onnx, fp16"}
    assert first.tolerances == second.tolerances and first.tensors.keys() == second.tensors.keys()


#: A network with 192 MiB of weights in float32, after a small one.
_HEAVY = """
import pathlib, sys, time
import numpy as np
from onnx import TensorProto, helper
from safetensors.numpy import save_file
from gflow.compiler import gpu_target, profiles
from gflow.compiler.half import number
from gflow.runtime.lowered import Component, Lowered, Weight

def source(folder, width, layers):
    rng, weights, nodes = np.random.default_rng(0), {}, []
    for layer in range(layers):
        weights[f"w{layer}"] = rng.standard_normal((width, width), np.float32) / width
        nodes.append(helper.make_node("MatMul", [f"x{layer}", f"w{layer}"], [f"x{layer + 1}"]))
    held = []
    for name, value in weights.items():
        tensor = TensorProto(name=name, data_type=1, dims=value.shape, data_location=TensorProto.EXTERNAL)
        held.append(tensor)
    folder.mkdir()
    save_file(weights, folder / "w.safetensors")
    ends = [helper.make_tensor_value_info(name, 1, ["batch", width]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], held)
    number(graph)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    (folder / "g.onnx").write_bytes(model.SerializeToString())
    there = {name: Weight("w.safetensors", name, list(value.shape)) for name, value in weights.items()}
    component = Component("g.onnx", there, str(width), sum(value.nbytes for value in weights.values()))
    lowered = Lowered(family="any", components={"network": component})
    return gpu_target.Source("p", "network", "diffusion", folder, lowered, component)

def compiles(folder, width, layers):
    given = source(folder, width, layers)
    print(f"halved {width}", flush=True)
    network = gpu_target._network(given, profiles.Uses({str(width): 4}))
    assert network.weights.precision == "fp16"
    print(f"built {width}", flush=True)
    form = gpu_target._form(part := gpu_target.Part("cuda:sm_89"), network)
    assert form.engine is not None, part.refused
    # In pieces: the header says how long it is.
    engine = part.copies[form.engine.entry].read_bytes()
    assert engine[:4] == b"vtrt" and int.from_bytes(engine[16:24], "little") == len(engine)
    assert len(engine) > given.component.bytes // 2

folder = pathlib.Path(sys.argv[1])
compiles(folder / "small", 64, 1)  # What libraries take, weights or none.
print("ready", flush=True)
time.sleep(0.1)
print("made", flush=True)
compiles(folder / "large", 2048, 12)
"""


def anonymous(process: subprocess.Popen[str]) -> dict[str, int]:
    """By what a process has just printed: the most anonymous memory that it had then, in bytes."""
    most: dict[str, int] = {}
    stage = ""

    def watch() -> None:
        with suppress(OSError, IndexError, ProcessLookupError):
            while True:
                status = Path(f"/proc/{process.pid}/status").read_text()
                held = int(status.split("RssAnon:")[1].split()[0]) * 1024
                most[stage] = max(most.get(stage, 0), held)
                time.sleep(0.005)

    watching = threading.Thread(target=watch)
    watching.start()
    assert process.stdout is not None
    for line in process.stdout:
        stage = line.strip()
    watching.join()
    return most


def test_a_large_network_is_compiled_in_little_memory(tmp_path: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="the package `tensorrt_rtx` is not installed")
    with child(_HEAVY, tmp_path) as process:
        most = anonymous(process)
    assert process.returncode == 0
    size = 12 * 2048 * 2048 * 4
    # In float32 and in 16 bits, weights stay in their files; TensorRT has them twice in 16 bits.
    assert most["halved 2048"] - most["ready"] < 0.6 * size
    assert most["built 2048"] - most["built 64"] < 1.5 * size
