from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gflow.kernels.op import OpError, registry
from gflow.kernels.types import MediaFile, Size

BIGGEST = 2**63 - 1
IMAGE = np.zeros((32, 64, 3), np.float32)


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        ("+", 2, 3, 5),
        ("+", 2, 0.5, 2.5),
        ("+", "a", "b", "ab"),
        ("+", [1], [2], [1, 2]),
        ("+", Size(3, 4), Size(10, 20), Size(13, 24)),
        ("-", 2, 3, -1),
        ("-", Size(13, 24), Size(3, 4), Size(10, 20)),
        ("*", 2, 3, 6),
        ("*", 2, 1.5, 3.0),
        ("*", Size(100, 51), 0.5, Size(50, 26)),
        ("*", 2, Size(3, 4), Size(6, 8)),
        ("/", 7, 2, 3.5),
        ("/", 6, 3, 2.0),
        ("/", Size(100, 51), 2, Size(50, 26)),
        ("%", 7, 3, 1),
        ("%", -1, 8, 7),
        ("%", 1.5, 1, 0.5),
    ],
)
def test_arithmetic(op: str, left: Any, right: Any, expected: Any) -> None:
    result = run(op, left, right)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("op", ["/", "%"])
@pytest.mark.parametrize("left", [1, 1.0, Size(2, 2)])
@pytest.mark.parametrize("zero", [0, 0.0])
def test_division_by_zero(op: str, left: Any, zero: Any) -> None:
    with pytest.raises(OpError, match="divided by zero"):
        run(op, left, zero)


@pytest.mark.parametrize(("op", "left", "right"), [("+", BIGGEST, 1), ("-", -BIGGEST, 2), ("*", BIGGEST, 2)])
def test_ints_have_64_bits(op: str, left: int, right: int) -> None:
    with pytest.raises(OpError, match="too large for an int"):
        run(op, left, right)


@pytest.mark.parametrize(
    ("op", "left", "right", "kinds"),
    [
        ("+", "a", 1, "a text and an int"),
        ("+", True, 1, "a bool and an int"),
        ("-", [1], [1], "a list and a list"),
        ("*", IMAGE, 2, "an image and an int"),
        ("/", {}, 2, "a record and an int"),
        ("%", None, 2, "none and an int"),
        ("<", 1, "a", "an int and a text"),
        ("<", Size(1, 1), Size(2, 2), "a size and a size"),
    ],
)
def test_operators_say_what_they_do_not_work_on(op: str, left: Any, right: Any, kinds: str) -> None:
    with pytest.raises(OpError, match=f"does not work on {kinds}"):
        run(op, left, right)


def test_negation() -> None:
    assert run("neg", 3) == -3
    assert run("neg", -0.5) == 0.5
    assert run("not", True) is False
    with pytest.raises(OpError, match="a text"):
        run("neg", "a")


def test_ranges_have_both_ends() -> None:
    assert run("..", 1, 4) == [1, 2, 3, 4]
    assert run("..", -1, 1) == [-1, 0, 1]
    assert run("..", 3, 3) == [3]
    assert run("..", 4, 1) == []
    assert len(run("..", 1, 1_000_000)) == 1_000_000
    with pytest.raises(OpError, match="1,000,001 items"):
        run("..", 0, 1_000_000)
    with pytest.raises(OpError, match="most"):
        run("..", -BIGGEST, BIGGEST)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, False),
        ("a", "a", True),
        (Size(1, 2), Size(1, 2), True),
        (None, None, True),
        (None, 0, False),
        (math.nan, math.nan, False),
        ([1, [2]], [1, [2]], True),
        ([1], [1, 2], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        (IMAGE, IMAGE.copy(), True),
        (IMAGE, IMAGE + np.float32(1e-7), False),
        (IMAGE, IMAGE[:1], False),
        (IMAGE, IMAGE[..., 0], False),
        (IMAGE, None, False),
        ([{"a": IMAGE}], [{"a": IMAGE.copy()}], True),
        ([{"a": IMAGE}], [{"a": IMAGE + 1}], False),
    ],
)
def test_equality(left: Any, right: Any, same: bool) -> None:
    assert run("==", left, right) is same
    assert run("==", right, left) is same
    assert run("!=", left, right) is not same


