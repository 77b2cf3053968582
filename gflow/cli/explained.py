"""What there is to tell of a program before it runs: what each pass did and saves, and what a run will take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gflow.runtime import plan as p
from gflow.runtime.blocks import regions
from gflow.runtime.coming import Networks
from gflow.runtime.costs import Costs
from gflow.runtime.errors import InputError
from gflow.runtime.schedule import UNKNOWN, Calls, Foreseen, Load, foresee

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from gflow.compiler.compiled import Compiled
    from gflow.compiler.passes import Target
    from gflow.compiler.program import Program
    from gflow.runtime.bundle import Bundle


class Totals(msgspec.Struct, frozen=True):
    """What one run takes. loads: of networks, again where a budget evicts them; bytes: that are loaded; peak: bytes
    of weights that are held at most; calls: of networks, a batch being one; seconds: as `Foreseen` has them."""

    loads: int = 0
    bytes: int = 0
    peak: int = 0
    calls: int = 0
    seconds: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Totals(*(mine + its for mine, its in pairs))

    def __sub__(self, other: Totals) -> Totals:
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return Totals(*(mine - its for mine, its in pairs))


class Change(msgspec.Struct, frozen=True):
    """A pass. notes: what it changed, in sentences; before, after: ops of the IR; saves: in a run of each flow."""

    name: str
    does: str
    notes: list[str]
    before: int
    after: int
    saves: Totals


class Step(msgspec.Struct, frozen=True):
    """Calls of a stage, with the networks that are loaded for them, and the bytes that are held then. again: a
    loop comes back to it, and loads what had to go; its calls are told where it comes first."""

    calls: Calls
    loads: list[Load]
    held: int
    again: bool = False


class FlowPlan(msgspec.Struct, frozen=True):
    """What a run of a flow takes, with its parameters' defaults (`taken`, by name). `written`: with every call by
    itself and every model by itself; None for a bundle, which does not tell. assumptions: in sentences."""

    name: str
    signature: str
    doc: str
    taken: dict[str, str]
    written: Totals | None
    compiled: Totals
    steps: list[Step]
    assumptions: list[str]


class ModelPlan(msgspec.Struct, frozen=True):
    """A model. networks: their bytes, by name; note: what runs it where the ONNX engine does not."""

    name: str
    provider: str
    source: str
    networks: dict[str, int]
    note: str = ""


class Told(msgspec.Struct, frozen=True):
    """Everything, as `--format json` gives it. script: the file that places are in, unless they name another;
    memory: the budget in bytes; measured: whether seconds are of this machine, and not such that one denoise loop
    takes 1."""

    file: str
    script: str
    bundle: bool
    memory: int | None
    measured: bool
    models: list[ModelPlan]
    passes: list[Change]
    flows: list[FlowPlan]


@dataclass(frozen=True)
class Explained:
    """`told`, and the plans that graphs are drawn of: of the script as it is written (None for a bundle), and as it
    runs."""

    told: Told
    before: p.Plan | None
    after: p.Plan
    flows: list[str]


def script(program: Program, target: Target, file: Path, progress: Callable[[str], None]) -> Explained:
    """Explains those flows of a script that a target names. Raises ScriptError where its budget can't hold a
    network."""
    from gflow.compiler.compiled import compiled

    assert target.flows is not None
    made = compiled(program, target, progress=progress)
    start = _start(program, target, progress)
    names = [name for name in program.plan.flows if name in target.flows]
    changes, totals = _changes(start.module, target, names)
    parts = Networks(made.plan)
    flows = [_flow(made.plan, name, target, parts, totals[name]) for name in names]
    models = [
        _model(start.plan.models[name], Networks(start.plan), str(made.refused.get(name, "")))
        for name in made.plan.models
    ]
    told = Told(str(file), str(file), False, target.memory, bool(target.costs.seconds), models, changes, flows)
    return Explained(told, program.plan, made.plan, names)


def bundle(opened: Bundle, flows: list[str], target: Target) -> Explained:
    """Explains flows of a bundle: what a run takes. The passes are over, and the bundle does not tell of them."""
    plan = opened.plan
    parts = Networks(plan, opened)
    models = [_model(model, parts, "") for model in plan.models.values()]
    told_flows = [_flow(plan, name, target, parts, None) for name in flows]
    _check_budget(told_flows, target.memory)
    names = str(opened.path), opened.manifest.script
    told = Told(*names, True, target.memory, bool(target.costs.seconds), models, [], told_flows)
    return Explained(told, None, plan, flows)


def _check_budget(flows: list[FlowPlan], memory: int | None) -> None:
    """Raises InputError where a budget can't hold one network; for a script, compiling it tells."""
    for flow in flows:
        for load in (load for step in flow.steps for load in step.loads):
            if memory is not None and load.bytes > memory:
                needed = f"{math.ceil(load.bytes / 2**20)}MiB"
                raise InputError(
                    f"`{load.model}` does not fit into {memory / 1e6:,.1f} MB: its network `{load.network}` alone "
                    f"takes {load.bytes / 1e6:,.1f} MB",
                    help=f"give it more: `--memory {needed}`",
                )


