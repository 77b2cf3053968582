"""What kernels are called with: where each argument comes from in a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.stages import taps

#: What an argument holds, and the node that it is of, by its place in the order of the graph.
Argument = tuple[str, int]


class Given(NamedTuple):
    """Arguments as kernels take them: addresses, whole numbers, floats. kept: what has to live while one runs."""

    pointers: Any
    integers: list[int]
    numbers: Any
    kept: list[Any]


class Arguments(msgspec.Struct, frozen=True):
    """The pointers, whole numbers and floats of a kernel, in order."""

    pointers: list[Argument] = []
    integers: list[Argument] = []
    numbers: list[Argument] = []

    def of(self, order: Sequence[Picture], results: Mapping[int, Any]) -> Given:
        """The arguments for a graph. order: its nodes, sources first. results: arrays by the node's identity."""
        kept = [array(order[place], what, results) for what, place in self.pointers]
        pointers = np.array([each.ctypes.data for each in kept] or [0], np.uintp)
        integers = [integer(order[place], what) for what, place in self.integers]
        numbers = np.array([order[place].data for _, place in self.numbers] or [0], np.float32)
        return Given(pointers, integers, numbers, kept)


def array(node: Picture, what: str, results: Mapping[int, Any]) -> Any:
    """What an address is of: a picture in memory, a result, or a table of a node."""
    match what:
        case "result":
            return results[id(node)]
        case "starts":
            return node.data.starts
        case "weights" if node.op == "table_x":
            return node.data.by_tap
        case "weights" if node.op == "table_y":
            return node.data.weights
    return node.data


def integer(node: Picture, what: str) -> int:
    """A size, a distance in memory or a length of a node."""
    match what:
        case "width" | "height":
            return int(getattr(node, what))
        case "row":
            return int(node.data.strides[0] // node.data.itemsize)
        case "apart":
            return int(node.data.strides[2] // node.data.itemsize)
        case "taps":
            return taps(node)
        case "first" | "end":
            return int(getattr(node.data, what))
        case "reach":
            return len(node.data) // 2
        case "side" | "entries":
            return len(node.data)
    assert what == "offset"
    return int(node.data)
