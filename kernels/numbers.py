"""Ops on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from gflow.kernels.core import fitting, nearest
from gflow.kernels.op import OpError, op

N = TypeVar("N", int, float)


@op(name="float")
def to_float(value: float) -> float:
    """An int as a float."""
    return float(value)


@op(name="min")
def minimum(a: N, b: N) -> N:
    """The smaller of two numbers. Of a list: `items |> sort(by: n => n) |> first()`."""
    a, b = _alike(a, b)
    return b if b < a else a


@op(name="max")
def maximum(a: N, b: N) -> N:
    """The larger of two numbers. Of a list: `items |> best(by: n => n)`."""
    a, b = _alike(a, b)
    return b if b > a else a


@op(name="abs")
def absolute(value: N) -> N:
    """The number without its sign."""
    return fitting(abs(value))  # type: ignore[no-any-return]


@op(name="round")
def round_(value: float) -> int:
    """The nearest int, halves away from zero: `round(2.5)` is 3, `round(-2.5)` is -3. Raises OpError for a
    number that no int can hold."""
    return nearest(value)


@op
def floor(value: float) -> int:
    """The largest int that is not above. Raises OpError for a number that no int can hold."""
    return _whole(value, math.floor)


@op
def ceil(value: float) -> int:
    """The smallest int that is not below. Raises OpError for a number that no int can hold."""
    return _whole(value, math.ceil)


@op
def clamp(value: N, low: N, high: N) -> N:
    """The number, kept between two others, both ends in. Raises OpError where `low` is above `high`."""
    if low > high:
        raise OpError(f"`clamp` can't keep a number between {low} and {high}: `low` is above `high`")
    value, low, high = _alike(value, low, high)
    return min(max(value, low), high)


def _whole(value: float, rounding: Callable[[float], int]) -> int:
    return int(fitting(rounding(value))) if math.isfinite(value) else nearest(value)


def _alike(*numbers: N) -> tuple[N, ...]:
    """The numbers as they are where all are ints, else as floats, so that the result is of one type whichever
    of them it is."""
    if all(isinstance(number, int) for number in numbers):
        return numbers
    return tuple(map(float, numbers))  # type: ignore[arg-type]
