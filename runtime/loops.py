"""The arrays of loops on a device. They stay where they are from one call to the next, and from one loop to the
next of the same shapes: so a GPU's work is recorded once for a batch and a size, and then started again as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gflow.kernels.types import Array

#: How many loops of a network keep their arrays: a few sizes, by a few batches.
MOST = 8


@dataclass(eq=False)
class Loop:
    """What a network reads and writes in a loop: `onnxruntime.OrtValue`s, by its inputs' names, and in the order of
    its outputs, which are made by the first call. number: of the network's loops, from 1 on."""

    number: int
    feeds: dict[str, Any]
    outputs: list[Any] | None = None


class Loops:
    """A network's loops; those that were used last are kept. One at a time may run."""

    def __init__(self, device: str) -> None:
        self.device, self._count = device, 0
        self._known: OrderedDict[frozenset[Any], Loop] = OrderedDict()

    def loop(self, feeds: Mapping[str, Array]) -> Loop:
        """The arrays for feeds of those shapes, filled with them. Raises EngineFailed and OutOfMemory."""
        from gflow.runtime.device import empty

        key = frozenset((name, array.shape, array.dtype.str) for name, array in feeds.items())
        if key not in self._known:
            self._count += 1
            made = {name: empty(array.shape, array.dtype, self.device) for name, array in feeds.items()}
            self._known[key] = Loop(self._count, made)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        found = self._known[key]
        for name, array in feeds.items():
            found.feeds[name].update_inplace(array)
        return found
