"""Kernels for GPUs: what they compute in Triton's interpreter, and what they are compiled to, with no GPU there."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pictures as made_up
import pytest

from gflow.kernels.op import registry
from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel import realize, triton_source
from gflow.kernels.pixel.launches import PORTABLE, Code, Index, plain
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.types import Size
from gflow.runtime.step_kernel import Update

pytestmark = pytest.mark.skipif(
    find_spec("triton") is None or find_spec("torch") is None,
    reason="kernels for GPUs are checked where Triton and PyTorch are installed",
)

HERE = Path(__file__).parent
TARGETS = ("sm_80", "sm_89", "sm_90", "sm_120")


def source(channels: int, kind: str = "u8", seed: int = 1) -> Picture:
    return px.source(made_up.array(64, 48, channels, kind, seed))


def op(name: str, *args: Any, **named: Any) -> Picture:
    made: Picture = registry()[name].kernel(*args, **named)
    return made


#: Pictures and layouts, with everything that kernels are made of.
CASES: dict[str, tuple[Picture, str]] = {
    "graded": (op("grade", source(3), 1.1, 1.2, 1.05, 1.1), "u8"),
    "graded planes": (op("grade", source(3, "planes"), 1.1, 1.2, 1.05, 1.1), "planar"),
    "resized": (op("resize", source(4), Size(40, 30)), "planar"),
    "blurred": (op("blur", source(4), 9.0), "f32"),
    "sharpened": (op("sharpen", source(3), 1.0, 0.6), "u8"),
    "padded": (op("pad", source(3), 9, color="#ff880080"), "f32"),
    "blended": (op("blend", source(4), source(4, seed=2), 0.5, "overlay"), "u8"),
    "warped": (px.warped(source(4) * 0.5 + 0.25, source(2, "f32") * 9 - 4), "u8"),
    "by tables": (px.looked_up_colors(np.ones((5, 5, 5, 3)), px.looked_up(np.arange(4.0), source(3))), "u8"),
}


@cache
def code(name: str) -> Code:
    picture, layout = CASES[name]
    return triton_source.generate([picture], [layout])


def compiled(name: str, target: str) -> dict[str, Any]:
    """The kernels of a case, by name."""
    from gflow.compiler import gpu_kernels

    made: dict[str, Any] = {}
    for launch in code(name).launches:
        made |= gpu_kernels.compiled(code(name), launch, target)
    return made


# --- what they compute -----------------------------------------------------------------------------


def test_interpreted() -> None:
    """`triton_interpreted.py`, in a process that imports Triton anew."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE / "triton_interpreted.py"],
        cwd=HERE.parent,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout) and "skipped" not in done.stdout


@pytest.mark.parametrize("name", CASES)
def test_everything_in_memory_is_read_and_written_under_a_mask(name: str) -> None:
    """But for the weights of convolutions and windows: those that are read are there."""
    for form in ([CASES[name][0]], realize.loosened([CASES[name][0]])):
        text = triton_source.generate(form, [CASES[name][1]]).text
        accesses = re.findall(r"tl\.(?:load|store)\(.*?(?:mask=\w+|\+ (?:\d+|k\d+))(?=[,)])", text)
        assert len(accesses) == len(re.findall(r"tl\.(?:load|store)\(", text))


