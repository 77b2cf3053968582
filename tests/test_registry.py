"""What every op promises, whatever it does. Ops are found as the compiler finds them, so a new one is held to
this without a line here."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import numpy as np
import pytest
from films import film, played

from gflow.kernels import op as declare
from gflow.kernels import types as t
from gflow.kernels.clip import Clip
from gflow.kernels.op import REQUIRED, Op, registry, signature_of, type_of

T = TypeVar("T")
Number = TypeVar("Number", int, float)

OPS = list(registry().values())
# The syntax's own ops take anything, so their arguments can't be made up from their types.
NAMED = [op for op in OPS if op.name.isidentifier() and all(param.type != t.ANY for param in op.signature.params)]
WITH_IMAGES = [op for op in NAMED if any("image" in str(param.type) for param in op.signature.params)]
#: What ops are given that take a file.
CUBE = "LUT_1D_SIZE 2\n0 0 0\n1 1 1\n"
KNOWN = {*t.NAMED.values(), t.NONE, t.ANY}


class Entry(TypedDict):
    name: str
    score: float


def by_name(op: Op) -> str:
    return op.name


def parts(type_: t.AnyType) -> list[t.AnyType]:
    """A type and the types in it."""
    match type_:
        case t.ListOf(item) | t.Optional(item):
            inner = [item]
        case t.Record(fields):
            inner = [field for _, field in fields]
        case t.EachOf(item, result):
            inner = [item, result]
        case t.Var(_, among):
            inner = list(among)
        case _:
            inner = []
    return [type_, *(part for item in inner for part in parts(item))]


def example(type_: t.AnyType, side: int, channels: int) -> Any:
    """A value of a type; images are square."""
    rng = np.random.default_rng(7)
    match type_:
        case t.Var(_, among):
            return example(among[0] if among else t.INT, side, channels)
        case t.ListOf(item) | t.EachOf(_, item):
            return [example(item, side, channels) for _ in range(2)]
        case t.Choice(values):
            return values[0]
        case t.Optional(item):
            return example(item, side, channels)
    return {
        t.TEXT: "red",
        t.INT: 1,
        t.FLOAT: 0.5,
        t.BOOL: True,
        t.DURATION: 0.5,
        t.SIZE: t.Size(side, side),
        t.IMAGE: rng.random((side, side, channels), np.float32),
        t.MASK: rng.random((side, side), np.float32),
        t.VIDEO: film(count=12, width=side, height=side, channels=channels),
        t.AUDIO: t.MediaFile(Path("sound.wav")),
    }[type_]


def arguments(op: Op, side: int, channels: int) -> tuple[list[Any], dict[str, Any]]:
    """Values for the parameters that have no default, and one for those that take any number."""
    given = [param for param in op.signature.params if param.default is REQUIRED]
    named = {
        param.name: CUBE if param.file else example(param.type, side, channels)
        for param in given
        if not param.variadic
    }
    return [example(param.type, side, channels) for param in given if param.variadic], named


def check_is(value: Any, type_: t.AnyType) -> None:
    match type_:
        case t.Scalar("image"):
            assert value.dtype == np.float32
            assert value.ndim == 3 and value.shape[2] in (3, 4)
            assert value.flags.c_contiguous, "engines take arrays without strides"
        case t.Scalar("mask"):
            assert value.dtype == np.float32
            assert value.ndim == 2
            assert value.flags.c_contiguous
        case t.ListOf(item):
            assert type(value) is list
            for part in value:
                check_is(part, item)
        case t.Record(fields):
            assert list(value) == [name for name, _ in fields]
        case t.Var(_, among):
            if among:
                check_is(value, among[0])
        case _:
            kinds = {t.TEXT: str, t.INT: int, t.FLOAT: float, t.BOOL: bool, t.SIZE: t.Size, t.DURATION: float}
            assert isinstance(value, Clip) if type_ == t.VIDEO else type(value) is kinds[type_]


def equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return bool(np.array_equal(left, right))
    if isinstance(left, Clip):
        return (left.fps, left.count, left.sound) == (right.fps, right.count, right.sound) and equal(
            played(left), played(right)
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right)


@pytest.mark.parametrize("op", OPS, ids=by_name)
def test_has_a_doc_and_known_types(op: Op) -> None:
    assert op.doc
    for type_ in [op.signature.result, *(param.type for param in op.signature.params)]:
        for part in parts(type_):
            assert not isinstance(part, t.Scalar) or part in KNOWN


@pytest.mark.parametrize("op", OPS, ids=by_name)
def test_a_result_type_follows_from_the_arguments(op: Op) -> None:
    given = {part for param in op.signature.params for part in parts(param.type) if isinstance(part, t.Var)}
    assert {part for part in parts(op.signature.result) if isinstance(part, t.Var)} <= given


@pytest.mark.parametrize("op", OPS, ids=by_name)
def test_defaults_are_of_their_types(op: Op) -> None:
    for param in op.signature.params:
        if param.default is REQUIRED or param.default is None:
            assert param.default is REQUIRED or isinstance(param.type, t.Optional)
        elif isinstance(param.type, t.Choice):
            assert param.default in param.type.values
        else:
            check_is(param.default, param.type)


@pytest.mark.parametrize("op", OPS, ids=by_name)
def test_a_lambda_has_its_list(op: Op) -> None:
    for param in op.signature.params:
        if isinstance(param.type, t.EachOf):
            assert t.ListOf(param.type.item) in [other.type for other in op.signature.params]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("op", NAMED, ids=by_name)
def test_same_arguments_same_bits_and_arguments_stay(op: Op, channels: int) -> None:
    further, named = arguments(op, 9, channels)
    before = copy.deepcopy((further, named))
    once = op.kernel(*further, **named)
    kept = copy.deepcopy(once)
    again = op.kernel(*copy.deepcopy(further), **copy.deepcopy(named))
    assert equal(kept, again)
    assert equal(once, kept), "the second call changed the first one's result"
    assert all(equal(value, before[1][name]) for name, value in named.items())
    assert equal(further, before[0])
    check_is(once, op.signature.result)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("op", WITH_IMAGES, ids=by_name)
def test_takes_an_image_of_one_pixel(op: Op, channels: int) -> None:
    further, named = arguments(op, 1, channels)
    check_is(op.kernel(*further, **named), op.signature.result)


@pytest.mark.parametrize("op", WITH_IMAGES, ids=by_name)
def test_does_not_mind_strides(op: Op) -> None:
    """A flipped view has negative strides; an op sees the values only."""
    further, named = arguments(op, 9, 3)
    turned = {
        name: np.ascontiguousarray(value[:, ::-1])[:, ::-1] if isinstance(value, np.ndarray) else value
        for name, value in named.items()
    }
    result, expected = op.kernel(*further, **turned), op.kernel(*further, **named)
    assert equal(result, expected)


def test_an_image_or_mask_op_gives_a_mask_for_a_mask() -> None:
    both = t.Var("ImageOrMask", (t.IMAGE, t.MASK, t.VIDEO))
    found = [op for op in OPS if op.signature.result == both]
    assert {"resize", "blur"} <= {op.name for op in found}
    for op in found:
        named = {
            param.name: example(t.MASK if param.type == both else param.type, 9, 3)
            for param in op.signature.params
            if param.default is REQUIRED
        }
        result = op.kernel(**named)
        check_is(result, t.MASK)
        assert result.min() >= 0 and result.max() <= 1


def test_kernels_take_the_parameters_by_name() -> None:
    for op in OPS:
        variables = inspect.signature(op.kernel).parameters
        assert all(param.name in variables for param in op.signature.params)


def test_signatures_read_like_scripts() -> None:
    ops = registry()
    assert str(ops["best"].signature) == "(items: list<T>, by: T => float) -> T"
    assert str(ops["count"].signature) == "(items: list<T>) -> int"
    assert str(ops["min"].signature) == "(a: int | float, b: int | float) -> int | float"
    assert str(ops["crop"].signature) == (
        "(image: image | mask | video, size: size, x: int? = none, y: int? = none) -> image | mask | video"
    )
    assert str(ops["zip"].signature) == "(a: list<A>, b: list<B>) -> list<{ first: A, second: B }>"
    assert str(ops["text"].signature) == "(*parts: any) -> text"


def test_declaring_an_op_derives_its_signature() -> None:
    @declare.op(name="ranked", pure=False, version=3)
    def rank(self: Any, items: list[T], by: t.Each[T, Number], size: t.Size | None = None) -> list[Entry]:
        """Ranks."""
        return []

    declared = rank.__op__  # type: ignore[attr-defined]
    assert (declared.name, declared.pure, declared.version, declared.doc) == ("ranked", False, 3, "Ranks.")
    assert [param.name for param in declared.signature.params] == ["items", "by", "size"]
    assert declared.signature.params[1].type == t.EachOf(t.Var("T"), t.Var("Number", (t.INT, t.FLOAT)))
    assert str(declared.signature.result) == "list<{ name: text, score: float }>"


def test_an_annotation_without_a_type_is_refused() -> None:
    def odd(value: complex) -> int:
        return 0

    with pytest.raises(TypeError, match="complex"):
        signature_of(odd)
    with pytest.raises(TypeError):
        type_of(dict[str, int])
