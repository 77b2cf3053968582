"""Calls: who is called, which argument goes to which parameter, and what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from xdsl.ir import Block, SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.build import build, build_as, builds, convert, widen
from gflow.compiler.models import unknown_method
from gflow.compiler.module import ExternInfo, FlowInfo, ModelInfo, Module
from gflow.compiler.scope import Scope, closest
from gflow.compiler.typing import substitute, unify
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.names import FileNotUsable, ModelInConstant, UnknownMember, UnknownName, UnknownOp
from gflow.grammar.diagnostics.typing import (
    ArgumentTwice,
    LambdaNeeded,
    Mismatch,
    MissingArgument,
    NotCallable,
    NotTyped,
    TooManyArguments,
    UnknownArgument,
)
from gflow.grammar.source import Span
from gflow.kernels import types as t
from gflow.kernels.models import Method
from gflow.kernels.op import REQUIRED, FileText, Op, OpError, Param, Signature, registry
from gflow.runtime.engines.structured import can_fill
from gflow.runtime.plan import encode

Callee = Op | FlowInfo | ExternInfo | tuple[ModelInfo, Method]


@builds(n.Call)
def call(scope: Scope, node: n.Call, expected: t.AnyType | None) -> SSAValue:
    """A call of an op, a flow, an extern op or a model's method."""
    callee = _find(scope, node)
    if callee is None:
        for arg in node.args:
            if not isinstance(arg.value, n.Lambda):
                build(scope, arg.value)
        return scope.add(d.const(None, t.ANY), node.span)
    name = _written(node.callee)
    if scope.constant and not isinstance(callee, Op):
        return scope.report(ModelInConstant(node.span, name))
    match callee:
        case Op():
            given = _match(scope, node, name, callee.signature)
            result = substitute(callee.signature.result, given.found)
            _no_as(scope, node, name, "only a language model's answer has a type to choose")
            return scope.add(d.call("op", callee.name, given.args, result, variadic=given.variadic), node.span)
        case FlowInfo():
            given = _match(scope, node, name, callee.signature)
            _no_as(scope, node, name, "a flow gives what it gives")
            _fill_defaults(scope, callee, given, node.span)
            result = callee.result or t.ANY
            key = scope.take_key(node.span)
            made = d.call("flow", callee.qualified, given.args, result, key=key, pure=callee.pure)
            return scope.add(made, node.span)
        case ExternInfo():
            given = _match(scope, node, name, callee.signature)
            _no_as(scope, node, name, "an extern op gives what it declares")
            _fill_defaults(scope, callee, given, node.span)
            result = callee.result or t.ANY
            made = d.call("extern", callee.qualified, given.args, result, pure=not callee.node.impure)
            return scope.add(made, node.span)
        case (model, method):
            return _method_call(scope, node, name, model, method)


def _method_call(scope: Scope, node: n.Call, name: str, model: ModelInfo, method: Method) -> SSAValue:
    given = _match(scope, node, name, method.signature)
    as_type = None
    if node.as_type is not None:
        if method.typed:
            as_type = scope.module.type_of(node.as_type)
            if as_type != t.ANY and not can_fill(as_type):
                reason = f"a language model can't answer with `{as_type}`"
                scope.module.report(NotTyped(node.as_type.span, name, reason))
        else:
            _no_as(scope, node, name, f"it always gives `{method.signature.result}`")
    made = d.call(
        "method",
        f"{model.qualified}.{method.name}",
        given.args,
        as_type or method.signature.result,
        key=scope.take_key(node.span) if method.random else None,
        as_type=as_type,
    )
    return scope.add(made, node.span)


def _written(node: n.Expr) -> str:
    """A callee as it is written."""
    return node.span.text


def _no_as(scope: Scope, node: n.Call, name: str, reason: str) -> None:
    if node.as_type is not None:
        scope.module.report(NotTyped(node.as_type.span, name, reason))


# --- who is called ---------------------------------------------------------------------------------


def _find(scope: Scope, node: n.Call) -> Callee | None:
    """What a call calls; None where it is nothing, which has been reported then."""
    match node.callee:
        case n.Ref(name):
            return _find_name(scope, node.callee, name)
        case n.Field(n.Ref(owner), member):
            return _find_member(scope, node.callee, owner, member)
        case n.Field(n.Field(n.Ref(alias), model), method) if alias in scope.module.uses:
            scope.module.used.add(alias)
            return _find_method(scope, scope.module.uses[alias], model, method)
        case n.Field(_, member):
            _not_a_method(scope, node.callee, member)
        case _:
            scope.report(
                NotCallable(node.callee.span, _written(node.callee), "only ops, flows and methods are called")
            )
    return None


