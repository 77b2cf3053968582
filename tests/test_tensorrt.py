"""Engines built ahead of time, with no GPU present. Running one takes a GPU, and is not tried here."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tiny_pipelines import stable_diffusion_xl

from gflow.compiler import bundle as writer
from gflow.compiler import gpu_target, profiles, targets, tensorrt
from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.half import halved
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.compiler.tensorrt import Flavour, NotBuilt
from gflow.kernels.types import Size
from gflow.runtime import seal
from gflow.runtime.bundle import Bundle
from gflow.runtime.cuda import Gpu
from gflow.runtime.device import Bound, on_device
from gflow.runtime.engines.tensorrt import Refused, _fit, checked
from gflow.runtime.errors import BundleBroken
from gflow.runtime.lowered import Component, Lowered
from gflow.runtime.targets import Engine, Forms, Place

trt = pytest.importorskip("tensorrt_rtx", reason="the package `tensorrt_rtx` is not installed")

ROOT = Path(__file__).parent.parent
CARD = Gpu("a card", "sm_89", (13, 0))
SCRIPT = """model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")
model writer = language("starter/writer")
flow best_of() -> image {
  images = for i in 1..8 { painter.generate(writer.generate("Describe a star"), size: 64x96, steps: 2) }
  images |> best(by: img => judge.score(img, "a star"))
}
"""


def program(folder: Path, text: str = SCRIPT) -> Compiled:
    (folder / "s.gflow").write_text(text)
    return compiled(load(folder / "s.gflow"), Target())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Compiled, gpu_target.Part]:
    given = program(tmp_path_factory.mktemp("script"))
    return given, gpu_target.parts(given.plan, writer.sources(given), ["cuda:sm_89"])[0]


@pytest.fixture(scope="module")
def bundle(made: tuple[Compiled, gpu_target.Part], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle") / "s"
    writer.write(made[0], SCRIPT, place, main="best_of", parts=[made[1]])
    return place


def engines(part: gpu_target.Part) -> dict[str, Engine]:
    forms = msgspec.json.decode(part.files["targets/sm_89/forms.json"], type=Forms).forms
    return {key: form.engine for key, form in forms.items() if form.engine is not None}


def test_every_network_of_the_starter_models_is_built(made: tuple[Compiled, gpu_target.Part]) -> None:
    given, part = made
    assert part.refused == {}
    sources = writer.sources(given)
    assert set(engines(part)) == {source.component.identity for source in sources.values()}
    assert {label: how.split(", ")[1] for label, how in part.runs.items()} == {
        "painter.network": "fp16",
        "painter.text_encoder": "fp16",
        "painter.decoder": "fp32",
        "writer.decoder": "fp16",
        "judge.image": "fp32",
        "judge.text": "fp32",
    }
    for engine in engines(part).values():
        data = part.copies[engine.entry].read_bytes()
        # The header: what it is, how long it is, and by which version it was built.
        assert data[:4] == b"vtrt" and int.from_bytes(data[16:24], "little") == len(data) == engine.size
        assert ".".join(map(str, data[24:28])) == engine.version == trt.__version__
        assert (engine.package, engine.capability) == ("tensorrt_rtx", "sm_89")


def test_profiles_are_what_the_plan_runs(made: tuple[Compiled, gpu_target.Part]) -> None:
    given, part = made
    forms = msgspec.json.decode(part.files["targets/sm_89/forms.json"], type=Forms).forms
    sources = writer.sources(given)
    network = forms[sources["painter.network"].component.identity].shapes
    # Batches of 8, twice for guidance; latents of 64 x 96, an eighth.
    assert network["sample"] == [[1, 8, 12, 8], [16, 8, 12, 8], [16, 8, 12, 8]]
    assert network["timestep"] == [[1], [16], [16]]
    assert forms[sources["painter.decoder"].component.identity].shapes["latent"][2] == [8, 8, 12, 8]
    assert forms[sources["writer.decoder"].component.identity].shapes["past"][0][3] == 0


def test_a_size_that_comes_with_the_run_is_planned_up_to_twice_what_was_trained(tmp_path: Path) -> None:
    text = 'model p = diffusion("starter/scenes")\nflow f(s: size) -> image { p.generate("x", size: s) }\n'
    given = program(tmp_path, text)
    source = writer.sources(given)["p.network"]
    graph = (source.folder / source.component.graph).read_bytes()
    [found] = profiles.profiles(graph, "p", source.lowered, source.component, profiles.uses(given.plan))
    assert found["sample"] == ((1, 8, 2, 2), (2, 8, 8, 8), (2, 8, 16, 16))


def test_the_smallest_batch_has_a_profile_of_its_own(made: tuple[Compiled, gpu_target.Part]) -> None:
    source = writer.sources(made[0])["painter.network"]
    graph = (source.folder / source.component.graph).read_bytes()
    used = profiles.uses(made[0].plan)
    whole, least = profiles.profiles(graph, "painter", source.lowered, source.component, used)
    assert whole["sample"] == ((1, 8, 12, 8), (16, 8, 12, 8), (16, 8, 12, 8))
    assert least["sample"] == ((2, 8, 12, 8),) * 3 and least["timestep"] == ((2,),) * 3
    assert _fit({"sample": (2, 8, 12, 8), "timestep": (2,)}, least)
    assert not _fit({"sample": (4, 8, 12, 8), "timestep": (4,)}, least)
    assert _fit({"sample": (4, 8, 12, 8), "timestep": (4,)}, whole)
    assert not _fit({"sample": (18, 8, 12, 8), "timestep": (18,)}, whole)


def test_a_script_compiled_again_is_the_same_bundle(bundle: Path, tmp_path: Path) -> None:
    given = program(tmp_path)
    again = gpu_target.parts(given.plan, writer.sources(given), ["cuda:sm_89"])[0]
    writer.write(given, SCRIPT, tmp_path / "again", main="best_of", parts=[again])
    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()


def test_what_goes_into_an_engine_is_the_same_in_another_process(
    made: tuple[Compiled, gpu_target.Part], tmp_path: Path
) -> None:
    """With nothing in its cache. Engines themselves may differ in some bytes, as TensorRT makes them."""
    code = (
        "import sys, pathlib; sys.path.insert(0, 'tests')\n"
        "from test_tensorrt import program, writer, gpu_target\n"
        "given = program(pathlib.Path(sys.argv[1]))\n"
        "part = gpu_target.parts(given.plan, writer.sources(given), ['cuda:sm_89'])[0]\n"
        "print(*sorted(name for name in part.files if name.startswith('graphs/')), *sorted(part.tensors))\n"
        "print(*(file.stat().st_size for file in part.copies.values()))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "GFLOW_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    names, sizes = done.stdout.splitlines()
    graphs = sorted(name for name in made[1].files if name.startswith("graphs/"))
    assert names.split() == [*graphs, *sorted(made[1].tensors)]  # Called by what they hold.
    expected = [file.stat().st_size for file in made[1].copies.values()]
    assert np.allclose([int(size) for size in sizes.split()], expected, rtol=0.01)


def test_a_small_xl_is_built_for_several_generations(tmp_path: Path) -> None:
    """Its U-Net, the largest of its networks: it is told the text's summary and the size."""
    from diffusers import StableDiffusionXLPipeline

    from gflow.compiler.models import stable_diffusion

    pipeline = StableDiffusionXLPipeline.from_pretrained(stable_diffusion_xl(tmp_path / "xl"))
    texts = [{"length": 16}, {"length": 16}]
    component, _ = stable_diffusion._lower_unet(pipeline, texts, True, tmp_path / "xl", tmp_path, lambda what: None)
    settings = {"factor": 4, "multiple": 8, "sample": 32}
    lowered = Lowered(family="any", components={"network": component}, settings=settings)
    source = gpu_target.Source("p", "network", "diffusion", tmp_path, lowered, component)
    used = profiles.Uses({component.identity: 4}, {"p": {Size(32, 64)}})
    found = set()
    for target in ("cuda:sm_80", "cuda:sm_120"):
        form = gpu_target._form(part := gpu_target.Part(target), gpu_target._network(source, used))
        assert part.refused == {} and form.precision == "fp16" and form.engine is not None
        assert form.shapes["sample"][2] == [4, 4, 16, 8] and form.shapes["summary"][2] == [4, 16]
        found.add(form.engine.entry)
    assert len(found) == 2  # Each is for its generation.