def test_generating_takes_neither_triton_nor_torch() -> None:
    lines = [
        "import sys; sys.modules['triton'] = sys.modules['torch'] = None",
        "import numpy as np",
        "from gflow.compiler import gpu_kernels",
        "from gflow.kernels.pixel import picture, triton_run, triton_source",
        "from gflow.runtime import step_kernel, triton_denoise",
        "made = picture.source(np.zeros((4, 4, 3), np.float32)) * 0.5",
        "assert 'tl.store' in triton_source.generate([made], ['u8']).text",
        "assert 'tl.store' in triton_denoise.source(step_kernel.Update(1, 0, 1, True, False))",
        "try: triton_run.realize(made)",
        "except triton_run.NoTriton as error: print(error)",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "is not installed" in done.stdout


# --- how graphs are cut ----------------------------------------------------------------------------


def test_a_picture_is_kept_where_making_it_again_costs_more() -> None:
    image = source(3, "planes")

    def launches(picture: Picture) -> int:
        return len(triton_source.generate([picture], ["f32"]).launches)

    def soft(taps: int) -> Picture:
        weights = np.ones(taps) / taps
        return px.convolved(px.convolved(image, "y", weights), "x", weights)

    assert launches(px.mix(px.luma(image), image, 1.2)) == 1
    assert launches(px.convolved(image, "y", np.ones(199) / 199)) == 1
    assert [launches(soft(taps)) for taps in (3, 5, 7, 31)] == [1, 1, 2, 2]
    assert launches(op("crop", op("flip", image), Size(9, 9))) == 1
    assert launches(px.warped(image, image.only(0, 1))) == 1
    assert launches(px.warped(image * 0.5, image.only(0, 1))) == 2
    # Each of them reads the one before it at two places: written out, that would be 2**30 readings.
    doubled = image
    for _ in range(30):
        doubled = doubled * 0.5 + px.shifted(doubled, "x", 64, 1) * 0.5
    assert 2 < launches(doubled) < 31


def test_patterns_of_resampled_pixels_share_kernels() -> None:
    """A pattern decides the C of a kernel, and nothing of its Triton."""
    thirds, halves = (op("resize", source(3, "f32"), Size(side, 48), method="bilinear") for side in (96, 128))
    assert thirds.sources != halves.sources and len(realize.name([thirds], ["f32"])) > 0
    assert realize.name([thirds], ["f32"]) != realize.name([halves], ["f32"])
    assert realize.name(plain([thirds]), ["f32"]) == realize.name(plain([halves]), ["f32"])


# --- what they are compiled to ---------------------------------------------------------------------


def machine(cubin: bytes) -> str:
    """The GPU that an ELF file is for. Its flags moved by a byte with the ABI of CUDA 13."""
    assert cubin[:4] == b"\x7fELF" and struct.unpack_from("<H", cubin, 18) == (190,)
    flags = struct.unpack_from("<I", cubin, 48)[0]
    return f"sm_{(flags if cubin[7] == 0x33 else flags >> 8) & 0xFF}"


@pytest.mark.parametrize("target", TARGETS)
def test_binaries_are_for_their_gpu(target: str) -> None:
    for name in ("graded planes", "resized"):
        for kernel, made in compiled(name, target).items():
            assert machine(made.cubin) == target
            assert made.function == kernel.removesuffix(" wide") and made.threads == 128
            assert f".entry {made.function}(".encode() in made.ptx
            # Neither a name of a file nor a wider float that slipped in.
            assert str(HERE.parent).encode() not in made.cubin + made.ptx and b".f64" not in made.ptx


@pytest.mark.parametrize("name", CASES)
def test_registers_suffice(name: str, tmp_path: Path) -> None:
    """What does not fit them goes into slow memory."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    for kernel, made in compiled(name, "sm_90").items():
        (tmp_path / "kernel.cubin").write_bytes(made.cubin)
        command = [tool, "--dump-resource-usage", tmp_path / "kernel.cubin"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert re.search(r"STACK:0 SHARED:\d+ LOCAL:0 ", told), f"{kernel}: {told}"


def test_launchers_are_told_what_binaries_take() -> None:
    """Arguments in order, and two addresses of scratch memory behind them."""
    sizes = {"*fp32": ".u64", "*u8": ".u64", "*i32": ".u64", "i32": ".u32", "fp32": ".f32"}
    for name in ("graded", "resized"):
        made = compiled(name, "sm_80")
        for launch in code(name).launches:
            head = made[launch.kernel].ptx.decode().partition(".entry")[2].partition(")")[0]
            told = [sizes[taken.type] for taken in launch.takes]
            assert re.findall(r"\.param (\S+)", head) == [*told, ".u64", ".u64"]


def test_rows_of_planes_are_read_four_numbers_at_a_time() -> None:
    made = compiled("graded planes", "sm_90")
    assert sorted(name.endswith(" wide") for name in made) == [False, True]
    for name, kernel in made.items():
        assert (b"ld.global.v4.b32" in kernel.ptx) == (b"st.global.v4.b32" in kernel.ptx) == name.endswith(" wide")


def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """Elsewhere, and with nothing kept from here."""
    lines = [
        "import hashlib, sys",
        f"sys.path.insert(0, {str(HERE)!r})",
        "from test_triton import compiled",
        "for name, made in compiled('resized', 'sm_90').items():",
        "    print(name, hashlib.sha256(made.cubin).hexdigest(), hashlib.sha256(made.ptx).hexdigest())",
    ]
    environment = {**os.environ, "GFLOW_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(HERE.parent)}
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    ours = [
        f"{name} {hashlib.sha256(made.cubin).hexdigest()} {hashlib.sha256(made.ptx).hexdigest()}"
        for name, made in compiled("resized", "sm_90").items()
    ]
    assert told.splitlines() == ours


@pytest.mark.parametrize("update", [Update(1, 0, 1, True, False), Update(5, 2, 5, True, True)])
def test_steps_of_denoising(update: Update) -> None:
    from gflow.compiler import gpu_kernels

    made = gpu_kernels.step(update, "sm_90", network="fp16")
    assert [machine(kernel.cubin) for kernel in made.values()] == ["sm_90", "sm_90"]
    wide = made[f"{update.name} wide"].ptx
    assert b"st.global.v4.b32" in wide and b".f64" not in wide


def test_the_kernels_of_a_plan(tmp_path: Path) -> None:
    import msgspec

    from gflow.compiler import gpu_kernels
    from gflow.opened import opened

    script = tmp_path / "shown.gflow"
    script.write_text(
        'flow shown(photo: image) -> image { photo |> resize(40x30, fit: "cover") |> grade(1.1, 1.2) }'
    )
    plan = opened(script).runnable()
    index, objects = gpu_kernels.kernels(plan, [Update(1, 0, 1, True, False)], ["sm_90"])
    assert (index, objects) == gpu_kernels.kernels(plan, [Update(1, 0, 1, True, False)], ["sm_90"])
    assert msgspec.json.decode(msgspec.json.encode(index), type=Index) == index
    assert set(index.binaries) == {"sm_90", PORTABLE}
    for target, binaries in index.binaries.items():
        assert {launch.kernel for launches in index.launches.values() for launch in launches} <= set(binaries)
        for binary in binaries.values():
            data = objects[binary.object]
            assert b".target sm_80" in data if target == PORTABLE else machine(data) == target
    # A run finds them by what it computes.
    photo = px.source(made_up.array(64, 48, 3, "f32", 1))
    asked = op("grade", op("resize", photo, Size(40, 30), fit="cover"), 1.1, 1.2)
    [loose] = realize.loosened([asked])
    assert {realize.name(plain([form]), ["f32"]) for form in (asked, loose)} & set(index.launches)


def test_a_target_that_is_no_gpu() -> None:
    with pytest.raises(ValueError, match='named like "sm_90", not "avx2"'):
        compiled("graded", "avx2")
