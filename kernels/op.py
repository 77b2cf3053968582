"""One op, one declaration: a Python function under `kernels/` whose annotations are the op's signature.

    @op
    def count(items: list[T]) -> int:
        '''How many items a list has.'''

Everything else is derived: what the type checker allows, `gflow ops`, purity, the version in cache keys.
The function's body is the op's definition. Ops are found by listing this folder; packages add theirs through
the entry-point group `gflow.ops` (each entry names a module).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, overload

import numpy as np

from gflow.kernels import types as t


class OpError(Exception):
    """An op can't do what was asked with these values: `best` of an empty list, a crop outside the image.

    Trying again would not help; a `try ... else` may catch it.
    """


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


#: The default of a parameter that has none.
REQUIRED: Any = _Required()


@dataclass(frozen=True)
class FileText:
    """Marks a text parameter, in its annotation, that takes a file: by its path, or as what is in it. A path that
    the script writes is read when it is checked. `read` gives the text of a path; it raises OpError for a file that
    can't be read, and for one that the op could not use."""

    read: Callable[[str], str]


@dataclass(frozen=True)
class Param:
    """A parameter of an op or a method. `variadic`: takes any number of further positional arguments. `file`: how
    the file that it takes is read."""

    name: str
    type: t.AnyType
    default: Any = REQUIRED
    variadic: bool = False
    file: FileText | None = None


@dataclass(frozen=True)
class Signature:
    """Parameters in order and the result's type."""

    params: tuple[Param, ...]
    result: t.AnyType

    def __str__(self) -> str:
        return f"({', '.join(map(_show, self.params))}) -> {self.result}"


@dataclass(frozen=True)
class Op:
    """A declared op. `kernel` takes the parameters by name and gives the result.

    pure: equal arguments give an equal result, and nothing else happens.
    version: raise it when the meaning changes; it is part of every cache key.
    pixel: it is written in the pixel language (`gflow.kernels.pixel`), so that it may be fused with its neighbours:
    `kernel` takes arrays, or pictures, of which it makes one that is not computed yet.

    A pure op that makes an image of images makes a video where one of them is a video: frame by frame.
    """

    name: str
    signature: Signature
    doc: str
    kernel: Callable[..., Any]
    pure: bool = True
    version: int = 1
    family: str = ""
    pixel: bool = False