def test_a_network_in_bfloat16_is_built() -> None:
    source = writer.sources(program_of_starter())["p.text_encoder"]
    graph, moved = halved((source.folder / source.component.graph).read_bytes(), "bf16")
    network = gpu_target._Weights(source, graph, moved, "bf16")
    engine = tensorrt.build(
        tensorrt.flavour("sm_89"),
        "sm_89",
        graph,
        dict(network.read()),
        [{"input_ids": ((1, 24), (2, 24), (8, 24))}],
    )
    assert moved and engine.read_bytes().startswith(b"vtrt")


@pytest.mark.parametrize(("weight", "precision"), [(0.5, "fp16"), (6e4, "fp32")])
def test_a_network_that_leaves_the_range_of_float16_stays_float32(
    tmp_path: Path, weight: float, precision: str
) -> None:
    from onnx import helper, numpy_helper

    ends = [helper.make_tensor_value_info(name, 1, ["batch", 64]) for name in ("x", "y")]
    held = numpy_helper.from_array(np.full((64, 64), weight, np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [held])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    (tmp_path / "g.onnx").write_bytes(model.SerializeToString())
    component = Component("g.onnx", {}, "it", 0)
    lowered = Lowered(family="any", components={"network": component})
    source = gpu_target.Source("p", "network", "diffusion", tmp_path, lowered, component)
    network = gpu_target._network(source, profiles.Uses({"it": 4}))
    form = gpu_target._form(gpu_target.Part("cuda:sm_89"), network)
    assert form.precision == precision and form.engine is not None


# --- what goes wrong -------------------------------------------------------------------------------


def test_what_does_not_build_for_a_gpu_says_what_to_do() -> None:
    for capability in set(targets.GPUS) - {"sm_90", "sm_100"}:
        assert tensorrt.flavour(capability).package == "tensorrt_rtx"
    with pytest.raises(NotBuilt, match=r"sm_90.*H100.*compile there"):
        tensorrt.flavour("sm_90")


def small(op: str, type_: int = 1) -> bytes:
    """A graph of one node."""
    from onnx import helper

    ends = [helper.make_tensor_value_info(name, type_, ["batch", 4]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())


def test_a_graph_that_it_can_not_read_is_told_by_the_operator() -> None:
    made = tensorrt.flavour("sm_89")
    with pytest.raises(NotBuilt, match=r"NoSuchOperator: .*"):
        tensorrt.build(made, "sm_89", small("NoSuchOperator"), {}, [{"x": ((1, 4), (2, 4), (4, 4))}])
    with pytest.raises(NotBuilt):
        tensorrt.build(made, "sm_89", b"no graph", {}, [])


@pytest.mark.parametrize("shapes", [((4, 4), (2, 4), (1, 4)), ((1, 5), (2, 5), (4, 5))])
def test_a_builder_that_gives_nothing_says_why(shapes: tensorrt.Range) -> None:
    """Smaller than the smallest, and another number of columns than the graph has."""
    with pytest.raises(NotBuilt, match=r"\w+"):
        tensorrt.build(tensorrt.flavour("sm_89"), "sm_89", small("Relu"), {}, [{"x": shapes}])


def test_weights_of_another_size_are_not_taken() -> None:
    source = writer.sources(program_of_starter())["p.decoder"]
    graph = (source.folder / source.component.graph).read_bytes()
    held = {name: np.zeros(3, np.float32) for name in source.component.weights}
    with pytest.raises(NotBuilt):
        tensorrt.build(tensorrt.flavour("sm_89"), "sm_89", graph, held, [])


def test_a_disk_that_is_full_is_told() -> None:
    build = tensorrt._Build(tensorrt.flavour("sm_89"), "sm_89")
    with pytest.raises(OSError, match="No space left"):
        build.build(small("Relu"), {}, [{"x": ((1, 4), (2, 4), (4, 4))}], Path("/dev/full"))


def program_of_starter() -> Compiled:
    import tempfile

    text = 'model p = diffusion("starter/scenes")\nflow f() -> image { p.generate("x", steps: 2) }\n'
    with tempfile.TemporaryDirectory() as folder:
        return program(Path(folder), text)


def test_a_network_that_is_not_built_is_told_and_runs_on_onnx(tmp_path: Path) -> None:
    from gflow.cli.compile import _not_made

    given = program(tmp_path, 'model j = scorer("starter/judge")\nflow f(i: image) -> float { j.score(i, "x") }\n')
    part = gpu_target.parts(given.plan, writer.sources(given), ["cuda:sm_100"])[0]
    [told] = _not_made(given, part)
    assert told.code == "W0501" and "`j.image`, `j.text`" in told.text("title") and told.span.line == 1
    assert part.runs == {"j.image": "onnx, fp32, attention fused", "j.text": "onnx, fp32"}


def engine_of(bundle: Path) -> tuple[Engine, bytes]:
    opened = Bundle(bundle)
    forms = msgspec.json.decode(opened.read("targets/sm_89/forms.json"), type=Forms).forms
    engine = next(form.engine for form in forms.values() if form.engine is not None)
    return engine, opened.read(engine.entry)


def test_engines_are_checked_before_they_are_used(bundle: Path) -> None:
    engine, data = engine_of(bundle)
    assert checked(engine, data, CARD) is trt
    with pytest.raises(Refused, match="cut short"):
        checked(engine, data[: len(data) // 2], CARD)
    with pytest.raises(Refused, match="cut short, or none"):
        checked(engine, b"\0" * len(data), CARD)
    with pytest.raises(Refused, match="for sm_89, and this GPU is sm_120"):
        checked(engine, data, Gpu("another", "sm_120", (13, 0)))
    older = msgspec.structs.replace(engine, version="1.0.0.21")
    with pytest.raises(Refused, match=rf"built by tensorrt_rtx 1\.0\.0\.21, and {trt.__version__} is installed"):
        checked(older, data, CARD)
    other = msgspec.structs.replace(engine, package="tensorrt_of_nobody")
    with pytest.raises((Refused, KeyError)):
        checked(other, data, CARD)


@pytest.mark.parametrize(
    ("card", "told"),
    [("sm_120", "for sm_89, and this GPU is sm_120"), ("sm_89", "driver|does not take its engine")],
)
def test_where_an_engine_does_not_run_onnx_runtime_does(bundle: Path, card: str, told: str) -> None:
    """The card is one that this machine does not have: the driver that is not there is what is in the way."""
    opened, said = Bundle(bundle), list[str]()
    forms = msgspec.json.decode(opened.read("targets/sm_89/forms.json"), type=Forms).forms
    form = next(form for form in forms.values() if "pixel_values" in form.shapes)
    place = Place("cuda:sm_89", "cpu", Gpu("a card", card, (13, 0)), forms)
    network = on_device(opened, form, place, said.append)
    assert isinstance(network, Bound) and len(said) == 1
    assert re.search(told, said[0]) and "taking ONNX Runtime" in said[0]
    pixels = np.zeros((1, 3, 64, 64), np.float32)
    assert network.run({"pixel_values": pixels})[0].shape == (1, 128)


def test_an_engine_that_was_changed_is_refused(bundle: Path, tmp_path: Path) -> None:
    """By the bundle's seal, and by the engine's own digest where the seal was made anew."""
    engine, _ = engine_of(bundle)
    where = Bundle(bundle).manifest.entries[engine.entry]
    data = bytearray(bundle.read_bytes())
    data[where.offset + where.size // 2] ^= 4
    (tmp_path / "broken").write_bytes(data)
    with pytest.raises(BundleBroken, match="changed"):
        Bundle(tmp_path / "broken").read(engine.entry)
    begin, manifest, _ = seal.check(str(bundle))
    digest = hashlib.blake2b(bytes(data[:begin] + data[manifest - seal.HEADER : -64]), digest_size=32)
    (tmp_path / "broken").write_bytes(bytes(data[:-64]) + digest.hexdigest().encode())
    with pytest.raises(BundleBroken, match="changed"):
        Bundle(tmp_path / "broken").read(engine.entry)


def test_what_is_kept_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path))
    made, shapes = tensorrt.flavour("sm_89"), [{"x": ((1, 4), (2, 4), (4, 4))}]
    first = tensorrt.build(made, "sm_89", small("Relu"), {}, shapes).read_bytes()
    [kept] = (tmp_path / "engines").iterdir()
    kept.write_bytes(b"kept")
    assert tensorrt.build(made, "sm_89", small("Relu"), {}, shapes).read_bytes() == b"kept"
    # Of another version, GPU, graph or shape, it is another.
    for other in (
        (Flavour("tensorrt_rtx", "0.0"), "sm_89", small("Relu"), shapes),
        (made, "sm_80", small("Relu"), shapes),
        (made, "sm_89", small("Sigmoid"), shapes),
        (made, "sm_89", small("Relu"), [{"x": ((1, 4), (1, 4), (4, 4))}]),
        (made, "sm_89", small("Relu"), [*shapes, {"x": ((1, 4), (1, 4), (1, 4))}]),
    ):
        flavour, capability, graph, ranges = other
        assert tensorrt.build(flavour, capability, graph, {}, ranges).read_bytes()[:4] == first[:4]
    assert len(list((tmp_path / "engines").iterdir())) == 6
