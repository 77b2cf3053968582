"""What models have in common is read once and held once, whatever their names: loads and bytes, counted."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from diffusers import EulerDiscreteScheduler

from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.models import schedules
from gflow.compiler.models.lowering import lower
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.lowered import read


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of small pipelines, lowered: `one`; `two`, with a text encoder and an autoencoder as one's, and a
    network of its own; `same`, a copy of one; `euler`, the same networks with another scheduler."""
    folder = tmp_path_factory.mktemp("models")
    one, two = tiny_models.diffusion(folder / "one"), tiny_models.diffusion(folder / "two", seed=1)
    for part in ("text_encoder", "vae"):
        shutil.rmtree(two / part)
        shutil.copytree(one / part, two / part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedules, "MOST_STEPS", 20)  # More take longer to make.
        for each in (one, two):
            (each / "lowered").mkdir()
            lower("diffusion", each, each / "lowered")
        same, euler = Path(shutil.copytree(one, folder / "same")), Path(shutil.copytree(one, folder / "euler"))
        scheduler = EulerDiscreteScheduler(beta_schedule="scaled_linear")
        scheduler.save_pretrained(euler / "scheduler")
        (euler / "lowered" / "schedules.bin").write_bytes(schedules.for_model(scheduler))
    assert same.is_dir()
    return folder


class Loads(Observer):
    """How often each network was loaded, and the bytes that were read."""

    def __init__(self) -> None:
        self.networks: Counter[str] = Counter()
        self.bytes = 0

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        self.networks[label] += 1
        self.bytes += bytes


def compile_(folder: Path, models: Path, source: str) -> Compiled:
    """Two models, a and b, and a flow; `source` says their folders first."""
    (folder / "s.gflow").write_text(source.replace("MODELS", str(models)), "utf-8")
    found = compiled(load(folder / "s.gflow"), Target())
    assert not found.refused
    return found


def run(found: Compiled, **args: Any) -> tuple[Any, Loads]:
    """What the flow `f` gives, and what it loaded, all of which is held once."""
    loads = Loads()
    executor = Executor(found.plan, observer=loads)
    result = executor.run("f", args)
    assert executor.components.loads == loads.networks.total()
    assert executor.components.bytes_read == executor.components.held() == loads.bytes
    return result, loads


def notes(found: Compiled) -> list[str]:
    return next(ran.notes for ran in found.report.ran if ran.name == "dedup")


def bytes_of(models: Path, *names: str) -> int:
    """The weights of components, `one.network`."""
    found = [
        read(models / model / "lowered").components[part] for model, part in (name.split(".") for name in names)
    ]
    return sum(component.bytes for component in found)


PAINT = "size: 32x32, steps: 2, seed: 5"


def test_a_text_encoder_and_an_autoencoder_that_two_folders_share(models: Path, tmp_path: Path) -> None:
    source = f"""
    model a = diffusion("MODELS/one")
    model b = diffusion("MODELS/two")
    flow f() -> list<image> {{
      first = a.generate("a dot", {PAINT})
      second = b.generate("a dot", {PAINT})
      [first, second, b.generate("a line", image: first, strength: 0.5, {PAINT})]
    }}
    """
    found = compile_(tmp_path, models, source)
    pictures, loads = run(found)
    assert loads.networks == {"text_encoder": 1, "network": 2, "vae_decoder": 1, "vae_encoder": 1}
    shared = ("one.text_encoder", "one.encoder", "one.decoder")
    assert loads.bytes == bytes_of(models, *shared, "one.network", "two.network")
    # It is not one's network that painted for two.
    apart, _ = run(compile_(tmp_path, models, source.replace("two", "one")))
    assert np.array_equal(pictures[0], apart[0]) and not np.array_equal(pictures[1], apart[1])
    assert sorted(note.partition(" are one component: ")[0] for note in notes(found)) == [
        "a.decoder and b.decoder", "a.encoder and b.encoder", "a.text_encoder and b.text_encoder",
    ]  # fmt: skip


def test_three_tasks_over_one_model(models: Path, tmp_path: Path) -> None:
    source = f"""
    model a = diffusion("MODELS/one")
    flow f(hole: mask) -> list<image> {{
      drawn = a.generate("a dot", {PAINT})
      again = a.generate("a dot", image: drawn, strength: 0.6, {PAINT})
      [drawn, again, a.generate("a line", image: again, mask: hole, {PAINT})]
    }}
    """
    hole = np.zeros((32, 32), np.float32)
    hole[8:24, 8:24] = 1
    _, loads = run(compile_(tmp_path, models, source), hole=hole)
    assert loads.networks == {"text_encoder": 1, "network": 1, "vae_decoder": 1, "vae_encoder": 1}
    assert loads.bytes == bytes_of(models, "one.text_encoder", "one.network", "one.encoder", "one.decoder")


def test_two_folders_that_hold_the_same_are_one_model(models: Path, tmp_path: Path) -> None:
    source = f"""
    model a = diffusion("MODELS/one")
    model b = diffusion("MODELS/same")
    flow f() -> list<image> {{ [a.generate("a dot", {PAINT}), b.generate("a dot", {PAINT})] }}
    """
    found = compile_(tmp_path, models, source)
    assert notes(found) == ["`b` is the same model as `a`"]
    assert list(found.plan.models) == ["a"]
    painted: list[str] = []

    class Told(Observer):
        def started(self, label: str, place: str, path: str) -> None:
            painted.append(label)

    first, second = Executor(found.plan, observer=Told()).run("f", {})
    assert first is second
    assert painted.count("a.denoise") == 1
    assert run(found)[1].networks == {"text_encoder": 1, "network": 1, "vae_decoder": 1}


def test_the_same_networks_with_another_scheduler_are_another_model(models: Path, tmp_path: Path) -> None:
    source = f"""
    model a = diffusion("MODELS/one")
    model b = diffusion("MODELS/euler")
    flow f() -> list<image> {{ [a.generate("a dot", {PAINT}), b.generate("a dot", {PAINT})] }}
    """
    found = compile_(tmp_path, models, source)
    assert list(found.plan.models) == ["a", "b"]
    (first, second), loads = run(found)
    assert not np.array_equal(first, second)
    assert loads.networks == {"text_encoder": 1, "network": 1, "vae_decoder": 1}


def test_without_the_pass_components_are_still_loaded_once(models: Path, tmp_path: Path) -> None:
    source = f"""
    model a = diffusion("MODELS/one")
    model b = diffusion("MODELS/same")
    flow f() -> list<image> {{ [a.generate("a dot", {PAINT}), b.generate("a dot", {PAINT})] }}
    """
    (tmp_path / "s.gflow").write_text(source.replace("MODELS", str(models)), "utf-8")
    found = compiled(load(tmp_path / "s.gflow"), Target(), leave_out={"dedup"})
    assert list(found.plan.models) == ["a", "b"]
    (first, second), loads = run(found)
    assert np.array_equal(first, second)
    assert loads.networks == {"text_encoder": 1, "network": 1, "vae_decoder": 1}
