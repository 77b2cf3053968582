"""Plans changed for tests: what a pass would mark, marked everywhere."""

from __future__ import annotations

from typing import Any

import msgspec

from gflow.runtime import plan as p


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
