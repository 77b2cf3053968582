"""The plan's meaning, step by step in order, everything at once: what the executor is compared with."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.kernels.models import Method, providers
from gflow.kernels.op import OpError, Signature, registry
from gflow.runtime import plan as p
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.engines.standin import StandInEngine
from gflow.runtime.errors import ExpectFailed, OpFailed, RunError, TimedOut

#: The longest wait there is, in seconds: a few years, which every clock of Python can hold.
_LONGEST = 1e8


class Eager:
    """Runs flows of a plan with stand-ins."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.models: dict[str, LoadedModel] = {}

    def run(self, flow: str) -> Any:
        """The result of a flow with its defaults."""
        called = self.plan.flows[flow]
        given = {param.name: p.decode(param.type, param.default) for param in called.params}
        return _Frame(self, None).flow(called, given, noise.root(0).derive(called.name))

    def model(self, name: str) -> LoadedModel:
        if name not in self.models:
            self.models[name] = StandInEngine().load(self.plan.models[name])
        return self.models[name]


class _Frame:
    """The slots of one call of a flow, and the time by which it must be done (`time.monotonic()`)."""

    def __init__(self, run: Eager, deadline: float | None) -> None:
        self.run = run
        self.deadline = deadline
        self.slots: dict[p.Slot, Any] = {}

    def flow(self, flow: p.Flow, args: Mapping[str, Any], key: noise.Key) -> Any:
        for param in flow.params:
            self.slots[param.slot] = args[param.name]
        self.slots[flow.key] = key
        return self.block(flow.body)

    def block(self, block: p.Block) -> Any:
        """Runs the steps and gives the block's value."""
        for step in block.steps:
            self.check_time(step)
            try:
                self.slots[step.out] = _STEPS[type(step)](self, step)
            except OpError as error:
                raise OpFailed(str(error), place=step.place) from error
            except RunError as error:
                error.place = error.place or step.place
                raise
        return None if block.result is None else self.slots[block.result]

    def check_time(self, step: p.AnyStep) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimedOut("the time given by `timeout` ran out", place=step.place)

    def values(self, args: Mapping[str, p.Slot]) -> dict[str, Any]:
        return {name: self.slots[slot] for name, slot in args.items()}

    def some(self, slot: p.Slot | None) -> Any:
        return None if slot is None else self.slots[slot]

    # --- one function a kind of step ---

    def const(self, step: p.Const) -> Any:
        return p.decode(step.type, step.value)

    def call(self, step: p.Call) -> Any:
        op = registry()[step.op]
        args = _widened(op.signature, self.values(step.args))
        further = [self.slots[slot] for slot in step.variadic]
        return op.kernel(*further, **args)

    def extern(self, step: p.ExternCall) -> Any:
        from gflow.runtime import extern

        declared = self.run.plan.externs[step.extern]
        return extern.call(declared, self.values(step.args), self.deadline)

    def model_call(self, step: p.ModelCall) -> Any:
        declared = self.run.plan.models[step.model]
        method = providers()[declared.provider].method(step.method)
        args = _filled(method, self.values(step.args))
        key = self.some(step.key)
        if args.get("seed") is not None:
            key = noise.explicit(args["seed"])
        context = CallContext(deadline=self.deadline)
        return self.run.model(step.model).call(step.method, args, key=key, as_type=step.as_type, context=context)

    def flow_call(self, step: p.FlowCall) -> Any:
        flow = self.run.plan.flows[step.flow]
        key = self.slots[step.key].derive(flow.name)
        return _Frame(self.run, self.deadline).flow(flow, self.values(step.args), key)

    def derive(self, step: p.Derive) -> noise.Key:
        key: noise.Key = self.slots[step.key].derive(step.name)
        return key

    def map(self, step: p.Map) -> list[Any]:
        items, key = self.slots[step.items], self.slots[step.key]
        results = []
        for index, item in enumerate(items):
            self.slots[step.item] = item
            self.slots[step.index] = index
            self.slots[step.item_key] = key.item(index)
            results.append(self.block(step.body))
        return results

    def if_(self, step: p.If) -> Any:
        return self.block(step.then if self.slots[step.condition] else step.orelse)

    def match(self, step: p.Match) -> Any:
        subject = self.slots[step.subject]
        for case in step.cases:
            if subject == (t.Size(*case.value) if isinstance(case.value, list) else case.value):
                return self.block(case.body)
        assert step.default is not None, "the compiler proved that one case fits"
        return self.block(step.default)

    def refine(self, step: p.Refine) -> Any:
        limit, key = self.slots[step.limit], self.slots[step.key]
        if limit < 1:
            raise OpFailed(f"`refine … up to {limit}`: there must be at least one attempt", place=step.place)
        best: tuple[float, Any] | None = None
        value = self.some(step.start)
        for attempt in range(limit):
            self.slots[step.value] = value
            self.slots[step.attempt_key] = key.item(attempt)
            value = self.block(step.body)
            self.slots[step.value] = value
            if self.block(step.until):
                return value
            if step.keep_by is not None:
                score = self.block(step.keep_by)
                # A score that is not a number never wins, as with `best`.
                if best is None or score > best[0] or math.isnan(best[0]):
                    best = (score, value)
        if best is not None:
            return best[1]
        if step.orelse is not None:
            return self.block(step.orelse)
        return value

    def try_(self, step: p.Try) -> Any:
        attempts = 1 + max(0, self.some(step.retry) or 0)
        pause = _seconds(self.some(step.backoff) or 0.0)
        timeout = None if step.timeout is None else _seconds(self.slots[step.timeout])
        outer = self.deadline
        for left in reversed(range(attempts)):
            if timeout is not None:
                limit = time.monotonic() + timeout
                self.deadline = limit if outer is None else min(limit, outer)
            try:
                return self.block(step.body)
            except RunError as error:
                self.deadline = outer
                # The time of a `try` around this one is not this one's to spend.
                spent = outer is not None and time.monotonic() + pause > outer
                if left and error.retryable and not spent:
                    time.sleep(pause)
                    pause = _seconds(2 * pause)
                elif step.orelse is not None:
                    return self.block(step.orelse)
                else:
                    raise
            finally:
                self.deadline = outer
        raise AssertionError("the last attempt either gives a value or raises")

    def expect(self, step: p.Expect) -> None:
        if not self.slots[step.condition]:
            show = registry()["text"].kernel
            shown = "; ".join(f"{name} is {show(self.slots[slot])}" for name, slot in step.shown.items())
            raise ExpectFailed(f"expected {step.text}" + (f", but {shown}" if shown else ""), place=step.place)


