"""Which networks a plan will need, in which order: what is let go first when memory is short."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gflow.runtime import plan as p
from gflow.runtime.blocks import regions
from gflow.runtime.lowered import Component, Lowered, read
from gflow.runtime.targets import CPU, Place

if TYPE_CHECKING:
    from gflow.runtime.bundle import Bundle


@dataclass
class Coming:
    """Uses of networks, by identity, in the program's order, and the calls that they are for (model.method, and its
    place in the script). `loops` are parts of it, from and up to a place, that may be gone through again.
    `bytes`: of all of them. `least`: as small a batch as each will run, by identity. `place`: the use that a run is
    at."""

    uses: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    loops: list[tuple[int, int]] = field(default_factory=list)
    bytes: int = 0
    least: dict[str, int] = field(default_factory=dict)
    place: int = -1

    def used(self, identity: str) -> None:
        """A network is used: goes on to the nearest place where the plan says so."""
        if 0 <= self.place < len(self.uses) and self.uses[self.place] == identity:
            return
        found = next((place for place in self._ahead() if self.uses[place] == identity), None)
        if found is not None:
            self.place = found
        elif identity in self.uses:
            self.place = self.uses.index(identity)

    def last(self, among: Sequence[str]) -> str | None:
        """Which of some networks is needed last; of those that never are, the first one given."""
        if not among:
            return None
        soon = [each for each in self.soon() if each in among]
        return next((each for each in among if each not in soon), None) or soon[-1]

    def soon(self) -> list[str]:
        """The networks that are needed from here on, the next one first."""
        return list(dict.fromkeys(self.uses[place] for place in self._ahead()))

    def _ahead(self) -> Iterator[int]:
        """The places that come after this one, nearest first, each once."""
        seen: set[int] = set()
        todo = deque([self.place])
        while todo:
            at = todo.popleft()
            for place in (*(begin for begin, end in self.loops if end == at + 1), at + 1):
                if place < len(self.uses) and place not in seen:
                    seen.add(place)
                    todo.append(place)
                    yield place


def networks(lowered: Lowered, provider: str, method: str, given: Sequence[str]) -> list[Component]:
    """The components that a method or a stage uses, in order. `given`: the arguments that are given."""
    parts = lowered.components
    match provider, method:
        case "diffusion", "encode_text":
            names = [text["component"] for text in lowered.settings["texts"]]
        case "diffusion", "generate":
            names = [text["component"] for text in lowered.settings["texts"]]
            names += [*(["encoder"] if "image" in given else []), "network", "decoder"]
        case "diffusion", _:
            names = [{"encode_image": "encoder", "denoise": "network", "decode": "decoder"}[method]]
        case "scorer", "score":
            names = ["image", "text"]
        case "scorer", "embed":
            names = [name for name in ("image", "text") if name in given]
        case "scorer", _:
            names = []
        case _:
            names = list(parts)
    return [parts[name] for name in names if name in parts]


def coming(plan: p.Plan, flow: p.Flow, bundle: Bundle | None = None, *, once: Collection[p.Step] = ()) -> Coming:
    """What a flow of a plan will need, in order. `once`: loops that are known to be gone through once."""
    return used(Networks(plan, bundle), flow, once=once)


def used(networks: Networks, flow: p.Flow, *, once: Collection[p.Step] = ()) -> Coming:
    """The same, of networks that are known."""
    found = Coming()
    _walk(networks, flow.body, found, {id(step) for step in once}, {})
    return found


def _walk(networks: Networks, block: p.Block, found: Coming, once: set[int], consts: dict[p.Slot, Any]) -> None:
    for step in block.steps:
        match step:
            case p.Const():
                consts[step.out] = step.value
            case p.ModelCall():
                for component in networks.of(step):
                    before, now = found.least.get(component.identity), networks.least(step, component, consts)
                    found.bytes += networks.place.bytes(component) if before is None else 0
                    found.least[component.identity] = now if before is None else min(before, now)
                    if not found.uses or found.uses[-1] != component.identity:
                        found.uses.append(component.identity)
                        found.calls.append((f"{step.model}.{step.method}", step.place))
            case p.FlowCall():
                _walk(networks, networks.plan.flows[step.flow].body, found, once, {})
            case _:
                begin = len(found.uses)
                for inner in regions(step):
                    _walk(networks, inner, found, once, consts)
                again = isinstance(step, p.Map | p.Refine) and id(step) not in once
                if again and len(found.uses) > begin:
                    found.loops.append((begin, len(found.uses)))


class Networks:
    """The networks that the calls of a plan use. What says so is read once a model. apart: each model's networks
    are taken for its own, though others may hold the same. place: where they run."""

    def __init__(
        self, plan: p.Plan, bundle: Bundle | None = None, *, apart: bool = False, place: Place = CPU
    ) -> None:
        self.plan = plan
        self.place = place
        self.bundle = bundle
        self.apart = apart
        self._lowered: dict[str, Lowered | None] = {}

    def of(self, step: p.ModelCall) -> list[Component]:
        """The components of a call, in order; none where the model is not lowered."""
        lowered = self.lowered(step.model)
        if lowered is None:
            return []
        return networks(lowered, self.plan.models[step.model].provider, step.method, list(step.args))

    def least(self, step: p.ModelCall, component: Component, consts: Mapping[p.Slot, Any]) -> int:
        """As small a batch as a call of one of its components runs, which guidance doubles."""
        lowered = self.lowered(step.model)
        if lowered is None or lowered.components.get("network") != component:
            return min(step.batch)
        scale = step.args.get("guidance_scale")
        unguided = scale is not None and not consts.get(scale, 0) > 1
        return min(step.batch) * (1 if unguided or lowered.settings.get("guidance") != "classifier-free" else 2)

    def lowered(self, model: str) -> Lowered | None:
        """The lowered form of a model; None where there is none that can be read, as loading it will tell."""
        if model not in self._lowered:
            found = self._read(self.plan.models[model].lowered)
            if self.apart and found is not None:
                found = _own(found, model)
            self._lowered[model] = found
        return self._lowered[model]

    def _read(self, place: str | None) -> Lowered | None:
        if place is None:
            return None
        try:
            return read(Path(place) if self.bundle is None else self.bundle.folder(place))
        except (OSError, msgspec.MsgspecError):
            return None


def _own(lowered: Lowered, model: str) -> Lowered:
    parts = {
        name: msgspec.structs.replace(part, identity=f"{model} {part.identity}")
        for name, part in lowered.components.items()
    }
    return msgspec.structs.replace(lowered, components=parts)
