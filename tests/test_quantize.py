"""Networks in 8 bits: smaller bundles that run, and a report that says what it costs."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import gflow
from gflow.compiler import bundle as writer
from gflow.compiler import gpu_target, quality, quantize
from gflow.compiler.compiled import Compiled, compiled
from gflow.compiler.half import halved
from gflow.compiler.passes import Target
from gflow.compiler.program import load
from gflow.compiler.quantize import SCHEMES, observed, quantized
from gflow.compiler.quantized import measured
from gflow.compiler.trials import trials
from gflow.kernels.types import Array
from gflow.runtime import lowered as low
from gflow.runtime import weights
from gflow.runtime.bundle import Bundle, Quality
from gflow.runtime.network import options
from gflow.runtime.targets import Forms

ROOT = Path(__file__).parent.parent
SCENES = ROOT / "gflow" / "starter" / "scenes"
PROMPTS = ("a red circle above a blue square", "a green star left of a yellow circle")
SCRIPT = f"""model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")
model writer = language("starter/writer")
flow paint(prompt: text = "{PROMPTS[0]}", number: int = 0) -> {{ picture: image, vector: list<float> }} {{
  picture = painter.generate(prompt, size: 64x64, steps: 4, seed: number)
  {{ picture: picture, vector: judge.embed(image: picture) }}
}}
flow other(prompt: text = "{PROMPTS[1]}") -> image {{ painter.generate(prompt, size: 64x64, steps: 4) }}
"""
LAST_FLOW = 'flow tell() -> text { writer.generate("Describe a red circle", temperature: 0, max_tokens: 12) }\n'
SCRIPT += LAST_FLOW


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=environment, **options
    )


def compile_(folder: Path, name: str, *more: object) -> tuple[Path, subprocess.CompletedProcess[str]]:
    script = folder / "s.gflow"
    if not script.exists():
        script.write_text(SCRIPT)
    done = run(sys.executable, "-m", "gflow", "compile", script, "-o", folder / name, *more)
    assert done.returncode == 0, done.stderr
    return folder / name, done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quantize")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Path:
    return compile_(folder, "plain")[0]


@pytest.fixture(scope="module")
def small(folder: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    return compile_(folder, "small", "--quantize", "int8")


def bytes_of(bundle: Path, part: str) -> int:
    """Of the weights of the painter's networks."""
    opened = Bundle(bundle)
    place = opened.plan.models["painter"].lowered
    assert place is not None
    held = low.read(opened.folder(place)).components[part].weights.values()
    return sum(opened.manifest.entries[weight.file].size for weight in held)