_STEPS: dict[type[p.Step], Callable[[_Frame, Any], Any]] = {
    p.Const: _Frame.const,
    p.Call: _Frame.call,
    p.ExternCall: _Frame.extern,
    p.ModelCall: _Frame.model_call,
    p.FlowCall: _Frame.flow_call,
    p.Derive: _Frame.derive,
    p.Map: _Frame.map,
    p.If: _Frame.if_,
    p.Match: _Frame.match,
    p.Refine: _Frame.refine,
    p.Try: _Frame.try_,
    p.Expect: _Frame.expect,
}


def _seconds(duration: float) -> float:
    """A duration that can be waited for: a negative one, and one that is not a number, is none."""
    return min(duration, _LONGEST) if duration > 0 else 0.0


def _filled(method: Method, given: dict[str, Any]) -> dict[str, Any]:
    """Every parameter of a method."""
    defaults = {param.name: param.default for param in method.signature.params}
    return defaults | _widened(method.signature, given)


def _widened(signature: Signature, args: dict[str, Any]) -> dict[str, Any]:
    """The arguments with a float where an int was given for one."""
    floats = {param.name for param in signature.params if param.type in (t.FLOAT, t.Optional(t.FLOAT))}
    return {
        name: float(value) if name in floats and isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in args.items()
    }
