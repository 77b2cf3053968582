"""The slots of a running block, filled as its steps are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gflow.kernels.noise import Key
from gflow.kernels.op import OpError
from gflow.kernels.pixel.device import hosted
from gflow.runtime import plan as p
from gflow.runtime import steps
from gflow.runtime.blocks import Analysis, Body, Node
from gflow.runtime.errors import OpFailed, RunError, TimedOut
from gflow.runtime.machine import Later, Machine, Steps, Task, want

if TYPE_CHECKING:
    from gflow.runtime.batches import Calls
    from gflow.runtime.executor import Observer


@dataclass(frozen=True)
class Run:
    """What all scopes of one run share. on_device: pictures may be on a GPU. pictures: the steps whose values
    `finish` takes the place of."""

    plan: p.Plan
    analysis: Analysis
    machine: Machine
    calls: Calls
    observer: Observer
    on_device: bool = False
    pictures: frozenset[Node] = frozenset()
    finish: Callable[[Any], Any] = lambda value: value

    def flow(
        self, flow: p.Flow, args: Mapping[str, Any], key: Key, caller: Scope | None = None, place: int = 0
    ) -> Scope:
        """The scope of a call of a flow, every parameter given."""
        values = {param.slot: args[param.name] for param in flow.params} | {flow.key: key}
        body = self.analysis.whole(flow.body)
        if caller is None:
            return Scope(self, body, None, values, None, ())
        return Scope(self, body, None, values, caller.deadline, (*caller.order, place, 0))


class _Parts(Later):
    """Is done when some of a scope's steps are."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[int, Task]) -> None:
        super().__init__()
        self.parts = parts

    def sources(self) -> Iterable[Later]:
        return self.parts.values()


