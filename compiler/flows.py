"""Flows and tests: their parameters, their bodies, and the order to build them in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block
from xdsl.traits import is_side_effect_free

from gflow.compiler import calls, control, expressions  # noqa: F401  (each says which nodes it builds)
from gflow.compiler import dialect as d
from gflow.compiler.build import convert
from gflow.compiler.constants import evaluate
from gflow.compiler.module import ExternInfo, FlowInfo, Module
from gflow.compiler.scope import Scope
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.names import Duplicate, UnusedParameter
from gflow.grammar.diagnostics.typing import BadRange, Recursion
from gflow.grammar.source import Span
from gflow.kernels import types as t
from gflow.kernels.op import REQUIRED, Param


def in_order(modules: list[Module]) -> list[FlowInfo]:
    """Every flow, after the flows that it calls. Circles are reported at the call that closes them."""
    done: dict[str, bool] = {}
    order: list[FlowInfo] = []
    for flow in (flow for module in modules for flow in module.flows.values()):
        # Depth first, by hand: a chain of a thousand flows must not exhaust Python's stack.
        stack: list[tuple[FlowInfo, Iterator[tuple[FlowInfo, Span]]]] = []
        if flow.qualified not in done:
            done[flow.qualified] = False
            stack.append((flow, callees(flow.module, flow.node)))
        while stack:
            current, calls_left = stack[-1]
            following = next(calls_left, None)
            if following is None:
                done[current.qualified] = True
                order.append(current)
                stack.pop()
                continue
            callee, span = following
            if callee.qualified not in done:
                done[callee.qualified] = False
                stack.append((callee, callees(callee.module, callee.node)))
            elif not done[callee.qualified]:
                _report_circle(current, callee, span, [info for info, _ in stack])
    return order


def _report_circle(current: FlowInfo, callee: FlowInfo, span: Span, path: list[FlowInfo]) -> None:
    circle = [*path[path.index(callee) :], callee]
    chain = " calls ".join(f"`{info.qualified}`" for info in circle)
    current.module.report(Recursion(span, callee.qualified, chain))


def callees(module: Module, node: Any) -> Iterator[tuple[FlowInfo, Span]]:
    """The flows that a node calls, as names alone tell."""
    for call in _calls(node):
        match call.callee:
            case n.Ref(name) if name in module.flows:
                yield module.flows[name], call.span
            case n.Field(n.Ref(alias), member) if alias in module.uses and member.text in module.uses[alias].flows:
                yield module.uses[alias].flows[member.text], call.span


def _calls(node: Any) -> Iterator[n.Call]:
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, n.Call):
            yield current
        if isinstance(current, tuple):
            pending.extend(current)
        elif isinstance(current, n.Node):
            pending += [getattr(current, name) for name in current.__struct_fields__]


def declare_params(module: Module, info: FlowInfo | ExternInfo) -> None:
    """Finds the types, defaults and ranges of the parameters of a flow or an extern op, and its result's type."""
    params = []
    seen: dict[str, Span] = {}
    for node in info.node.params:
        name = node.name.text
        if name in seen:
            module.report(Duplicate(node.name.span, name, other=(seen[name], "bound here first")))
            continue
        seen[name] = node.name.span
        type_ = module.type_of(node.type)
        default: Any = REQUIRED
        if node.default is not None:
            default = evaluate(module, node.default, type_, f"the default of `{name}`")
        elif isinstance(type_, t.Optional):
            default = None
        if node.range is not None:
            info.ranges[name] = _range(module, node, type_, default)
        params.append(Param(name, type_, default))
    info.params = tuple(params)
    if info.node.result is not None:
        info.result = module.type_of(info.node.result)


def _range(module: Module, node: n.Param, type_: t.AnyType, default: Any) -> tuple[Any, Any]:
    assert node.range is not None
    low_node, high_node = node.range
    span = low_node.span.to(high_node.span)
    if type_ not in (t.INT, t.FLOAT, t.DURATION):
        if type_ != t.ANY:
            module.report(BadRange(span, f"`{type_}` has no range", "only int, float and duration have one"))
        return None, None
    low = evaluate(module, low_node, type_, "the lower end")
    high = evaluate(module, high_node, type_, "the upper end")
    if low is not None and high is not None:
        if low > high:
            module.report(BadRange(span, "this range is empty", f"{low} is more than {high}"))
        elif default is not REQUIRED and default is not None and not low <= default <= high:
            assert node.default is not None
            what = f"the default of `{node.name.text}` is outside its range"
            module.report(BadRange(node.default.span, what, f"the range is {low}..{high}"))
    return low, high


def build_flow(flow: FlowInfo) -> d.FlowOp:
    """The IR of a flow whose callees have been built."""
    module, node = flow.module, flow.node
    block = Block(arg_types=[*(d.value_type(param.type) for param in flow.params), d.KeyType()])
    block.args[-1].name_hint = "key"
    scope = Scope(module, block, block.args[-1])
    names = {param.name.text: param for param in node.params}
    for param, arg in zip(flow.params, block.args, strict=False):
        scope.bind(names[param.name].name, arg)
    what = f"the flow `{node.name.text}`"
    value = control.statements(scope, node.body, what, flow.result)
    assert value is not None
    if flow.result is None:
        flow.result = d.type_of(value)
    else:
        span = node.body.statements[-1].span if node.body.statements else node.body.span
        value = convert(scope, value, flow.result, span, f"what `{node.name.text}` gives")
    block.add_op(d.YieldOp(operands=[value]))
    for name, local in scope.locals.items():
        if not local.used and name in names and not name.startswith("_"):
            module.report(UnusedParameter(local.span, name))
    flow.pure = all(is_side_effect_free(op) for op in block.ops if not isinstance(op, d.YieldOp))
    docs = {name: param.doc for name, param in names.items()}
    return _flow_op(flow.qualified, "flow", block, node.doc, node.span, _options(flow, docs), flow.result)


def build_test(module: Module, node: n.Test) -> d.FlowOp:
    """The IR of a test: a flow without parameters or result."""
    block = Block(arg_types=[d.KeyType()])
    block.args[-1].name_hint = "key"
    control.statements(Scope(module, block, block.args[-1]), node.body, "")
    block.add_op(d.YieldOp(operands=[[]]))
    return _flow_op(f"test {node.title}", "test", block, node.doc, node.span, {}, None)


def _options(flow: FlowInfo, docs: Mapping[str, str]) -> dict[str, Any]:
    options = {}
    for param in flow.params:
        low, high = flow.ranges.get(param.name, (None, None))
        required = param.default is REQUIRED
        options[param.name] = {
            "doc": docs[param.name],
            "required": required,
            "default": None if required else calls.encoded(param.default),
            "low": low,
            "high": high,
        }
    return options


def _flow_op(
    name: str, kind: str, block: Block, doc: str, span: Span, options: dict[str, Any], result: t.AnyType | None
) -> d.FlowOp:
    op = d.FlowOp(
        properties={
            "sym_name": StringAttr(name),
            "kind": StringAttr(kind),
            "params": d.strings(list(options)),
            "options": d.strings([json.dumps(option, ensure_ascii=False) for option in options.values()]),
            "doc": StringAttr(doc),
            "result_type": None if result is None else d.value_type(result),
        },
        regions=[d.region(block)],
    )
    return d.located(op, span)
