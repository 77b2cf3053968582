"""The ops of the syntax itself: operators, lists, records, fields, text with `${…}` in it.

The compiler writes calls of them. Their annotations are loose, as the checker knows the types of the syntax.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import numpy as np

from gflow.kernels.clip import Clip
from gflow.kernels.op import OpError, op
from gflow.kernels.types import Duration, MediaFile, Size

T = TypeVar("T")

LARGEST_INT = 2**63 - 1
LONGEST_RANGE = 1_000_000


# --- arithmetic ------------------------------------------------------------------------------------


@op(name="+")
def add(left: Any, right: Any) -> Any:
    """The sum of two numbers, durations or sizes; two texts or two lists one after the other."""
    if _numbers(left, right):
        return fitting(left + right)
    if isinstance(left, Size) and isinstance(right, Size):
        return Size(left.width + right.width, left.height + right.height)
    if type(left) is type(right) and isinstance(left, (str, list)):
        return left + right
    raise _unsuited("+", left, right)


@op(name="-")
def subtract(left: Any, right: Any) -> Any:
    """The difference of two numbers, durations or sizes."""
    if _numbers(left, right):
        return fitting(left - right)
    if isinstance(left, Size) and isinstance(right, Size):
        return Size(left.width - right.width, left.height - right.height)
    raise _unsuited("-", left, right)


@op(name="*")
def multiply(left: Any, right: Any) -> Any:
    """The product of two numbers, of a duration and a number, or of a size and a number: each side, rounded to
    whole pixels."""
    if _numbers(left, right):
        return fitting(left * right)
    if isinstance(right, Size):
        left, right = right, left
    if isinstance(left, Size) and _is_number(right):
        return Size(nearest(left.width * right), nearest(left.height * right))
    raise _unsuited("*", left, right)


@op(name="/")
def divide(left: Any, right: Any) -> Any:
    """The quotient, a float. A size by a number: each side, rounded to whole pixels. Raises OpError for a
    division by zero."""
    _not_zero(left, right)
    if _numbers(left, right):
        return left / right
    if isinstance(left, Size) and _is_number(right):
        return Size(nearest(left.width / right), nearest(left.height / right))
    raise _unsuited("/", left, right)


@op(name="%")
def remainder(left: Any, right: Any) -> Any:
    """What is left of a division; its sign is the divisor's: `-1 % 8` is 7. Raises OpError for a division by
    zero."""
    _not_zero(left, right)
    if _numbers(left, right):
        return left % right
    raise _unsuited("%", left, right)


@op(name="neg")
def negate(value: Any) -> Any:
    """A number or a duration with the other sign."""
    if not _is_number(value):
        raise OpError(f"`-` does not work on {kind(value)}")
    return fitting(-value)


@op(name="..")
def span(left: int, right: int) -> list[int]:
    """The ints from one to the other, both included; none where the second is the smaller one. Raises OpError
    for more than 1,000,000."""
    if right - left >= LONGEST_RANGE:
        raise OpError(f"{left}..{right} has {right - left + 1:,} items, {LONGEST_RANGE:,} are the most a range has")
    return list(range(left, right + 1))


def fitting(value: Any) -> Any:
    """The value, unless it is an int that 64 bits do not hold: then OpError."""
    if isinstance(value, int) and not -LARGEST_INT - 1 <= value <= LARGEST_INT:
        raise OpError("the result is too large for an int, which holds up to 9,223,372,036,854,775,807")
    return value


def nearest(value: float) -> int:
    """The nearest int, halves away from zero. Raises OpError for what is not finite or does not fit."""
    if isinstance(value, int):
        return int(fitting(value))
    if not np.isfinite(value):
        raise OpError(f"{show(value)} can't be made an int")
    whole = int(abs(value))
    rounded = whole + (abs(value) - whole >= 0.5)
    return int(fitting(rounded if value >= 0 else -rounded))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _numbers(left: Any, right: Any) -> bool:
    return _is_number(left) and _is_number(right)


def _not_zero(left: Any, right: Any) -> None:
    if _is_number(right) and right == 0:
        raise OpError(f"{show(left)} can't be divided by zero")


def _unsuited(operator: str, left: Any, right: Any) -> OpError:
    return OpError(f"`{operator}` does not work on {kind(left)} and {kind(right)}")


# --- comparison ------------------------------------------------------------------------------------


@op(name="==")
def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same. Images are where their sizes, channels and all pixels are; a video is only
    itself; floats are compared exactly."""
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return bool(np.array_equal(left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return False
    return bool(left == right)


@op(name="!=")
def unequal(left: Any, right: Any) -> bool:
    """Whether two values differ: the opposite of `==`."""
    return not equal(left, right)


@op(name="<")
def less(left: Any, right: Any) -> bool:
    """Whether the first of two numbers, durations or texts comes first. Texts are ordered by code point."""
    return bool(_ordered("<", left, right) and left < right)


@op(name="<=")
def less_or_equal(left: Any, right: Any) -> bool:
    """Whether the first of two numbers, durations or texts is not the later one."""
    return bool(_ordered("<=", left, right) and left <= right)


@op(name=">")
def greater(left: Any, right: Any) -> bool:
    """Whether the first of two numbers, durations or texts comes second."""
    return bool(_ordered(">", left, right) and left > right)


@op(name=">=")
def greater_or_equal(left: Any, right: Any) -> bool:
    """Whether the first of two numbers, durations or texts is not the earlier one."""
    return bool(_ordered(">=", left, right) and left >= right)


@op(name="not")
def negation(value: bool) -> bool:
    """True for false, false for true."""
    return not value


def _ordered(operator: str, left: Any, right: Any) -> bool:
    if _numbers(left, right) or (isinstance(left, str) and isinstance(right, str)):
        return True
    raise _unsuited(operator, left, right)


# --- lists and records -----------------------------------------------------------------------------


@op(name="[]")
def make_list(*items: Any) -> list[Any]:
    """A list of the values given."""
    return list(items)


@op(name="{}")
def make_record(**fields: Any) -> Any:
    """A record of the values given, by name."""
    return fields


@op(name=".")
def field(value: Any, name: str) -> Any:
    """A record's field; the `size` of an image or a mask; the `size`, `fps` or `duration` of a video; the `width`
    or `height` of a size, in pixels."""
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, Clip) and name in ("size", "fps", "duration"):
        return float(value.fps) if name == "fps" else getattr(value, name)
    if isinstance(value, Size) and name in ("width", "height"):
        return getattr(value, name)
    if isinstance(value, np.ndarray) and name == "size":
        return Size(value.shape[1], value.shape[0])
    raise OpError(f"{kind(value)} has no field `{name}`")


@op
def index(items: list[T], index: int) -> T:
    """The item at a place, counted from 0: `items[2]` is the third. Raises OpError outside the list."""
    if 0 <= index < len(items):
        return items[index]
    if not items:
        raise OpError(f"there is no item {index}: the list is empty")
    raise OpError(f"there is no item {index}: the list's items are 0 to {len(items) - 1}")


# --- text ------------------------------------------------------------------------------------------


@op
def text(*parts: Any) -> str:
    """The values as one text, as `"${a} of ${b}"` joins them: texts as they are, `0.5`, `true`, `none`,
    `64x64`, `image 64x64`, `video 64x64 2.5s`; lists and records as JSON."""
    return "".join(map(show, parts))


@op
def present(value: T | None) -> T:
    """A value that is known not to be `none`: what `a ?? b` is where `a` is there."""
    if value is None:
        raise OpError("this is `none`")
    return value


@op(name="text of duration")
def text_of_duration(value: Duration) -> str:
    """A duration as a script writes it: `4s`, `0.25s`."""
    return f"{show(int(value) if float(value).is_integer() else value)}s"


def show(value: Any) -> str:
    """A running value as text; see `text`."""
    plain = _plain(value)
    if isinstance(plain, str):
        return plain
    if plain is None:
        return "none"
    return json.dumps(plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value in what JSON knows."""
    if isinstance(value, Size):
        return str(value)
    if isinstance(value, MediaFile):
        return value.path.name
    if isinstance(value, Clip):
        return f"video {value.size} {value.duration:.6g}s"
    if isinstance(value, np.ndarray):
        return _kind_of_array(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def kind(value: Any) -> str:
    """What a running value is, for messages: `a text`, `an image`."""
    if isinstance(value, np.ndarray):
        name = _kind_of_array(value).partition(" ")[0]
    elif isinstance(value, Clip):
        name = "video"
    else:
        name = _KINDS.get(type(value), "value")
    return name if name == "none" else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


_KINDS = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "text",
    Size: "size",
    list: "list",
    dict: "record",
    MediaFile: "audio",
    type(None): "none",
}


def _kind_of_array(array: Any) -> str:
    if array.ndim == 2:
        return f"mask {array.shape[1]}x{array.shape[0]}"
    if array.shape[-1] in (3, 4):
        return f"image {array.shape[1]}x{array.shape[0]}"
    return f"latent {array.shape[2]}x{array.shape[1]}"
