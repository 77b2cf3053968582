"""Packages of AOTInductor: one is built, here for the CPU, and everything that it must not be given is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from tiny_models import diffusion, scorer

from gflow.compiler import bundle as writer
from gflow.compiler import inductor as packages
from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.gpu_target import Part
from gflow.compiler.models.export import Exported
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.grammar.diagnostics import Diagnostic
from gflow.kernels.types import Array
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import Gpu, NoCuda
from gflow.runtime.cuda import gpu as card
from gflow.runtime.device import Binds
from gflow.runtime.engines import inductor
from gflow.runtime.engines.inductor import InductorNetwork, OnDevice, OutOfRange, Refused, checked
from gflow.runtime.errors import EngineFailed
from gflow.runtime.executor import Executor
from gflow.runtime.network import Network
from gflow.runtime.targets import CPU, Axis, Input, Package, Place

ROOT = Path(__file__).parent.parent
SCRIPT = """model judge = scorer("judge")
flow f(picture: image) -> float { judge.score(picture, "a star") }
"""


def gflow(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gflow", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    folder = tmp_path_factory.mktemp("inductor")
    scorer(folder / "judge")
    (folder / "s.gflow").write_text(SCRIPT)
    return compiled(load(folder / "s.gflow"), Target())


@pytest.fixture(scope="module")
def part(made: Compiled, tmp_path_factory: pytest.TempPathFactory) -> Part:
    """With a package for pictures, and none for texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GFLOW_CACHE", str(tmp_path_factory.mktemp("cache")))
        sources = {"judge.image": writer.sources(made)["judge.image"]}
        found = packages.part(made.plan, sources, "cpu")
        again = packages.part(made.plan, sources, "cpu", progress=lambda what: pytest.fail(what))
    assert not found.refused, found.refused
    assert again.files == found.files and again.copies == found.copies  # Out of the cache.
    return found