def dumps(program: Program, target: Target, progress: Callable[[str], None]) -> dict[str, str]:
    """The IR before any pass (`parsed`), and after each, by its name."""
    from gflow.compiler.optimize import optimize
    from gflow.compiler.passes import passes

    module = _start(program, target, progress).module
    parsed = {"parsed": str(module)}
    return parsed | optimize(module, target, dump=[each.name for each in passes()]).dumps


def _start(program: Program, target: Target, progress: Callable[[str], None]) -> Compiled:
    """The program before any pass, with its models lowered; without tests, and flows that the target's flows don't
    call: what passes do to them is no news."""
    from gflow.compiler import dialect as d
    from gflow.compiler.compiled import compiled
    from gflow.compiler.passes import passes
    from gflow.compiler.passes.dce import reached

    none = [each.name for each in passes()]
    start = compiled(program, replace(target, memory=None), leave_out=none, progress=progress)
    flows = {op.sym_name.data: op for op in start.module.ops if isinstance(op, d.FlowOp)}
    kept = reached(flows, target)
    for name, op in flows.items():
        if name not in kept:
            d.remove(op)
    return start


def _changes(module: ModuleOp, target: Target, names: list[str]) -> tuple[list[Change], dict[str, Totals]]:
    """Runs the passes over a module, one by one. What they did, and what each flow took before any of them."""
    from gflow.compiler.optimize import optimize
    from gflow.compiler.passes import passes

    known = passes()
    written = before = _measured(module, target, names, done=[])
    changes: list[Change] = []
    for each in known:
        [ran] = optimize(module, target, leave_out=[other.name for other in known if other is not each]).ran
        done = [*(change.name for change in changes), each.name]
        after = _measured(module, target, names, done=done)
        saves = sum((before[name] - after[name] for name in names), Totals())
        does = (each.__doc__ or "").strip()
        changes.append(Change(each.name, does, ran.notes, ran.before, ran.after, saves))
        before = after
    return changes, written


def _measured(module: ModuleOp, target: Target, names: list[str], *, done: list[str]) -> dict[str, Totals]:
    """What flows take after some passes. Calls are counted in stages from the start on, and until models are known
    by what they hold, each has networks of its own."""
    from gflow.compiler.lower import lower
    from gflow.compiler.passes.expand import Expand

    if "expand" not in done:
        module = module.clone()
        Expand().apply(module, target)
    plan = lower(module, script="", main=None)
    parts = Networks(plan, apart="dedup" not in done)
    found = {}
    for name in names:
        foreseen = foresee(plan, plan.flows[name], target.costs, memory=target.memory, networks=parts)
        found[name] = _totals(foreseen, parts)
    return found


def _totals(foreseen: Foreseen, parts: Networks) -> Totals:
    calls = list(_of_networks(foreseen, parts))
    return Totals(
        len(foreseen.loads),
        sum(load.bytes for load in foreseen.loads),
        foreseen.peak,
        sum(len(each.batches) for each in calls),
        round(sum(each.seconds for each in calls), 9),
    )


def _of_networks(foreseen: Foreseen, parts: Networks) -> Iterator[Calls]:
    """The calls that run a network, or are taken to: comparing two vectors does not."""
    for calls in foreseen.calls:
        if calls.networks or parts.lowered(calls.label.rpartition(".")[0]) is None:
            yield calls


def _flow(plan: p.Plan, name: str, target: Target, parts: Networks, written: Totals | None) -> FlowPlan:
    flow = plan.flows[name]
    foreseen = foresee(plan, flow, target.costs, memory=target.memory, networks=parts)
    steps = _steps(foreseen, parts)
    params = ", ".join(f"{param.name}: {param.type}" for param in flow.params)
    return FlowPlan(
        name,
        f"{name}({params}) -> {flow.result}",
        " ".join(flow.doc.split()),
        {param.name: _shown(param) for param in flow.params if not param.required},
        written,
        _totals(foreseen, parts),
        steps,
        list(_assumptions(plan, flow, foreseen, steps, target.costs)),
    )


