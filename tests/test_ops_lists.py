from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gflow.kernels.op import OpError, registry

NAN = math.nan


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def test_best_is_the_first_of_the_highest() -> None:
    assert run("best", ["a", "b", "c", "d"], by=[1.0, 3.0, 3.0, 2.0]) == "b"
    assert run("best", ["a"], by=[-math.inf]) == "a"


def test_nan_never_wins() -> None:
    assert run("best", ["a", "b", "c"], by=[NAN, -1.0, NAN]) == "b"
    with pytest.raises(OpError, match="no score is a number"):
        run("best", ["a"], by=[NAN])


@pytest.mark.parametrize(("op", "named"), [("best", {"by": []}), ("first", {}), ("last", {}), ("mean", {})])
def test_of_an_empty_list(op: str, named: dict[str, Any]) -> None:
    with pytest.raises(OpError, match=f"`{op}` of an empty list"):
        run(op, [], **named)


def test_top_is_descending_and_stable() -> None:
    assert run("top", ["a", "b", "c", "d", "e"], 3, by=[2.0, 5.0, 2.0, NAN, 5.0]) == ["b", "e", "a"]
    assert run("top", ["a", "b"], 5, by=[1.0, NAN]) == ["a", "b"]
    assert run("top", ["a"], 0, by=[1.0]) == []


@pytest.mark.parametrize("op", ["top", "take"])
def test_a_negative_number_of_items(op: str) -> None:
    with pytest.raises(OpError, match="-1 items"):
        run(op, [1], -1, **({"by": [1.0]} if op == "top" else {}))


def test_filter_keeps_order() -> None:
    assert run("filter", [5, 6, 7], keep=[True, False, True]) == [5, 7]


def test_sort_is_stable_both_ways_and_nan_comes_last() -> None:
    items, by = ["a", "b", "c", "d", "e"], [2.0, NAN, 1.0, 2.0, 1.0]
    assert run("sort", items, by=by) == ["c", "e", "a", "d", "b"]
    assert run("sort", items, by=by, descending=True) == ["a", "d", "c", "e", "b"]


@given(st.lists(st.floats(allow_nan=False)))
def test_sort_agrees_with_pythons(numbers: list[float]) -> None:
    items = list(enumerate(numbers))
    assert run("sort", items, by=numbers) == sorted(items, key=lambda item: item[1])
    assert run("sort", items, by=numbers, descending=True) == sorted(items, key=lambda item: item[1], reverse=True)


def test_parts_of_a_list() -> None:
    assert run("first", [1, 2, 3]) == 1
    assert run("last", [1, 2, 3]) == 3
    assert run("take", [1, 2, 3], 2) == [1, 2]
    assert run("take", [1], 2) == [1]
    assert run("count", []) == 0
    assert run("count", [1, 1]) == 2
    assert run("reverse", [1, 2, 3]) == [3, 2, 1]


def test_zip_gives_records() -> None:
    assert run("zip", [1, 2], ["a", "b"]) == [{"first": 1, "second": "a"}, {"first": 2, "second": "b"}]
    with pytest.raises(OpError, match="2 and 1 items"):
        run("zip", [1, 2], ["a"])


def test_flatten_takes_off_one_level() -> None:
    assert run("flatten", [[1], [], [2, 3]]) == [1, 2, 3]
    assert run("flatten", [[[1]], [[2]]]) == [[1], [2]]


def test_sum_is_rounded_once() -> None:
    assert run("sum", [0.1] * 10) == 1.0
    assert run("sum", [1e16, 1.0, -1e16]) == 1.0
    assert run("sum", []) == 0.0
    assert run("sum", [1e308, 1e308]) == math.inf
    assert math.isnan(run("sum", [math.inf, -math.inf]))


def test_mean() -> None:
    assert run("mean", [1.0, 2.0, 6.0]) == 3.0
