"""From command-line texts, input files and Python values to running values, each checked against its type.

Every mistake is an InputError that names the option, the file and the row.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.clip import Clip
from gflow.kernels.core import LARGEST_INT
from gflow.kernels.op import show_value
from gflow.runtime.errors import InputError
from gflow.runtime.pictures import from_pil, mask_from_pil, read_image, read_mask
from gflow.runtime.plan import Param
from gflow.runtime.tables import is_table, read_table

_DURATION = re.compile(r"([0-9.]+)\s*(ms|s|min|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)\s*[x×]\s*(\d+)")
#: Files of a folder, by the type of the list it is given for.
_ENDINGS: dict[t.AnyType, tuple[str, ...]] = {
    t.IMAGE: (".png", ".jpg", ".jpeg", ".webp"),
    t.MASK: (".png", ".jpg", ".jpeg", ".webp"),
    t.VIDEO: (".mp4", ".mov", ".mkv", ".webm"),
    t.AUDIO: (".wav", ".flac", ".mp3", ".ogg", ".m4a"),
}


def read_value(type_: t.AnyType, text: str, *, option: str, on_error: str = "fail") -> Any:
    """The value that a command-line text gives: a literal as a script writes it, a file's path for images,
    video and audio, and for lists and records JSON or a file (.json, .jsonl, .csv; a folder of images).

    `option` names the text's place in errors, as in `--idea`. on_error: what a damaged frame of a video does,
    "fail" or "skip". Raises InputError."""
    return _Reader(Path(), on_error).text(type_, text, option)


def from_python(type_: t.AnyType, value: Any, *, name: str, on_error: str = "fail") -> Any:
    """The running value for a Python one: PIL images, NumPy arrays (uint8 or 0..1 floats), videos that flows gave,
    paths, dicts, lists, `(width, height)`. `name` names it in errors; on_error as above. Raises InputError."""
    return _Reader(Path(), on_error).data(type_, value, name)


_MEMORY = re.compile(r"([\d.]+)\s*([kKMGT]?)(i?)B", re.ASCII)


def read_memory(text: str, *, option: str) -> int:
    """Bytes, from `8GiB`, `512 MiB` or `2GB`. Raises InputError."""
    found = _MEMORY.fullmatch(text.strip())
    try:
        assert found is not None
        number, prefix, binary = float(found[1]), found[2].upper(), found[3]
        size = int(number * (1024 if binary else 1000) ** " KMGT".index(prefix or " "))
    except (AssertionError, ValueError):
        size = 0
    if size < 1:
        raise InputError(
            f"{option}: {text!r} is no amount of memory", help="give a number and a unit: 8GiB, 512MiB"
        )
    return size


def check_range(param: Param, value: Any, *, option: str) -> None:
    """Raises InputError where a value is outside its parameter's range."""
    if value is None:
        return
    if (param.low is not None and value < param.low) or (param.high is not None and value > param.high):
        low, high = ("" if end is None else f"{end:g}" for end in (param.low, param.high))
        raise InputError(f"{option}: {value} is outside {low}..{high}")


