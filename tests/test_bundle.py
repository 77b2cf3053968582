"""Bundles: what is in them, what they refuse, and that they run on their own."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gflow
from gflow.runtime import seal
from gflow.runtime.bundle import Bundle, is_bundle
from gflow.runtime.errors import BundleBroken
from gflow.runtime.main import NEEDED

ROOT = Path(__file__).parent.parent
SCRIPT = """model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")

/// One small picture, finished.
flow one(prompt: text = "a red circle", steps: int in 1..20 = 2) -> { picture: image, score: float } {
  picture = painter.generate(prompt, size: 64x64, steps: steps)
  { picture: picture |> resize(96x96) |> grade(contrast: 1.1), score: judge.score(picture, prompt) }
}

flow words(first: text, loud: bool = false) -> text { if loud { upper(first) } else { first } }
"""


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


def compiled(folder: Path, name: str = "one", **options: object) -> Path:
    script = folder / "one.gflow"
    script.write_text(SCRIPT, encoding="utf-8")
    done = run(sys.executable, "-m", "gflow", "compile", script, "-o", folder / name, "--flow", "one", **options)
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("bundle"))


def started(bundle: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A bundle run by this Python: the `#!` line would take the first one there is."""
    return run(sys.executable, bundle, *arguments, cwd=bundle.parent)


def test_a_bundle_gives_what_the_script_gives(bundle: Path, tmp_path: Path) -> None:
    done = started(bundle, "--prompt", "a blue square", "--seed", "3", "--out", tmp_path / "a", "--json")
    assert done.returncode == 0, done.stderr
    picture = gflow.load(bundle.parent / "one.gflow").one("a blue square", seed=3)
    shown = json.loads(done.stdout)
    assert shown["result"]["score"] == picture["score"]
    assert np.array_equal(np.asarray(Image.open(shown["files"][0])), np.asarray(picture["picture"]))
    again = gflow.load(bundle).one("a blue square", seed=3)
    assert np.array_equal(np.asarray(again["picture"]), np.asarray(picture["picture"]))
    ran = run(sys.executable, "-m", "gflow", "run", bundle, "--prompt", "a blue square", "--seed", "3", "--json")
    assert json.loads(ran.stdout)["result"]["score"] == picture["score"]


def test_it_is_an_executable_zip_with_mapped_weights(bundle: Path) -> None:
    assert os.access(bundle, os.X_OK) and bundle.read_bytes().startswith(b"#!/bin/sh\n")
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        names = set(archive.namelist())
    assert {"__main__.py", "plan.json", "manifest.json", "gflow/runtime/main.py"} <= names
    assert not any("torch" in name for name in names)
    opened = Bundle(bundle)
    places = [entry.offset for name, entry in opened.manifest.entries.items() if name.startswith("weights/")]
    assert places and all(place % 4096 == 0 for place in places)


def test_the_help_shows_the_flows_parameters(bundle: Path) -> None:
    done = started(bundle, "--help")
    assert done.returncode == 0
    for expected in ("One small picture, finished.", "--prompt", "--steps", "[1..20]", "--seed", "--out"):
        assert expected in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--steps", "40"], "--steps"),
        (["--steps", "many"], "--steps"),
        (["other"], "has no flow 'other'"),
        (["--wrong", "1"], "--wrong"),
        (["--out", "/proc/nowhere"], "can't write"),
    ],
)
def test_mistakes_are_told_in_one_message(bundle: Path, arguments: list[str], told: str) -> None:
    done = started(bundle, *arguments)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr


def test_the_same_inputs_give_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    again = compiled(tmp_path / "elsewhere", "another", cwd=tmp_path)
    assert again.read_bytes() == bundle.read_bytes()


def test_no_path_of_this_machine_is_inside(bundle: Path) -> None:
    assert str(ROOT).encode() not in bundle.read_bytes()


def flipped(bundle: Path, place: int, bit: int, out: Path) -> Path:
    data = bytearray(bundle.read_bytes())
    data[place] ^= 1 << bit
    out.write_bytes(data)
    return out


def test_a_changed_bit_anywhere_is_refused(bundle: Path, tmp_path: Path) -> None:
    size, rng = bundle.stat().st_size, random.Random(0)
    opened = Bundle(bundle)
    opened.check_all()
    entries = opened.manifest.entries
    some = [entry.begin + 3 for entry in entries.values() if entry.digest][:3]  # the zip's header of weights
    some += [entry.offset - 1 for entry in entries.values() if entry.digest][:3]  # padding
    _, manifest, _ = seal.check(str(bundle))
    some += [0, 3, size - 1, size - 70, size - 200, entries["plan.json"].offset, manifest, manifest - 5]
    for place in [*some, *(rng.randrange(size) for _ in range(60))]:
        broken = flipped(bundle, place, rng.randrange(8), tmp_path / "broken")
        with pytest.raises(BundleBroken):
            Bundle(broken).check_all()


