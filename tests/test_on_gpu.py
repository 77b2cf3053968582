"""What takes a GPU: each test is skipped by its name where there is none that ONNX Runtime can use, and says why.

The same code is tried without one elsewhere (`test_device.py`, `test_gpu_programs.py`, `test_tensorrt.py`).
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gflow.kernels.pixel.device import DeviceArray, hosted
from gflow.kernels.types import Array
from gflow.opened import opened
from gflow.runtime import cuda, outputs, targets
from gflow.runtime import lowered as low
from gflow.runtime.bundle import Bundle
from gflow.runtime.components import Components
from gflow.runtime.cuda import NoCuda
from gflow.runtime.device import Binds, empty, on_device
from gflow.runtime.device_copies import Copies
from gflow.runtime.early import Encoder
from gflow.runtime.errors import OutOfMemory
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.network import Network
from gflow.runtime.sessions import session
from gflow.runtime.targets import CPU, Form, Place

ROOT = Path(__file__).parent.parent


@cache
def missing() -> str:
    """What speaks against a GPU here; "" for nothing."""
    try:
        return targets.no_cuda(cuda.gpu())
    except NoCuda as error:
        return f"takes a GPU: {error}"


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

SCRIPT = """model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")
model writer = language("starter/writer")
flow paint(prompt: text = "a red circle") -> image {
  painter.generate(prompt, size: 64x64, steps: 4) |> resize(96x96) |> grade(contrast: 1.1)
}
flow many(n: int = 5) -> list<image> {
  for i in 1..n { painter.generate("a red circle", size: 64x64, steps: 4) |> blur(2.0) }
}
flow inpaint(photo: image) -> image {
  painter.generate("a red circle", image: photo, mask: rectangle_mask(64x64, 32, 0, 32, 64), steps: 4)
}
flow blended(photo: image) -> image {
  painter.generate("a red circle", size: 64x64, steps: 4) |> blend(photo, 0.5)
}
flow judged(photo: image) -> float { judge.score(photo, "a red circle") }
flow written() -> text { writer.generate("Describe a red circle", max_tokens: 20) }
"""


def gflow(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "gflow", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The script, compiled for this GPU; with engines, where TensorRT is here to build them."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "program.gflow").write_text(SCRIPT)
    gflow(folder, "compile", "program.gflow", "-o", "program", "--target", f"cuda:{cuda.gpu().capability}")
    return Bundle(folder / "program")


class Warned(Observer):
    """What the user is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def warning(self, message: str, place: str) -> None:
        self.told.append(message)


def run(bundle: Bundle, flow: str, args: dict[str, Any], *, on: Place | None = None, **more: Any) -> Any:
    executor = Executor(bundle.plan, seed=3, bundle=bundle, **more)
    assert executor.components.place.device == "cuda"
    executor.components.place = on or executor.components.place
    return executor.run(flow, args)


def near(ours: Any, theirs: Any) -> bool:
    """Networks in 16 bits paint nearly the same."""
    difference = np.abs(np.asarray(hosted(ours), np.float64) - np.asarray(hosted(theirs), np.float64))
    return bool(difference.mean() < 0.01 and difference.max() < 0.15)


def photo() -> Array:
    return np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)


@pytest.mark.parametrize("flow", ["paint", "inpaint", "blended"])
def test_pictures_are_those_of_the_cpu(bundle: Bundle, flow: str) -> None:
    args = {} if flow == "paint" else {"photo": photo()}
    warned = Warned()
    ours, theirs = run(bundle, flow, args, observer=warned), run(bundle, flow, args, on=CPU)
    assert warned.told == [] and near(ours, theirs)
    assert isinstance(ours, DeviceArray) or flow == "inpaint"  # What a mask keeps is kept in main memory.


def test_batches_are_those_of_the_cpu_and_files_are_encoded_beside_the_run(bundle: Bundle, tmp_path: Path) -> None:
    executor, flow = Executor(bundle.plan, seed=3, bundle=bundle), bundle.plan.flows["many"]
    assert flow.result is not None
    with Encoder() as finish:
        made = executor.run("many", {}, finish=finish)
        files = outputs.write("many", flow.result, made, tmp_path, provenance={})
    from PIL import Image

    expected = run(bundle, "many", {}, on=CPU)
    shown = [np.asarray(Image.open(file), np.float32) / 255 for file in files]
    assert len(shown) == 5 and all(near(*pair) for pair in zip(shown, np.clip(expected, 0, 1), strict=True))


def test_scores_and_texts_are_those_of_the_cpu(bundle: Bundle) -> None:
    args = {"photo": photo()}
    assert abs(run(bundle, "judged", args) - run(bundle, "judged", args, on=CPU)) < 0.01
    assert run(bundle, "written", {}).split()[:3] == run(bundle, "written", {}, on=CPU).split()[:3]


def test_a_budget_that_holds_one_network_at_a_time_changes_nothing(bundle: Bundle) -> None:
    """Networks go to pinned memory and come back."""
    largest = max(form.bytes for form in forms(bundle).values())
    ours = run(bundle, "many", {"n": 2}, memory=largest + 1000)
    assert all(near(*pair) for pair in zip(ours, run(bundle, "many", {"n": 2}), strict=True))


def test_a_script_runs_on_the_gpu_as_it_is(bundle: Bundle) -> None:
    plan = opened(bundle.path.with_name("program.gflow")).runnable()
    executor = Executor(plan, seed=3)
    assert executor.components.place.device == "cuda"
    assert near(executor.run("paint", {}), run(bundle, "paint", {}, on=CPU))


