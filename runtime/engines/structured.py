"""A value of a TYPE from a language model, `generate(..., as: TYPE)`.

A local model fills a form: we write the JSON, it writes the leaves, so the value always has the type. A server
is asked for JSON that fits a schema, and what it answers is checked.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Protocol

from gflow.kernels import types as t
from gflow.runtime.errors import OpFailed, WrongShape

#: No list that a model fills is longer.
LONGEST_LIST = 16


def can_fill(type_: t.AnyType) -> bool:
    """Whether a language model can answer with this type: text, int, float, bool, choices, and lists, records
    and optionals of those."""
    match type_:
        case t.ListOf(item) | t.Optional(item):
            return can_fill(item)
        case t.Record(fields):
            return all(can_fill(field) for _, field in fields)
        case _:
            return isinstance(type_, t.Choice) or type_ in (t.TEXT, t.INT, t.FLOAT, t.BOOL)


def instruction(type_: t.AnyType) -> str:
    """What a prompt says of the answer's form. Raises OpFailed for a type that no model can answer with."""
    if not can_fill(type_):
        raise OpFailed(f"a language model can't answer with a value of type {type_}")
    return f"Answer only with JSON of this form: {_sketch(type_)}"


def _sketch(type_: t.AnyType) -> str:
    match type_:
        case t.Choice(values):
            return " or ".join(_json(value) for value in values)
        case t.ListOf(item):
            return f"[{_sketch(item)}, ...]"
        case t.Record(fields):
            return "{" + ", ".join(f"{_json(name)}: {_sketch(field)}" for name, field in fields) + "}"
        case t.Optional(item):
            return f"{_sketch(item)} or null"
        case _:
            return {"text": '"text"', "int": "integer", "float": "number", "bool": "true or false"}[str(type_)]


# --- filling a form ----------------------------------------------------------------------------------


class Pen(Protocol):
    """How a form asks the model. `so_far` is all of the answer that is written already."""

    def text(self, so_far: str) -> str:
        """What the model writes up to a quote, the end of the line, or its own end; JSON escapes unresolved."""
        ...

    def number(self, so_far: str, *, fraction: bool) -> str:
        """Digits, with a sign and, if `fraction`, a point where it writes them."""
        ...

    def choose(self, so_far: str, options: list[str]) -> int:
        """The place of the likeliest continuation."""
        ...


def fill(type_: t.AnyType, pen: Pen) -> Any:
    """A value of the type, of at least one and at most `LONGEST_LIST` items where it has lists."""
    return _fill(type_, pen, "")[0]


def _fill(type_: t.AnyType, pen: Pen, so_far: str) -> tuple[Any, str]:
    """The value, and the answer with it written."""
    match type_:
        case t.Choice(values):
            return _choose(list(values), pen, so_far)
        case t.ListOf(item):
            return _fill_list(item, pen, so_far)
        case t.Record(fields):
            record: dict[str, Any] = {}
            comma = "{"
            for name, field in fields:
                record[name], so_far = _fill(field, pen, f"{so_far}{comma}{_json(name)}:")
                comma = ","
            return record, so_far + "}"
        case t.Optional(item):
            if pen.choose(so_far, ["null", *_openings(item)]) == 0:
                return None, so_far + "null"
            return _fill(item, pen, so_far)
    if type_ == t.BOOL:
        return _choose([True, False], pen, so_far)
    if type_ == t.INT:
        number = pen.number(so_far, fraction=False)
        return int(number), so_far + number
    if type_ == t.FLOAT:
        number = pen.number(so_far, fraction=True)
        return float(number), so_far + number
    value = _unescaped(pen.text(so_far + '"')).strip()
    return value, so_far + _json(value)


def _fill_list(item: t.AnyType, pen: Pen, so_far: str) -> tuple[list[Any], str]:
    values: list[Any] = []
    so_far += "["
    while True:
        value, so_far = _fill(item, pen, so_far)
        values.append(value)
        if len(values) == LONGEST_LIST or pen.choose(so_far, ["]", ","]) == 0:
            return values, so_far + "]"
        so_far += ","


