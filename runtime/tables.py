"""Tables of input: CSV, JSON lines, plain lines. Rows are numbered as a spreadsheet shows them, the
first line being 1: a cell that spans lines does not count twice."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gflow.kernels import types as t
from gflow.runtime.errors import InputError


def is_table(path: Path) -> bool:
    """Whether a file is a table, one row a line, by its ending."""
    return path.suffix.lower() in (".csv", ".jsonl", ".txt")


def read_table(path: Path, item: t.AnyType, where: str) -> list[tuple[int, Any]]:
    """The rows of a file with their numbers: a dict of texts for a row of CSV (a text where the rows are no
    records), data for a line of JSON, the line for plain text. Raises InputError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            readers = {".csv": _csv, ".jsonl": _json_lines, ".txt": _lines}
            rows = list(readers[path.suffix.lower()](file, item, where))
    except OSError as error:
        raise InputError(f"{where}: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: this is not UTF-8 text") from error
    if not rows:
        raise InputError(f"{where}: there are no rows")
    return rows


def _csv(file: Any, item: t.AnyType, where: str) -> Iterator[tuple[int, Any]]:
    numbered = _numbered(csv.reader(file, strict=True), where)
    header = [name.strip() for name in next(numbered, (1, []))[1]]
    if not header:
        raise InputError(f"{where}: the file is empty", help="its first line names the columns")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{where}: the column `{twice}` is there twice")
    if isinstance(item, t.Record):
        for name, type_ in item.fields:
            if name not in header and not isinstance(type_, t.Optional):
                known = ", ".join(f"`{column}`" for column in header)
                hint = (
                    "columns are separated by commas" if len(header) == 1 and re.search(r"[;\t]", header[0]) else ""
                )
                raise InputError(f"{where}: the column `{name}` is missing; there is {known}", help=hint)
    elif len(header) > 1:
        raise InputError(f"{where}: there are {len(header)} columns, but a list of `{item}` has one")
    for number, cells in numbered:
        if not cells:
            continue
        if len(cells) != len(header):
            message = f"{len(cells)} cells, but the first line names {len(header)} columns"
            raise InputError(f"{where}, row {number}: {message}")
        row = dict(zip(header, cells, strict=True))
        yield number, row if isinstance(item, t.Record) else cells[0]


def _numbered(reader: Iterator[list[str]], where: str) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, cells
    except csv.Error as error:
        raise InputError(f"{where}, row {number + 1}: this is not CSV: {error}") from error


def _json_lines(file: Any, item: t.AnyType, where: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                told = getattr(error, "msg", "nested too deeply")
                raise InputError(f"{where}, row {number}: this is not JSON: {told}") from error


def _lines(file: Any, item: t.AnyType, where: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if line.strip():
            yield number, line.rstrip("\r\n")
