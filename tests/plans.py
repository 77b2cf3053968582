"""Plans changed for tests: what a pass would mark, marked everywhere; and stand-ins that take batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from gflow.runtime import plan as p
from gflow.runtime.engines.base import Request
from gflow.runtime.engines.standin import StandInEngine
from gflow.runtime.executor import Executor


def together(plan: p.Plan, count: int, sizes: tuple[int, ...] = (1, 2, 4, 8)) -> p.Plan:
    """The plan with every map, and every refine without `from`, so many at a time; model calls in such sizes."""

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, dict):
            return {name: changed(item) for name, item in value.items()}
        if not isinstance(value, p.Step | p.Block | p.Case | p.Flow):
            return value
        fields = {name: changed(getattr(value, name)) for name in value.__struct_fields__}
        if isinstance(value, p.Map) or (isinstance(value, p.Refine) and value.start is None):
            fields["together"] = count
        if isinstance(value, p.ModelCall):
            fields["batch"] = sizes
        return type(value)(**fields)

    return msgspec.structs.replace(plan, flows=changed(plan.flows), tests=changed(plan.tests))


class Batching:
    """A stand-in that takes batches, and keeps their sizes."""

    def __init__(self, model: p.Model) -> None:
        self.one = StandInEngine().load(model)
        self.sizes: list[tuple[str, int]] = []

    def call(self, method: str, args: Mapping[str, Any], **more: Any) -> Any:
        return self.one.call(method, args, **more)

    def call_batch(self, method: str, requests: Sequence[Request], *, size: int) -> list[Any]:
        self.sizes.append((method, size))
        return [
            self.one.call(method, request.args, key=request.key, as_type=None, context=request.context)
            for request in requests
        ]


def batching(plan: p.Plan) -> Executor:
    """An executor whose models take batches."""
    executor = Executor(plan, stand_ins=True)
    executor.models.update({name: Batching(model) for name, model in plan.models.items()})
    return executor
