"""What a flow will take, told before it runs: loads in order, the most that is held, batches, and time.

Lists whose length is known (from constants and parameters' defaults) count as what they are, others as `UNKNOWN`
items; of a refine's attempts, each is as likely as another to be the one that passes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gflow.kernels.models import providers
from gflow.runtime import plan as p
from gflow.runtime.blocks import Analysis, Body, regions
from gflow.runtime.coming import Coming, Networks, used
from gflow.runtime.costs import Costs

#: Bytes of memory that a process takes that has loaded ONNX Runtime and no network.
PROCESS = 80_000_000

#: How many items a list is taken to have that only a run will tell.
UNKNOWN = 4


class Load(msgspec.Struct, frozen=True):
    """A network that is loaded, of the model that needs it first. `evicts`: networks that must go before, as
    model.network. `call`, `place`: what it is loaded for, as in `Calls`."""

    network: str
    model: str
    bytes: int
    evicts: list[str] = []
    call: str = ""
    place: str = ""


class Calls(msgspec.Struct, frozen=True):
    """Calls of one stage at one place, so many at a time. `batches` are their sizes; one by one, each is 1.
    `seconds` for all of them: measured ones, or relative ones where nothing was measured. `networks`: those of the
    model that they run, where that is known."""

    label: str
    place: str
    calls: int
    together: int
    batches: list[int]
    seconds: float
    networks: list[str] = []


class Foreseen(msgspec.Struct, frozen=True):
    """`loads` in order, again where the budget demands it; `peak`: bytes of weights that are held at most;
    `calls` in order. `measured`: whether seconds are of this machine. `assumed`: whether a length was not
    known."""

    loads: list[Load]
    peak: int
    calls: list[Calls]
    seconds: float
    measured: bool
    assumed: bool

    @property
    def resident(self) -> int:
        """Bytes of memory that a bundle's process takes at most: its own, and weights twice, as they are in the
        file and as ONNX Runtime lays them out for this processor. What pictures take comes on top."""
        return PROCESS + 2 * self.peak


def foresee(
    plan: p.Plan,
    flow: p.Flow,
    costs: Costs,
    *,
    memory: int | None = None,
    networks: Networks | None = None,
    given: Mapping[str, Any] | None = None,
) -> Foreseen:
    """What a flow will take. `networks`: of the plan, where they are known. `given`: values of its parameters; the
    others have their defaults."""
    networks = networks or Networks(plan)
    walk = _Walk(plan, costs, networks)
    defaults = {param.slot: p.decode(param.type, param.default) for param in flow.params if not param.required}
    values = {param.slot: given[param.name] for param in flow.params if given and param.name in given}
    walk.block(flow.body, walk.known(defaults | values), 1, 1)
    loads, peak = _loads(networks, used(networks, flow, once=walk.once), memory)
    calls = walk.calls()
    seconds = sum(each.seconds for each in calls)
    return Foreseen(loads, peak, calls, seconds, bool(costs.seconds), walk.assumed)


def _loads(networks: Networks, ahead: Coming, memory: int | None) -> tuple[list[Load], int]:
    """The loads, loops gone through twice, and the most that is held."""
    about: dict[str, tuple[str, str, int]] = {}
    for model in networks.plan.models:
        lowered = networks.lowered(model)
        for name, component in (lowered.components if lowered else {}).items():
            about.setdefault(component.identity, (name, model, component.bytes))
    held: dict[str, int] = {}
    loads, peak = [], 0
    for place in _twice(ahead):
        ahead.place, identity = place, ahead.uses[place]
        name, model, size = about[identity]
        if identity in held:
            continue
        evicts = []
        while memory is not None and sum(held.values()) + size > memory and held:
            victim = ahead.last(list(held))
            assert victim is not None
            held.pop(victim)
            evicts.append("{1}.{0}".format(*about[victim]))
        held[identity] = size
        loads.append(Load(name, model, size, evicts, *ahead.calls[place]))
        peak = max(peak, sum(held.values()))
    return loads, peak


def _twice(ahead: Coming) -> Iterator[int]:
    """The places of the plan's uses in order, those of loops twice."""
    loops = sorted(ahead.loops, key=lambda loop: (loop[1], -loop[0]))
    place = 0
    while place < len(ahead.uses):
        yield place
        place += 1
        loop = next((loop for loop in loops if loop[1] == place), None)
        if loop is not None:
            loops.remove(loop)
            place = loop[0]


class _Known(msgspec.Struct):
    """Values and lengths of lists that are known, by slot."""

    values: dict[p.Slot, Any]
    lengths: dict[p.Slot, int]


@dataclass
class _Found:
    """A call: how often it is made, how many times at once."""

    step: p.ModelCall
    count: int
    width: int