@pytest.fixture(scope="module")
def bundle(made: Compiled, part: Part, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    place = tmp_path_factory.mktemp("bundle") / "s"
    writer.write(made, SCRIPT, place, main="f", parts=[part])
    return Bundle(place)


@pytest.fixture(scope="module")
def package(part: Part) -> tuple[Package, bytes]:
    found = msgspec.json.decode(part.files["targets/cpu/packages.json"], type=packages.Packages)
    [one] = found.packages.values()
    return one, part.copies[one.entry].read_bytes()


def pictures(count: int) -> Array:
    return np.random.default_rng(count).standard_normal((count, 3, 16, 16)).astype(np.float32)


def networks(bundle: Bundle, place: Place | None = None) -> tuple[Executor, dict[str, Network], list[str]]:
    """After a run: the executor, its networks by name, and what was told."""
    executor, told = Executor(bundle.plan, bundle=bundle), list[str]()
    executor.components.told = told.append
    if place is not None:
        executor.components.place = place
    executor.result = executor.run("f", {"picture": np.zeros((16, 16, 3), np.float32)})  # type: ignore[attr-defined]
    held = executor.components._held.values()
    return executor, {each.component.graph.rpartition("/")[2]: each.network.result() for each in held}, told


@pytest.fixture(scope="module")
def ours(bundle: Bundle) -> InductorNetwork:
    found = networks(bundle)[1]["image.onnx"]
    assert isinstance(found, InductorNetwork)
    return found


@pytest.fixture(scope="module")
def onnx(bundle: Bundle) -> Network:
    return networks(bundle, CPU)[1]["image.onnx"]


# --- running ---------------------------------------------------------------------------------------


def test_a_bundle_runs_its_packages_and_the_rest_on_onnx_runtime(bundle: Bundle) -> None:
    executor, found, told = networks(bundle)
    plain = networks(bundle, CPU)
    assert {name: type(each) for name, each in found.items()} == {
        "image.onnx": InductorNetwork,
        "text.onnx": Network,
    }
    assert not told and abs(executor.result - plain[0].result) < 1e-3  # type: ignore[attr-defined]


def test_a_bundle_with_packages_runs_as_a_program(bundle: Bundle, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), "red").save(tmp_path / "red.png")
    command = [sys.executable, "-I", str(bundle.path), "--picture", str(tmp_path / "red.png"), "--json"]
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list((tmp_path / "tmp").glob("gflow-*"))  # A package is unpacked, and nothing is left of it.
    assert (
        "judge"
        in subprocess.run(
            [sys.executable, "-m", "gflow", "inspect", str(bundle.path)],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        ).stdout.partition("targets:")[2]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_a_package_gives_what_the_graph_gives(ours: Network, onnx: Network, count: int) -> None:
    feeds = {"pixel_values": pictures(count), "not an input": pictures(1)}
    [vectors], [theirs] = ours.run(feeds), onnx.run(feeds)
    assert vectors.dtype == theirs.dtype and vectors.flags.c_contiguous
    assert np.abs(vectors - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_strides_never_change_values(ours: Network, onnx: Network) -> None:
    """A package reads what it is given as if its rows came last."""
    turned = pictures(4).transpose(0, 1, 3, 2)
    assert np.abs(ours.run({"pixel_values": turned})[0] - onnx.run({"pixel_values": turned})[0]).max() < 1e-4
    fixed = pictures(2)
    fixed.flags.writeable = False
    assert np.isfinite(ours.run({"pixel_values": fixed})[0]).all()


def test_what_a_package_is_not_for_the_graph_runs(package: tuple[Package, bytes], onnx: Network) -> None:
    asked: list[int] = []
    network = inductor.load(*package, CPU, lambda: asked.append(1) or onnx)  # type: ignore[func-returns-value]
    [most] = {side.most for side in package[0].inputs[0].shape if isinstance(side, Axis)}
    for count in (most, most + 2, most + 4):
        feeds = {"pixel_values": pictures(count)}
        assert np.abs(network.run(feeds)[0] - onnx.run(feeds)[0]).max() < 1e-4
    assert asked == [1]


def test_arrays_that_stay_on_a_device(package: tuple[Package, bytes], onnx: Network) -> None:
    """As on a GPU; the device is the CPU."""
    network = OnDevice(*package, lambda: onnx)
    assert isinstance(network, Binds) and not isinstance(InductorNetwork(*package, lambda: onnx), Binds)
    given = {"pixel_values": network.put(pictures(3)), "not an input": network.put(pictures(1))}
    [vectors] = network.bound(given)
    assert np.abs(vectors.numpy() - onnx.run({"pixel_values": pictures(3)})[0]).max() < 1e-4
    with pytest.raises(EngineFailed, match="float64"):
        network.bound({"pixel_values": network.put(pictures(3).astype(np.float64))})
    with pytest.raises(OutOfRange):  # The other one's arrays can't stay.
        network.bound({"pixel_values": network.put(pictures(300))})


# --- what is checked before every call -------------------------------------------------------------

BATCH, HIGH = Axis("batch", 1, 8), Axis("high", 1, 4, 2)
INPUTS = [Input("sample", "float32", [BATCH, 3, HIGH]), Input("time", "float32", [BATCH])]


def given(**changed: Any) -> dict[str, Any]:
    found = {"sample": np.zeros((2, 3, 4), np.float32), "time": np.zeros(2, np.float32)} | changed
    return {name: value for name, value in found.items() if value is not None}


def test_what_fits_is_let_through() -> None:
    checked(INPUTS, given())
    checked(INPUTS, given(sample=np.zeros((8, 3, 8), np.float32), time=np.zeros(8, np.float32)))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"time": None}, "wants an input `time`"),
        ({"sample": np.zeros((2, 3, 4))}, "is float64, and the package takes float32"),
        ({"sample": np.zeros((2, 3, 4), np.int32)}, "is int32"),
        ({"sample": np.zeros((2, 3, 4, 1), np.float32)}, "has 4 axes, not 3"),
        ({"sample": np.zeros((2, 4, 4), np.float32)}, "axis 1 of the input `sample` is 4, and the package takes 3"),
        ({"sample": np.zeros((2, 3, 5), np.float32)}, "axis 2 of the input `sample` is 5: not a multiple of 2"),
        ({"time": np.zeros(3, np.float32)}, "axis 0 of the input `time` is 3: .* not what other inputs have"),
        ({"sample": np.zeros((2, 4, 3), np.float32).transpose(0, 2, 1)}, "`sample` is not dense"),
        ({"sample": np.zeros((2, 3, 8), np.float32)[..., ::2]}, "`sample` is not dense"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, Any], why: str) -> None:
    import torch

    with pytest.raises(EngineFailed, match=why) as caught:
        checked(INPUTS, given(**wrong))
    assert not isinstance(caught.value, OutOfRange)
    tensors = {name: torch.from_numpy(value) for name, value in given(**wrong).items()}
    with pytest.raises(EngineFailed, match=why):  # Tensors are held to the same.
        checked(INPUTS, tensors)


