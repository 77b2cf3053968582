"""The shapes that a plan's networks will run in, as far as the plan tells: what TensorRT makes its kernels for.

A profile says how small, how large and how usual each dynamic input is. Batches go from 1 to the largest that is
planned, which is the usual one; sides of pictures from the smallest size that the script names to the largest.
Where a size comes with the run, up to twice what the model was trained for is planned. A second profile is for the
smallest batch that is planned, alone: what is fast for eight pictures need not be for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gflow.compiler.tensorrt import NotBuilt, Range
from gflow.kernels.types import Size
from gflow.runtime import plan as p
from gflow.runtime.blocks import regions
from gflow.runtime.coming import Networks
from gflow.runtime.lowered import Component, Lowered
from gflow.runtime.network import BATCH

#: Smallest, usual, largest.
Axis = tuple[int, int, int]


@dataclass
class Uses:
    """batches, least: the largest and the smallest batch of each component, by identity. sizes: those of a model's
    pictures by the model; None among them stands for one that is not known. masked: the models that paint into
    masks."""

    batches: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, set[Size | None]] = field(default_factory=dict)
    masked: set[str] = field(default_factory=set)
    least: dict[str, int] = field(default_factory=dict)


def uses(plan: p.Plan) -> Uses:
    """How a plan's flows use its networks."""
    found, networks = Uses(), Networks(plan)
    for flow in plan.flows.values():
        steps = list(walk(flow.body))
        consts = {step.out: step.value for step in steps if isinstance(step, p.Const)}
        for step in steps:
            if isinstance(step, p.ModelCall):
                _note(step, consts, networks, found)
    return found


def walk(block: p.Block) -> Iterator[p.AnyStep]:
    for step in block.steps:
        yield step
        for inner in regions(step):
            yield from walk(inner)


def _note(step: p.ModelCall, consts: Mapping[p.Slot, Any], networks: Networks, found: Uses) -> None:
    for component in networks.of(step):
        least = networks.least(step, component, consts)
        before, most = found.batches.get(component.identity, 1), least // min(step.batch) * max(step.batch)
        found.batches[component.identity] = max(before, most)
        found.least[component.identity] = min(found.least.get(component.identity, least), least)
    lowered = networks.lowered(step.model)
    if lowered is None or "sample" not in lowered.settings or step.method not in ("generate", "denoise"):
        return
    if "mask" in step.args:
        found.masked.add(step.model)
    size, sample = step.args.get("size"), lowered.settings["sample"]
    told = consts.get(size, ()) if size is not None else None
    # With a picture to start from, the size is the picture's where none is given.
    plain = Size(sample, sample) if "image" not in step.args else None
    found.sizes.setdefault(step.model, set()).add(Size(*told) if told else None if told == () else plain)


def profiles(
    graph: bytes, model: str, lowered: Lowered, component: Component, used: Uses
) -> list[dict[str, Range]]:
    """The shapes of a component's inputs: all that is planned, and the smallest batch alone where there are others.
    Raises NotBuilt for an axis that nothing is known of."""
    import onnx

    inputs = onnx.load_model_from_string(graph).graph.input
    most = used.batches.get(component.identity, 1)
    least = used.least.get(component.identity, most)
    batches = [(1, most, most), (least, least, least)]
    made = [_profile(inputs, batch, lowered, used.sizes.get(model)) for batch in batches]
    return made if least < most and made[0] != made[1] else made[:1]


def _profile(
    inputs: Iterable[Any], batch: Axis, lowered: Lowered, sizes: set[Size | None] | None
) -> dict[str, Range]:
    known = {BATCH: batch}
    if "context_length" in lowered.settings:
        # A text is read at once, then token by token.
        most = lowered.settings["context_length"]
        known |= {"new": (1, 1, most), "read": (0, most // 2, most)}
    found: dict[str, Range] = {}
    for value in inputs:
        axes: list[Axis] = []
        for place, dim in enumerate(value.type.tensor_type.shape.dim):
            fixed = (dim.dim_value,) * 3
            axes.append(_axis(value.name, place, known, dim.dim_param, lowered, sizes) or fixed)
        low, usual, high = zip(*axes, strict=True)
        found[value.name] = low, usual, high
    return found


def _axis(
    name: str, place: int, known: Mapping[str, Axis], symbol: str, lowered: Lowered, sizes: set[Size | None] | None
) -> Axis | None:
    if not symbol or symbol in known:
        return known.get(symbol)
    per = {"sample": lowered.settings.get("factor"), "latent": lowered.settings.get("factor"), "image": 1}.get(name)
    if per is None or place not in (2, 3):
        raise NotBuilt(f"nothing is planned for the axis `{symbol}` of its input `{name}`")
    least, usual, most = _sides(lowered, sizes or {None}, high=place == 2)
    return least // per, usual // per, most // per


def _sides(lowered: Lowered, sizes: set[Size | None], *, high: bool) -> Axis:
    """Heights or widths in pixels, in steps that the model takes."""
    multiple, sample = lowered.settings["multiple"], lowered.settings["sample"]
    sides = {-(-(size.height if high else size.width) // multiple) * multiple for size in sizes if size is not None}
    if None in sizes:
        most = 2 * sample // multiple * multiple
        return min({multiple, *sides}), max(sides, default=sample), max({most, *sides})
    return min(sides), max(sides), max(sides)