class _Walk:
    """Counts the calls of a flow."""

    def __init__(self, plan: p.Plan, costs: Costs, networks: Networks) -> None:
        self.plan = plan
        self.costs = costs
        self.networks = networks
        self.analysis = Analysis(plan)
        self.found: list[_Found] = []
        self.assumed = False
        self.once: list[p.Step] = []

    def known(self, values: Mapping[p.Slot, Any]) -> _Known:
        return _Known(dict(values), {slot: len(value) for slot, value in values.items() if isinstance(value, list)})

    def block(self, block: p.Block, known: _Known, count: int, width: int) -> None:
        """`count`: how often the block runs; `width`: how many times at once."""
        meeting = _Meeting(self.analysis.body(block), self.plan)
        for step in block.steps:
            match step:
                case p.Const():
                    self.const(step, known)
                case p.Call():
                    _call(step, known)
                case p.ModelCall():
                    self.model_call(step, known, meeting, count, width)
                case p.FlowCall():
                    flow = self.plan.flows[step.flow]
                    given = {param.slot: step.args[param.name] for param in flow.params}
                    inner = _Known(
                        {slot: known.values[arg] for slot, arg in given.items() if arg in known.values},
                        {slot: known.lengths[arg] for slot, arg in given.items() if arg in known.lengths},
                    )
                    self.block(flow.body, inner, count, width)
                case p.Map():
                    length = self.length(known, step.items)
                    known.lengths[step.out] = length
                    if length <= step.together:
                        self.once.append(step)
                    self.block(step.body, known, count * length, width * min(step.together, length or 1))
                case p.Refine():
                    limit = max(1, int(known.values.get(step.limit, UNKNOWN)))
                    windows = -(-(limit + 1) // (2 * step.together))
                    if limit <= step.together:
                        self.once.append(step)
                    for inner_block in regions(step):
                        made = 1 if inner_block is step.orelse else min(limit, windows * step.together)
                        self.block(inner_block, known, count * made, width * min(step.together, made))
                case p.If() | p.Match() | p.Try() | p.Fused():
                    # Which branch is taken, only the run will tell: each counts.
                    for inner_block in regions(step):
                        self.block(inner_block, known, count, width)
                case _:
                    pass

    def const(self, step: p.Const, known: _Known) -> None:
        known.values[step.out] = step.value
        if isinstance(step.value, list):
            known.lengths[step.out] = len(step.value)

    def length(self, known: _Known, slot: p.Slot) -> int:
        if slot not in known.lengths:
            self.assumed = True
        return known.lengths.get(slot, UNKNOWN)

    def model_call(self, step: p.ModelCall, known: _Known, meeting: _Meeting, count: int, width: int) -> None:
        if count == 0:
            return
        place = meeting.place(step, known)
        if place is not None:
            self.found[place].count += count
            self.found[place].width += width
        else:
            meeting.add(step, known, len(self.found))
            self.found.append(_Found(step, count, width))

    def calls(self) -> list[Calls]:
        """What was found, in batches."""
        return [self.counted(found.step, found.count, found.width) for found in self.found]

    def counted(self, step: p.ModelCall, count: int, width: int) -> Calls:
        provider = self.plan.models[step.model].provider
        stage = f"{provider}.{step.method}"
        batches = [1] * count
        if providers()[provider].method(step.method).uniform is not None and step.batch != (1,):
            batches = self.costs.sizes(stage, min(width, count), step.batch) * (count // min(width, count))
            batches += self.costs.sizes(stage, count % min(width, count), step.batch)
        seconds = sum(self.costs.batch(stage, size) for size in batches)
        lowered, used = self.networks.lowered(step.model), self.networks.of(step)
        names = [name for name, part in lowered.components.items() if part in used] if lowered else []
        return Calls(f"{step.model}.{step.method}", step.place, count, width, batches, seconds, names)


class _Meeting:
    """Which calls of a block can meet: those of one stage that don't need each other."""

    def __init__(self, body: Body, plan: p.Plan) -> None:
        self.plan = plan
        self.places: dict[Hashable, int] = {}
        # What each slot needs, of the calls in this block, by what they are.
        self.needs: dict[p.Slot, frozenset[str]] = {}
        for node in body.nodes:
            needs = [self.needs.get(slot, frozenset()) for slot in (*node.operands, *node.captures)]
            own = {f"{node.step.model}.{node.step.method}"} if isinstance(node.step, p.ModelCall) else set()
            self.needs[node.step.out] = frozenset(own).union(*needs)

    def place(self, step: p.ModelCall, known: _Known) -> int | None:
        """Where the calls are that this one meets."""
        slots = [*step.args.values(), *([] if step.key is None else [step.key])]
        alone = any(f"{step.model}.{step.method}" in self.needs.get(slot, ()) for slot in slots)
        return None if alone else self.places.get(self._kind(step, known))

    def add(self, step: p.ModelCall, known: _Known, place: int) -> None:
        self.places[self._kind(step, known)] = place

    def _kind(self, step: p.ModelCall, known: _Known) -> Hashable:
        shared = providers()[self.plan.models[step.model].provider].method(step.method).uniform or ()
        values = [(name, step.args.get(name)) for name in shared]
        same = tuple(
            (name, str(known.values.get(slot, f"slot {slot}"))) for name, slot in values if slot is not None
        )
        return step.model, step.method, tuple(sorted(step.args)), same


def _call(step: p.Call, known: _Known) -> None:
    """Lengths of ranges and lists, and sums of known numbers."""
    numbers = [known.values.get(slot) for slot in step.args.values()]
    whole = [number for number in numbers if isinstance(number, int)]
    match step.op, whole:
        case "..", [low, high]:
            known.lengths[step.out] = max(0, high - low + 1)
        case "[]", _:
            known.lengths[step.out] = len(step.variadic)
        case "+", [left, right]:
            known.values[step.out] = left + right
        case "-", [left, right]:
            known.values[step.out] = left - right
        case "*", [left, right]:
            known.values[step.out] = left * right
