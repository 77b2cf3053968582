"""Calls of models: loading, lanes, and gathering calls into batches.

Calls that may run as one batch wait until nothing can add to them any more (`gflow.runtime.machine`). Then each
group is split into batches of its planned sizes, the cheapest way by the table of costs. Which calls meet, and
in which sizes, depends on the program and its values alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gflow.kernels import noise
from gflow.kernels.models import Method, providers
from gflow.kernels.pixel.device import hosted
from gflow.runtime import costs
from gflow.runtime import plan as p
from gflow.runtime.blocks import Node
from gflow.runtime.cache import Damaged, Results, call_key, model_identity
from gflow.runtime.costs import Costs
from gflow.runtime.engines.base import BatchModel, CallContext, LoadedModel, Request
from gflow.runtime.errors import OutOfMemory, RunError
from gflow.runtime.machine import Job, Later, Machine, Steps
from gflow.runtime.steps import widened

if TYPE_CHECKING:
    from gflow.runtime.executor import Observer
    from gflow.runtime.scope import Scope

#: The lane of everything that computes on this machine; a server has a lane of its own.
LOCAL = "models"


@dataclass(frozen=True)
class Called:
    """One call of a model, every parameter given."""

    step: p.ModelCall
    method: Method
    request: Request
    path: str

    @property
    def label(self) -> str:
        return f"{self.step.model}.{self.step.method}"

    def group(self) -> Hashable:
        """Calls with equal groups may run as one batch."""
        args = self.request.args
        given = tuple(name for name, value in args.items() if value is not None)
        shared = tuple(args[name] for name in self.method.uniform or ())
        return self.step.batch, self.step.model, self.step.method, shared, given

    def identity(self) -> Hashable:
        """Calls of one batch with equal identities have equal results."""
        values = ((name, value if _plain(value) else id(value)) for name, value in self.request.args.items())
        key = self.request.key
        return tuple(values), key.bits if self.method.random and key is not None else None


class Waiting(Later):
    """A call that waits for others to run with. `order`: where it stands in the program."""

    __slots__ = ("called", "job", "order")

    def __init__(self, called: Called, order: tuple[int, ...]) -> None:
        super().__init__()
        self.called = called
        self.order = order
        self.job: Job | None = None

    def sources(self) -> Iterable[Later]:
        return () if self.job is None else (self.job,)


class Models:
    """The models of an executor, loaded when they are first called; what all its runs share.

    load: loads a model. batched: whether a model that is not loaded yet will take batches. exact: every batch of a
    group has one size. results: where results are kept between runs, if they are. `limits`: the sizes that were too
    large for the memory there is, halved, by group.
    """

    def __init__(
        self,
        load: Callable[[str], LoadedModel],
        batched: Callable[[str], bool],
        *,
        exact: bool,
        results: Results | None = None,
    ) -> None:
        self.load = load
        self.batched = batched
        self.exact = exact
        self.results = results
        self._identities: dict[str, str | None] = {}
        self.loaded: dict[str, LoadedModel] = {}
        self.limits: dict[tuple[str, str], int] = {}
        self._turns: dict[str, threading.RLock] = {}

    @cached_property
    def costs(self) -> Costs:
        """What batches cost here, read when there is one to split."""
        return costs.load()

    def model(self, name: str) -> LoadedModel:
        """The model of that name, ready."""
        if name not in self.loaded:
            self.loaded[name] = self.load(name)
        return self.loaded[name]

    def takes_batches(self, name: str) -> bool:
        return isinstance(self.loaded[name], BatchModel) if name in self.loaded else self.batched(name)

    def identity(self, model: p.Model) -> str | None:
        """A digest of what a model is."""
        if model.name not in self._identities:
            self._identities[model.name] = model_identity(model)
        return self._identities[model.name]

    def turn(self, lane: str) -> threading.RLock:
        """Held while a lane's model is called: an earlier run that was interrupted may still be at it."""
        return self._turns.setdefault(lane, threading.RLock())


