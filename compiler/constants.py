"""Values that are known before anything runs: defaults, ranges, and what a model's declaration gives.

They are computed by the runtime's own executor, so that an operator means the same here as in a flow."""

from __future__ import annotations

import json
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.ir import Block

from gflow.compiler import dialect as d
from gflow.compiler.build import build_as
from gflow.compiler.lower import lower
from gflow.compiler.module import Module
from gflow.compiler.scope import Scope
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics.names import ConstantFails
from gflow.kernels import types as t
from gflow.runtime.errors import RunError
from gflow.runtime.plan import decode


def evaluate(module: Module, node: n.Expr, type_: t.AnyType, what: str) -> Any:
    """The running value of a constant expression, None where it has been found wrong and reported."""
    known = len(module.diagnostics)
    block = Block(arg_types=[d.KeyType()])
    value = build_as(Scope(module, block, block.args[0], constant=True), node, type_, what)
    if any(found.severity == "error" for found in module.diagnostics[known:]):
        return None
    if isinstance(value.owner, d.ConstOp):
        return decode(d.type_of(value), json.loads(value.owner.value.data))
    block.add_op(d.YieldOp(operands=[value]))
    flow = d.FlowOp(
        properties={
            "sym_name": StringAttr("constant"),
            "kind": StringAttr("flow"),
            "params": ArrayAttr[StringAttr]([]),
            "options": ArrayAttr[StringAttr]([]),
            "doc": StringAttr(""),
        },
        regions=[d.region(block)],
    )
    from gflow.runtime.executor import Executor

    try:
        return Executor(lower(ModuleOp([flow]), script="", main="constant")).run("constant", {})
    except RunError as error:
        module.report(ConstantFails(node.span, error.message))
        return None
