"""From the types a script writes to the types of the language."""

from __future__ import annotations

from collections.abc import Callable

from gflow.grammar import nodes as n
from gflow.kernels import types as t


def resolve(node: n.TypeNode, named: Callable[[n.NamedType], t.AnyType]) -> t.AnyType:
    """The type that a node writes. `named` finds what a name stands for; it reports one that stands for
    nothing and gives `ANY`."""
    match node:
        case n.NamedType():
            return named(node)
        case n.ListType(item):
            return t.ListOf(resolve(item, named))
        case n.RecordType(fields):
            return t.Record(tuple((name.text, resolve(type_, named)) for name, type_ in fields))
        case n.ChoiceType(values):
            return t.Choice(values)
        case n.OptionalType(item):
            inner = resolve(item, named)
            return inner if isinstance(inner, t.Optional) else t.Optional(inner)


def structural(node: n.TypeNode) -> t.AnyType:
    """The type of a node that names no records: what the IR's text holds."""
    return resolve(node, lambda name: t.NAMED.get(name.name) or t.Scalar(name.name))


def unify(target: t.AnyType, source: t.AnyType, found: dict[str, t.AnyType]) -> bool:
    """Whether `source` may be given for `target`, whose type parameters are looked up and noted in `found`."""
    match target, source:
        case t.Var(name, among), _:
            joined = _joined(found[name], source, among) if name in found else source
            if joined is not None and among and joined not in (*among, t.ANY):
                joined = next((each for each in among if t.accepts(each, source)), None)
            if joined is None:
                return False
            found[name] = joined
            return True
        case t.ListOf(item), t.ListOf(other):
            return unify(item, other, found)
        case t.Optional(item), t.Optional(other):
            return unify(item, other, found)
        case t.Optional(item), _:
            return source == t.NONE or unify(item, source, found)
        case t.Record(fields), t.Record():
            return len(fields) == len(source.fields) and all(
                (there := source.get(name)) is not None and unify(type_, there, found) for name, type_ in fields
            )
        case _:
            return t.accepts(target, source)


def _joined(left: t.AnyType, right: t.AnyType, among: tuple[t.AnyType, ...]) -> t.AnyType | None:
    """What a type parameter stands for that two arguments are given for. Ops on pictures take an image for every
    frame of a video."""
    if t.VIDEO in among and {left, right} == {t.IMAGE, t.VIDEO}:
        return t.VIDEO
    return t.join(left, right)


def substitute(type_: t.AnyType, found: dict[str, t.AnyType]) -> t.AnyType:
    """The type with its parameters filled in; one that nothing was found for becomes `ANY`."""
    match type_:
        case t.Var(name):
            return found.get(name, t.ANY)
        case t.ListOf(item):
            return t.ListOf(substitute(item, found))
        case t.Optional(item):
            inner = substitute(item, found)
            return inner if isinstance(inner, t.Optional) else t.Optional(inner)
        case t.Record(fields):
            return t.Record(tuple((name, substitute(field, found)) for name, field in fields))
        case _:
            return type_


def without_none(type_: t.AnyType) -> t.AnyType:
    """`T` for `T?`, anything else as it is."""
    return type_.item if isinstance(type_, t.Optional) else type_