class Calls:
    """The calls of one run. `telling` is held while the observer is told something."""

    def __init__(
        self, plan: p.Plan, models: Models, machine: Machine, observer: Observer, telling: threading.Lock
    ) -> None:
        self.plan = plan
        self.models = models
        self.machine = machine
        self.observer = observer
        self._waiting: list[Waiting] = []
        self._telling = telling
        machine.gather = self._gather

    def call(self, scope: Scope, node: Node) -> Steps:
        """The result of a step's call: one that was kept, or a new one."""
        step = node.step
        assert isinstance(step, p.ModelCall)
        called = self._called(step, scope)
        results, name = self.models.results, self._name(called)
        if results is None or name is None:
            return (yield self._made(called, (*scope.order, node.index)))
        try:
            value = results.get(name)
        except KeyError:
            pass
        except Damaged as error:
            called.request.context.warn(f"a kept result was damaged, and is computed anew: {error}")
        else:
            self.tell(lambda observer: observer.kept(called.label))
            return value
        value = yield self._made(called, (*scope.order, node.index))
        results.put(name, hosted(value))
        return value

    def _name(self, called: Called) -> str | None:
        """What the call's result is kept under; None where it is not kept."""
        step, method, request = called.step, called.method, called.request
        if self.models.results is None:
            return None
        model = self.models.identity(self.plan.models[step.model])
        if model is None:
            return None
        key = request.key if method.random else None
        more = (method.version, str(step.as_type), self.models.exact)
        return call_key(model, step.method, request.args, key, more)

    def tell(self, what: Callable[[Observer], None]) -> None:
        """Tells the observer something, after what others have to tell."""
        with self._telling:
            what(self.observer)

    def _made(self, called: Called, order: tuple[int, ...]) -> Later:
        """What will have the call's result."""
        step = called.step
        if called.method.uniform is not None and self.models.takes_batches(step.model):
            waiting = Waiting(called, order)
            self._waiting.append(waiting)
            return waiting
        return self.machine.submit(lambda: self._alone(called), self._lane(step.model))

    def _called(self, step: p.ModelCall, scope: Scope) -> Called:
        declared = self.plan.models[step.model]
        method = providers()[declared.provider].method(step.method)
        defaults = {param.name: param.default for param in method.signature.params}
        args = defaults | widened(method.signature, scope.all(step.args))
        key = scope.some(step.key)
        path = "" if key is None else key.path
        if args.get("seed") is not None:
            key = noise.explicit(args["seed"])
        return Called(step, method, Request(args, key, self._context(scope.deadline, step.place)), path)

    def _context(self, deadline: float | None, place: str) -> CallContext:
        def progress(done: int, total: int) -> None:
            with self._telling:
                self.observer.progress(done, total)

        def warn(message: str) -> None:
            with self._telling:
                self.observer.warning(message, place)

        return CallContext(deadline, progress, warn)

    def _lane(self, model: str) -> str:
        return model if self.plan.models[model].args.get("endpoint") is not None else LOCAL

    # --- what runs in a lane ---

    def _alone(self, called: Called) -> Any:
        step, request = called.step, called.request
        with self.models.turn(self._lane(step.model)):
            request.context.check()
            self._started(called)
            try:
                return self.models.model(step.model).call(
                    step.method, request.args, key=request.key, as_type=step.as_type, context=request.context
                )
            finally:
                self._finished()

    def _batch(self, calls: Sequence[Called], size: int) -> list[Any]:
        step = calls[0].step
        with self.models.turn(self._lane(step.model)):
            self._started(calls[0])
            with self._telling:
                self.observer.batch(calls[0].label, size, len(calls))
            try:
                model = self.models.model(step.model)
                assert isinstance(model, BatchModel)
                return model.call_batch(step.method, [called.request for called in calls], size=size)
            finally:
                self._finished()

    def _started(self, called: Called) -> None:
        with self._telling:
            self.observer.started(called.label, called.step.place, called.path)

    def _finished(self) -> None:
        with self._telling:
            self.observer.finished()

    # --- gathering ---

    def _gather(self) -> None:
        """Sends off the calls that wait, in batches."""
        waiting = sorted((each for each in self._waiting if not each.dropped), key=lambda each: each.order)
        self._waiting = []
        groups: dict[Hashable, list[Waiting]] = {}
        for each in waiting:
            groups.setdefault(each.called.group(), []).append(each)
        for group in groups.values():
            self._send(group)

    def _send(self, group: Sequence[Waiting]) -> None:
        """Equal calls are made once; the rest is split into batches."""
        same: dict[Hashable, list[Waiting]] = {}
        for each in group:
            same.setdefault(each.called.identity(), []).append(each)
        distinct = list(same.values())
        called = group[0].called
        stage = f"{called.method.provider}.{called.method.name}"
        for size in self.models.costs.sizes(stage, len(distinct), self._sizes(called)):
            self._fly(distinct[:size], size)
            distinct = distinct[size:]

    def _sizes(self, called: Called) -> tuple[int, ...]:
        planned = called.step.batch
        limit = self.models.limits.get((called.step.model, called.step.method))
        sizes = planned[-1:] if self.models.exact else planned
        return sizes if limit is None else tuple(size for size in sizes if size <= limit) or (limit,)

    def _fly(self, batch: Sequence[list[Waiting]], size: int) -> None:
        """Runs a batch; each entry is one call and those equal to it."""
        calls = [same[0].called for same in batch]
        job = self.machine.submit(lambda: self._batch(calls, size), self._lane(calls[0].step.model))
        job.then = lambda: self._landed(batch, size, job)
        for each in (each for same in batch for each in same):
            each.job = job
            job.wanted |= each.wanted

    def _landed(self, batch: Sequence[list[Waiting]], size: int, job: Job) -> None:
        error = job.error
        if error is None:
            for same, value in zip(batch, job.value, strict=True):
                for each in same:
                    self.machine.finish(each, value)
            return
        called = batch[0][0].called
        waiting = [each for same in batch for each in same]
        if isinstance(error, OutOfMemory) and size > 1:
            self.models.limits[called.step.model, called.step.method] = size // 2
            self._send(waiting)
        elif isinstance(error, RunError) and len(batch) > 1:
            # One of them is the cause: each tells for itself.
            for same in batch:
                self._fly([same], size)
        else:
            for each in waiting:
                self.machine.finish(each, error=error)


def _plain(value: Any) -> bool:
    """Whether equal values are the same; what an engine made is the same only where it is one object."""
    return value is None or isinstance(value, str | int | float | bool | tuple)
