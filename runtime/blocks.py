"""What is known of a block of steps before it runs: which steps must run, in which order, and who reads what.

Values are computed at most once, when they are first needed. The steps that a block's value needs, or an impure
call or an `expect`, run in any case. The others run when a region inside another step first reads them. What a
`try` reads from outside is computed before it begins, as a failure there is not the try's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gflow.kernels import types as t
from gflow.kernels.models import providers
from gflow.kernels.op import Op, registry
from gflow.runtime import plan as p


class Node:
    """A step of a block.

    operands: slots that must be there before it starts. captures: slots that its regions read, when they do.
    after: the effect before it, which must be over. effect: it is an effect, or may have one inside.
    batches: it makes calls that can be gathered into batches, or may inside. certain: it runs in any case.
    leads: a call of this block that can be gathered needs it.
    quick: it is done at once, in the machine's thread. op: the op that a `Call` calls.
    """

    __slots__ = (
        "after", "batches", "captures", "certain", "effect", "index", "leads", "op", "operands", "quick", "step",
    )  # fmt: skip

    def __init__(self, step: p.AnyStep, index: int) -> None:
        self.step = step
        self.index = index
        self.operands: list[p.Slot] = []
        self.captures: list[p.Slot] = []
        self.after: Node | None = None
        self.effect = self.batches = self.certain = self.leads = self.quick = False
        self.op: Op | None = None


class Body:
    """A block. `certain` are the steps that run in any case, in order; `by_slot` finds a step by what it writes.
    `uses`: how many steps read a slot of this block, one more for its result. `bound`: slots that are given."""

    def __init__(self, nodes: list[Node], result: p.Slot | None) -> None:
        self.nodes = nodes
        self.result = result
        self.by_slot = {node.step.out: node for node in nodes}
        self.free = _free(nodes, result, self.by_slot)
        _settle(nodes, result)
        self.certain = [node for node in nodes if node.certain]
        self.effect = any(node.effect for node in nodes)
        self.batches = any(node.batches for node in nodes)
        self.uses: dict[p.Slot, int] = {} if result is None else {result: 1}
        for node in nodes:
            for slot in {*node.operands, *node.captures}:
                self.uses[slot] = self.uses.get(slot, 0) + 1


def _free(nodes: list[Node], result: p.Slot | None, defined: dict[p.Slot, Node]) -> list[p.Slot]:
    """The slots that are read and not written here."""
    read = {slot: None for node in nodes for slot in (*node.operands, *node.captures) if slot not in defined}
    if result is not None and result not in defined:
        read[result] = None
    return list(read)


def _settle(nodes: list[Node], result: p.Slot | None) -> None:
    """Finds what is certain, and the order of effects."""
    last: Node | None = None
    for node in nodes:
        if node.effect:
            node.after, last = last, node
    needed = {result}
    for node in reversed(nodes):
        node.certain = node.effect or node.step.out in needed
        if node.certain:
            needed.update(node.operands)


def _lead(nodes: list[Node]) -> None:
    """Finds what calls that can be gathered need: values, and effects that come before."""
    read: set[p.Slot] = set()
    before: Node | None = None
    for node in reversed(nodes):
        node.leads = node.batches or node.step.out in read or before is node
        if node.leads:
            read.update(node.operands)
            before = node.after or before


class Analysis:
    """The bodies of a plan's blocks, each made once."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self._bodies: dict[int, Body] = {}
        self._whole: dict[int, Body] = {}

    def whole(self, block: p.Block) -> Body:
        """The body of a whole flow, or of a test."""
        known = self._whole.get(id(block))
        if known is None:
            known = self._whole[id(block)] = self.body(block)
            self._spread(known, set())
        return known

    def body(self, block: p.Block) -> Body:
        """A block belongs to the plan, so that its identity stays."""
        known = self._bodies.get(id(block))
        if known is None:
            nodes = [self._node(step, index) for index, step in enumerate(block.steps)]
            known = self._bodies[id(block)] = Body(nodes, block.result)
        return known

    def _spread(self, body: Body, calling: set[p.Slot]) -> None:
        """Marks what makes calls by reading a value that is computed when it is first read (`calling`)."""
        for node in body.nodes:
            node.batches |= not calling.isdisjoint(node.captures)
            if not node.certain and (node.batches or not calling.isdisjoint(node.operands)):
                calling.add(node.step.out)
            for block in regions(node.step):
                self._spread(self.body(block), calling)
        _lead(body.nodes)

    def _node(self, step: p.AnyStep, index: int) -> Node:
        node = Node(step, index)
        match step:
            case p.Const():
                node.quick = True
            case p.Call():
                node.op = registry()[step.op]
                node.operands = [*step.args.values(), *step.variadic]
                node.effect = not node.op.pure
                node.quick = not makes_pictures(node.op)
            case p.Derive():
                node.operands, node.quick = [step.key], True
            case p.Expect():
                node.operands, node.quick, node.effect = [step.condition, *step.shown.values()], True, True
            case p.ExternCall():
                node.operands = list(step.args.values())
                node.effect = not self.plan.externs[step.extern].pure
            case p.ModelCall():
                node.operands = [*step.args.values(), *_some(step.key)]
                provider = providers()[self.plan.models[step.model].provider]
                node.batches = provider.method(step.method).uniform is not None
            case p.FlowCall():
                node.operands = [*step.args.values(), step.key]
                body = self.whole(self.plan.flows[step.flow].body)
                node.effect, node.batches = body.effect, body.batches
            case _:
                self._regions(node)
        return node

    def _regions(self, node: Node) -> None:
        step: Any = node.step
        bound: set[p.Slot] = set()
        match step:
            case p.Map():
                node.operands, bound = [step.items, step.key], {step.item, step.index, step.item_key}
            case p.If():
                node.operands = [step.condition]
            case p.Match():
                node.operands = [step.subject]
            case p.Refine():
                node.operands, bound = [step.limit, step.key, *_some(step.start)], {step.value, step.attempt_key}
            case p.Try():
                node.operands = [*_some(step.retry), *_some(step.backoff), *_some(step.timeout)]
        captures: dict[p.Slot, None] = {}
        for block in regions(step):
            body = self.body(block)
            node.effect |= body.effect
            node.batches |= body.batches
            captures.update((slot, None) for slot in body.free if slot not in bound)
        if isinstance(step, p.Try | p.Fused):
            node.operands += captures
        else:
            node.captures = list(captures)


def regions(step: p.AnyStep) -> Iterator[p.Block]:
    """The blocks inside a step."""
    match step:
        case p.Map():
            yield step.body
        case p.If():
            yield from (step.then, step.orelse)
        case p.Match():
            yield from (case.body for case in step.cases)
            yield from _some(step.default)
        case p.Refine():
            yield from (step.body, step.until, *_some(step.keep_by), *_some(step.orelse))
        case p.Try():
            yield from (step.body, *_some(step.orelse))
        case p.Fused():
            yield step.body


def makes_pictures(op: Op) -> bool:
    """Whether an op works on pixels, which is long enough to do beside other things."""
    result = op.signature.result
    kinds = result.among if isinstance(result, t.Var) else (result,)
    return not {t.IMAGE, t.MASK, t.ListOf(t.IMAGE)}.isdisjoint(kinds)


def _some(value: Any) -> list[Any]:
    return [] if value is None else [value]
