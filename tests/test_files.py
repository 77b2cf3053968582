"""What goes in and what comes out: pictures, tables and JSON to running values, and results to files."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gflow.kernels import types as t
from gflow.kernels.files import digest, whole
from gflow.runtime.errors import InputError
from gflow.runtime.inputs import from_python, read_value
from gflow.runtime.outputs import to_python, write

ROW = t.Record((("name", t.TEXT), ("picture", t.IMAGE), ("size", t.Optional(t.INT))))


def read(type_: t.AnyType, text: object) -> Any:
    return read_value(type_, str(text), option="--x")


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (t.TEXT, "a b", "a b"),
        (t.INT, "-3", -3),
        (t.FLOAT, "40%", 0.4),
        (t.BOOL, "true", True),
        (t.SIZE, "64x48", t.Size(64, 48)),
        (t.DURATION, "250ms", 0.25),
        (t.Choice(("a", "b")), "b", "b"),
        (t.Optional(t.INT), "none", None),
        (t.ListOf(t.INT), "1, 2,3", [1, 2, 3]),
        (t.ListOf(t.TEXT), '["a, b", "c"]', ["a, b", "c"]),
        (t.Record((("a", t.INT), ("b", t.SIZE))), '{"a": 1, "b": "8x9"}', {"a": 1, "b": t.Size(8, 9)}),
    ],
)
def test_texts_become_values(type_: t.AnyType, text: str, value: Any) -> None:
    assert read(type_, text) == value


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (t.INT, "2.5"),
        (t.FLOAT, "nan"),
        (t.FLOAT, "inf"),
        (t.BOOL, "maybe"),
        (t.SIZE, "8"),
        (t.Choice(("left",)), "lfet"),
    ],
)
def test_texts_that_are_no_such_value(type_: t.AnyType, text: str) -> None:
    with pytest.raises(InputError, match=r"^--x"):
        read(type_, text)


def test_pictures_of_every_kind(tmp_path: Path) -> None:
    plain = Image.new("RGB", (4, 2), (255, 0, 51))
    for name in ("a.png", "a.webp", "a.jpg"):
        plain.save(tmp_path / name, **({"lossless": True} if name == "a.webp" else {"quality": 100}))
        image = read(t.IMAGE, tmp_path / name)
        assert image.shape == (2, 4, 3) and image.dtype == np.float32
        assert np.allclose(image, [1.0, 0.0, 0.2], atol=0.02)
    exif = plain.getexif()
    exif[0x0112] = 6  # lies on its side
    plain.save(tmp_path / "turned.jpg", exif=exif)
    assert read(t.IMAGE, tmp_path / "turned.jpg").shape == (4, 2, 3)
    Image.new("RGBA", (3, 3), (0, 0, 0, 51)).save(tmp_path / "clear.png")
    assert np.allclose(read(t.IMAGE, tmp_path / "clear.png")[..., 3], 0.2)
    Image.fromarray(np.full((2, 2), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert np.allclose(read(t.IMAGE, tmp_path / "deep.png"), 0.5, atol=1e-3)
    assert read(t.MASK, tmp_path / "deep.png").shape == (2, 2)
    Image.new("CMYK", (2, 2)).save(tmp_path / "print.jpg")
    assert read(t.IMAGE, tmp_path / "print.jpg").shape == (2, 2, 3)


def test_tables_and_folders(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    (tmp_path / "rows.csv").write_bytes('\ufeffname,picture,size,more\n"a,\nb",p.png,3,x\nc,p.png,,x\n'.encode())
    (tmp_path / "rows.jsonl").write_text('{"name": "c", "picture": "p.png"}\n\n')
    rows = read(t.ListOf(ROW), tmp_path / "rows.csv")
    assert [(row["name"], row["size"]) for row in rows] == [("a,\nb", 3), ("c", None)]
    assert rows[0]["picture"].shape == (2, 2, 3)
    assert read(t.ListOf(ROW), tmp_path / "rows.jsonl")[0]["size"] is None
    assert len(read(t.ListOf(t.IMAGE), tmp_path)) == 1
    (tmp_path / "bad.csv").write_text('name,picture,size\n"a,\nb",p.png,3\nc,p.png,three\n')
    with pytest.raises(InputError, match=r"bad.csv, row 3, column `size`"):
        read(t.ListOf(ROW), tmp_path / "bad.csv")
    (tmp_path / "twice.csv").write_text("name,name,picture\n")
    with pytest.raises(InputError, match="twice"):
        read(t.ListOf(ROW), tmp_path / "twice.csv")
    (tmp_path / "latin.csv").write_bytes("name,picture\nn\xe9e,p.png\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read(t.ListOf(ROW), tmp_path / "latin.csv")


def test_python_values_and_back() -> None:
    picture = Image.new("RGB", (3, 2), (255, 0, 0))
    value = from_python(t.IMAGE, picture, name="x")
    assert to_python(value).tobytes() == picture.tobytes()
    assert from_python(t.SIZE, (3, 2), name="x") == t.Size(3, 2)
    assert from_python(t.IMAGE, np.zeros((2, 2, 3), np.uint8), name="x").dtype == np.float32
    with pytest.raises(InputError, match=r"^x"):
        from_python(t.INT, "three", name="x")


def test_results_become_files(tmp_path: Path) -> None:
    image = np.zeros((2, 3, 3), np.float32)
    image[0, 0] = [1.5, -1.0, np.nan]
    value = {"cover": image, "rows": [{"name": "a", "picture": image, "size": None}], "n": 3, "none": None}
    type_ = t.Record((("cover", t.IMAGE), ("rows", t.ListOf(ROW)), ("n", t.INT), ("none", t.Optional(t.IMAGE))))
    files = write("made", type_, value, tmp_path, provenance={"seed": 1})
    names = [str(path.relative_to(tmp_path)) for path in files]
    assert names == ["cover.png", "rows/000.picture.png", "rows.jsonl", "n.json"]
    assert json.loads((tmp_path / "rows.jsonl").read_text()) == {
        "name": "a",
        "picture": "rows/000.picture.png",
        "size": None,
    }
    cover = Image.open(tmp_path / "cover.png")
    assert cover.getpixel((0, 0)) == (255, 0, 0)
    assert json.loads(cover.text["gflow"]) == {"seed": 1}  # type: ignore[attr-defined]
    again = tmp_path / "again"
    again.mkdir()
    write("made", type_, value, again, provenance={"seed": 1})
    assert (again / "cover.png").read_bytes() == (tmp_path / "cover.png").read_bytes()


def test_a_result_that_can_not_be_written_leaves_nothing_half(tmp_path: Path) -> None:
    class Broken:
        ndim, shape = 3, (1, 1, 3)

    with pytest.raises(Exception):  # noqa: B017  (whatever it is, no file may be left)
        write("made", t.IMAGE, Broken(), tmp_path, provenance={})
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_whoever_writes_it(tmp_path: Path) -> None:
    place, texts = tmp_path / ("ä" * 120 + ".txt"), [letter * 100_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda text: whole(place, lambda part: part.write_text(text)), texts * 10):
            assert place.read_text() in texts
    before = place.read_text()

    def fail(part: Path) -> None:
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whole(place, fail)
    assert place.read_text() == before and list(tmp_path.iterdir()) == [place]
    with pytest.raises(FileNotFoundError) as caught:
        whole(tmp_path / "none" / "a", lambda part: part.write_text(""))
    assert caught.value.filename == str(tmp_path / "none" / "a")


def test_names_of_contents_tell_their_parts() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc") and digest(b"abc") == digest(b"abc")
    assert len(digest(b"ab", b"c")) == len(digest(b"")) == 32
