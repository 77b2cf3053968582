"""What a graph of pictures is computed in on a GPU: one kernel for each result, and for each picture that is put
into memory, planar float32, for others to read.

A GPU has arithmetic to spare, and its caches hold what neighbouring pixels have in common. So a picture is put into
memory only where computing it again, as often as it is read, costs more than writing and reading it does:

    source ─▶ [blurred down] ─▶ [blurred across, sharpened, graded] ─▶ result

The costs are estimates from the ratio of a GPU's bandwidths: while memory moves one float there and back for every
pixel, a GPU of the last generations reads some 20 to 35 from its first-level cache, or computes 80 to 150 times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gflow.kernels.pixel.math import BOOLEAN, FUNCTIONS
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.stages import spatial, taps, written_out

#: What memory costs that is written and read once, as operations; see above.
_MEMORY = 100
#: Reading a float that is near in cache; one of several beside each other, or a byte to convert, takes longer.
_READ, _READ_APART = 4, 8
#: How often pixels are read by sums whose length the code does not tell.
_MANY = 64
#: Operations that a GPU has no instruction for; it has one for the others.
_OPERATIONS = {
    "div": 8,
    "sqrt": 8,
    "exp2": 4,
    "log2": 4,
    "pow": 12,
    "hashed": 12,
    "table": 24,
    "cube": 64,
    "warp": 48,
}


@dataclass(eq=False)
class Stage:
    """One kernel. node: what it makes. output: its place among the results. kept: whether it is put into memory."""

    node: Picture
    output: int | None
    kept: bool


def stages(outputs: Sequence[Picture]) -> list[Stage]:
    """The kernels of some different results, in an order in which they can run."""
    kept = _kept(outputs)
    place = {id(node): number for number, node in enumerate(outputs)}
    return [
        Stage(node, place.get(id(node)), id(node) in kept)
        for node in in_order(*outputs)
        if id(node) in kept or id(node) in place
    ]


def reads(root: Picture, kept: set[int]) -> Iterator[Picture]:
    """What a kernel computes or reads: pictures that others put into memory end it."""
    return _walk(root, lambda node: node is root or id(node) not in kept)


def _walk(root: Picture, goes_on: Callable[[Picture], bool]) -> Iterator[Picture]:
    """Every node of a graph once, from its end; of those that don't go on, the sources are left out."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            if goes_on(node):
                todo += node.sources


def bound(outputs: Sequence[Picture]) -> set[int]:
    """The pictures that are made of a window's neighbours, and so can't be anywhere else."""
    free: dict[int, frozenset[int]] = {}
    for node in in_order(*outputs):
        mine = frozenset({id(node)}) if node.op in ("tap", "weight") else frozenset[int]()
        for source in node.sources[:2] if node.op == "window" else node.sources:
            mine |= free[id(source)]
        if node.op == "window":
            mine -= {id(each) for each in node.sources[2:]}
        free[id(node)] = mine
    return {key for key, names in free.items() if names}


def _kept(outputs: Sequence[Picture]) -> set[int]:
    """The pictures that are put into memory."""
    order = in_order(*outputs)
    inner = bound(outputs)
    movable = {id(node) for node in order if _movable(node) and id(node) not in inner}
    held = {id(node.sources[0]) for node in order if node.op == "held" and node.sources[0].op != "source"}
    readings = _readings(outputs, order)
    kept: set[int] = set()
    costs = _Costs(kept)
    for node in order:
        again = (readings.get(id(node), 1) - 1) * (costs.of(node) - _READ)
        if id(node) in held or (id(node) in movable and again > _MEMORY):
            kept.add(id(node))
    while True:
        more = _shared(outputs, order, kept, movable)
        if more is None:
            return kept
        kept.add(id(more))


def _movable(node: Picture) -> bool:
    """Whether a picture is one that memory can hold: numbers have no size, truth values are no floats."""
    return node.width > 0 and node.op not in BOOLEAN


def _readings(outputs: Sequence[Picture], order: Sequence[Picture]) -> dict[int, int]:
    """How often each picture would be computed for a pixel of what reads it: once for all that read just that
    pixel, and once for each neighbour."""
    there = {id(node) for node in outputs}
    near: dict[int, int] = {}
    for node in order:
        for place, source in enumerate(node.sources):
            if place == 0 and spatial(node):
                near[id(source)] = near.get(id(source), 0) + _reach(node)
            else:
                there.add(id(source))
    return {key: near.get(key, 0) + (key in there) for key in near.keys() | there}


def _reach(node: Picture) -> int:
    """How many neighbours a pixel is made of, as far as the code tells."""
    if node.op == "shift":
        return 1
    return taps(node) if written_out(node) else _MANY


def _shared(
    outputs: Sequence[Picture], order: Sequence[Picture], kept: set[int], movable: set[int]
) -> Picture | None:
    """A picture that several kernels would compute, each for itself, at a higher price; of several, the last."""
    owners: dict[int, int] = {}
    for root in order:
        if id(root) in kept or any(root is node for node in outputs):
            for node in reads(root, kept):
                owners[id(node)] = owners.get(id(node), 0) + 1
    costs, found = _Costs(kept), None
    for node in order:
        again = (owners.get(id(node), 0) - 1) * (costs.of(node) - _READ)
        if id(node) in movable - kept and node.op != "source" and again > _MEMORY:
            found = node
    return found


class _Costs:
    """What it costs to compute a pixel of pictures where some others are in memory; pictures are asked for after
    those that they are made of."""

    def __init__(self, kept: set[int]) -> None:
        self.kept = kept
        self._known: dict[int, int] = {}

    def of(self, root: Picture) -> int:
        if id(root) in self.kept:
            return _READ
        if id(root) not in self._known:
            self._known[id(root)] = sum(map(self._own, self._here(root)))
        return self._known[id(root)]

    def _here(self, root: Picture) -> Iterator[Picture]:
        """What is computed for that very pixel."""
        return _walk(root, lambda node: id(node) not in self.kept and not spatial(node))

    def _own(self, node: Picture) -> int:
        if id(node) in self.kept:
            return _READ
        if node.op == "source":
            return _READ if node.static[:2] == ("f32", 1) else _READ_APART
        if spatial(node):
            each = sum(map(self.of, node.sources[:2])) + (node.op != "shift")
            return _reach(node) * each
        return _OPERATIONS.get(node.op, 1 if node.op in FUNCTIONS else 0)
