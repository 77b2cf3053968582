"""The torch engine as a whole: the same bits in every process, silence, and what it refuses to load."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from torch_calls import FORM, load, paint, picture, write

from gflow.runtime.engines.base import CallContext
from gflow.runtime.errors import EngineFailed, ModelMissing


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import EulerAncestralDiscreteScheduler

    folder = tmp_path_factory.mktemp("models")
    tiny_models.diffusion(folder / "painter")
    tiny_models.diffusion(folder / "ancestral", EulerAncestralDiscreteScheduler(steps_offset=1))
    tiny_models.language(folder / "writer")
    tiny_models.scorer(folder / "judge", calibration=(3.0, 0.25))
    return folder


CALLS = """
import hashlib, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_engine_torch as tests
print(tests.digest(Path(sys.argv[1])))
"""


def digest(folders: Path) -> str:
    """Everything that is random or computed, in one number."""
    painter, ancestral = (load("diffusion", folders / name) for name in ("painter", "ancestral"))
    mask = np.zeros((32, 32), np.float32)
    mask[4:20, 4:20] = 1
    pictures = [
        paint(painter),
        paint(ancestral),
        paint(ancestral, image=picture()),
        paint(ancestral, image=picture(), mask=mask, strength=1.0),
    ]
    writer, judge = load("language", folders / "writer"), load("scorer", folders / "judge")
    texts = [write(writer), write(writer, as_type=FORM, max_tokens=5)]
    embedding = {"image": pictures[0], "text": None}
    vector = judge.call("embed", embedding, key=None, as_type=None, context=CallContext())
    text = repr((texts, vector)).encode()
    return hashlib.sha256(b"".join(made.tobytes() for made in pictures) + text).hexdigest()


def test_two_processes_agree_to_the_bit_and_keep_silent(folders: Path) -> None:
    here = Path(__file__).parent
    other = subprocess.run(
        [sys.executable, "-c", CALLS, str(folders), str(here), str(here.parent)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert other.stderr == ""
    assert other.stdout.strip() == digest(folders)


def test_what_cannot_be_loaded(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        load("diffusion", folders / "judge")
    with pytest.raises(ModelMissing):
        load("language", tmp_path)
    with pytest.raises(ModelMissing, match="provider"):
        load("speech", tmp_path)
    pickled = tmp_path / "pickled"
    shutil.copytree(folders / "writer", pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelMissing):
        load("language", pickled)


@pytest.mark.parametrize(("provider", "name"), [("language", "writer"), ("scorer", "judge")])
def test_weights_that_lack_a_part_are_not_made_up(folders: Path, tmp_path: Path, provider: str, name: str) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(folders / name, tmp_path / name)
    file = tmp_path / name / "model.safetensors"
    tensors = load_file(file)
    lost = next(key for key in tensors if "layers.0" in key)
    del tensors[lost]
    save_file(tensors, file, {"format": "pt"})
    with pytest.raises(ModelMissing, match="lack"):
        load(provider, tmp_path / name)


def test_a_failure_inside_a_model_is_an_engines(folders: Path) -> None:
    broken: Any = load("language", folders / "writer")
    broken.network.model.norm = None
    with pytest.raises(EngineFailed):
        write(broken)
