from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gflow.kernels.op import OpError, registry


def run(op: str, *args: Any, **named: Any) -> Any:
    return registry()[op].kernel(*args, **named)


def test_join_and_split() -> None:
    assert run("join", ["a", "b", "c"], ", ") == "a, b, c"
    assert run("join", ["a", "b"]) == "ab"
    assert run("join", []) == ""
    assert run("split", "a,b,,c", ",") == ["a", "b", "", "c"]
    with pytest.raises(OpError, match="separator"):
        run("split", "abc", "")


@given(st.lists(st.text(alphabet="ab "), min_size=1))
def test_split_undoes_join(items: list[str]) -> None:
    assert run("split", run("join", items, ","), ",") == items


def test_words_and_lines() -> None:
    assert run("words", "  one two\n three ") == ["one", "two", "three"]
    assert run("words", "") == []
    assert run("lines", "one\ntwo\r\n\nfour") == ["one", "two", "", "four"]


def test_replace() -> None:
    assert run("replace", "a cat, a hat", "a ", "the ") == "the cat, the hat"
    assert run("replace", "abc", "b", "") == "ac"
    with pytest.raises(OpError, match="`old` is empty"):
        run("replace", "abc", "", "x")


@pytest.mark.parametrize(
    ("value", "named", "expected"),
    [
        (3.14159, {}, "3.14"),
        (2.0, {"decimals": 0}, "2"),
        (7.0, {"decimals": 0, "digits": 3}, "007"),
        (-7.25, {"decimals": 1, "digits": 3}, "-007.2"),
        (1234.5, {"digits": 2}, "1234.50"),
        (-0.001, {}, "0.00"),
        (float("inf"), {"digits": 5}, "inf"),
    ],
)
def test_format(value: float, named: dict[str, int], expected: str) -> None:
    assert run("format", value, **named) == expected


@pytest.mark.parametrize("named", [{"decimals": -1}, {"decimals": 101}, {"digits": -1}, {"digits": 101}])
def test_format_has_limits(named: dict[str, int]) -> None:
    with pytest.raises(OpError, match="0 to 100"):
        run("format", 1.0, **named)


def test_letters() -> None:
    assert run("lower", "Straße Ä") == "straße ä"
    assert run("upper", "ä b") == "Ä B"
    assert run("trim", " \n a b\t") == "a b"


def test_contains_and_starts_with() -> None:
    assert run("contains", "a red circle", "red")
    assert not run("contains", "a red circle", "Red")
    assert run("starts_with", "a red circle", "a red")
    assert not run("starts_with", "a red circle", "red")
