"""From command-line texts, input files and Python values to running values, each checked against its type.

Every mistake is an InputError that names the option, the file and the row.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.runtime.errors import InputError
from gflow.runtime.pictures import from_pil, mask_from_pil, read_image, read_mask
from gflow.runtime.plan import Param
from gflow.runtime.tables import is_table, read_table

_DURATION = re.compile(r"([0-9.]+)\s*(ms|s|min|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)\s*[x×]\s*(\d+)")


def read_value(type_: t.AnyType, text: str, *, option: str) -> Any:
    """The value that a command-line text gives: a literal as a script writes it, a file's path for images,
    video and audio, and for lists and records JSON or a file (.json, .jsonl, .csv; a folder of images).

    `option` names the text's place in errors, as in `--idea`. Raises InputError."""
    return _Reader(Path()).text(type_, text, option)


def from_python(type_: t.AnyType, value: Any, *, name: str) -> Any:
    """The running value for a Python one: PIL images, NumPy arrays (uint8 or 0..1 floats), paths, dicts, lists,
    `(width, height)`. `name` names it in errors. Raises InputError."""
    return _Reader(Path()).data(type_, value, name)


def check_range(param: Param, value: Any, *, option: str) -> None:
    """Raises InputError where a value is outside its parameter's range."""
    if value is None:
        return
    if (param.low is not None and value < param.low) or (param.high is not None and value > param.high):
        raise InputError(f"{option}: {value} is outside {param.low}..{param.high}")


class _Reader:
    """Reads values; relative paths are relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # --- from text ---

    def text(self, type_: t.AnyType, text: str, where: str) -> Any:
        match type_:
            case t.Scalar("text"):
                return text
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

    def file(self, type_: t.AnyType, text: str, where: str) -> Any:
        path = self.folder / text
        if type_ == t.IMAGE:
            return read_image(path, where)
        if type_ == t.MASK:
            return read_mask(path, where)
        if not path.is_file():
            raise InputError(f"{where}: there is no file {path}")
        return t.MediaFile(path)

    def structure(self, type_: t.ListOf | t.Record, text: str, where: str) -> Any:
        """A list or a record, from JSON, a file, a folder of images, or values between commas."""
        if text.lstrip().startswith(("[", "{")):
            return self.data(type_, _json(text, where), where)
        path = self.folder / text
        if path.is_dir() and isinstance(type_, t.ListOf):
            suffixes = (".png", ".jpg", ".jpeg", ".webp")
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in suffixes)
            if not files:
                raise InputError(f"{where}: the folder {path} holds no pictures")
            return [_Reader(Path()).text(type_.item, str(file), where) for file in files]
        if path.suffix.lower() in (".csv", ".json", ".jsonl", ".txt") or path.is_file():
            return self.from_file(type_, path, where)
        if isinstance(type_, t.ListOf) and not isinstance(type_.item, (t.ListOf, t.Record)):
            return [self.text(type_.item, part.strip(), where) for part in text.split(",") if part.strip()]
        raise InputError(
            f"{where}: {text!r} is neither a file nor JSON",
            help=f"give a .csv, .jsonl or .json file, or JSON, for a value of type `{type_}`",
        )

    def from_file(self, type_: t.ListOf | t.Record, path: Path, where: str) -> Any:
        where = f"{where}: {path}"
        beside = _Reader(path.parent)
        if isinstance(type_, t.ListOf) and is_table(path):
            rows = read_table(path, type_.item, where)
            return [beside.row(type_.item, cells, f"{where}, row {number}") for number, cells in rows]
        return beside.data(type_, _json(_file_text(path, where), where), where)

    def row(self, item: t.AnyType, cells: Any, where: str) -> Any:
        """A row of a table: texts by column from CSV, or data from a line of JSON."""
        if isinstance(item, t.Record) and isinstance(cells, dict):
            return {
                name: self.cell(type_, cells.get(name), f"{where}, column `{name}`") for name, type_ in item.fields
            }
        return self.cell(item, cells, where)

    def cell(self, type_: t.AnyType, cell: Any, where: str) -> Any:
        if isinstance(type_, t.Optional) and cell == "":
            return None
        return self.text(type_, cell, where) if isinstance(cell, str) else self.data(type_, cell, where)

    # --- from data ---

    def data(self, type_: t.AnyType, value: Any, where: str) -> Any:
        match type_:
            case t.Optional(item):
                return None if value is None else self.data(item, value, where)
            case t.ListOf(item):
                if not isinstance(value, (list, tuple)):
                    raise _wrong(type_, value, where)
                return [self.data(item, element, f"{where}, item {i}") for i, element in enumerate(value, start=1)]
            case t.Record():
                return self.record(type_, value, where)
            case t.Scalar("image" | "mask") if not isinstance(value, (str, Path)):
                return _picture(type_, value, where)
            case t.Scalar("latent"):
                return np.asarray(value, np.float32)
        if isinstance(value, t.MediaFile):
            return value
        if isinstance(value, Path):
            return self.text(type_, str(value), where)
        if isinstance(value, str) and type_ not in (t.INT, t.FLOAT, t.BOOL):
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


def _scalar(type_: t.Scalar, text: str, where: str) -> Any:
    """A number, truth value, size or duration, as a script writes it."""
    stripped = text.strip()
    try:
        match type_.name:
            case "int":
                return int(stripped.replace("_", ""))
            case "float":
                number = float(stripped[:-1]) / 100 if stripped.endswith("%") else float(stripped)
                if math.isfinite(number):
                    return number
            case "bool" if stripped.lower() in ("true", "false"):
                return stripped.lower() == "true"
            case "size" if match := _SIZE.fullmatch(stripped):
                return t.Size(int(match[1]), int(match[2]))
            case "duration" if match := _DURATION.fullmatch(stripped):
                return float(match[1]) * _SECONDS[match[2]]
    except ValueError:
        pass
    examples = {
        "int": "12",
        "float": "0.5 or 40%",
        "bool": "true or false",
        "size": "1024x768",
        "duration": "4s, 250ms or 2min",
    }
    hint = f"write it like {examples[type_.name]}" if type_.name in examples else ""
    raise InputError(f"{where}: {text!r} is not a value of type `{type_}`", help=hint)


def _plain(type_: t.AnyType, value: Any, where: str) -> Any:
    """A Python number, truth value, text or pair."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match type_:
        case t.ANY:
            return value
        case t.Scalar("int") if isinstance(value, int) and number:
            return value
        case t.Scalar("float" | "duration") if number and math.isfinite(value):
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
        good = array.ndim == 2 if type_ == t.MASK else array.ndim == 3 and array.shape[-1] in (3, 4)
        if not good or 0 in array.shape:
            raise InputError(f"{where}: an array of shape {value.shape} is not a value of type `{type_}`")
        return array
    if not hasattr(value, "convert"):
        raise _wrong(type_, value, where)
    return mask_from_pil(value) if type_ == t.MASK else from_pil(value)


def _choice(values: tuple[str, ...], text: str, where: str) -> str:
    if text in values:
        return text
    near = difflib.get_close_matches(text, values, n=1)
    raise InputError(
        f"{where}: {text!r} is not one of {', '.join(values)}", help=f"did you mean {near[0]}?" if near else ""
    )


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: this is not JSON: {error.msg}, line {error.lineno}") from error


def _file_text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{where}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: this is not UTF-8 text") from error


def _wrong(type_: t.AnyType, value: Any, where: str) -> InputError:
    shown = repr(value) if len(repr(value)) < 60 else type(value).__name__
    return InputError(f"{where}: {shown} is not a value of type `{type_}`")
