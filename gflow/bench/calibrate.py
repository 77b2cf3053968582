"""What batches cost on this machine: a flow is run with its calls in batches of one size, for every size, and the
medians become the table that batches are planned by (`gflow.runtime.costs`)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

import msgspec

from gflow.bench.worker import Event
from gflow.runtime import plan as p
from gflow.runtime.costs import Costs

#: The sizes that are tried.
SIZES = (1, 2, 4, 8, 16)


def resized(plan: p.Plan, sizes: tuple[int, ...]) -> p.Plan:
    """The plan with those sizes for all calls that run in batches, and with loops that bring as many at once."""

    def changed(value: Any) -> Any:
        match value:
            case p.ModelCall(batch=batch) if len(batch) > 1:
                return msgspec.structs.replace(value, batch=sizes)
            case msgspec.Struct():
                fields = {name: changed(getattr(value, name)) for name in value.__struct_fields__}
                if isinstance(value, (p.Map, p.Refine)) and value.together > 1:
                    fields["together"] = max(sizes)
                return type(value)(**fields)
            case list():
                return [changed(item) for item in value]
            case dict():
                return {name: changed(item) for name, item in value.items()}
            case _:
                return value

    found: p.Plan = changed(plan)
    return found


def table(events: Iterable[Event], plan: p.Plan, known: Costs, machine: str) -> Costs:
    """The table with what the calls of a plan took."""
    seconds: dict[tuple[str, int], list[float]] = {}
    for event in events:
        model, _, method = event.label.rpartition(".")
        if event.kind == "call" and event.run and model in plan.models:
            stage = f"{plan.models[model].provider}.{method}"
            seconds.setdefault((stage, event.size), []).append(event.seconds)
    made = {stage: dict(sizes) for stage, sizes in known.seconds.items()} if known.machine == machine else {}
    for stage in {stage for stage, _ in seconds}:
        made[stage] = {
            size: round(statistics.median(times), 6)
            for (each, size), times in sorted(seconds.items())
            if each == stage
        }
    return Costs(seconds=made, machine=machine)