def _find_name(scope: Scope, node: n.Ref, name: str) -> Callee | None:
    module = scope.module
    if name in module.flows:
        return module.flows[name]
    if name in module.externs:
        return module.externs[name]
    if name in registry():
        return registry()[name]
    if name in module.models:
        info = module.models[name]
        methods = " or ".join(
            f"`{name}.{method}(…)`" for method in (info.provider.methods if info.provider else ())
        )
        scope.report(NotCallable(node.span, name, f"a model's methods are called: {methods}"))
    elif scope.find(name) is not None or name in module.lets:
        scope.report(NotCallable(node.span, name, "this is a value"))
    else:
        known = [op for op in registry() if op.isidentifier()] + [*module.flows, *module.externs]
        scope.report(UnknownOp(node.span, name, closest(name, known)))
    return None


def _find_member(scope: Scope, node: n.Field, owner: str, member: n.Name) -> Callee | None:
    module = scope.module
    if scope.find(owner) is None:
        if owner in module.models:
            return _find_method(scope, module, n.Name(span=node.value.span, text=owner), member)
        if owner in module.uses:
            used = module.uses[owner]
            module.used.add(owner)
            found = used.flows.get(member.text) or used.externs.get(member.text)
            if found is None:
                known = [*used.flows, *used.externs]
                scope.report(UnknownMember(member.span, owner, member.text, closest(member.text, known)))
            return found
        if owner not in module.lets:
            known = [*scope.visible(), *module.lets, *module.models, *module.uses]
            scope.report(UnknownName(node.value.span, owner, closest(owner, known)))
            return None
    _not_a_method(scope, node, member)
    return None


def _not_a_method(scope: Scope, node: n.Field, member: n.Name) -> None:
    build(scope, node.value)
    value = _written(node.value)
    hint = f"write `{value} |> {member.text}(…)`" if member.text in registry() else "values have no methods"
    scope.report(NotCallable(node.span, _written(node), hint))


def _find_method(scope: Scope, module: Module, model: n.Name, member: n.Name) -> Callee | None:
    if model.text not in module.models:
        scope.report(UnknownMember(model.span, module.path.name, model.text, closest(model.text, module.models)))
        return None
    module.used.add(model.text)
    info = module.models[model.text]
    if info.provider is None:
        return None
    if member.text not in info.provider.methods:
        scope.report(unknown_method(model.text, info.provider, member.text, member.span))
        return None
    return info, info.provider.methods[member.text]


# --- which argument goes where ---------------------------------------------------------------------


@dataclass
class _Given:
    """Arguments by parameter, further ones, and what the type parameters stand for."""

    args: dict[str, SSAValue] = field(default_factory=dict)
    variadic: list[SSAValue] = field(default_factory=list)
    found: dict[str, t.AnyType] = field(default_factory=dict)


def _match(scope: Scope, node: n.Call, callee: str, signature: Signature) -> _Given:
    """The arguments of a call, each built as its parameter wants it; lambdas come last, as their items' type
    follows from the others."""
    given = _Given()
    before = len(scope.module.diagnostics)
    pairs = _assign(scope, node, callee, signature)
    # An argument that went nowhere may well be the one that is missing.
    misplaced = len(scope.module.diagnostics) > before
    for param, arg in sorted(pairs, key=lambda pair: isinstance(pair[0].type, t.EachOf)):
        if isinstance(param.type, t.EachOf):
            value = _each(scope, callee, signature, given, param, arg)
        else:
            value = _argument(scope, given, param, arg)
        if param.variadic:
            given.variadic.append(value)
        else:
            given.args[param.name] = value
    ordered = {param.name: given.args[param.name] for param in signature.params if param.name in given.args}
    given.args = ordered
    for param in () if misplaced else signature.params:
        if param.name not in given.args and param.default is REQUIRED and not param.variadic:
            scope.report(MissingArgument(node.span, callee, param.name, str(param.type), str(signature)))
    return given


