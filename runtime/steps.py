"""What each kind of step does. A step that is done at once is a function of its scope; one that may wait is a
generator (`gflow.runtime.machine`)."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.kernels.clip import Clip
from gflow.kernels.op import OpError, Signature, registry
from gflow.kernels.pixel.device import DeviceArray
from gflow.runtime import plan as p
from gflow.runtime.blocks import Node
from gflow.runtime.errors import ExpectFailed, OpFailed, RunError
from gflow.runtime.machine import POOL, Later, Siblings, Steps, want

if TYPE_CHECKING:
    from gflow.runtime.executor import Observer
    from gflow.runtime.scope import Scope

#: The longest wait there is, in seconds: a few years, which every clock of Python can hold.
_LONGEST = 1e8

#: The lane of the functions that scripts declare: one at a time, as people don't write them for threads.
EXTERNS = "externs"


def const(scope: Scope, node: Node) -> Any:
    step = node.step
    assert isinstance(step, p.Const)
    return p.decode(step.type, step.value)


def call(scope: Scope, node: Node) -> Any:
    return _kernel(scope, node)()


def long_call(scope: Scope, node: Node) -> Steps:
    assert isinstance(node.step, p.Call)
    return (yield from _timed(scope, node, node.step.op, _kernel(scope, node), POOL))


def _timed(scope: Scope, node: Node, label: str, work: Callable[[], Any], lane: str) -> Steps:
    """Runs some work in a lane, and tells how long it took."""

    def timed() -> tuple[Any, float, float]:
        begin = time.monotonic()
        value = work()
        return value, begin, time.monotonic() - begin

    value, begin, seconds = yield scope.run.machine.submit(timed, lane)
    scope.run.calls.tell(lambda observer: observer.computed(label, node.step.place, begin, seconds))
    pixels = sys.modules.get("gflow.kernels.pixel.realize")
    while pixels is not None and pixels.complaints:
        complaint = pixels.complaints.popleft()
        scope.run.calls.tell(partial(_warned, complaint, node.step.place))
    return value


def _warned(message: str, place: str, observer: Observer) -> None:
    observer.warning(message, place)


def _kernel(scope: Scope, node: Node) -> Callable[[], Any]:
    step, op = node.step, node.op
    assert isinstance(step, p.Call) and op is not None
    given = _given(scope, node) if op.pixel else {slot: scope.get(slot) for slot in node.operands}
    args = widened(op.signature, {name: given[slot] for name, slot in step.args.items()})
    further = [given[slot] for slot in step.variadic]
    return lambda: op.kernel(*further, **args)


def fused(scope: Scope, node: Node) -> Steps:
    step = node.step
    assert isinstance(step, p.Fused)
    values = _given(scope, node)
    return (yield from _timed(scope, node, step.title, lambda: run_fused(step, values), POOL))


def _given(scope: Scope, node: Node) -> dict[p.Slot, Any]:
    """What ops on pixels read: pictures where they are, unless frames of a video, which are in main memory, are
    among them."""
    near = {slot: scope.near(slot) for slot in node.operands}
    if any(isinstance(value, Clip) for value in near.values()):
        return {slot: scope.get(slot) for slot in near}
    return near


def run_fused(step: p.Fused, given: Mapping[p.Slot, Any]) -> Any:
    """The result of a chain of ops on pixels, computed as one: what they make is a picture that is not computed
    until all of them are through. Raises OpFailed."""
    from gflow.kernels.pixel.picture import Picture, source
    from gflow.kernels.pixel.realize import near

    arrays = np.ndarray, DeviceArray
    values = {slot: source(value) if isinstance(value, arrays) else value for slot, value in given.items()}
    for part in step.body.steps:
        if isinstance(part, p.Const):
            values[part.out] = p.decode(part.type, part.value)
            continue
        assert isinstance(part, p.Call), "only ops are fused"
        op = registry()[part.op]
        args = widened(op.signature, {name: values[slot] for name, slot in part.args.items()})
        try:
            values[part.out] = op.kernel(*[values[slot] for slot in part.variadic], **args)
        except OpError as error:
            raise OpFailed(str(error), place=part.place) from error
    assert step.body.result is not None
    made = values[step.body.result]
    return near(made) if isinstance(made, Picture) else made  # A clip is computed when it is read.


def extern(scope: Scope, node: Node) -> Steps:
    from gflow.runtime import extern as functions

    step = node.step
    assert isinstance(step, p.ExternCall)
    declared, args = scope.run.plan.externs[step.extern], scope.all(step.args)
    work = partial(functions.call, declared, args, scope.deadline)
    return (yield from _timed(scope, node, step.extern, work, EXTERNS))


def model_call(scope: Scope, node: Node) -> Steps:
    return (yield from scope.run.calls.call(scope, node))


def flow_call(scope: Scope, node: Node) -> Steps:
    step = node.step
    assert isinstance(step, p.FlowCall)
    flow = scope.run.plan.flows[step.flow]
    key = scope.get(step.key).derive(flow.name)
    return (yield from scope.run.flow(flow, scope.all(step.args), key, scope, node.index).block())


def derive(scope: Scope, node: Node) -> noise.Key:
    step = node.step
    assert isinstance(step, p.Derive)
    key: noise.Key = scope.get(step.key).derive(step.name)
    return key


def expect(scope: Scope, node: Node) -> None:
    step = node.step
    assert isinstance(step, p.Expect)
    if not scope.get(step.condition):
        show = registry()["text"].kernel
        shown = "; ".join(f"{name} is {show(scope.get(slot))}" for name, slot in step.shown.items())
        raise ExpectFailed(f"expected {step.text}" + (f", but {shown}" if shown else ""), place=step.place)


def if_(scope: Scope, node: Node) -> Steps:
    step = node.step
    assert isinstance(step, p.If)
    block = step.then if scope.get(step.condition) else step.orelse
    return (yield from scope.inside(node, block).block())


def match(scope: Scope, node: Node) -> Steps:
    step = node.step
    assert isinstance(step, p.Match)
    subject = scope.get(step.subject)
    for case in step.cases:
        if subject == (t.Size(*case.value) if isinstance(case.value, list) else case.value):
            return (yield from scope.inside(node, case.body).block())
    assert step.default is not None, "the compiler proved that one case fits"
    return (yield from scope.inside(node, step.default).block())


# --- loops ---


def map_(scope: Scope, node: Node) -> Steps:
    """Items one after the other, or `together` at a time: the next ones begin when those before have made their
    last call, and the ones before those are done."""
    step = node.step
    assert isinstance(step, p.Map)
    items, key, width = scope.get(step.items), scope.get(step.key), step.together
    side, results, done = Siblings(scope.run.machine), list[Any](), 0

    def item(inner: Scope) -> Steps:
        nonlocal done
        value = yield from inner.block()
        done += 1
        scope.run.observer.loop(key.path, done, len(items))
        return value

    try:
        for begin in range(0, len(items), width):
            chunk = range(begin, min(begin + width, len(items)))
            last, scopes = chunk.stop == len(items), []
            more = node.batches and not last
            for index in chunk:
                bound = {step.item: items[index], step.index: index, step.item_key: key.item(index)}
                scopes.append(scope.inside(node, step.body, bound, index))
                side.start(item(scopes[-1]))
            if width > 1 and not last:
                for inner in scopes:
                    yield _wanted(inner.led, more)
            while len(results) < (begin if width > 1 else chunk.stop):
                results.append((yield from side.next(more)))
            if side.failed:
                break
        while len(results) < len(side.tasks):
            results.append((yield from side.next(False)))
    finally:
        side.stop(len(results))
    return results


def refine(scope: Scope, node: Node) -> Steps:
    """Attempts in windows of `together`: the lowest-numbered one that passes is taken, those after it are
    dropped."""
    step = node.step
    assert isinstance(step, p.Refine)
    limit, key = scope.get(step.limit), scope.get(step.key)
    if limit < 1:
        raise OpFailed(f"`refine … up to {limit}`: there must be at least one attempt", place=step.place)
    best: tuple[float, Any] | None = None
    value = None if step.start is None else scope.get(step.start)
    width = step.together if step.start is None else 1
    for begin in range(0, limit, width):
        window = range(begin, min(begin + width, limit))
        attempts = _beside(scope, [_attempt(scope, node, value, number, key) for number in window])
        values: list[Any] = []
        try:
            while len(values) < len(window):
                value, passed = yield from attempts.next(node.batches)
                values.append(value)
                scope.run.observer.loop(key.path, begin + len(values), limit)
                if passed:
                    return value
        finally:
            attempts.stop(len(values))
        if step.keep_by is not None:
            judged = zip(window, values, strict=True)
            scores = _beside(scope, [_judged(scope, node, step.keep_by, *pair) for pair in judged])
            try:
                for value in values:
                    score = yield from scores.next(node.batches)
                    # A score that is not a number never wins, as with `best`.
                    if best is None or score > best[0] or math.isnan(best[0]):
                        best = (score, value)
            finally:
                scores.stop(0)
    if best is not None:
        return best[1]
    if step.orelse is not None:
        return (yield from scope.inside(node, step.orelse).block())
    scope.run.observer.warning(
        f"no attempt of {limit} met the condition of `until`; the last one is taken", step.place
    )
    return value


def _beside(scope: Scope, parts: list[Steps]) -> Siblings:
    side = Siblings(scope.run.machine)
    for part in parts:
        side.start(part)
    return side


def _attempt(scope: Scope, node: Node, before: Any, number: int, key: noise.Key) -> Steps:
    """The value of an attempt, and whether it passes."""
    step = node.step
    assert isinstance(step, p.Refine)
    given = {step.value: before, step.attempt_key: key.item(number)}
    value = yield from scope.inside(node, step.body, given, 2 * number).block()
    passed = yield from _judged(scope, node, step.until, number, value)
    return value, passed


def _judged(scope: Scope, node: Node, judge: p.Block, number: int, value: Any) -> Steps:
    """What `until` or `keep_by` says of an attempt."""
    step = node.step
    assert isinstance(step, p.Refine)
    return (yield from scope.inside(node, judge, {step.value: value}, 2 * number + 1).block())


def _wanted(later: Later, leads: bool) -> Later:
    if leads:
        want(later)
    return later


def try_(scope: Scope, node: Node) -> Steps:
    step = node.step
    assert isinstance(step, p.Try)
    left = max(0, scope.some(step.retry) or 0)
    pause = _seconds(scope.some(step.backoff) or 0.0)
    timeout = None if step.timeout is None else _seconds(scope.get(step.timeout))
    outer = scope.deadline
    while True:
        inner = scope.inside(node, step.body)
        if timeout is not None:
            limit = time.monotonic() + timeout
            inner.deadline = limit if outer is None else min(limit, outer)
        try:
            return (yield from inner.block(leads=node.batches))
        except RunError as error:
            # The time of a `try` around this one is not this one's to spend.
            spent = outer is not None and time.monotonic() + pause > outer
            again = left > 0 and error.retryable and not spent
            if not again and step.orelse is None:
                raise
        if not again:
            assert step.orelse is not None
            return (yield from scope.inside(node, step.orelse).block())
        yield _wanted(scope.run.machine.sleep(pause), node.batches)
        left, pause = left - 1, _seconds(2 * pause)


def _seconds(duration: float) -> float:
    """A duration that can be waited for: a negative one, and one that is not a number, is none."""
    return min(duration, _LONGEST) if duration > 0 else 0.0


#: By kind of step; a `Call` of an op that takes long is `long_call`.
STEPS: dict[type[p.Step], Callable[[Any, Node], Any]] = {
    p.Const: const,
    p.Call: call,
    p.ExternCall: extern,
    p.ModelCall: model_call,
    p.FlowCall: flow_call,
    p.Derive: derive,
    p.Map: map_,
    p.If: if_,
    p.Match: match,
    p.Refine: refine,
    p.Try: try_,
    p.Fused: fused,
    p.Expect: expect,
}


# --- arguments ---


@cache
def _floats(signature: Signature) -> frozenset[str]:
    return frozenset(param.name for param in signature.params if param.type in (t.FLOAT, t.Optional(t.FLOAT)))


def widened(signature: Signature, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with a float where an int was given for one."""
    floats = _floats(signature)
    return {
        name: float(value) if name in floats and isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in args.items()
    }
