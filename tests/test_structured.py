"""Values of a type from what a server answers."""

from __future__ import annotations

from typing import Any

import pytest

from gflow.kernels import types as t
from gflow.runtime.engines import structured
from gflow.runtime.errors import OpFailed, WrongShape

FORM = t.Record((("a", t.Choice(("x", "y"))), ("b", t.Optional(t.FLOAT)), ("c", t.ListOf(t.BOOL))))


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (FORM, '{"a": "x", "b": null, "c": [true, false]}', {"a": "x", "b": None, "c": [True, False]}),
        (FORM, '{"c": [], "b": 2, "a": "y", "more": 1}', {"a": "y", "b": 2.0, "c": []}),
        (FORM, '{"c": [], "a": "y"}', {"a": "y", "b": None, "c": []}),
        (t.INT, "7.0", 7),
        (t.INT, '{"value": 7}', 7),
        (t.Record((("value", t.INT),)), '{"value": 7}', {"value": 7}),
    ],
)
def test_answers_that_fit(type_: t.AnyType, text: str, value: Any) -> None:
    found = structured.read(type_, text)
    assert found == value and repr(found) == repr(value)


@pytest.mark.parametrize(
    ("type_", "text", "message"),
    [
        (FORM, '{"a": "z", "b": 1, "c": []}', r'the answer\.a should be "x" \| "y", not z'),
        (FORM, '{"a": "x", "b": "1", "c": []}', r"the answer\.b should be float"),
        (FORM, '{"a": "x", "b": 1, "c": [true, 1]}', r"the answer\.c\[1\] should be bool, not 1"),
        (FORM, '{"a": "x", "b": 1}', "the answer has no `c`"),
        (FORM, "[]", "the answer should be"),
        (t.INT, "7.5", "should be int"),
        (t.INT, "true", "should be int"),
        (t.INT, "Infinity", "should be int"),
        (t.FLOAT, "NaN", "should be float"),
        (t.FLOAT, "1" + "0" * 400, "should be float"),
        (t.Choice(("x",)), "[]", "should be"),
        (t.INT, "seven", "did not answer with JSON: seven"),
        (t.INT, "", "did not answer with JSON"),
        (t.INT, "[" * 100_000, "did not answer with JSON"),
    ],
)
def test_answers_that_do_not_fit(type_: t.AnyType, text: str, message: str) -> None:
    with pytest.raises(WrongShape, match=message):
        structured.read(type_, text)


def test_what_a_model_can_answer_with() -> None:
    assert structured.can_fill(FORM) and structured.can_fill(t.ListOf(FORM))
    for type_ in (t.IMAGE, t.ListOf(t.MASK), t.Record((("a", t.Optional(t.SIZE)),))):
        assert not structured.can_fill(type_)
        with pytest.raises(OpFailed, match="can't answer"):
            structured.instruction(type_)
