"""Literals, names, lists, records, fields and operators. Calls are in `calls.py`, blocks in `control.py`."""

from __future__ import annotations

from xdsl.ir import SSAValue

from gflow.compiler import calls, control
from gflow.compiler import dialect as d
from gflow.compiler.build import build, build_as, builds, widen
from gflow.compiler.module import Module
from gflow.compiler.scope import Scope, closest
from gflow.compiler.typing import without_none
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.names import NotAValue, UnknownMember, UnknownName
from gflow.grammar.diagnostics.typing import BranchesDiffer, Mismatch, MisplacedLambda, NoField, NoOperator
from gflow.kernels import types as t

_LITERAL_TYPES = {
    "int": t.INT,
    "float": t.FLOAT,
    "bool": t.BOOL,
    "none": t.NONE,
    "size": t.SIZE,
    "duration": t.DURATION,
    "text": t.TEXT,
}


@builds(n.Literal)
def _literal(scope: Scope, node: n.Literal, expected: t.AnyType | None) -> SSAValue:
    type_ = _LITERAL_TYPES[node.kind]
    target = without_none(expected) if expected is not None else None
    if node.kind == "text" and isinstance(target, t.Choice):
        return _choice(scope, node, target)
    value = list(node.value) if node.kind == "size" else node.value
    return scope.add(d.const(value, type_), node.span)


def _choice(scope: Scope, node: n.Literal, target: t.Choice) -> SSAValue:
    if node.value not in target.values:
        near = closest(node.value, target.values)
        hint = f'did you mean "{near}"?' if near else None
        return scope.report(Mismatch(node.span, "this", str(target), f'"{node.value}"', hint))
    return scope.add(d.const(node.value, target), node.span)


@builds(n.Template)
def _template(scope: Scope, node: n.Template, expected: t.AnyType | None) -> SSAValue:
    parts = []
    for part in node.parts:
        if isinstance(part, str):
            parts.append(scope.add(d.const(part, t.TEXT), node.span))
        else:
            value = build(scope, part)
            if d.type_of(value) == t.DURATION:
                # While running, a duration is a number of seconds like any other.
                value = scope.add(d.call("op", "text of duration", {"value": value}, t.TEXT), part.span)
            parts.append(value)
    return scope.add(d.call("op", "text", {}, t.TEXT, variadic=parts), node.span)


@builds(n.Ref)
def _ref(scope: Scope, node: n.Ref, expected: t.AnyType | None) -> SSAValue:
    local = scope.find(node.name)
    if local is not None:
        local.used = True
        return local.value
    module = scope.module
    if node.name in module.lets:
        module.used.add(node.name)
        return let_value(scope, module.lets[node.name])
    for names, what, hint in (
        (module.models, "a model", f"call a method of it: `{node.name}.…(…)`"),
        (module.flows, "a flow", f"call it: `{node.name}(…)`"),
        (module.externs, "an op", f"call it: `{node.name}(…)`"),
        (module.uses, "a file", f"name something of it: `{node.name}.…`"),
    ):
        if node.name in names:
            return scope.report(NotAValue(node.span, node.name, what, hint))
    return scope.report(UnknownName(node.span, node.name, closest(node.name, _values_in_sight(scope))))


def _values_in_sight(scope: Scope) -> list[str]:
    module = scope.module
    return [*scope.visible(), *module.lets, *module.models, *module.uses]


def let_value(scope: Scope, let: n.Let) -> SSAValue:
    """The value of a constant of the file, built where it is used. One that uses itself is an unknown name."""
    module = scope.module
    if let.name.text in module._resolving:
        return scope.report(UnknownName(let.name.span, let.name.text))
    module._resolving.append(let.name.text)
    try:
        # A scope with no outer one: a constant sees the file's names only.
        return build(Scope(module, scope.block, scope.key, constant=True), let.value)
    finally:
        module._resolving.pop()


