"""Look-up tables: what .cube files mean, and what is said of those that mean nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from op_calls import RGB, RGBA, near, pixel, plain, run
from PIL import Image, ImageFilter

import gflow
from gflow.compiler.program import check
from gflow.kernels.op import OpError


def cube(side: int, color: Any, head: str = "") -> str:
    """The text of a cube of colors: of what `color` makes of red, green, blue."""
    steps = np.linspace(0, 1, side)
    rows = [color(r, g, b) for b in steps for g in steps for r in steps]
    return f"{head}LUT_3D_SIZE {side}\n" + "\n".join(" ".join(f"{value:.7f}" for value in row) for row in rows)


def same(*color: float) -> tuple[float, ...]:
    return color


def odd(r: float, g: float, b: float) -> tuple[float, ...]:
    """Not the same in any two channels, and not linear."""
    return r * r, 0.9 * g + 0.1 * r, 1 - b * (0.5 + 0.5 * g)


# --- meaning ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [2, 3, 17, 33])
def test_a_neutral_cube_changes_nothing_to_speak_of(side: int) -> None:
    assert near(run("lut", RGB, cube(side, same)), RGB, 1e-6)


@pytest.mark.parametrize("side", [2, 5, 16])
def test_a_cube_is_pillows(side: int) -> None:
    table = ImageFilter.Color3DLUT.generate(side, odd)
    picture = Image.fromarray((RGB * 255 + 0.5).astype(np.uint8))
    theirs = np.asarray(picture.filter(table), np.float32) / 255
    assert near(run("lut", np.asarray(picture, np.float32) / 255, cube(side, odd)), theirs, 1.6 / 255)


def test_red_comes_first() -> None:
    text = "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 .5 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n"
    assert pixel("lut", [0, 1, 0], text) == [0, 0.5, 0]
    assert pixel("lut", [0, 0.5, 0], text) == [0, 0.25, 0]


def test_three_curves() -> None:
    text = 'TITLE "curves"\nLUT_1D_SIZE 3\n0 1 0\n.25 .5 0\n1 0 .5\n'
    assert pixel("lut", [0.5, 0.25, 1], text) == pytest.approx([0.25, 0.75, 0.5])
    assert pixel("lut", [0.75, -1, 2], text) == pytest.approx([0.625, 1, 0.5])


def test_a_domain() -> None:
    text = "DOMAIN_MIN 0 -1 0\nDOMAIN_MAX 2 1 4\n" + cube(2, same)
    assert pixel("lut", [1, 0, 1], text) == pytest.approx([0.5, 0.5, 0.25])
    assert pixel("lut", [9, -9, 4], text) == pytest.approx([1, 0, 1])
    resolves = cube(2, same).replace("\n", "\nLUT_3D_INPUT_RANGE -1.0 1.0\n", 1)
    assert pixel("lut", [0, -1, 1], resolves) == pytest.approx([0.5, 0, 1])
    curves = "LUT_1D_SIZE 2\nLUT_1D_INPUT_RANGE 0 2\n0 0 0\n1 1 1\n"
    assert pixel("lut", [1, 2, 3], curves) == pytest.approx([0.5, 1, 1])


def test_how_files_are_written(tmp_path: Path) -> None:
    plain_text = cube(2, odd)
    wanted = run("lut", RGB, plain_text)
    for text in (
        "\ufeff" + plain_text,
        plain_text.replace("\n", "\r\n"),
        plain_text.replace("\n", "\r"),
        "# a comment\n\n   # another\n" + plain_text.replace("\n", "   # beside\n", 2) + "\n\n\t\n",
        'TITLE "LUT_3D_SIZE 7"\n' + plain_text.replace(" ", "\t"),
        plain_text.replace("0.9000000", "9.0E-1"),
    ):
        path = tmp_path / "look.cube"
        path.write_bytes(text.encode("utf-8"))
        assert np.array_equal(run("lut", RGB, str(path)), wanted)
    path.write_bytes('TITLE "grün"\n'.encode("latin-1") + plain_text.encode())
    assert np.array_equal(run("lut", RGB, str(path)), wanted)


def test_alpha_stays() -> None:
    assert np.array_equal(run("lut", RGBA, cube(3, odd))[..., 3], RGBA[..., 3])


def test_large_cubes() -> None:
    assert near(run("lut", RGB, cube(65, lambda r, g, b: (g, b, r))), RGB[..., [1, 2, 0]], 1e-5)


# --- files that are wrong --------------------------------------------------------------------------

WHOLE = cube(2, same)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.rsplit("\n", 1)[0], "line 8: the file ends here; LUT_3D_SIZE 2 makes 8 colors, and it has 7"),
        (WHOLE[:-10], "line 9: 2 values instead of 3"),
        (WHOLE + "\n1 1 1\n", "LUT_3D_SIZE 2 makes 8 colors, and it has 9"),
        ("LUT_3D_SIZE 2\n", "LUT_3D_SIZE 2 makes 8 colors, and it has 0"),
        ("LUT_3D_SIZE 2\n0 0 0\n0 0 nan\n", "line 3: 0 0 nan has what is not a number"),
        ("LUT_3D_SIZE 2\n0 0 0\ninf 0 0\n", "line 3: inf 0 0 has what is not a number"),
        ("LUT_3D_SIZE 2\n0 0 0\n0,0 0 0\n", "line 3: could not convert"),
        ("# one\nLUT_3D_SIZE 2\n0 0\n", "line 3: 2 values instead of 3"),
        ("LUT_3D_SIZE 2\n0 0 0 0\n", "line 2: 4 values instead of 3"),
        ("LUT_3D_SIZE 1\n0 0 0\n", "line 1: LUT_3D_SIZE is a whole number, 2 to 129, not 1"),
        ("LUT_3D_SIZE 2.5\n", "line 1: LUT_3D_SIZE is a whole number"),
        ("LUT_3D_SIZE 130\n", "line 1: LUT_3D_SIZE is a whole number, 2 to 129, not 130"),
        ("LUT_3D_SIZE 1e30\n", "line 1: LUT_3D_SIZE is a whole number"),
        ("LUT_1D_SIZE 65537\n", "line 1: LUT_1D_SIZE is a whole number, 2 to 65536"),
        ("LUT_3D_SIZE\n0 0 0\n", "line 1: 0 values instead of 1"),
        ("LUT_3D_SIZE two\n", "line 1: could not convert"),
        ("\n0 0 0\n", "line 3: one of LUT_1D_SIZE and LUT_3D_SIZE is needed, there are 0"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n", "there are 2"),
        ("DOMAIN_MAX 1 0 1\n" + WHOLE, "its DOMAIN_MAX is not above its DOMAIN_MIN"),
        ("DOMAIN_MIN 0 0\n" + WHOLE, "line 1: 2 values instead of 3"),
        ("LUT_FROM_ELSEWHERE 1 2\n" + WHOLE, "line 1: could not convert"),
        ("a text\n", "line 1: 2 values instead of 3"),
    ],
)
def test_what_is_wrong_in_a_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(OpError, match=f"`lut`: its text, .*{message}"):
        run("lut", RGB, text)
    path = tmp_path / "wrong.cube"
    path.write_text(text)
    with pytest.raises(OpError, match=f"`lut`: wrong.cube, .*{message}"):
        run("lut", RGB, str(path))


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    for path, why in (
        (tmp_path / "none.cube", "no such file"),
        (tmp_path, "no .cube"),
        (Path("/dev/zero"), "no .cube"),
    ):
        with pytest.raises(OpError, match=f"can't read {path}: .*{why}"):
            run("lut", RGB, str(path))
    for name in ("", "a\0b", "x" * 5000):
        with pytest.raises(OpError, match="`lut` can't read"):
            run("lut", RGB, name)
    (tmp_path / "binary.cube").write_bytes(bytes(range(256)) * 9)
    with pytest.raises(OpError, match=r"binary\.cube, line 1"):
        run("lut", RGB, str(tmp_path / "binary.cube"))


# --- in scripts ------------------------------------------------------------------------------------


def test_a_script_is_checked_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "cut.cube").write_text(WHOLE[:-10])
    (tmp_path / "good.cube").write_text(WHOLE)
    script = tmp_path / "looks.gflow"
    script.write_text(
        'let look = "cut.cube"\n'
        'flow a(photo: image) -> image { photo |> lut("none.cube") }\n'
        "flow b(photo: image) -> image { photo |> lut(look) }\n"
        'flow c(photo: image) -> image { photo |> lut("good.cube") }\n'
    )
    found = check(script)
    assert [diagnostic.code for diagnostic in found] == ["E0212", "E0212"]
    assert "no such file" in found[0].text("label")
    assert "cut.cube, line 9: 2 values" in found[1].text("label")


def test_the_file_is_part_of_the_program(tmp_path: Path) -> None:
    """A path in the call is relative to the script; the file is read once, when the script is."""
    script = tmp_path / "look.gflow"
    script.write_text('flow look(photo: image) -> image { photo |> brightness(1.0) |> lut("swap.cube") }\n')
    (tmp_path / "swap.cube").write_text(cube(2, lambda r, g, b: (b, g, r)))
    made = gflow.load(script)
    (tmp_path / "swap.cube").unlink()
    assert made.look(Image.new("RGB", (2, 2), (10, 20, 30))).getpixel((0, 0)) == (30, 20, 10)


def test_a_bundle_holds_the_file(tmp_path: Path) -> None:
    script, bundle, photo = tmp_path / "look.gflow", tmp_path / "look", tmp_path / "photo.png"
    script.write_text('flow look(photo: image) -> image { photo |> lut("swap.cube") }\n')
    (tmp_path / "swap.cube").write_text(cube(2, lambda r, g, b: (b, g, r)))
    Image.new("RGB", (2, 2), (10, 20, 30)).save(photo)

    def call(*line: str) -> None:
        done = subprocess.run([sys.executable, *line], capture_output=True, text=True, cwd="/")
        assert done.returncode == 0, done.stderr

    call("-m", "gflow", "compile", str(script), "-o", str(bundle))
    (tmp_path / "swap.cube").unlink()
    call(str(bundle), "--photo", str(photo), "--out", str(tmp_path))
    assert Image.open(tmp_path / "look.png").getpixel((1, 1)) == (30, 20, 10)


def test_a_path_of_a_run_is_relative_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "look.gflow"
    script.write_text("flow look(photo: image, file: text) -> image { photo |> lut(file) }\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "swap.cube").write_text(cube(2, lambda r, g, b: (b, g, r)))
    monkeypatch.chdir(tmp_path / "here")
    picture = Image.fromarray((plain([0, 0.5, 1]) * 255).astype(np.uint8))
    assert gflow.load(script).look(picture, "swap.cube").getpixel((0, 0)) == (255, 127, 0)