@pytest.mark.parametrize("shape", [(9, 3, 4), (0, 3, 4), (2, 3, 10), (2, 3, 0)])
def test_a_size_that_was_not_compiled_for_is_told_apart(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutOfRange):
        checked(INPUTS, given(sample=np.zeros(shape, np.float32), time=np.zeros(shape[0], np.float32)))


def test_a_wrong_type_ends_the_call(ours: Network) -> None:
    with pytest.raises(EngineFailed, match="`pixel_values` is float64, and the package takes float32"):
        ours.run({"pixel_values": pictures(2).astype(np.float64)})


# --- what is not loaded ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"torch": "2.12.1"}, "was compiled by torch 2.12.1, and "),
        ({"features": ["sse2", "avx1024"]}, "is for processors with avx1024"),
        ({"machine": "riscv64"}, "is for riscv64, and this machine is"),
        ({"device": "cuda", "features": ["sm_90"]}, "is for processors with sm_90"),
        ({"size": 10}, "is cut short, or none"),
    ],
)
def test_a_package_for_elsewhere_is_told_of_and_the_graph_runs(
    bundle: Bundle, changed: dict[str, Any], why: str
) -> None:
    place = Executor(bundle.plan, bundle=bundle).components.place
    [(identity, there)] = place.packages.items()
    other = Place(packages={identity: msgspec.structs.replace(there, **changed)})
    executor, found, told = networks(bundle, other)
    assert type(found["image.onnx"]) is Network
    [line] = told
    assert line.startswith("image: its package ") and why in line and line.endswith("; taking ONNX Runtime")
    assert executor.result == networks(bundle, CPU)[0].result  # type: ignore[attr-defined]


def test_a_gpu_of_another_kind_is_told_of(package: tuple[Package, bytes]) -> None:
    told = msgspec.structs.replace(package[0], device="cuda", features=["sm_90"])
    assert "sm_90" in inductor.refused(told, package[1], Place(gpu=Gpu("a card", "sm_89", (13, 0))))
    assert not inductor.refused(told, package[1], Place(gpu=Gpu("a card", "sm_90", (13, 0))))