def _shown(param: p.Param) -> str:
    import json

    from gflow.kernels.core import show

    value = p.decode(param.type, param.default)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else show(value)


def _steps(foreseen: Foreseen, parts: Networks) -> list[Step]:
    """The calls in order, each with its loads, which are in order, too: where one is for a call that is over, a
    loop came back to that call."""
    calls = list(_of_networks(foreseen, parts))
    exact: dict[tuple[str, str, str], int] = {}
    first: dict[str, int] = {}
    for place, each in enumerate(calls):
        first.setdefault(each.label, place)
        for network in each.networks:
            exact.setdefault((each.label, each.place, network), place)
    found: list[tuple[int, list[Load]]] = []
    at = -1
    for load in foreseen.loads if calls else ():
        # Calls that meet are told at the first one's place; a call that is made no time at all, nowhere.
        target = exact.get((load.call, load.place, load.network), first.get(load.call, max(at, 0)))
        if target != at:
            found += [(place, []) for place in range(at + 1, target + 1)] if target > at else [(target, [])]
        at = target
        found[-1][1].append(load)
    missing = set(range(len(calls))) - {place for place, _ in found}
    return list(_held(calls, [*found, *((place, []) for place in sorted(missing))]))


def _held(calls: list[Calls], found: list[tuple[int, list[Load]]]) -> Iterator[Step]:
    """The steps, without those to which a loop comes back and loads nothing."""
    held: dict[str, int] = {}
    seen: set[int] = set()
    for place, loads in found:
        for load in loads:
            for name in load.evicts:
                held.pop(name, None)
            held[f"{load.model}.{load.network}"] = load.bytes
        if place not in seen or loads:
            yield Step(calls[place], loads, sum(held.values()), place in seen)
        seen.add(place)


def _model(model: p.Model, parts: Networks, refused: str) -> ModelPlan:
    lowered = parts.lowered(model.name)
    source = str(model.args.get("source") or model.args.get("endpoint"))
    sizes = {name: part.bytes for name, part in lowered.components.items()} if lowered else {}
    if lowered:
        note = ""
    elif model.args.get("endpoint") is not None:
        note = "a server answers its calls: nothing is loaded"
    elif refused:
        note = f"runs on PyTorch, and what it loads is not counted, because {refused}"
    elif model.folder is None:
        note = "its files are not on this machine yet: a run downloads them, and what it loads is not counted"
    else:
        note = "what it loads is not counted"
    return ModelPlan(model.name, model.provider, source, sizes, note)


def _assumptions(plan: p.Plan, flow: p.Flow, foreseen: Foreseen, steps: list[Step], costs: Costs) -> Iterator[str]:
    """What was taken for granted, as only a run will know."""
    kinds = {type(step) for step in _steps_of(plan, flow.body)}
    given = [f"`{param.name}`" for param in flow.params if param.required]
    if given:
        yield f"What {' and '.join(given)} will be, only a run knows."
    if foreseen.assumed:
        yield f"A list whose length only a run knows was taken to have {UNKNOWN} items."
    if p.Refine in kinds:
        yield "How many attempts a refine makes, only a run knows: each was as likely as another to pass first."
    if kinds & {p.If, p.Match, p.Try}:
        yield "Which branch is taken, only a run knows: every one was counted."
    if any(step.again for step in steps):
        yield "Loads inside a loop are counted for two rounds of it; each further round repeats the second's."
    if costs.seconds:
        unknown = {each.label for each in foreseen.calls if _stage(plan, each.label) not in costs.seconds}
        unknown -= {name for name in unknown if name.endswith(".compare")}
        machine = f" ({costs.machine})" if costs.machine else ""
        yield f"Seconds are from measurements of this machine{machine}."
        if unknown:
            yield f"Never measured, so guessed: {', '.join(sorted(unknown))}."
    elif foreseen.calls:
        yield (
            "Nothing was measured on this machine yet, so times are shares by a general table; "
            "`gflow bench --calibrate` measures."
        )


def _stage(plan: p.Plan, label: str) -> str:
    model, _, method = label.rpartition(".")
    return f"{plan.models[model].provider}.{method}"


def _steps_of(plan: p.Plan, block: p.Block) -> Iterator[p.AnyStep]:
    """The steps of a block, of the blocks in it, and of the flows that it calls."""
    for step in block.steps:
        yield step
        inside = [plan.flows[step.flow].body] if isinstance(step, p.FlowCall) else regions(step)
        for inner in inside:
            yield from _steps_of(plan, inner)
