"""Runs a plan: walks its steps in order, calls ops and models, keeps the values in slots.

Randomness comes by address (`gflow.kernels.noise`): a flow's key is derived from the run's seed by its name, a
loop's by the index, so nothing depends on the order in which steps run.
"""

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
from gflow.runtime.components import Components
from gflow.runtime.engines import choose
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.errors import ExpectFailed, InputError, OpFailed, RunError, TimedOut

#: The longest wait there is, in seconds: a few years, which every clock of Python can hold.
_LONGEST = 1e8


class Observer:
    """Is told what happens. The methods do nothing: override what is of interest."""

    def started(self, label: str, place: str, path: str) -> None:
        """A model's call begins. `path` is where its randomness is, `poster/images[3]`."""

    def progress(self, done: int, total: int) -> None:
        """Steps done of the call that runs."""

    def finished(self) -> None:
        """The call is over."""

    def loop(self, path: str, done: int, total: int) -> None:
        """Items done of a map, attempts of a refine."""

    def warning(self, message: str, place: str) -> None:
        """Something that the user should know."""


class Executor:
    """Runs flows of one plan. Each model is loaded once, when it is first called, and kept.

    seed: what all randomness is derived from. stand_ins: placeholders answer instead of models.
    """

    def __init__(
        self, plan: p.Plan, *, seed: int = 0, stand_ins: bool = False, observer: Observer | None = None
    ) -> None:
        self.plan = plan
        self.seed = seed
        self.stand_ins = stand_ins
        self.observer = observer or Observer()
        self.models: dict[str, LoadedModel] = {}
        self.components = Components()

    def run(self, flow: str, args: Mapping[str, Any]) -> Any:
        """The result of a flow. Arguments are running values; missing ones take their defaults. Raises RunError,
        and InputError where an argument is missing or there is no parameter for it."""
        called = self.plan.flows[flow]
        missing = [param.name for param in called.params if param.required and param.name not in args]
        unknown = args.keys() - {param.name for param in called.params}
        if missing or unknown:
            what = f"needs `{missing[0]}`" if missing else f"has no parameter `{min(unknown)}`"
            raise InputError(f"the flow `{flow}` {what}")
        given = {
            param.name: args[param.name] if param.name in args else p.decode(param.type, param.default)
            for param in called.params
        }
        key = noise.root(self.seed).derive(called.name)
        return _Frame(self, None).flow(called, given, key)

    def run_test(self, title: str) -> None:
        """Runs a test. Raises RunError where it fails."""
        key = noise.root(self.seed).derive(f"test {title}")
        _Frame(self, None).flow(self.plan.tests[title], {}, key)

    def model(self, name: str) -> LoadedModel:
        """The model of that name, ready."""
        if name not in self.models:
            model = self.plan.models[name]
            self.models[name] = choose(model, self.components, stand_ins=self.stand_ins).load(model)
        return self.models[name]


class _Frame:
    """The slots of one call of a flow, and the time by which it must be done (`time.monotonic()`)."""

    def __init__(self, run: Executor, deadline: float | None) -> None:
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
        observer = self.run.observer
        context = CallContext(
            deadline=self.deadline,
            progress=observer.progress,
            warn=lambda message: observer.warning(message, step.place),
        )
        path = self.slots[step.key].path if step.key is not None else ""
        observer.started(f"{step.model}.{step.method}", step.place, path)
        try:
            model = self.run.model(step.model)
            return model.call(step.method, args, key=key, as_type=step.as_type, context=context)
        finally:
            observer.finished()

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
            self.run.observer.loop(key.path, index + 1, len(items))
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
            self.run.observer.loop(key.path, attempt + 1, limit)
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
        self.run.observer.warning(
            f"no attempt of {limit} met the condition of `until`; the last one is taken", step.place
        )
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