@given(st.one_of(st.tuples(st.integers(), st.floats(allow_nan=False)), st.tuples(st.text(), st.text())))
def test_order_is_consistent(pair: tuple[Any, Any]) -> None:
    left, right = pair
    assert run("<", left, right) is (left < right)
    assert run("<=", left, right) is not run(">", left, right)
    assert run(">=", left, right) is not run("<", left, right)
    assert run("<", left, right) is run(">", right, left)


def test_lists_and_records() -> None:
    assert run("[]", 1, 2) == [1, 2]
    assert run("[]") == []
    assert list(run("{}", b=1, a=2).items()) == [("b", 1), ("a", 2)]
    assert run(".", {"name": "x"}, "name") == "x"
    assert run(".", {"size": 3}, "size") == 3
    assert run(".", IMAGE, "size") == Size(64, 32)
    assert run(".", IMAGE[..., 0], "size") == Size(64, 32)
    assert (run(".", Size(64, 32), "width"), run(".", Size(64, 32), "height")) == (64, 32)
    for value, name in (({"a": 1}, "b"), (IMAGE, "width"), (Size(1, 1), "count"), ("text", "size")):
        with pytest.raises(OpError, match=f"no field `{name}`"):
            run(".", value, name)


def test_index_counts_from_zero() -> None:
    assert run("index", ["a", "b"], 1) == "b"
    for place in (2, -1):
        with pytest.raises(OpError, match=f"no item {place}: .* 0 to 1"):
            run("index", ["a", "b"], place)
    with pytest.raises(OpError, match="empty"):
        run("index", [], 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\n", "a\n"),
        (3, "3"),
        (0.5, "0.5"),
        (2.0, "2.0"),
        (True, "true"),
        (None, "none"),
        (Size(64, 32), "64x32"),
        (IMAGE, "image 64x32"),
        (IMAGE[..., 0], "mask 64x32"),
        (np.zeros((16, 8, 9), np.float32), "latent 9x8"),
        (MediaFile(Path("films/a.mp4")), "a.mp4"),
        ([], "[]"),
    ],
)
def test_text_of_a_value(value: Any, expected: str) -> None:
    assert run("text", value) == expected


def test_text_joins_its_parts() -> None:
    assert run("text", "a", 1, "/", 2.5) == "a1/2.5"
    assert run("text") == ""


def test_lists_and_records_are_json() -> None:
    value = {"title": 'A "good" é', "tags": ["x", None], "size": Size(2, 3), "photo": IMAGE, "on": True, "n": 0.5}
    shown = run("text", value)
    assert "é" in shown
    assert json.loads(shown) == {**value, "size": "2x3", "photo": "image 64x32"}


@pytest.mark.parametrize(("seconds", "expected"), [(4.0, "4s"), (0.25, "0.25s"), (90.0, "90s"), (-1.0, "-1s")])
def test_text_of_a_duration(seconds: float, expected: str) -> None:
    assert run("text of duration", seconds) == expected


# --- numbers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("float", (3,), 3.0),
        ("min", (2, 1), 1),
        ("min", (1, 2.5), 1.0),
        ("max", (2, 1), 2),
        ("max", (3, 2.5), 3.0),
        ("abs", (-3,), 3),
        ("abs", (-0.5,), 0.5),
        ("round", (2.5,), 3),
        ("round", (-2.5,), -3),
        ("round", (0.49999999999999994,), 0),
        ("round", (2.0**60,), 2**60),
        ("floor", (-0.5,), -1),
        ("floor", (2.9,), 2),
        ("ceil", (-0.5,), 0),
        ("ceil", (2.1,), 3),
        ("clamp", (5, 1, 3), 3),
        ("clamp", (-5, 1, 3), 1),
        ("clamp", (2, 1, 3), 2),
        ("clamp", (2, 1, 3.5), 2.0),
    ],
)
def test_numbers(op: str, args: tuple[Any, ...], expected: Any) -> None:
    result = run(op, *args)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("op", ["round", "floor", "ceil"])
@pytest.mark.parametrize("value", [math.inf, math.nan, 1e300])
def test_no_int_for_it(op: str, value: float) -> None:
    with pytest.raises(OpError, match=r"can't be made an int|too large for an int"):
        run(op, value)


def test_clamp_needs_its_ends_in_order() -> None:
    with pytest.raises(OpError, match="`low` is above `high`"):
        run("clamp", 1, 3, 2)