def test_what_is_no_package_is_told_of(package: tuple[Package, bytes], onnx: Network) -> None:
    told, data = package
    for broken in (bytes(told.size), data[: told.size // 2] + bytes(told.size - told.size // 2)):
        with pytest.raises(Refused, match="torch does not take its package"):
            inductor.load(told, broken, CPU, lambda: onnx)
    with pytest.raises(Refused, match="cut short"):
        inductor.load(told, data[:-1], CPU, lambda: onnx)


def test_without_torch_the_graph_runs(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("gflow.runtime.engines.inductor.version", version)
    _, found, told = networks(bundle)
    assert type(found["image.onnx"]) is Network and "takes torch " in told[0] and "none is installed" in told[0]


# --- compiling -------------------------------------------------------------------------------------


def not_made(made: Compiled, part: Part) -> Diagnostic:
    from gflow.cli.compile import _not_made

    [told] = _not_made(made, part)
    return told


def test_packages_for_a_gpu_take_the_gpu(made: Compiled) -> None:
    try:
        card()
        pytest.skip("this machine has a GPU")
    except NoCuda:
        pass
    part = packages.part(made.plan, writer.sources(made), "cuda:sm_90")
    assert part.refused.keys() == {"judge.image", "judge.text"} and not part.files
    told = not_made(made, part)
    assert told.code == "W0501" and "compiles on the GPU itself" in told.text("note")


def test_without_a_compiler_it_is_told(made: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    told = not_made(made, packages.part(made.plan, writer.sources(made), "cpu"))
    assert told.code == "W0501" and "no-such-compiler" in told.text("note") and "cpu" in told.text("title")
    assert "CXX" not in gflow("doctor").stdout and "no-such-compiler" in gflow("doctor").stdout


def test_a_bundle_is_made_without_packages_where_none_can_be(
    made: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = gflow("compile", made.plan.script, "-o", tmp_path / "s", "--engine", "inductor")
    assert done.returncode == 0 and done.stderr.count("W0501") == 1, done.stderr
    assert not Executor(Bundle(tmp_path / "s").plan, bundle=Bundle(tmp_path / "s")).components.place.packages


def test_a_package_that_computes_something_else_is_refused(part: Part, package: tuple[Package, bytes]) -> None:
    import torch

    from gflow.compiler.models.inductor import Failed, _checked

    check = {"pixel_values": torch.from_numpy(pictures(3))}
    other = Exported(None, "image", check, ["vector"], {}, check)
    file, inputs = part.copies[package[0].entry], package[0].inputs
    with pytest.raises(Failed, match="its values differ from torch's"):
        _checked(lambda pixels: torch.ones(len(pixels), 16), file, inputs, other, "cpu", "fp32")
    with pytest.raises(Failed, match="its shape is"):
        _checked(lambda pixels: torch.ones(len(pixels), 8), file, inputs, other, "cpu", "fp32")


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "target_cpu"), [("bf16", "native"), ("fp32", "x86-64-v3")])
def test_packages_in_16_bits_and_for_older_processors(
    made: Compiled, onnx: Network, tmp_path: Path, precision: str, target_cpu: str
) -> None:
    """A GPU's are in 16 bits; here, on the CPU."""
    from gflow.compiler.models import inductor as torch_side
    from gflow.compiler.models.export import instead
    from gflow.compiler.models.lowering import lower
    from gflow.kernels.pixel import shipped

    found: list[Package] = []
    features = shipped.needed(target_cpu)
    file = tmp_path / "package"

    def take(exported: Exported) -> None:
        if exported.name == "image":  # Its weights are let go when the model is lowered.
            found.append(torch_side.compiled(exported, "cpu", precision, target_cpu, features, file))

    with torch_side.compiling("cpu"), instead(take):
        lower("scorer", Path(str(made.plan.models["judge"].folder)), tmp_path)
    [package], data = found, file.read_bytes()
    assert package.inputs == [Input("pixel_values", "float32", [Axis("batch", 1, 256), 3, 16, 16])]
    feeds = {"pixel_values": pictures(3)}
    [ours], [theirs] = inductor.load(package, data, CPU, lambda: onnx).run(feeds), onnx.run(feeds)
    off = np.abs(ours - theirs).max() / np.abs(theirs).max()
    assert ours.dtype == np.float32 and (0.0001 < off < 0.05 if precision == "bf16" else off < 1e-4)


@pytest.mark.slow
def test_a_pipeline_paints_the_same_with_packages(tmp_path: Path) -> None:
    diffusion(tmp_path / "painter")
    (tmp_path / "s.gflow").write_text(
        'model painter = diffusion("painter")\n'
        "flow f() -> list<image> "
        '{ for i in 1..3 { painter.generate("a star", size: 32x48, steps: 3, guidance_scale: 4.0) } }\n'
    )
    done = gflow("compile", tmp_path / "s.gflow", "-o", tmp_path / "s", "--engine", "inductor")
    assert done.returncode == 0 and "W0501" not in done.stderr, done.stderr
    opened, painted = Bundle(tmp_path / "s"), []
    for packaged in (True, False):
        executor = Executor(opened.plan, seed=3, bundle=opened)
        executor.components.told = lambda why: pytest.fail(why)
        executor.components.place = executor.components.place if packaged else CPU
        painted.append(np.stack(executor.run("f", {})))
        kinds = {type(held.network.result()) for held in executor.components._held.values()}
        assert kinds == {InductorNetwork if packaged else Network}
    assert np.abs(painted[0] - painted[1]).max() < 0.01


def test_ranges_are_those_that_the_module_takes() -> None:
    """Its code may do otherwise for large batches: the trace is only of what it did."""
    import torch
    from torch.export import Dim

    from gflow.compiler.models.inductor import _exported, _sides, _Traced

    class Turning(torch.nn.Module):
        def forward(self, sample: Any, time: Any) -> Any:
            return sample + 1 if sample.shape[0] < 64 else sample - time[:, None]

    many, high = Dim("batch", min=1, max=256), 2 * Dim("high", min=1, max=99)
    inputs = {"sample": torch.ones(2, 6), "time": torch.ones(2)}
    dynamic = {"sample": {0: many, 1: high}, "time": {0: many}}
    told = Exported(Turning(), "network", inputs, ["made"], dynamic, inputs)
    _, dims = _exported(_Traced(Turning(), "cpu", None), list(inputs.values()), told)
    assert _sides((2, 6), dynamic["sample"], dims) == [Axis("batch", 1, 63), Axis("high", 1, 99, 2)]