def _assign(scope: Scope, node: n.Call, callee: str, signature: Signature) -> list[tuple[Param, n.Arg]]:
    by_name = {param.name: param for param in signature.params}
    positional = [param for param in signature.params if not param.variadic]
    rest = next((param for param in signature.params if param.variadic), None)
    pairs: list[tuple[Param, n.Arg]] = []
    taken: set[str] = set()
    count = 0
    for arg in node.args:
        if arg.name is not None:
            param = by_name.get(arg.name.text)
            if param is None:
                near = closest(arg.name.text, by_name)
                scope.report(UnknownArgument(arg.name.span, callee, arg.name.text, str(signature), near))
                continue
        elif count < len(positional):
            param = positional[count]
            count += 1
        elif rest is not None:
            pairs.append((rest, arg))
            continue
        else:
            scope.report(TooManyArguments(arg.value.span, callee, len(positional), str(signature)))
            continue
        if param.name in taken:
            scope.report(ArgumentTwice(arg.span, param.name))
            continue
        taken.add(param.name)
        pairs.append((param, arg))
    return pairs


def _argument(scope: Scope, given: _Given, param: Param, arg: n.Arg) -> SSAValue:
    value = build(scope, arg.value, substitute(param.type, given.found))
    if param.file is not None and isinstance(value.owner, d.ConstOp) and d.type_of(value) == t.TEXT:
        return _content(scope, json.loads(value.owner.value.data), param.file, arg)
    what = f"`{param.name}`"
    before = dict(given.found)
    if unify(param.type, d.type_of(value), given.found):
        return widen(scope, value, substitute(param.type, given.found), arg.value.span)
    wanted = substitute(param.type, before)
    if t.accepts(wanted, d.type_of(value)):
        # Only a type parameter could refuse it: by the types it may be, or by what it stands for already.
        shown = wanted if wanted != t.ANY else param.type
        return scope.report(Mismatch(arg.value.span, what, str(shown), str(d.type_of(value))))
    return convert(scope, value, wanted, arg.value.span, what)


def _content(scope: Scope, written: str, file: FileText, arg: n.Arg) -> SSAValue:
    """What is in a file whose path is known, or the content as it is written."""
    path = scope.module.path.parent / written
    try:
        text = written if "\n" in written else file.read(str(path))
    except OpError as error:
        return scope.report(FileNotUsable(arg.value.span, written, str(error)))
    return scope.add(d.const(text, t.TEXT), arg.value.span)


def _each(scope: Scope, callee: str, signature: Signature, given: _Given, param: Param, arg: n.Arg) -> SSAValue:
    """A lambda argument becomes a `map` over the list that its op is given."""
    assert isinstance(param.type, t.EachOf)
    source = next((p.name for p in signature.params if p.type == t.ListOf(_each_item(param))), None)
    items = given.args.get(source) if source is not None else None
    if not isinstance(arg.value, n.Lambda):
        return scope.report(LambdaNeeded(arg.value.span, callee, param.name))
    if items is None:
        # The list is missing, which is reported as such.
        return scope.add(d.const(None, t.ANY), arg.span)
    item_type = substitute(param.type.item, given.found)
    key = scope.take_key(arg.span)
    block = Block(arg_types=[d.value_type(item_type), d.value_type(t.INT), d.KeyType()])
    inner = scope.inner(block, block.args[2])
    inner.bind(arg.value.param, block.args[0])
    result = substitute(param.type.result, given.found)
    if isinstance(param.type.result, t.Var):
        value = build(inner, arg.value.body)
        given.found[param.type.result.name] = d.type_of(value)
    else:
        value = build_as(inner, arg.value.body, result, f"`{param.name}`")
    block.add_op(d.YieldOp(operands=[value]))
    list_type = d.value_type(t.ListOf(d.type_of(value)))
    return scope.add(d.MapOp(operands=[items, key], result_types=[list_type], regions=[d.region(block)]), arg.span)


def _each_item(param: Param) -> t.AnyType:
    assert isinstance(param.type, t.EachOf)
    return param.type.item


def _fill_defaults(scope: Scope, callee: FlowInfo | ExternInfo, given: _Given, span: Span) -> None:
    """Flows and extern ops are always called with every parameter."""
    for param in callee.params:
        if param.name not in given.args and param.default is not REQUIRED:
            given.args[param.name] = scope.add(d.const(encoded(param.default), param.type), span)
    given.args = {param.name: given.args[param.name] for param in callee.params if param.name in given.args}


def encoded(value: Any) -> Any:
    """A running value as a constant of the IR holds it."""
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, dict):
        return {name: encoded(item) for name, item in value.items()}
    return encode(value)


def report_twice(scope: Scope, name: n.Name) -> None:
    """A field or an argument is given twice."""
    scope.report(ArgumentTwice(name.span, name.text))
