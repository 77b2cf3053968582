"""Bad input: one clear message with a code and a place, the right exit status, nothing half-written."""

from __future__ import annotations

import struct
import tempfile
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gflow.cli import main
from gflow.compiler.program import check

SCRIPT = """
record Row { sku: text, photo: image, kind: "shoe" | "hat" }

flow catalogue(rows: list<Row>) -> list<{ sku: text, hero: image }> {
  for row in rows { { sku: row.sku, hero: row.photo |> resize(8x8) } }
}

flow shrink(img: image, n: int = 1, size: size = 8x8) -> image { img |> resize(size) |> brightness(n) }

flow pick(names: list<text>) -> text { best(names, by: name => count(words(name))) }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.gflow").write_text(SCRIPT, "utf-8")
    Image.new("RGB", (4, 4), "red").save(tmp_path / "good.png")
    return tmp_path


def refused(folder: Path, *args: str, status: int = 2) -> str:
    """What is told; also makes sure that nothing was written."""
    out = folder / "out"
    result = CliRunner().invoke(main, ["run", str(folder / "s.gflow"), *args, "--out", str(out)])
    assert result.exit_code == status, result.output
    assert "Traceback" not in result.output
    assert not out.exists() or list(out.rglob("*")) == []
    return " ".join(result.stderr.split())


def header(width: int, height: int) -> bytes:
    """A PNG file that says how large it is, and holds nothing."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def test_unknown_option(folder: Path) -> None:
    assert "No such option '--imgs'. Did you mean '--img'?" in refused(folder, "shrink", "--imgs", "x")


def test_missing_option(folder: Path) -> None:
    assert "Missing option '--img'" in refused(folder, "shrink")


def test_unknown_flow(folder: Path) -> None:
    assert "did you mean shrink?" in refused(folder, "shrnk")


def test_wrong_types(folder: Path) -> None:
    image = str(folder / "good.png")
    assert "error[R1001]: --n: 'two'" in refused(folder, "shrink", "--img", image, "--n", "two")
    told = refused(folder, "shrink", "--img", image, "--size", "big")
    assert "--size: 'big'" in told and "1024x768" in told


def test_pictures_that_are_none(folder: Path) -> None:
    assert "--img" in refused(folder, "shrink", "--img", str(folder / "no.png"))
    (folder / "text.png").write_text("hello")
    assert "text.png" in refused(folder, "shrink", "--img", str(folder / "text.png"))
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:-30])
    assert "cut.png" in refused(folder, "shrink", "--img", str(folder / "cut.png"))
    (folder / "huge.png").write_bytes(header(60_000, 60_000))
    told = refused(folder, "shrink", "--img", str(folder / "huge.png"))
    assert "huge.png" in told and "megapixels" in told and "Warning" not in told


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("sku,kind\na,shoe\n", "photo"),
        ("sku,photo,kind\na,good.png,shoe\nb,good.png,boot\n", "row 3"),
        ("sku,photo,kind\na,nothing.png,shoe\n", "row 2"),
        ("sku,photo,kind\na,good.png\n", "row 2"),
        ("", "empty"),
    ],
)
def test_tables(folder: Path, table: str, told: str) -> None:
    (folder / "rows.csv").write_text(table)
    message = refused(folder, "catalogue", "--rows", str(folder / "rows.csv"))
    assert told in message and "--rows" in message and "rows.csv" in message


def test_an_empty_list_has_no_best(folder: Path) -> None:
    told = refused(folder, "pick", "--names", "[]", status=1)
    assert "error[R1101]" in told and "s.gflow:10:" in told


def test_out_can_not_be_written(folder: Path) -> None:
    (folder / "out").write_text("in the way")
    arguments = ["run", str(folder / "s.gflow"), "pick", "--names", "a", "--out", str(folder / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and "error[R1001]: --out" in result.stderr
    assert (folder / "out").read_text() == "in the way"


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"s.gflow": "flow f() -> int { g() }\nflow g() -> int { f() }\n"}, "E0306"),
        (
            {"s.gflow": 'use "t.gflow" as t\nflow f() -> int { t.g() }\n', "t.gflow": 'use "s.gflow" as s\n'},
            "E0206",
        ),
        ({"s.gflow": 'model m = diffusion("./nowhere")\nflow f() -> image { m.generate("x") }\n'}, "E0402"),
        (
            {
                "s.gflow": 'model m = scorer("./m")\nflow f(i: image) -> float { m.score(i, "x") }\n',
                "m/config.json": '{"model_type": "clip", "text_config": {}, "vision_config": {}}',
                "m/tokenizer.json": "{}",
                "m/pytorch_model.bin": "pickle",
            },
            "E0404",
        ),
    ],
)
def test_scripts_that_can_not_run(tmp_path: Path, files: dict[str, str], code: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    told = refused(tmp_path)
    assert f"error[{code}]" in told and "s.gflow:" in told


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    for command in ("run", "check", "fmt", "test", "explain"):
        result = CliRunner().invoke(main, [command, str(tmp_path / "none.gflow")])
        assert result.exit_code == 2, result.output
        assert "none.gflow" in result.output and "Traceback" not in result.output


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_text_makes_the_checker_fail(data: st.DataObject) -> None:
    """Random bytes, and a good script with pieces cut out, doubled or put elsewhere."""
    if data.draw(st.booleans()):
        raw = data.draw(st.binary(max_size=200))
    else:
        words = SCRIPT.split(" ")
        for _ in range(data.draw(st.integers(1, 4))):
            here = data.draw(st.integers(0, len(words) - 1))
            there = data.draw(st.integers(0, len(words) - 1))
            words[here : here + data.draw(st.integers(0, 3))] = words[there : there + data.draw(st.integers(0, 4))]
            words = words or [""]
        raw = " ".join(words).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.gflow"
        path.write_bytes(raw)
        for diagnostic in check(path):
            assert diagnostic.text("title")
