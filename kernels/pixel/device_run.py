"""Graphs computed on a device: the kernels of `launches.py`, one after the other, over memory that stays there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gflow.kernels.pixel import arguments
from gflow.kernels.pixel.device import Array, Device, DeviceArray
from gflow.kernels.pixel.launches import Launch, Taken, whole
from gflow.kernels.pixel.picture import Picture, source
from gflow.kernels.pixel.realize import empty_result, replaced
from gflow.kernels.pixel.reference import in_order


def computed(outputs: Sequence[Picture], layouts: Sequence[str], device: Device) -> list[DeviceArray] | None:
    """Several different pictures on a device, in the layouts that `realize` gives; None where it has no kernels for
    them. Sources in main memory are copied there."""
    found = device.kernels(on_device(outputs, device), layouts)
    return None if found is None else _Run(*found, layouts, device).run()


def on_device(outputs: Sequence[Picture], device: Device) -> list[Picture]:
    """The graph with its sources on a device; those that are there already are not copied."""
    here = (node for node in in_order(*outputs) if node.op == "source" and not isinstance(node.data, DeviceArray))
    return replaced(outputs, {id(node): source(_moved(node.data, device)) for node in here})


def _moved(array: Array, device: Device) -> DeviceArray:
    """Planes stay planes."""
    if not (array.ndim == 3 and array.shape[2] > 1 and array.transpose(2, 0, 1).flags.c_contiguous):
        return device.put(np.ascontiguousarray(array))
    planes = device.put(array.transpose(2, 0, 1))
    shape, strides = ((sizes[1], sizes[2], sizes[0]) for sizes in (planes.shape, planes.strides))
    return DeviceArray(device, planes.memory, planes.dtype, shape, strides)


class _Run:
    """A graph being computed. `held` are the arrays that its kernels read and write, by what they are of."""

    def __init__(
        self, outputs: Sequence[Picture], launches: Sequence[Launch], layouts: Sequence[str], device: Device
    ) -> None:
        self.launches, self.order, self.device = launches, in_order(*outputs), device
        place = {id(node): number for number, node in enumerate(self.order)}
        self.results = [empty_result(*pair, device.empty) for pair in zip(outputs, layouts, strict=True)]
        names = [("result", place[id(node)]) for node in outputs]
        self.held: dict[tuple[str, int], DeviceArray] = dict(zip(names, self.results, strict=True))
        self.left: list[DeviceArray] = []
        self.last = {
            (taken.what, taken.node): number
            for number, launch in enumerate(launches)
            for taken in launch.takes
            if taken.what == "kept"
        }

    def run(self) -> list[DeviceArray]:
        used = []  # Memory lives until the kernels are done.
        for number, launch in enumerate(self.launches):
            given = [self._argument(taken) for taken in launch.takes]
            used.append(given)
            self.device.launch(launch, self.order[launch.node], given)
            for name, last in self.last.items():
                if last == number:
                    self.left.append(self.held.pop(name))
        self.device.wait()
        return self.results

    def _room(self, shape: tuple[int, ...]) -> DeviceArray:
        """Memory that an earlier kernel is done with, as they run one after the other; else new."""
        for place, each in enumerate(self.left):
            if each.shape == shape:
                return self.left.pop(place)
        return self.device.empty(shape, np.float32)

    def _argument(self, taken: Taken) -> Any:
        node = self.order[taken.node]
        if taken.what == "number":
            return float(node.data)
        if not taken.address:
            return whole(node, taken.what)
        if taken.what == "source":
            return node.data
        if taken.what == "kept" and ("kept", taken.node) not in self.held:
            shape = node.channels, node.height, whole(node, "pitch")
            self.held["kept", taken.node] = self._room(shape)
        found = self.held.get((taken.what, taken.node))
        if found is None:
            found = self.device.table(np.ascontiguousarray(arguments.array(node, taken.what, {})))
        return found