@builds(n.ListExpr)
def _list(scope: Scope, node: n.ListExpr, expected: t.AnyType | None) -> SSAValue:
    target = without_none(expected) if expected is not None else None
    wanted = target.item if isinstance(target, t.ListOf) else None
    items = [build(scope, item, wanted) for item in node.items]
    joined: t.AnyType = t.ANY
    for item, item_node in zip(items, node.items, strict=True):
        wider = t.join(joined, d.type_of(item))
        if wider is None:
            return scope.report(
                BranchesDiffer(item_node.span, "the items of a list", str(joined), str(d.type_of(item)))
            )
        joined = wider
    if joined == t.ANY and wanted is not None:
        joined = wanted
    widened = [widen(scope, item, joined, node.span) for item in items]
    return scope.add(d.call("op", "[]", {}, t.ListOf(joined), variadic=widened), node.span)


@builds(n.RecordExpr)
def _record(scope: Scope, node: n.RecordExpr, expected: t.AnyType | None) -> SSAValue:
    target = without_none(expected) if expected is not None else None
    fields: dict[str, SSAValue] = {}
    for name, value in node.fields:
        wanted = target.get(name.text) if isinstance(target, t.Record) else None
        if name.text in fields:
            calls.report_twice(scope, name)
            continue
        built = build(scope, value, wanted)
        if wanted is not None and t.accepts(wanted, d.type_of(built)):
            built = widen(scope, built, wanted, value.span)
        fields[name.text] = built
    type_ = t.Record(tuple((name, d.type_of(value)) for name, value in fields.items()))
    return scope.add(d.call("op", "{}", fields, type_), node.span)


@builds(n.Field)
def _field(scope: Scope, node: n.Field, expected: t.AnyType | None) -> SSAValue:
    if isinstance(node.value, n.Ref) and scope.find(node.value.name) is None:
        used = scope.module.uses.get(node.value.name)
        if used is not None:
            return _member(scope, used, node)
    value = build(scope, node.value)
    type_ = d.type_of(value)
    found = _field_type(type_, node.name.text)
    if found is None:
        return scope.report(_no_field(node, type_))
    name = scope.add(d.const(node.name.text, t.TEXT), node.span)
    return scope.add(d.call("op", ".", {"value": value, "name": name}, found), node.span)


def _member(scope: Scope, used: Module, node: n.Field) -> SSAValue:
    """A constant of a used file."""
    name = node.name.text
    assert isinstance(node.value, n.Ref)
    scope.module.used.add(node.value.name)
    if name not in used.lets:
        known = [*used.lets, *used.flows, *used.models]
        return scope.report(UnknownMember(node.name.span, node.value.name, name, closest(name, known)))
    used.used.add(name)
    elsewhere = Scope(used, scope.block, scope.key, constant=True)
    return let_value(elsewhere, used.lets[name])


def _field_type(type_: t.AnyType, name: str) -> t.AnyType | None:
    if type_ == t.ANY:
        return t.ANY
    if isinstance(type_, t.Record):
        return type_.get(name)
    if type_ in (t.IMAGE, t.MASK, t.VIDEO) and name == "size":
        return t.SIZE
    if type_ == t.VIDEO:
        return {"fps": t.FLOAT, "duration": t.DURATION}.get(name)
    if type_ == t.SIZE and name in ("width", "height"):
        return t.INT
    return None


def _no_field(node: n.Field, type_: t.AnyType) -> NoField:
    name = node.name.text
    if isinstance(type_, t.Record):
        return NoField(node.name.span, str(type_), name, closest(name, [field for field, _ in type_.fields]))
    hint = None
    if isinstance(type_, t.Optional):
        hint = "it may be `none`: write `(value ?? other).field`"
    elif type_ == t.VIDEO:
        hint = "a video has `size`, `fps` and `duration`"
    elif type_ in (t.IMAGE, t.MASK, t.SIZE):
        hint = "an image has `size`, a size has `width` and `height`"
    return NoField(node.name.span, str(type_), name, None, hint)


