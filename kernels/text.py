"""Ops on text."""

from __future__ import annotations

import math
from typing import TypeVar

from gflow.kernels import types as t
from gflow.kernels.op import OpError, op
from gflow.kernels.video import trimmed

#: What has ends to take away from.
Trimmable = TypeVar("Trimmable", str, t.Video)


@op
def join(items: list[str], separator: str = "") -> str:
    """The texts as one, with a separator between them."""
    return separator.join(items)


@op
def split(text: str, separator: str) -> list[str]:
    """The parts between the separators, empty ones included. Raises OpError for an empty separator; see also
    `words` and `lines`."""
    if not separator:
        raise OpError("`split` needs a separator that is not empty")
    return text.split(separator)


@op
def words(text: str) -> list[str]:
    """The parts between white space; none are empty."""
    return text.split()


@op
def lines(text: str) -> list[str]:
    """The lines, without their line ends."""
    return text.splitlines()


@op
def replace(text: str, old: str, new: str) -> str:
    """The text with every `old` in it replaced by `new`. Raises OpError for an empty `old`."""
    if not old:
        raise OpError("`replace` needs something to look for: `old` is empty")
    return text.replace(old, new)


@op(name="format")
def format_(value: float, decimals: int = 2, digits: int = 1) -> str:
    """A number as text with so many decimals, and at least so many digits before them, filled up with zeros:
    `format(3.14159)` is "3.14", `format(7, decimals: 0, digits: 3)` is "007". Raises OpError unless both are
    0 to 100."""
    for name, number in (("decimals", decimals), ("digits", digits)):
        if not 0 <= number <= 100:
            raise OpError(f"`format` takes 0 to 100 for `{name}`, not {number}")
    written = f"{value:z.{decimals}f}"
    if not math.isfinite(value):
        return written
    width = digits + (decimals + 1 if decimals else 0)
    return written.zfill(width + written.startswith("-"))


@op
def lower(text: str) -> str:
    """The text in lower case."""
    return text.lower()


@op
def upper(text: str) -> str:
    """The text in upper case."""
    return text.upper()


@op(version=2)
def trim(value: Trimmable, start: t.Duration | None = None, end: t.Duration | None = None) -> Trimmable:
    """A text without the white space around it; of a video, what is from `start` to `end`: `trim(2s, 5s)`,
    `trim(end: 1s)`. Raises OpError for moments of a text, and for those that a video does not have."""
    if not isinstance(value, str):
        return trimmed(value, start, end)
    if start is not None or end is not None:
        raise OpError("`trim` of a text has no `start` and no `end`")
    return value.strip()


@op
def contains(text: str, part: str) -> bool:
    """Whether a part occurs in the text; capitals matter."""
    return part in text


@op
def starts_with(text: str, part: str) -> bool:
    """Whether the text begins with a part; capitals matter."""
    return text.startswith(part)