class _Reader:
    """Reads values; relative paths are relative to `folder`."""

    def __init__(self, folder: Path, on_error: str) -> None:
        self.folder, self.on_error = folder, on_error

    # --- from text ---

    def text(self, type_: t.AnyType, text: str, where: str) -> Any:
        match type_:
            case t.Scalar("text"):
                return _unicode(text, where)
            case t.Optional(item):
                return None if text == "none" else self.text(item, text, where)
            case t.Choice(values):
                return _choice(values, text, where)
            case t.Scalar("image" | "mask" | "video" | "audio"):
                return self.file(type_, text, where)
            case t.ListOf() | t.Record():
                return self.structure(type_, text, where)
            case t.Scalar():
                return _scalar(type_, text, where)
        raise InputError(f"{where}: a value of type `{type_}` can't be given from outside")

    def file(self, type_: t.AnyType, name: str | Path, where: str) -> Any:
        path = self.folder / name
        if type_ == t.IMAGE:
            return read_image(path, where)
        if type_ == t.MASK:
            return read_mask(path, where)
        if type_ == t.VIDEO:
            from gflow.runtime.decoding import read_video  # Most programs have no videos.

            return read_video(path, where, on_error=self.on_error)
        if not os.path.isfile(path):  # unlike `Path.is_file`, not surprised by a name that is too long
            raise InputError(f"{where}: there is no file {path}")
        return t.MediaFile(path)

    def structure(self, type_: t.ListOf | t.Record, text: str, where: str) -> Any:
        """A list or a record, from JSON, a file, a folder of pictures, or values between commas."""
        if text.lstrip().startswith(("[", "{")):
            return self.data(type_, _json(text, where), where)
        path = self.folder / text
        ending = path.suffix.lower()
        if ending in (".csv", ".json", ".jsonl", ".txt") and ("," not in text or os.path.isfile(path)):
            return self.from_file(type_, path, where)
        if isinstance(type_, t.ListOf) and type_.item in _ENDINGS and text and os.path.isdir(path):
            return self.from_folder(type_, path, where)
        if isinstance(type_, t.ListOf) and not isinstance(type_.item, (t.ListOf, t.Record)):
            return [self.text(type_.item, part.strip(), where) for part in text.split(",") if part.strip()]
        raise InputError(
            f"{where}: {text!r} is neither a file nor JSON",
            help=f"give a .csv, .jsonl or .json file, or JSON, for a value of type `{type_}`",
        )

    def from_folder(self, type_: t.ListOf, folder: Path, where: str) -> Any:
        endings = _ENDINGS[type_.item]
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in endings)
        if not files:
            raise InputError(f"{where}: the folder {folder} holds no files that end in {', '.join(endings)}")
        return [self.file(type_.item, file, where) for file in files]

    def from_file(self, type_: t.ListOf | t.Record, path: Path, where: str) -> Any:
        where = f"{where}: {path}"
        beside = _Reader(path.parent, self.on_error)
        if isinstance(type_, t.ListOf) and is_table(path):
            rows = read_table(path, type_.item, where)
            read = beside.data if path.suffix.lower() == ".jsonl" else beside.row
            return [read(type_.item, cells, f"{where}, row {number}") for number, cells in rows]
        return beside.data(type_, _json(_file_text(path, where), where), where)

    def row(self, item: t.AnyType, cells: Any, where: str) -> Any:
        """A row of texts: by column from CSV, else one."""
        if not (isinstance(item, t.Record) and isinstance(cells, dict)):
            return self.cell(item, cells, where)
        return {
            name: self.cell(type_, cells.get(name, ""), f"{where}, column `{name}`") for name, type_ in item.fields
        }

    def cell(self, type_: t.AnyType, cell: str, where: str) -> Any:
        return None if isinstance(type_, t.Optional) and cell == "" else self.text(type_, cell, where)

    # --- from data ---

    def data(self, type_: t.AnyType, value: Any, where: str) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        match type_:
            case t.Optional(item):
                return None if value is None else self.data(item, value, where)
            case t.ListOf(item):
                if not isinstance(value, (list, tuple)) and not (isinstance(value, np.ndarray) and value.ndim):
                    raise _wrong(type_, value, where)
                return [self.data(item, element, f"{where}, item {i}") for i, element in enumerate(value, start=1)]
            case t.Record():
                return self.record(type_, value, where)
            case t.Scalar("image" | "mask") if not isinstance(value, (str, Path)):
                return _picture(type_, value, where)
            case t.Scalar("latent"):
                return _latent(value, where)
            case t.Scalar("audio") if isinstance(value, t.MediaFile):
                return value
            case t.Scalar("video") if isinstance(clip := getattr(value, "clip", value), Clip):
                return clip
        if isinstance(value, Path):
            return self.text(type_, str(value), where)
        if isinstance(value, str) and type_ not in (t.INT, t.FLOAT, t.BOOL, t.ANY):
            return self.text(type_, value, where)
        return _plain(type_, value, where)

    def record(self, type_: t.Record, value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(type_, value, where)
        result = {}
        for name, field in type_.fields:
            if name not in value and not isinstance(field, t.Optional):
                known = ", ".join(f"`{key}`" for key in value) or "nothing"
                raise InputError(f"{where}: the field `{name}` is missing; there is {known}")
            result[name] = self.data(field, value.get(name), f"{where}, field `{name}`")
        return result


_EXAMPLES = {
    "int": "12",
    "float": "0.5 or 40%",
    "bool": "true or false",
    "size": "1024x768",
    "duration": "4s, 250ms or 2min",
}


def _scalar(type_: t.Scalar, text: str, where: str) -> Any:
    """A number, truth value, size or duration, as a script writes it."""
    try:
        return _literal(type_.name, text.strip())
    except ValueError as error:
        hint = f"write it like {_EXAMPLES[type_.name]}" if type_.name in _EXAMPLES else ""
        raise InputError(f"{where}: {_shortened(text)!r} is not a value of type `{type_}`", help=hint) from error


def _literal(kind: str, text: str) -> Any:
    """The value. Raises ValueError."""
    match kind:
        case "int":
            return _fitting(int(text.replace("_", "")))
        case "float":
            return _finite(float(text[:-1]) / 100 if text.endswith("%") else float(text))
        case "bool" if text.lower() in ("true", "false"):
            return text.lower() == "true"
        case "size" if match := _SIZE.fullmatch(text):
            return t.Size(_fitting(int(match[1])), _fitting(int(match[2])))
        case "duration" if match := _DURATION.fullmatch(text):
            return _finite(float(match[1]) * _SECONDS[match[2]])
    raise ValueError(text)


def _fitting(value: int) -> int:
    if not -LARGEST_INT - 1 <= value <= LARGEST_INT:
        raise ValueError("more than the 64 bits of an int")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _plain(type_: t.AnyType, value: Any, where: str) -> Any:
    """A Python number, truth value or pair."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match type_:
        case t.Scalar("any"):
            return value
        case t.Scalar("int") if isinstance(value, int) and number and abs(value) <= LARGEST_INT:
            return value
        case t.Scalar("float" | "duration") if number and abs(value) <= sys.float_info.max:
            return float(value)
        case t.Scalar("bool") if isinstance(value, bool):
            return value
        case t.Scalar("size") if isinstance(value, (list, tuple)) and len(value) == 2:
            width, height = value
            if isinstance(width, int) and isinstance(height, int):
                return t.Size(width, height)
        case t.Scalar("none") if value is None:
            return None
    raise _wrong(type_, value, where)


def _picture(type_: t.AnyType, value: Any, where: str) -> t.Array:
    """An image or mask from a PIL image or an array."""
    if isinstance(value, np.ndarray):
        array = value.astype(np.float32) / np.float32(255) if value.dtype == np.uint8 else value.astype(np.float32)
        shaped = array.ndim == 2 if type_ == t.MASK else array.ndim == 3 and array.shape[-1] in (3, 4)
        if not shaped or 0 in array.shape or (value.dtype != np.uint8 and value.dtype.kind not in "fb"):
            shape = "(height, width)" if type_ == t.MASK else "(height, width, 3 or 4)"
            raise InputError(
                f"{where}: an array of {value.dtype} of shape {value.shape} is not a value of type `{type_}`",
                help=f"give uint8, or floats from 0 to 1, of shape {shape}",
            )
        if not np.isfinite(array).all():
            raise InputError(f"{where}: some pixels of the array are not finite numbers")
        return array
    if not hasattr(value, "convert") or 0 in value.size:
        raise _wrong(type_, value, where)
    return mask_from_pil(value) if type_ == t.MASK else from_pil(value)


def _latent(value: Any, where: str) -> t.Array:
    with suppress(ValueError, TypeError):
        array = np.array(value, np.float32)
        if array.ndim == 3:
            return array
    raise _wrong(t.LATENT, value, where)


def _unicode(text: str, where: str) -> str:
    """The text, which can be written as UTF-8: bytes of a command line that are not UTF-8 come as halves of
    characters."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: this is not UTF-8 text") from error
    return text


def _choice(values: tuple[str, ...], text: str, where: str) -> str:
    if text in values:
        return text
    import difflib  # Takes its time, and is for mistakes alone.

    near = difflib.get_close_matches(text, values, n=1)
    raise InputError(
        f"{where}: {text!r} is not one of {', '.join(values)}", help=f"did you mean {near[0]}?" if near else ""
    )


def _json(text: str, where: str) -> Any:
    if not text.strip():
        raise InputError(f"{where}: the file is empty")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: this is not JSON: {error.msg}, line {error.lineno}") from error
    except RecursionError as error:
        raise InputError(f"{where}: this is not JSON: nested too deeply") from error
    except ValueError as error:  # an int of thousands of digits
        raise InputError(f"{where}: this JSON holds a number that is too large") from error


def _file_text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{where}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: this is not UTF-8 text") from error


def _wrong(type_: t.AnyType, value: Any, where: str) -> InputError:
    plain = value is None or isinstance(value, (bool, int, float, str))
    shown = _shortened(show_value(value)) if plain else f"a value of Python's type `{type(value).__name__}`"
    return InputError(f"{where}: {shown} is not a value of type `{type_}`")


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
