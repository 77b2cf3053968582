"""Pictures of one graph, computed again and again with other arrays and numbers in it: frames of a video.

What changes is a *blank*: a picture in memory, or a number, that is only given when the graph is computed. So a
graph is built once, and its kernel looked up once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gflow.kernels.pixel import realize, reference
from gflow.kernels.pixel.picture import Picture, source

#: Arrays and numbers by their blanks.
Given = Mapping[Picture, Any]


def blank(width: int, height: int, channels: int = 1, kind: str = "f32") -> Picture:
    """A picture whose array is given later, contiguous: (height, width) or (height, width, channels); float32 0..1,
    or uint8 for the kind "u8"."""
    static = (kind, channels, 1)
    return Picture("source", size=(width, height), channels=channels, static=static)


def blank_number() -> Picture:
    """A number that is given later. Arithmetic on blank numbers alone would compute it at once: use pictures."""
    return Picture("number", size=(0, 0), channels=1, data=0.0)


def filled(node: Picture, value: Any) -> Picture:
    """A blank with its value."""
    if node.op == "number":
        return Picture("number", size=(0, 0), channels=1, data=float(value))
    made = source(value)
    # The rows of a plane may be further apart than its pixels are many, and pixels of one channel be a column.
    assert (made.width, made.height, made.channels) == (node.width, node.height, node.channels), f"{made} in {node}"
    assert made.static == node.static, f"{made.static} in {node.static}"
    return made


class Repeated:
    """outputs: some pictures, computed at once. layouts: how each is written, as `realize_all` takes them."""

    def __init__(self, outputs: Sequence[Picture], layouts: Sequence[str]) -> None:
        self.outputs, self.layouts = list(outputs), list(layouts)
        self._kernel: realize.Kernel | None = None
        order = reference.in_order(*outputs)
        # A result that is a blank itself, and what has parts that are computed first, go the longer way.
        self._plain = not any(node.op == "held" or (node in self.outputs and not node.sources) for node in order)
        if self._plain and not realize.recording():
            self._kernel = realize.found(self.outputs, self.layouts, order)
        if self._kernel is not None:
            self._form, self._order = self._kernel.form(self.outputs)
            self._place = {node: place for place, node in enumerate(self._order) if not node.sources}

    def run(self, given: Given, into: Sequence[Any] | None = None) -> list[Any]:
        """The results, in new arrays or in those of `into`. Every blank of the graph is given; others may be."""
        if self._kernel is None:
            by = {id(node): filled(node, value) for node, value in given.items()}
            return realize.realize_all(realize.replaced(self.outputs, by), self.layouts, into)
        order = list(self._order)
        for node, value in given.items():
            place = self._place.get(node)
            if place is not None:
                order[place] = filled(node, value)
        return self._kernel.run(self._form, order, into)