class Scope:
    """A block that runs, inside another one or not. `deadline`: `time.monotonic()` after which nothing begins.

    A slot holds a value, or a `Later` while the value is being made or where it could not be. `settled` is done
    when all steps that run in any case are; `led` when those are that calls need. `order` is where the block
    stands in the program, to sort calls by. `hosted`: the slots whose values are in main memory, as far as someone
    has asked.
    """

    __slots__ = (
        "begun", "body", "deadline", "extra", "failure", "hosted", "led", "order", "parent", "run", "settled",
        "uses", "values",
    )  # fmt: skip

    def __init__(
        self,
        run: Run,
        body: Body,
        parent: Scope | None,
        values: dict[p.Slot, Any],
        deadline: float | None,
        order: tuple[int, ...],
    ) -> None:
        self.run = run
        self.body = body
        self.parent = parent
        self.values = values
        self.deadline = deadline
        self.order = order
        self.uses = dict(body.uses)
        self.settled, self.led = _Parts({}), _Parts({})
        self.extra: list[Task] = []
        self.failure: tuple[int, Exception] | None = None
        self.hosted = set[p.Slot]()
        self.begun = False

    def inside(self, node: Node, block: p.Block, values: dict[p.Slot, Any] | None = None, number: int = 0) -> Scope:
        """The scope of a block inside one of this one's steps, with the slots that are given. `number` tells the
        rounds of a loop apart."""
        order = (*self.order, node.index, number)
        return Scope(self.run, self.run.analysis.body(block), self, values or {}, self.deadline, order)

    # --- reading ---

    def get(self, slot: p.Slot) -> Any:
        """The value of a slot that is there, in main memory."""
        owner = self._owner(slot)
        if self.run.on_device and slot not in owner.hosted:
            owner.values[slot] = hosted(owner.values[slot])
            owner.hosted.add(slot)
        return owner.values[slot]

    def near(self, slot: p.Slot) -> Any:
        """The value of a slot that is there, where it is: pictures may be on a device."""
        return self._owner(slot).values[slot]

    def _owner(self, slot: p.Slot) -> Scope:
        scope: Scope | None = self
        while scope is not None:
            if slot in scope.values:
                return scope
            scope = scope.parent
        raise AssertionError(f"slot {slot} has no value yet")

    def some(self, slot: p.Slot | None) -> Any:
        return None if slot is None else self.get(slot)

    def all(self, slots: Mapping[str, p.Slot]) -> dict[str, Any]:
        return {name: self.get(slot) for name, slot in slots.items()}

    def find(self, slot: p.Slot) -> Any:
        """The value of a slot, or the Later that makes it, which begins now where it has not."""
        scope: Scope | None = self
        while scope is not None:
            if slot in scope.values:
                return scope.values[slot]
            if slot in scope.body.by_slot:
                scope._begin_lazily(scope.body.by_slot[slot])
                return scope.values[slot]
            scope = scope.parent
        raise AssertionError(f"slot {slot} is written nowhere")

    # --- running ---

    def block(self, leads: bool = False) -> Steps:
        """Runs the steps and gives the block's value. Where steps fail, the error is that of the first in order.

        leads: what comes after it may make requests."""
        try:
            for node in self.body.certain:
                self._begin(node)
                if self.failure is not None:
                    break
            self.begun = True
            self._tell()
            if self.failure is None and self.body.result is not None:
                self.find(self.body.result)
            if leads:
                want(self.settled)
            yield self.settled
            if self.failure is not None:
                raise self.failure[1]
            if self.body.result is None:
                return None
            value = self.find(self.body.result)
            if isinstance(value, Later):
                yield value
                value = self.near(self.body.result)
            return value
        finally:
            self._close()

    def _begin(self, node: Node) -> None:
        """Runs a step, or has it wait for what it needs."""
        missing = [value for slot in node.operands if isinstance(value := self.find(slot), Later)]
        if node.after is not None and isinstance(before := self.values.get(node.after.step.out), Later):
            missing.append(before)
        if node.quick and not missing:
            try:
                self._in_time(node)
                value = steps.STEPS[type(node.step)](self, node)
            except Exception as error:
                self.values[node.step.out] = later = Later()
                later.done, later.error = True, self._failed(node, error)
            else:
                self._finished(node, value)
            return
        task = Task(self._step(node, missing))
        self.values[node.step.out] = task
        if node.certain:
            self.settled.parts[node.index] = task
            if node.leads:
                self.led.parts[node.index] = task
        else:
            self.extra.append(task)
        self.run.machine.start(task)

    def _step(self, node: Node, missing: list[Later]) -> Steps:
        try:
            if node.batches:
                for later in missing:
                    want(later)
            while missing:
                yield missing[0]
                del missing[0]
            self._in_time(node)
            if node.quick:
                value = steps.STEPS[type(node.step)](self, node)
            elif node.op is not None:
                value = yield from steps.long_call(self, node)
            else:
                value = yield from steps.STEPS[type(node.step)](self, node)
        except Exception as error:
            told = self._failed(node, error)
            if told is error:
                raise
            raise told from error
        self._finished(node, value)

    def _in_time(self, node: Node) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimedOut("the time given by `timeout` ran out")

    def _begin_lazily(self, wanted: Node) -> None:
        """Begins a step that only regions read, and what it needs."""
        found: dict[tuple[int, int], tuple[Scope, Node]] = {}
        todo: list[tuple[Scope, Node]] = [(self, wanted)]
        while todo:
            scope, node = todo.pop()
            place = (scope._depth(), node.index)
            if place in found:
                continue
            found[place] = (scope, node)
            for slot in node.operands:
                owner: Scope | None = scope
                while owner is not None and slot not in owner.values:
                    if slot in owner.body.by_slot:
                        todo.append((owner, owner.body.by_slot[slot]))
                        break
                    owner = owner.parent
        for _, (scope, node) in sorted(found.items(), key=lambda item: item[0]):
            scope._begin(node)

    def _depth(self) -> int:
        depth, scope = 0, self.parent
        while scope is not None:
            depth, scope = depth + 1, scope.parent
        return depth

    # --- the end of a step ---

    def _finished(self, node: Node, value: Any) -> None:
        """Keeps a value, and lets go of those that nobody will read again."""
        if value is not None and node in self.run.pictures:
            value = self.run.finish(value)
        # What nobody reads is not kept.
        self.values[node.step.out] = value if node.step.out in self.uses else None
        for slot in {*node.operands, *node.captures}:
            left = self.uses.get(slot)
            if left is not None:
                self.uses[slot] = left - 1
                if left == 1:
                    self.values.pop(slot, None)
        self._over(node)

    def _failed(self, node: Node, error: Exception) -> Exception:
        """Notes a failure, and stops what comes after it. The error as it is told."""
        told = error
        if isinstance(error, OpError):
            told = OpFailed(str(error), place=node.step.place)
            told.__cause__ = error
        elif isinstance(error, RunError):
            error.place = error.place or node.step.place
        if node.certain:
            if self.failure is None or node.index < self.failure[0]:
                self.failure = (node.index, told)
            for index in [index for index in self.settled.parts if index > node.index]:
                self.run.machine.cancel(self.settled.parts.pop(index))
                self.led.parts.pop(index, None)
        self._over(node)
        return told

    def _over(self, node: Node) -> None:
        if self.settled.parts.pop(node.index, None) is not None:
            self.led.parts.pop(node.index, None)
            self._tell()

    def _tell(self) -> None:
        if not self.begun:
            return
        if not self.led.parts:
            self.run.machine.finish(self.led)
        if not self.settled.parts:
            self.run.machine.finish(self.settled)

    def _close(self) -> None:
        """Stops whatever still runs."""
        for task in [*self.settled.parts.values(), *self.extra]:
            self.run.machine.cancel(task)
        self.run.machine.finish(self.led)
        self.run.machine.finish(self.settled)
