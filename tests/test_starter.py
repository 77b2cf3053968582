"""The starter models are as good as the README says, within what 200 prompts can tell; what ships for them to run
without torch is made of the same weights."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnx_calls
import pytest
import torch_calls
from diffusers import AutoPipelineForText2Image
from safetensors import safe_open
from torch_calls import paint, picture

from gflow.compiler.models import schedules
from gflow.compiler.models.lowering import VERSION
from gflow.kernels.types import Size
from gflow.runtime import lowered, weights
from gflow.runtime.denoise import Schedules

MEASURE = Path(__file__).parent.parent / "examples" / "training" / "measure.py"
STARTER = Path(__file__).parent.parent / "gflow" / "starter"


@pytest.mark.slow
def test_they_reach_their_goals() -> None:
    done = subprocess.run([sys.executable, str(MEASURE)], capture_output=True, text=True, check=True, timeout=900)
    figures = {
        name: float(share) for name, share in re.findall(r"^(.+): ([\d.]+) of 200$", done.stdout, re.MULTILINE)
    }
    assert figures["scenes, colours"] >= 0.9 and figures["scenes, relation"] >= 0.9
    assert figures["judge, right caption of 10"] >= 0.95
    assert figures["writer, captions that keep what was asked"] >= 0.95


def test_they_are_small_and_safe() -> None:
    files = [path for path in STARTER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25_000_000
    assert {path.suffix for path in files} == {".safetensors", ".json", ".jinja", ".onnx", ".bin"}


# --- the lowered forms, shipped -------------------------------------------------------------------

MODELS = ("scenes", "judge", "writer")


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_is_in_the_safetensors(name: str) -> None:
    folder = STARTER / name / "lowered"
    found = lowered.read(folder)
    assert found.version == VERSION
    assert {path.name for path in folder.iterdir()} == {
        "lowered.json",
        *found.files,
        *(component.graph for component in found.components.values()),
    }
    for component in found.components.values():
        graph = onnx.load(folder / component.graph, load_external_data=False).graph
        outside = {each.name: each for each in graph.initializer if each.data_location == each.EXTERNAL}
        assert outside.keys() == component.weights.keys()
        size = 0
        for initializer, weight in component.weights.items():
            assert weight.file.startswith("../") and (folder / weight.file).resolve().is_relative_to(STARTER / name)
            with safe_open(folder / weight.file, "np") as file:
                stored = file.get_tensor(weight.tensor)
            tensor = weights.one(folder, weight)
            assert list(tensor.shape) == weight.shape == list(outside[initializer].dims)
            assert np.array_equal(np.sort(tensor, axis=None), np.sort(stored, axis=None))
            size += tensor.nbytes
        assert size == component.bytes
        assert 0 < component.tolerance < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_components_are_known_by_what_they_hold(name: str) -> None:
    """The identity that is shipped is the one that lowering the weights that are shipped would give."""
    folder = STARTER / name / "lowered"
    for component in lowered.read(folder).components.values():
        assert identity_of(folder, component) == component.identity


def identity_of(folder: Path, component: lowered.Component) -> str:
    found = hashlib.sha256((folder / component.graph).read_bytes())
    for initializer, weight in sorted(component.weights.items()):
        found.update(f"{initializer} {weight.shape} {weight.transpose}".encode())
        found.update(weights.one(folder, weight).data)
    return found.hexdigest()


def test_the_denoise_loops_are_the_schedulers(tmp_path: Path) -> None:
    made = AutoPipelineForText2Image.from_pretrained(STARTER / "scenes", local_files_only=True).scheduler
    shipped = msgspec.msgpack.decode(
        (STARTER / "scenes" / "lowered" / "schedules.bin").read_bytes(), type=Schedules
    )
    for steps, start in ((1, 0), (12, 0), (20, 8), (100, 0)):
        found = shipped.find(steps, start, Size(64, 64))
        expected = schedules.table(made, steps, start, checked=False)
        assert found is not None and found.begin == pytest.approx(expected.begin)
        for ours, theirs in zip(found.steps, expected.steps, strict=True):
            assert ours.timestep == theirs.timestep and ours.draws == theirs.draws
            assert np.allclose(ours.rows, theirs.rows) and np.allclose(ours.mix, theirs.mix)


@pytest.fixture(scope="module")
def scenes() -> tuple[Any, Any]:
    folder = STARTER / "scenes"
    return (
        torch_calls.load("diffusion", folder),
        onnx_calls.load("diffusion", folder, folder / "lowered"),
    )


MASK = np.zeros((64, 64), np.float32)
MASK[16:48, 8:40] = 1


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"guidance_scale": 1.0, "size": Size(64, 96)},
        {"image": picture(48, 48) * 0.2 + 0.4, "strength": 0.5},
        {"image": picture(64, 64) * 0.2 + 0.4, "mask": MASK, "strength": 1.0},
        {"seed": 5, "seed_like": "torch"},
    ],
    ids=["text", "no guidance", "from a picture", "under a mask", "torch's noise"],
)
def test_scenes_paints_the_same_without_torch(scenes: tuple[Any, Any], args: dict[str, Any]) -> None:
    given: dict[str, Any] = {"prompt": "a red circle above a blue square", "steps": 4, "size": None} | args
    theirs, ours = (paint(model, **given) for model in scenes)
    difference = np.abs(ours - theirs) * 255
    assert ours.shape == theirs.shape and difference.mean() < 0.1 and difference.max() < 1
    assert theirs.std() > 0.02
