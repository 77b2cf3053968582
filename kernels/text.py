"""Ops on text."""

from __future__ import annotations

import math

from gflow.kernels.op import OpError, op


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


@op
def trim(text: str) -> str:
    """The text without the white space around it."""
    return text.strip()


@op
def contains(text: str, part: str) -> bool:
    """Whether a part occurs in the text; capitals matter."""
    return part in text


@op
def starts_with(text: str, part: str) -> bool:
    """Whether the text begins with a part; capitals matter."""
    return text.startswith(part)