@overload
def op(function: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def op(
    *, name: str | None = None, pure: bool = True, version: int = 1, pixel: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    pure: bool = True,
    version: int = 1,
    pixel: bool = False,
) -> Any:
    """Declare an op. The function stays an ordinary function; its declaration hangs on it."""

    def declare(body: Callable[..., Any]) -> Callable[..., Any]:
        signature, kernel = signature_of(body), _on_pictures(body) if pixel else body
        if pure and (moving := _over_videos(signature)) is not None:
            signature, kernel = moving, _on_videos(kernel, pixel=pixel)
        body.__op__ = Op(  # type: ignore[attr-defined]
            name=name or body.__name__,
            signature=signature,
            doc=inspect.getdoc(body) or "",
            kernel=kernel,
            pure=pure,
            version=version,
            family=body.__module__.rpartition(".")[2],
            pixel=pixel,
        )
        return body

    return declare if function is None else declare(function)


def _on_pictures(body: Callable[..., Any]) -> Callable[..., Any]:
    """The function with arrays taken as pictures; of arrays alone, an array is made."""

    @wraps(body)
    def kernel(*args: Any, **named: Any) -> Any:
        from gflow.kernels.pixel.device import DeviceArray
        from gflow.kernels.pixel.picture import Picture, source
        from gflow.kernels.pixel.realize import near

        arrays = np.ndarray, DeviceArray
        lazily = any(isinstance(value, Picture) for value in (*args, *named.values()))
        lifted = [source(value) if isinstance(value, arrays) else value for value in args]
        made = body(*lifted, **{key: source(v) if isinstance(v, arrays) else v for key, v in named.items()})
        return made if lazily else near(made)

    return kernel


def _over_videos(signature: Signature) -> Signature | None:
    """The signature with videos where there are images, for an op that makes a picture of pictures; else None."""
    match signature.result:
        case t.IMAGE:
            either = t.Var("Picture", (t.IMAGE, t.VIDEO))
        case t.Var(name, among) if t.IMAGE in among and t.VIDEO not in among:
            either = t.Var(name, (*among, t.VIDEO))
        case _:
            return None
    wider: dict[t.AnyType, t.AnyType] = {
        signature.result: either,
        t.Optional(signature.result): t.Optional(either),
    }
    params = tuple(replace(param, type=wider.get(param.type, param.type)) for param in signature.params)
    return None if params == signature.params else Signature(params, either)


def _on_videos(kernel: Callable[..., Any], *, pixel: bool) -> Callable[..., Any]:
    """The function with clips taken frame by frame."""

    @wraps(kernel)
    def over(*args: Any, **named: Any) -> Any:
        from gflow.kernels.clip import Clip, over_frames

        if any(isinstance(value, Clip) for value in (*args, *named.values())):
            return over_frames(kernel, args, named, pixel=pixel)
        return kernel(*args, **named)

    return over


@cache
def registry() -> Mapping[str, Op]:
    """Every op there is, by name: this folder's modules, then the plug-ins'."""
    found: dict[str, Op] = {}
    folder = Path(__file__).parent
    modules = [f"gflow.kernels.{info.name}" for info in pkgutil.iter_modules([str(folder)])]
    if folder.is_dir():  # In a bundle there are no plug-ins to look for.
        from importlib.metadata import entry_points

        modules += [point.value for point in entry_points(group="gflow.ops")]
    for module_name in modules:
        module = importlib.import_module(module_name)
        for value in vars(module).values():
            declared = getattr(value, "__op__", None)
            if isinstance(declared, Op) and value.__module__ == module.__name__:
                if declared.name in found:
                    raise ValueError(f"two ops are called `{declared.name}`")
                found[declared.name] = declared
    return found


def signature_of(function: Callable[..., Any]) -> Signature:
    """The signature that a function's annotations and defaults declare. A `self` is passed over, and so are
    `**fields`, which only the syntax's own op for records takes."""
    hints = typing.get_type_hints(function, include_extras=True)
    params = tuple(
        Param(
            parameter.name,
            type_of(hints[parameter.name]),
            REQUIRED if parameter.default is inspect.Parameter.empty else parameter.default,
            parameter.kind is inspect.Parameter.VAR_POSITIONAL,
            _file_of(hints[parameter.name]),
        )
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    )
    return Signature(params, type_of(hints["return"]))


def _file_of(annotation: Any) -> FileText | None:
    return next((each for each in getattr(annotation, "__metadata__", ()) if isinstance(each, FileText)), None)


_PLAIN: Mapping[Any, t.AnyType] = {
    str: t.TEXT,
    int: t.INT,
    float: t.FLOAT,
    bool: t.BOOL,
    t.Size: t.SIZE,
    NoneType: t.NONE,
    Any: t.ANY,
}


def type_of(annotation: Any) -> t.AnyType:
    """The language's type for a Python annotation. Raises TypeError for one that has none."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, TypeVar):
        return t.Var(annotation.__name__, tuple(map(type_of, annotation.__constraints__)))
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if typing.is_typeddict(origin or annotation):
        return _record_of(origin or annotation, args)
    if origin is Annotated:
        return typing.cast("t.AnyType", args[1])
    if origin is list:
        return t.ListOf(type_of(args[0]))
    if origin is t.Each:
        return t.EachOf(type_of(args[0]), type_of(args[1]))
    if origin is Literal:
        return t.Choice(args)
    if origin in (Union, UnionType) and len(args) == 2 and NoneType in args:
        return t.Optional(type_of(next(arg for arg in args if arg is not NoneType)))
    raise TypeError(f"the language has no type for {annotation!r}")


def _record_of(declared: Any, args: tuple[Any, ...]) -> t.Record:
    """The record type of a TypedDict, its type parameters replaced by `args`."""
    given = dict(zip(getattr(declared, "__parameters__", ()), args, strict=True))
    hints = typing.get_type_hints(declared, include_extras=True)
    return t.Record(tuple((name, type_of(given.get(hint, hint))) for name, hint in hints.items()))


def _show(param: Param) -> str:
    text = f"{'*' if param.variadic else ''}{param.name}: {param.type}"
    return text if param.default is REQUIRED else f"{text} = {show_value(param.default)}"


def show_value(value: Any) -> str:
    """A plain value as a script would write it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)