# --- networks --------------------------------------------------------------------------------------


def forms(bundle: Bundle) -> dict[str, Form]:
    entry = targets.entry(f"cuda:{cuda.gpu().capability}")
    return msgspec.json.decode(bundle.read(entry), type=targets.Forms).forms


def networks(bundle: Bundle) -> list[tuple[str, Network, Network, Form]]:
    """Each network of the bundle: its name, on the GPU and on the CPU, and its form."""
    place, found = targets.place(bundle), []
    for name, model in bundle.plan.models.items():
        folder = bundle.folder(model.lowered or "")
        for part, component in low.read(folder).components.items():
            form, said = forms(bundle)[component.identity], list[str]()
            ours = on_device(bundle, form, place, said.append)
            assert ours is not None and said == [], (name, part, said)
            theirs = session(folder, component, split=False)
            found.append((f"{name}.{part}", ours, Network(lambda split, made=theirs: made, 1), form))  # type: ignore[misc]
    return found


def fed(form: Form, size: int, seed: int = 0) -> dict[str, Array]:
    """Inputs of a planned shape: 0 for the smallest, 2 for the largest."""
    rng, made = np.random.default_rng(seed), {}
    for name, shapes in form.shapes.items():
        if name in ("input_ids", "attention_mask"):
            made[name] = np.ones(shapes[size], np.int64) * (7 if name == "input_ids" else 1)
        elif name == "timestep":
            made[name] = np.full(shapes[size], 500, np.float32)
        else:
            made[name] = rng.standard_normal(shapes[size]).astype(np.float32)
    return made


def alike(ours: Array, theirs: Array, form: Form) -> bool:
    share = {"fp32": 0.005, "fp16": 0.03, "bf16": 0.12}[form.precision]
    return bool(np.abs(ours - theirs).max() <= share * np.abs(theirs).max())


@pytest.mark.parametrize("size", [0, 2])
def test_each_network_gives_what_it_gives_on_the_cpu(bundle: Bundle, size: int) -> None:
    """By an engine of TensorRT where there is one, by its profile for one picture and that for many; else by ONNX
    Runtime's CUDA, with attention as one operator."""
    for name, ours, theirs, form in networks(bundle):
        feeds = fed(form, size)
        for found, expected in zip(ours.run(feeds), theirs.run(feeds), strict=True):
            assert alike(found, expected, form), name


def test_recorded_work_reads_what_its_arrays_hold_now(bundle: Bundle) -> None:
    [(ours, theirs, form)] = [each[1:] for each in networks(bundle) if each[0] == "painter.network"]
    assert isinstance(ours, Binds)
    for seed in range(4):
        feeds = fed(form, 0, seed)
        loop = ours.loops.loop(feeds)
        found = [np.array(ours.again(loop)[0].numpy()) for _ in range(3)]
        assert all(alike(each, theirs.run(feeds)[0], form) for each in found), seed
    assert loop.number == 1


def test_attention_as_one_operator_is_what_cuda_takes(bundle: Bundle) -> None:
    """The release that is installed may be too old for it; then a warning says so, and this fails."""
    place, form = targets.place(bundle), next(form for form in forms(bundle).values() if form.fused)
    said: list[str] = []
    plain = msgspec.structs.replace(form, engine=None)
    assert on_device(bundle, plain, place, said.append) is not None and said == []


# --- the driver ------------------------------------------------------------------------------------


def test_copies_go_there_and_back() -> None:
    copies, found = Copies(cuda.stream()), np.empty(100_000, np.float32)
    places = [empty([100_000], np.float32, "cuda") for _ in range(6)]
    source = np.empty(100_000, np.float32)
    for turn in range(20):
        for number, value in enumerate(places):
            source[:] = 10 * turn + number
            copies.up(source, int(value.data_ptr()))
        for number, value in enumerate(places):
            copies.down(int(value.data_ptr()), found)
            assert found.min() == found.max() == 10 * turn + number


def test_a_gpu_that_is_full_is_told_as_such() -> None:
    with pytest.raises(OutOfMemory):
        empty([1 << 44], np.float32, "cuda")


def test_networks_make_room_for_each_other(bundle: Bundle) -> None:
    components = Components(bundle, place=targets.place(bundle))
    folder = bundle.folder(bundle.plan.models["painter"].lowered or "")
    for component in low.read(folder).components.values():
        components.network(folder, component)
        assert components._let_go(component) or len(components._held) == 1


def test_doctor_says_what_runs_here() -> None:
    told = gflow(ROOT, "doctor")
    assert cuda.gpu().name in told and cuda.gpu().capability in told


# --- AOTInductor -----------------------------------------------------------------------------------


def test_packages_of_aotinductor_run_on_the_gpu(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("this build of PyTorch has no CUDA")
    (tmp_path / "s.gflow").write_text(
        'model judge = scorer("starter/judge")\nflow f(photo: image) -> float { judge.score(photo, "a circle") }\n'
    )
    target = f"cuda:{cuda.gpu().capability}"
    gflow(tmp_path, "compile", "s.gflow", "-o", "s", "--target", target, "--engine", "inductor")
    bundle, args = Bundle(tmp_path / "s"), {"photo": photo()}
    assert targets.place(bundle).packages
    assert abs(run(bundle, "f", args) - run(bundle, "f", args, on=CPU)) < 0.01