def test_networks_take_a_quarter_and_autoencoders_what_they_took(
    plain: Path, small: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    assert bytes_of(small[0], "network") < 0.27 * bytes_of(plain, "network")
    assert bytes_of(small[0], "decoder") == bytes_of(plain, "decoder")
    assert small[0].stat().st_size < 0.6 * plain.stat().st_size
    Bundle(small[0]).check_all()


def test_it_is_not_in_a_bundle_that_did_not_ask(plain: Path) -> None:
    opened = Bundle(plain)
    assert opened.manifest.quantization is None
    assert b'"quantization"' not in opened.path.read_bytes()[-200_000:]
    identities = opened.manifest.models["painter"].components.values()
    assert all(" " not in identity for identity in identities)


def test_the_same_inputs_give_the_same_bytes(
    small: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    again, _ = compile_(tmp_path, "again", "--quantize", "int8")
    assert again.read_bytes() == small[0].read_bytes()
    assert str(ROOT).encode() not in again.read_bytes() and b"/tmp/" not in again.read_bytes()[-200_000:]


def test_it_runs_with_neither_torch_nor_onnx(
    small: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    without = (
        "import sys, runpy; sys.argv = sys.argv[1:]\n"
        "sys.modules.update(dict.fromkeys(['torch', 'onnx', 'ml_dtypes', 'safetensors', 'diffusers', 'lark']))\n"
        "sys.path = [place for place in sys.path if place]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for flow in ("paint", "tell"):
        command = [sys.executable, "-c", without, str(small[0]), flow, "--out", str(tmp_path / flow), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["files"]


def made(bundle: Path, prompt: str, number: int) -> tuple[Array, list[float]]:
    given = gflow.load(bundle).paint(prompt, number)
    return np.asarray(given["picture"]).astype(np.float32) / 255, given["vector"]


def test_the_report_is_true(plain: Path, small: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    """The same pictures of both bundles, compared here."""
    ratios, apart = [], []
    for number, prompt in enumerate(PROMPTS):
        (ours, our_vector), (theirs, vector) = made(small[0], prompt, number), made(plain, prompt, number)
        ratios.append(10 * math.log10(1 / float(np.mean((ours - theirs) ** 2))))
        apart.append(1 - float(np.dot(our_vector, vector)))
    quantization = Bundle(small[0]).manifest.quantization
    assert quantization is not None and quantization.scheme == "int8"
    [painter, writer] = quantization.quality
    assert (painter.model, painter.target, painter.prompts) == ("painter", "cpu", 2)
    assert painter.psnr == pytest.approx(np.mean(ratios), abs=0.3)
    assert painter.worst_psnr == pytest.approx(min(ratios), abs=0.3)
    assert painter.worst == PROMPTS[int(np.argmin(ratios))]
    assert painter.distance == pytest.approx(np.mean(apart), rel=0.1, abs=1e-4)
    assert 30 < min(ratios) < 60  # It is changed, but hardly.
    assert writer.tokens == 1 and gflow.load(small[0]).tell() == gflow.load(plain).tell()


def test_it_is_told(small: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    path, done = small
    quantization = Bundle(path).manifest.quantization
    assert quantization is not None
    shown = run(sys.executable, "-m", "gflow", "inspect", path).stdout
    for each in quantization.quality:
        assert f"{each.model} on cpu: {each.told}" in done.stdout
        assert each.told in shown
    assert "(int8)" in shown and "W0502" not in done.stderr
    as_json = json.loads(run(sys.executable, "-m", "gflow", "inspect", path, "--json").stdout)
    assert as_json["quantization"]["quality"][0]["psnr"] == quantization.quality[0].psnr
    identity = as_json["models"]["painter"]["components"]["network"]
    assert identity.split(" ")[1] == "int8"
    assert as_json["models"]["writer"]["components"]["decoder"].split(" ")[1] == "int8-weights"


# --- the graphs ------------------------------------------------------------------------------------


def network(part: str = "network") -> tuple[bytes, Mapping[str, Array]]:
    folder = SCENES / "lowered"
    component = low.read(folder).components[part]
    return (folder / component.graph).read_bytes(), dict(weights.read(folder, component))


def session(graph: bytes, held: Mapping[str, Any]) -> Any:
    import onnx
    import onnxruntime as ort

    initializers = onnx.load_model_from_string(graph).graph.initializer
    types = {each.name: each.data_type for each in initializers if each.data_location == 1}
    settings = options(split=False)
    # Else ONNX Runtime puts the rows that int8 is multiplied with into 8 bits, too.
    settings.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    given = [ort.OrtValue.ortvalue_from_numpy_with_onnx_type(held[name], types[name]) for name in sorted(types)]
    settings.add_external_initializers(sorted(types), given)
    return ort.InferenceSession(weights.placed(graph, [("", 0)] * len(given)), settings)


def feeds(seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    shapes = {"sample": (2, 8, 8, 8), "timestep": (2,), "text": (2, 24, 128)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(("kind", "most"), [("int8", 1 / 250), ("fp8", 1 / 15)])
def test_weights_alone_are_what_they_were_to_half_a_step(kind: str, most: float) -> None:
    """A graph in 8 bits gives what the graph gives whose weights are those of 8 bits, made floats here."""
    import ml_dtypes

    graph, held = network()
    changed, packed = quantized(graph, held.__getitem__, kind, {}, on="gpu")
    again: dict[str, Any] = dict(held)
    for each in packed.values():
        bits = each.pack(held[each.name])
        floats = bits.view(ml_dtypes.float8_e4m3fn).astype(np.float32) if kind == "fp8" else bits.astype(np.float32)
        shape = [1] * bits.ndim
        shape[each.axis] = -1
        floats = floats * each.scale.reshape(shape)
        again[each.name] = np.ascontiguousarray(floats.T if each.transpose else floats)
        of_channel = tuple(axis for axis in range(bits.ndim) if axis != each.axis)
        values = held[each.name].T if each.transpose else held[each.name]
        largest = np.abs(values).max(axis=of_channel, keepdims=True)
        assert (np.abs(floats - values) <= most * largest + 1e-7).all()
    theirs = session(graph, again).run(None, feeds())[0]
    bits = {name: each.pack(held[each.name]) for name, each in packed.items()}
    ours = session(changed, dict(held) | bits).run(None, feeds())[0]
    assert len(packed) > 80 and np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_the_first_and_the_last_convolution_stay() -> None:
    import onnx

    graph, held = network()
    _, packed = quantized(graph, held.__getitem__, "int8", {}, on="gpu")
    nodes = onnx.load_model_from_string(graph).graph.node
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    gone = {each.name for each in packed.values()}
    assert {node.input[1] for node in convolutions} - gone == {convolutions[0].input[1], convolutions[-1].input[1]}


def test_a_batch_does_not_change_a_sample_in_8_bits() -> None:
    """Ranges are fixed: the bits of one sample do not depend on the other, however large that is."""
    graph, held = network()
    ranges = dict.fromkeys(observed(graph), (-6.0, 6.0))
    changed, packed = quantized(graph, held.__getitem__, "int8", ranges, on="cpu")
    running = session(changed, dict(held) | {name: each.pack(held[each.name]) for name, each in packed.items()})
    one, two = feeds(), feeds()
    two["sample"][1] *= 100
    assert np.array_equal(running.run(None, one)[0][0], running.run(None, two)[0][0])
    assert not np.array_equal(running.run(None, one)[0][1], running.run(None, two)[0][1])


# --- for GPUs --------------------------------------------------------------------------------------


#: Without the scorer, as building engines takes a while.
PAINTS = f"""model painter = diffusion("starter/scenes")
flow paint() -> image {{ painter.generate("{PROMPTS[0]}", size: 64x64, steps: 4) }}
"""


def program(folder: Path, text: str = SCRIPT) -> Compiled:
    (folder / "s.gflow").write_text(text)
    return compiled(load(folder / "s.gflow"), Target())


@pytest.mark.parametrize(("name", "target"), [("fp8", "cuda:sm_89"), ("int8", "cuda:sm_80")])
def test_engines_are_built_of_networks_in_8_bits(name: str, target: str, tmp_path: Path) -> None:
    import onnx

    pytest.importorskip("tensorrt_rtx", reason="the package `tensorrt_rtx` is not installed")
    given = program(tmp_path, PAINTS)
    both = quality.InEightBits.of(given, SCHEMES[name], tmp_path / "models", lambda what: None)
    part = gpu_target.parts(given.plan, writer.sources(given), [target], measured=both.measured)[0]
    assert part.refused == {}
    told = {label: how.split(", ")[1] for label, how in part.runs.items()}
    assert told["painter.network"] == f"fp16 and {name}"
    assert told["painter.text_encoder"] == f"fp16 and {name}-weights" and told["painter.decoder"] == "fp32"
    # Runs are found by the identities of what the CPU runs.
    forms = msgspec.json.decode(part.files[f"targets/{target[5:]}/forms.json"], type=Forms).forms
    assert set(forms) == {source.component.identity for source in writer.sources(both.compiled).values()}
    source = writer.sources(both.compiled)["painter.network"]
    form = forms[source.component.identity]
    assert form.weights == name[:4].rstrip("-") and form.engine is not None
    kinds = [
        each.data_type for each in onnx.load_model_from_string(part.files[form.component.graph]).graph.initializer
    ]
    assert kinds.count({"fp8": onnx.TensorProto.FLOAT8E4M3FN, "int8": onnx.TensorProto.INT8}[name]) > 80
    found = both.quality([part]).quality
    assert [each.target for each in found] == (["cpu", "cuda"] if name == "int8" else ["cuda"])
    assert all(each.worst_psnr is not None and 30 < each.worst_psnr < 60 for each in found)


@pytest.mark.parametrize("kind", ["int8", "fp8"])
def test_a_language_model_in_8_bits_on_a_gpu_is_emulated(kind: str, tmp_path: Path) -> None:
    """Its weights alone; against the same emulation without them."""
    given = program(tmp_path, SCRIPT.partition("flow paint")[0] + LAST_FLOW)
    source = writer.sources(given)["writer.decoder"]
    known = measured(trials(given.plan), SCHEMES[kind], lambda what: None)
    graph = (source.folder / source.component.graph).read_bytes()
    full = gpu_target._Weights(source, *halved(graph, "fp16"), "fp16")
    packed = full.packed_by(known)
    assert packed.told == f"fp16 and {kind}-weights"
    fed = dict(known.fed[source.component.identity][0])
    theirs, ours = (each.session().run(["logits"], fed)[0] for each in (full, packed))
    off = float(np.sqrt(np.mean((theirs - ours) ** 2) / np.mean(theirs**2)))
    assert 1e-4 < off < (0.03 if kind == "int8" else 0.1)


# --- what goes wrong -------------------------------------------------------------------------------

REFUSED = """\
error[E0503]: cuda:sm_80, cuda:sm_86 can't compute with float8
  ┌─ command line:1:12
  │
1 │ --quantize fp8-weights
  │            ^^^^^^^^^^^ only GPUs from sm_89 on (RTX 40, L4, H100) can
  = help: use `--quantize int8-weights`, or only targets that can, such as `--target cuda:sm_89`

"""


def test_float8_is_refused_where_nothing_computes_with_it(tmp_path: Path) -> None:
    (tmp_path / "s.gflow").write_text(SCRIPT)
    command = (sys.executable, "-m", "gflow", "compile", tmp_path / "s.gflow", "-o", tmp_path / "made")
    gpus = [part for name in ("sm_80", "sm_89", "sm_86") for part in ("--target", f"cuda:{name}")]
    done = run(*command, "--quantize", "fp8-weights", *gpus)
    assert (done.returncode, done.stderr) == (2, REFUSED)
    done = run(*command, "--quantize", "fp8")
    assert done.returncode == 2 and "E0503" in done.stderr and "the CPU can't" in done.stderr
    done = run(*command, "--quantize", "int4")
    assert done.returncode == 2 and all(f"'{name}'" in done.stderr for name in SCHEMES)
    assert not (tmp_path / "made").exists()
    for name in ("sm_89", "sm_90", "sm_100", "sm_120"):
        assert quantize.scheme("fp8", ["cpu", f"cuda:{name}"]) == SCHEMES["fp8"]


def uneven(folder: Path) -> Path:
    """The painter with some values ten thousand times as large, and what is multiplied with them as much smaller.
    It paints the same, and 8 bits that hold the large values hold none of the others."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(SCENES, folder / "uneven")
    file = next((folder / "uneven" / "unet").glob("*.safetensors"))
    held = {name: np.array(tensor, np.float32) for name, tensor in load_file(file).items()}
    pairs = (("attn1.to_v", "attn1.to_out.0"), ("attn2.to_v", "attn2.to_out.0"), ("ff.net.0.proj", "ff.net.2"))
    for block in {name.partition(".attn1.")[0] for name in held if ".attn1." in name}:
        for writes, reads in pairs:
            for end in {"weight", "bias"} & {
                name.rpartition(".")[2] for name in held if f"{block}.{writes}." in name
            }:
                held[f"{block}.{writes}.{end}"][3] *= 10_000
            held[f"{block}.{reads}.weight"][:, 3] /= 10_000
    save_file(held, file)
    return folder / "uneven"


def test_where_8_bits_are_hopeless_it_is_told(tmp_path: Path) -> None:
    uneven(tmp_path)
    script = 'model painter = diffusion("./uneven")\n'
    script += f'flow f() -> image {{ painter.generate("{PROMPTS[0]}", steps: 4) }}\n'
    (tmp_path / "s.gflow").write_text(script)
    told = compile_(tmp_path, "made", "--quantize", "int8")[1].stderr
    assert "W0502" in told and f"“{PROMPTS[0]}”" in told and "`--quantize int8-weights` loses less" in told
    assert "W0502" not in compile_(tmp_path, "made", "--quantize", "int8-weights")[1].stderr


def test_a_poor_answer_is_told_by_the_prompt() -> None:
    found = Quality(model="w", target="cpu", prompts=1, worst="hello", tokens=0.4, worst_tokens=0.4)
    assert found.told == "40% of tokens stay (40% for “hello”)"


def test_ranges_are_those_of_what_was_computed(tmp_path: Path) -> None:
    given = program(tmp_path)
    known = measured(trials(given.plan), SCHEMES["int8"], lambda what: None)
    [(identity, ranges)] = known.ranges.items()
    assert identity == writer.sources(given)["painter.network"].component.identity
    assert all(low_ <= 0 <= high and low_ < high for low_, high in ranges.values())
    # The convolution's input is the latents: as they were fed.
    seen = np.concatenate([each["sample"].ravel() for each in known.fed[identity]])
    assert len(known.fed[identity]) == 2 * 4 and 2 < seen.max() < 10
    assert measured(trials(given.plan), SCHEMES["int8-weights"], lambda what: None).ranges == {}
