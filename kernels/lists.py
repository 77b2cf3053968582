"""Ops on lists. A parameter like `by` is written as a lambda over the items; the kernel is given its results,
one per item, in order."""

from __future__ import annotations

import math
from typing import Generic, TypedDict, TypeVar

from gflow.kernels.op import OpError, op
from gflow.kernels.types import Each

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")


class Pair(TypedDict, Generic[A, B]):
    """What `zip` gives a list of."""

    first: A
    second: B


@op
def best(items: list[T], by: Each[T, float]) -> T:
    """The item with the highest score, the first of them where several have it: `best(by: img => judge.score(img,
    prompt))`. A score that is not a number never wins. Raises OpError for an empty list."""
    _not_empty("best", items)
    scored = [place for place in range(len(items)) if not math.isnan(by[place])]
    if not scored:
        raise OpError("`best` has no item to choose: no score is a number")
    return items[max(scored, key=lambda place: by[place])]


@op
def top(items: list[T], n: int, by: Each[T, float]) -> list[T]:
    """The `n` items with the highest scores, highest first; all where there are fewer. Equal scores keep their
    order, and those that are not numbers come last. Raises OpError for a negative `n`."""
    _not_negative("top", n)
    return _sorted(items, by, descending=True)[:n]


@op(name="filter")
def filter_(items: list[T], keep: Each[T, bool]) -> list[T]:
    """The items for which `keep` is true, in order: `filter(keep: n => n > 2)`."""
    return [item for item, wanted in zip(items, keep, strict=True) if wanted]


@op
def sort(items: list[T], by: Each[T, float], descending: bool = False) -> list[T]:
    """The items by a number, lowest first: `sort(by: row => row.price)`. Equal ones keep their order, and those
    whose number is not one come last."""
    return _sorted(items, by, descending=descending)


@op
def first(items: list[T]) -> T:
    """The first item. Raises OpError for an empty list."""
    _not_empty("first", items)
    return items[0]


@op
def last(items: list[T]) -> T:
    """The last item. Raises OpError for an empty list."""
    _not_empty("last", items)
    return items[-1]


@op
def take(items: list[T], n: int) -> list[T]:
    """The first `n` items; all where there are fewer. Raises OpError for a negative `n`."""
    _not_negative("take", n)
    return items[:n]


@op
def count(items: list[T]) -> int:
    """How many items a list has."""
    return len(items)


@op
def reverse(items: list[T]) -> list[T]:
    """The items from last to first."""
    return items[::-1]


@op(name="zip")
def zip_(a: list[A], b: list[B]) -> list[Pair[A, B]]:
    """The items of two lists side by side: `pair.first` is from `a`, `pair.second` from `b`. Raises OpError
    where the lists differ in length."""
    if len(a) != len(b):
        raise OpError(f"`zip` needs lists of the same length: they have {len(a)} and {len(b)} items")
    return [{"first": left, "second": right} for left, right in zip(a, b, strict=True)]


@op
def flatten(lists: list[list[T]]) -> list[T]:
    """The items of several lists, one list after the other."""
    return [item for items in lists for item in items]


@op(name="sum")
def sum_(items: list[float]) -> float:
    """The sum of numbers, rounded once, at the end; 0 for an empty list."""
    try:
        return math.fsum(items)
    except (OverflowError, ValueError):  # what `fsum` raises for sums beyond all floats, and for inf - inf
        return float(sum(items))


@op
def mean(items: list[float]) -> float:
    """The arithmetic mean of numbers. Raises OpError for an empty list."""
    _not_empty("mean", items)
    return float(sum_(items)) / len(items)


def _sorted(items: list[T], by: list[float], *, descending: bool) -> list[T]:
    def rank(place: int) -> tuple[bool, float]:
        score = by[place]
        return (True, 0.0) if math.isnan(score) else (False, -score if descending else score)

    return [items[place] for place in sorted(range(len(items)), key=rank)]


def _not_empty(name: str, items: list[T]) -> None:
    if not items:
        raise OpError(f"`{name}` of an empty list: there is no item to give")


def _not_negative(name: str, n: int) -> None:
    if n < 0:
        raise OpError(f"`{name}` can't give {n} items")