def test_a_changed_bundle_ends_with_status_2(bundle: Path, tmp_path: Path) -> None:
    entries = Bundle(bundle).manifest.entries
    weights = next(entry for name, entry in entries.items() if entry.digest and entry.size > 100_000)
    for place in (weights.offset + 5000, entries["gflow/runtime/main.py"].offset + 9, entries["plan.json"].offset):
        broken = flipped(bundle, place, 2, tmp_path / "broken")
        for command in ([sys.executable, broken], [sys.executable, "-m", "gflow", "run", broken]):
            done = run(*command, "--out", tmp_path / "out")
            assert done.returncode == 2, done.stderr
            assert "was changed" in done.stderr or "were changed" in done.stderr
            assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").glob("*.png")) if (tmp_path / "out").exists() else True


def test_a_bundle_that_was_cut_short_is_refused(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    for length in (0, 30, 5000, len(data) // 2, len(data) - 1):
        (tmp_path / "short").write_bytes(data[:length])
        with pytest.raises(BundleBroken, match="cut short"):
            Bundle(tmp_path / "short")
    done = run(sys.executable, "-m", "gflow", "inspect", tmp_path / "short")
    assert done.returncode == 2 and "cut short" in done.stderr


def sealed_anew(bundle: Path, out: Path, before: bytes, after: bytes) -> Path:
    """A bundle with something else in its manifest, or in its comment, and a seal that fits."""
    begin, manifest, _ = seal.check(str(bundle))
    data = bundle.read_bytes()
    assert before in data[manifest:] and len(before) == len(after)
    data = data[:manifest] + data[manifest:].replace(before, after)
    digest = hashlib.blake2b(data[:begin] + data[manifest - seal.HEADER : -64], digest_size=32).hexdigest().encode()
    out.write_bytes(data[:-64] + digest)
    return out


def test_a_bundle_of_a_newer_version_is_refused(bundle: Path, tmp_path: Path) -> None:
    newer = sealed_anew(bundle, tmp_path / "newer", b"gflow-bundle 1 ", b"gflow-bundle 2 ")
    with pytest.raises(BundleBroken, match="newer gflow"):
        Bundle(newer)
    assert started(newer).returncode == 2


@pytest.mark.parametrize("name", ["/tc/plan.j", "../lan.jso"])
def test_a_bundle_that_names_a_path_outside_itself_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    outside = sealed_anew(bundle, tmp_path / "outside", b'"plan.json"', f'"{name[:9]}"'.encode())
    with pytest.raises(BundleBroken, match="outside itself"):
        Bundle(outside)


def test_killed_while_compiling_it_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    script = tmp_path / "one.gflow"
    script.write_text(SCRIPT, encoding="utf-8")
    for delay in (0.3, 0.5, 0.7, 0.9):
        process = subprocess.Popen(
            [sys.executable, "-m", "gflow", "compile", script, "-o", tmp_path / "one"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (tmp_path / "one").exists():
            Bundle(tmp_path / "one").check_all()
            (tmp_path / "one").unlink()


def test_inspect_shows_what_is_inside(bundle: Path) -> None:
    done = run(sys.executable, "-m", "gflow", "inspect", bundle)
    assert done.returncode == 0, done.stderr
    for expected in ("one(prompt: text, steps: int)", "starter/scenes", "network", "whole and unchanged"):
        assert expected in done.stdout
    assert run(sys.executable, "-m", "gflow", "inspect", bundle, "--script").stdout == SCRIPT
    assert is_bundle(bundle) and not is_bundle(bundle.parent / "one.gflow")
    wrong = run(sys.executable, "-m", "gflow", "inspect", bundle.parent / "one.gflow")
    assert wrong.returncode == 2 and "is no bundle" in wrong.stderr


def test_what_cannot_travel_says_which_model_and_why(tmp_path: Path) -> None:
    script = tmp_path / "far.gflow"
    script.write_text(
        'model p = diffusion("nobody/paints")\nflow f() -> image { p.generate("x") }\n', encoding="utf-8"
    )
    done = run(sys.executable, "-m", "gflow", "compile", script, "-o", tmp_path / "far")
    assert done.returncode == 2 and "the model `p` can't be compiled" in done.stderr
    assert not (tmp_path / "far").exists()


#: Stands before everything that a bundle imports; what a lean machine does not have can't be imported.
FORBIDDEN = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "diffusers", "transformers", "lark", "click", "rich", "xdsl", "onnx",
                                      "safetensors", "httpx"}:
            raise ImportError(name + " is not there", name=name)
sys.meta_path.insert(0, Refuse())
import runpy
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_bundle_takes_neither_torch_nor_the_compiler(bundle: Path, tmp_path: Path) -> None:
    done = run(sys.executable, "-I", "-c", FORBIDDEN, bundle, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "picture.png").exists()


def test_it_runs_where_nothing_but_its_dependencies_is_installed(bundle: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    for name, project in NEEDED.items():
        package = importlib.util.find_spec(name)
        assert package is not None and package.origin is not None
        home = Path(package.origin).parent
        for folder in (home, home.parent / f"{project}.libs"):
            if folder.exists():
                (site / folder.name).symlink_to(folder)
    clean = {"PATH": f"{tmp_path / 'venv' / 'bin'}:/usr/bin:/bin"}
    done = subprocess.run(
        [bundle, "--out", tmp_path / "out"], env=clean, capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "picture.png").exists()
    (site / "tokenizers").unlink()
    lacking = subprocess.run(
        [bundle, "--out", tmp_path / "out"], env=clean, capture_output=True, text=True, timeout=120
    )
    assert lacking.returncode == 2 and "pip install" in lacking.stderr and "Traceback" not in lacking.stderr


# --- kernels for pixels ----------------------------------------------------------------------------


def test_kernels_travel_and_nothing_is_compiled(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    assert sum(name.startswith("kernels/") and name.endswith(".so") for name in names) >= 2
    assert not any(name.startswith("gflow/kernels/pixel/c_") for name in names), "no compiler is called there"
    environment = {**os.environ, "CC": "/nowhere", "PATH": "/nowhere", "GFLOW_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, bundle, "--out", tmp_path], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "cache" / "kernels").exists()


def test_one_set_of_kernels_serves_pictures_of_any_size(tmp_path: Path) -> None:
    script = tmp_path / "s.gflow"
    script.write_text(
        "flow f(photo: image, wide: int) -> image {\n"
        "  photo |> resize(40x30) |> sharpen(0.5) |> scale(0.5) |> pad(3) |> rotate(20.0)\n"
        "}\n"
    )
    made = tmp_path / "f"
    assert run(sys.executable, "-m", "gflow", "compile", script, "-o", made).returncode == 0
    rng = np.random.default_rng(0)
    for shape in ((300, 401, 3), (11, 7, 3), (30, 40, 4), (64, 48, 4)):
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(tmp_path / "photo.png")
        options = ("--photo", tmp_path / "photo.png", "--wide", "3")
        bundled = started(made, *options, "--out", tmp_path / "a")
        assert (bundled.returncode, bundled.stderr) == (0, "")
        plain = run(sys.executable, "-m", "gflow", "run", script, *options, "--out", tmp_path / "b")
        assert plain.returncode == 0, plain.stderr
        ours, theirs = (np.asarray(Image.open(tmp_path / out / "f.png"), int) for out in "ab")
        assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1


def test_kernels_for_other_processors_are_left_alone(tmp_path: Path) -> None:
    """They would end the process. NumPy takes their place, and a word says so."""
    import msgspec

    from gflow.cli.compile import _kernels
    from gflow.compiler import bundle as writer
    from gflow.compiler.compiled import compiled as compile_
    from gflow.compiler.passes import Target
    from gflow.compiler.program import load

    script = tmp_path / "s.gflow"
    script.write_text('flow f() -> image { solid(20x10, "red") |> brightness(0.5) |> resize(8x8) }\n')
    program = load(script)
    made = compile_(program, Target())
    kernels = _kernels(made, "native")
    assert kernels is not None
    index = msgspec.structs.replace(kernels[0], features=["a feature that no processor has"])
    writer.write(made, "", tmp_path / "f", main="f", kernels=(index, kernels[1]))
    done = started(tmp_path / "f", "--out", tmp_path)
    assert done.returncode == 0 and "computed in NumPy" in done.stderr and "a feature that no" in done.stderr
    assert np.asarray(Image.open(tmp_path / "f.png"))[0, 0].tolist() == [128, 0, 0]


def test_a_fleets_processor_is_named(tmp_path: Path) -> None:
    script = tmp_path / "s.gflow"
    script.write_text('flow f() -> image { solid(20x10, "red") |> brightness(0.5) |> resize(8x8) }\n')
    for target in ("x86-64-v2", "x86-64-v3"):
        done = run(sys.executable, "-m", "gflow", "compile", script, "-o", tmp_path / "f", "--target-cpu", target)
        assert done.returncode == 0, done.stderr
        index = json.loads(Bundle(tmp_path / "f").read("kernels/index.json"))
        assert ("avx2" in index["features"]) == (target == "x86-64-v3") and "sse4_2" in index["features"]
        assert started(tmp_path / "f", "--out", tmp_path).stderr == ""
    done = run(sys.executable, "-m", "gflow", "compile", script, "-o", tmp_path / "g", "--target-cpu", "abacus")
    assert done.returncode == 2 and "abacus" in done.stderr and not (tmp_path / "g").exists()