def _choose(values: list[Any], pen: Pen, so_far: str) -> tuple[Any, str]:
    options = [_json(value) for value in values]
    picked = pen.choose(so_far, options) if len(options) > 1 else 0
    return values[picked], so_far + options[picked]


def _openings(type_: t.AnyType) -> list[str]:
    """What a value of the type may begin with."""
    match type_:
        case t.ListOf():
            return ["["]
        case t.Record():
            return ["{"]
        case t.Optional(item):
            return _openings(item)
    if type_ == t.BOOL:
        return ["true", "false"]
    return ["-", *"0123456789"] if type_ in (t.INT, t.FLOAT) else ['"']


def _unescaped(written: str) -> str:
    try:
        return str(json.loads(f'"{written}"', strict=False))
    except ValueError:
        return written


# --- asking a server ---------------------------------------------------------------------------------


def schema(type_: t.AnyType) -> dict[str, Any]:
    """The JSON schema of an answer, in the strict form that OpenAI describes: its root is an object, so the
    value of any other type is the field `value` of one."""
    return _schema(type_ if isinstance(type_, t.Record) else _wrapped(type_))


def server_instruction(type_: t.AnyType) -> str:
    """What the prompt says of the answer's form, the same form as `schema`."""
    return instruction(type_ if isinstance(type_, t.Record) else _wrapped(type_))


def _wrapped(type_: t.AnyType) -> t.Record:
    return t.Record((("value", type_),))


def _schema(type_: t.AnyType) -> dict[str, Any]:
    match type_:
        case t.Choice(values):
            return {"type": "string", "enum": list(values)}
        case t.ListOf(item):
            return {"type": "array", "items": _schema(item)}
        case t.Record(fields):
            return {
                "type": "object",
                "properties": {name: _schema(field) for name, field in fields},
                "required": [name for name, _ in fields],
                "additionalProperties": False,
            }
        case t.Optional(item):
            return {"anyOf": [_schema(item), {"type": "null"}]}
        case _:
            names = {"text": "string", "int": "integer", "float": "number", "bool": "boolean"}
            return {"type": names[str(type_)]}


def read(type_: t.AnyType, answer: str) -> Any:
    """The value in a server's answer. Raises WrongShape, saying where it does not fit."""
    fenced = re.search(r"```(?:json)?\s*(.*?)```", answer, re.DOTALL)
    try:
        data = json.loads(fenced[1] if fenced else answer)
    except (ValueError, RecursionError):
        raise WrongShape(
            f"the model was asked for {type_} and did not answer with JSON: {_shown(answer)}"
        ) from None
    if isinstance(type_, t.Record):
        return _read(type_, data, "the answer")
    if isinstance(data, dict) and data.keys() == {"value"}:
        data = data["value"]
    return _read(type_, data, "the answer")


def _read(type_: t.AnyType, data: Any, where: str) -> Any:
    match type_:
        case t.Choice(values) if data in values:
            return data
        case t.ListOf(item) if isinstance(data, list):
            return [_read(item, value, f"{where}[{index}]") for index, value in enumerate(data)]
        case t.Record(fields) if isinstance(data, dict):
            missing = [name for name, field in fields if name not in data and not isinstance(field, t.Optional)]
            if missing:
                raise WrongShape(f"{where} has no `{missing[0]}`: {_shown(data)}")
            return {name: _read(field, data.get(name), f"{where}.{name}") for name, field in fields}
        case t.Optional(item):
            return None if data is None else _read(item, data, where)
    if type_ == t.TEXT and isinstance(data, str):
        return data
    if type_ == t.BOOL and isinstance(data, bool):
        return data
    if type_ in (t.INT, t.FLOAT) and isinstance(data, int | float) and not isinstance(data, bool):
        # Python reads NaN and Infinity, which no JSON has, and whole numbers that no float holds.
        if type_ == t.INT and (isinstance(data, int) or data.is_integer()):
            return int(data)
        if type_ == t.FLOAT and abs(data) <= sys.float_info.max:
            return float(data)
    raise WrongShape(f"{where} should be {type_}, not {_shown(data)}")


def _shown(data: Any) -> str:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