@builds(n.Index)
def _index(scope: Scope, node: n.Index, expected: t.AnyType | None) -> SSAValue:
    items = build(scope, node.value)
    type_ = d.type_of(items)
    index = build_as(scope, node.index, t.INT, "an index")
    if type_ != t.ANY and not isinstance(type_, t.ListOf):
        return scope.report(NoOperator(node.span, "[…]", f"`{type_}`", "only lists have items"))
    item = type_.item if isinstance(type_, t.ListOf) else t.ANY
    return scope.add(d.call("op", "index", {"items": items, "index": index}, item), node.span)


@builds(n.Unary)
def _unary(scope: Scope, node: n.Unary, expected: t.AnyType | None) -> SSAValue:
    if node.op == "not":
        value = build_as(scope, node.operand, t.BOOL, "what `not` negates")
        return scope.add(d.call("op", "not", {"value": value}, t.BOOL), node.span)
    value = build(scope, node.operand)
    type_ = d.type_of(value)
    if type_ not in (t.INT, t.FLOAT, t.DURATION, t.ANY):
        return scope.report(NoOperator(node.span, "-", f"`{type_}`"))
    return scope.add(d.call("op", "neg", {"value": value}, type_), node.span)


@builds(n.Binary)
def _binary(scope: Scope, node: n.Binary, expected: t.AnyType | None) -> SSAValue:
    if node.op in ("and", "or"):
        return control.short_circuit(scope, node)
    if node.op == "??":
        return control.default(scope, node, expected)
    left = build(scope, node.left)
    right = build(scope, node.right, d.type_of(left) if node.op in ("==", "!=") else None)
    left_type, right_type = d.type_of(left), d.type_of(right)
    result = operator_type(node.op, left_type, right_type)
    if result is None:
        hint = 'write "${a}${b}" to join text' if node.op == "+" and t.TEXT in (left_type, right_type) else None
        if isinstance(left_type, t.Optional) or isinstance(right_type, t.Optional):
            hint = "one side may be `none`: write `(value ?? other)` to say what then"
        operands = f"`{left_type}` and `{right_type}`"
        return scope.report(NoOperator(node.span, node.op, operands, hint))
    return scope.add(d.call("op", node.op, {"left": left, "right": right}, result), node.span)


def operator_type(op: str, left: t.AnyType, right: t.AnyType) -> t.AnyType | None:
    """The type of `left op right`, or None where the operator does not work on them."""
    if t.ANY in (left, right):
        return t.BOOL if op in ("==", "!=", "<", "<=", ">", ">=") else t.ANY
    numbers = {left, right} <= {t.INT, t.FLOAT}
    texts = t.accepts(t.TEXT, left) and t.accepts(t.TEXT, right)
    durations = left == right == t.DURATION
    match op:
        case "==" | "!=":
            return t.BOOL if t.join(left, right) is not None else None
        case "<" | "<=" | ">" | ">=":
            return t.BOOL if numbers or texts or durations else None
        case "..":
            return t.ListOf(t.INT) if left == right == t.INT else None
        case "+" | "-" | "*" | "/" | "%" if numbers:
            return t.FLOAT if op == "/" or t.FLOAT in (left, right) else t.INT
        case "+" if texts:
            return t.TEXT
        case "+" if isinstance(left, t.ListOf) and isinstance(right, t.ListOf):
            return t.join(left, right)
        case "+" | "-" if durations:
            return t.DURATION
        case "*" | "/" if left in (t.DURATION, t.SIZE) and right in (t.INT, t.FLOAT):
            return left
        case "*" if right in (t.DURATION, t.SIZE) and left in (t.INT, t.FLOAT):
            return right
        case "/" if durations:
            return t.FLOAT
        case _:
            return None


@builds(n.Lambda)
def _lambda(scope: Scope, node: n.Lambda, expected: t.AnyType | None) -> SSAValue:
    return scope.report(MisplacedLambda(node.span))


@builds(n.Pipe)
def _pipe(scope: Scope, node: n.Pipe, expected: t.AnyType | None) -> SSAValue:
    first = n.Arg(span=node.value.span, name=None, value=node.value)
    call = n.Call(span=node.span, callee=node.call.callee, args=(first, *node.call.args), as_type=node.call.as_type)
    return calls.call(scope, call, expected)
