"""The types of the language, and how values of each are held while running.

Types are msgspec structs: frozen, so that they hash and compare, and tagged, so that a plan can carry them
as JSON. `str(type)` is the type as a script would write it.

How values are held:

    text str · int int · float float · bool bool · none None · list<T> list · record dict (fields in order)
    size      `Size`, width and height in pixels
    duration  float, seconds
    image     float32 array of shape (height, width, 3 or 4), 0..1, sRGB, alpha last and straight
    mask      float32 array of shape (height, width), 0..1
    video     `gflow.kernels.clip.Clip`, frames that are made when they are read
    audio     `MediaFile`, a file on disk
    latent    float32 array of shape (channels, height, width); between the stages of a model, the engine's own
    conditioning  what a network reads of a text: the engine's own
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt


class Type(msgspec.Struct, frozen=True, tag=True):
    """A type of the language."""


class Scalar(Type, frozen=True, tag="scalar"):
    """A type with a name and no parts: `text`, `int`, `image`, ..."""

    name: str

    def __str__(self) -> str:
        return self.name


class Choice(Type, frozen=True, tag="choice"):
    """One of a few strings: `"contain" | "cover"`."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return " | ".join(f'"{value}"' for value in self.values)


class ListOf(Type, frozen=True, tag="list"):
    """A list of one type: `list<image>`."""

    item: AnyType

    def __str__(self) -> str:
        return f"list<{self.item}>"


class Record(Type, frozen=True, tag="record"):
    """Named fields, in order: `{ sku: text, photo: image }`. Two records with the same fields are one type."""

    fields: tuple[tuple[str, AnyType], ...]

    def __str__(self) -> str:
        return "{ " + ", ".join(f"{name}: {type_}" for name, type_ in self.fields) + " }"

    def get(self, name: str) -> AnyType | None:
        """The type of a field, or None where there is no such field."""
        return next((type_ for field, type_ in self.fields if field == name), None)


class Optional(Type, frozen=True, tag="optional"):
    """A value or `none`: `image?`."""

    item: AnyType

    def __str__(self) -> str:
        return f"({self.item})?" if isinstance(self.item, Choice) else f"{self.item}?"


class Var(Type, frozen=True, tag="var"):
    """A type parameter of a generic op, found from the arguments. With `among`, it is one of those types."""

    name: str
    among: tuple[AnyType, ...] = ()

    def __str__(self) -> str:
        return " | ".join(map(str, self.among)) or self.name


class EachOf(Type, frozen=True, tag="each"):
    """A parameter that is written as a lambda over the items of a list, `img => judge.score(img, prompt)`.

    The lambda is applied to every item before the op runs: the op's kernel receives the list of results.
    """

    item: AnyType
    result: AnyType

    def __str__(self) -> str:
        return f"{self.item} => {self.result}"


AnyType = Scalar | Choice | ListOf | Record | Optional | Var | EachOf

TEXT, INT, FLOAT, BOOL, NONE = (Scalar(name) for name in ("text", "int", "float", "bool", "none"))
SIZE, DURATION, IMAGE, MASK = (Scalar(name) for name in ("size", "duration", "image", "mask"))
VIDEO, AUDIO, LATENT = (Scalar(name) for name in ("video", "audio", "latent"))
CONDITIONING = Scalar("conditioning")
# The type of an expression that is already known to be wrong, so that one mistake is reported once,
# and of the items of an empty list.
ANY = Scalar("any")

#: The names a script may write; `none` and `any` are not among them.
NAMED: Mapping[str, Scalar] = {
    type_.name: type_ for type_ in (TEXT, INT, FLOAT, BOOL, SIZE, DURATION, IMAGE, MASK, VIDEO, AUDIO, LATENT)
}


class Size(NamedTuple):
    """A size in pixels, `1024x768`."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class MediaFile(NamedTuple):
    """An audio file, by its path."""

    path: Path


# What the signatures of ops are written with, for Python's type checkers and for `gflow.kernels.op`.
Array = npt.NDArray[np.float32]
Image = Annotated[Array, IMAGE]
Mask = Annotated[Array, MASK]
Latent = Annotated[Any, LATENT]
Conditioning = Annotated[Any, CONDITIONING]
Video = Annotated[Any, VIDEO]
Audio = Annotated[MediaFile, AUDIO]
Duration = Annotated[float, DURATION]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class Each(list[ResultT], Generic[ItemT, ResultT]):
    """Annotation of a lambda parameter: `by: Each[T, float]` is `T => float` in the language and a list of
    floats, one per item, in the kernel."""


def accepts(target: AnyType, source: AnyType) -> bool:
    """Whether a value of type `source` may stand where `target` is asked for.

    The only conversions are the ones that lose nothing: `int` to `float`, a choice to `text` or to a wider
    choice, `T` to `T?`; inside lists and records likewise.
    """
    if target == source or ANY in (target, source):
        return True
    match target, source:
        case Optional(item), Optional(other):
            return accepts(item, other)
        case Optional(item), _:
            return source == NONE or accepts(item, source)
        case Choice(values), Choice(others):
            return set(others) <= set(values)
        case ListOf(item), ListOf(other):
            return accepts(item, other)
        case Record(), Record():
            return {name for name, _ in target.fields} == {name for name, _ in source.fields} and all(
                accepts(type_, source.get(name) or NONE) for name, type_ in target.fields
            )
        case _:
            return (target == FLOAT and source == INT) or (target == TEXT and isinstance(source, Choice))


def join(left: AnyType, right: AnyType) -> AnyType | None:
    """The smallest type that accepts both, or None: what an `if` with these two branches gives."""
    if accepts(left, right):
        return right if left == ANY else left
    if accepts(right, left):
        return right
    match left, right:
        case Choice(values), Choice(others):
            return Choice(values + tuple(value for value in others if value not in values))
        case ListOf(item), ListOf(other):
            joined = join(item, other)
            return ListOf(joined) if joined is not None else None
    if NONE in (left, right):
        other_type = right if left == NONE else left
        return other_type if isinstance(other_type, Optional) else Optional(other_type)
    if isinstance(left, Optional) or isinstance(right, Optional):
        inner = join(_unwrap(left), _unwrap(right))
        return Optional(inner) if inner is not None else None
    return None


def _unwrap(type_: AnyType) -> AnyType:
    return type_.item if isinstance(type_, Optional) else type_
