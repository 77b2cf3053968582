"""Arrays in the memory of a device, and what can be done with them there.

What a device is, its file says: tensors of PyTorch (`triton_run.py`), or the CUDA driver alone, for programs that
were compiled (`gflow.runtime.device_pixels`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from gflow.kernels.pixel.picture import Picture

if TYPE_CHECKING:
    from gflow.kernels.pixel.launches import Launch

Array = Any


class DeviceArray:
    """An array on a device, as the pixel language takes arrays: what NumPy calls its type, shape and strides.

    memory: what the device knows it by."""

    __slots__ = ("device", "dtype", "itemsize", "memory", "ndim", "shape", "strides")

    def __init__(
        self, device: Device, memory: Any, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None
    ) -> None:
        self.device, self.memory, self.dtype = device, memory, np.dtype(dtype)
        self.itemsize, self.shape, self.ndim = self.dtype.itemsize, tuple(shape), len(shape)
        steps = np.cumprod([self.itemsize, *self.shape[:0:-1]])[::-1]
        self.strides = tuple(map(int, steps if strides is None else strides))

    def host(self) -> Array:
        """A copy in main memory. Raises what the device raises."""
        return self.device.get(self)


class Device(Protocol):
    """Where kernels run. Work that is given to it is done in order."""

    def empty(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        """Memory, contiguous."""
        ...

    def put(self, array: Array) -> DeviceArray:
        """A NumPy array, contiguous, on the device."""
        ...

    def table(self, values: Array) -> DeviceArray:
        """As `put`; those of the last calls are there already."""
        ...

    def get(self, array: DeviceArray) -> Array:
        """The array in main memory, of the same strides."""
        ...

    def kernels(
        self, outputs: Sequence[Picture], layouts: Sequence[str]
    ) -> tuple[list[Picture], list[Launch]] | None:
        """The kernels of some results, and the form of the graph that they are for; None where there are none."""
        ...

    def launch(self, launch: Launch, node: Picture, given: Sequence[Any]) -> None:
        """Starts a kernel over a node's pixels. given: its arguments: arrays, whole numbers, floats."""
        ...

    def wait(self) -> None:
        """Until others may use the memory that was let go, and read what was made."""
        ...


def device_of(order: Sequence[Picture]) -> Device | None:
    """The device that a source of a graph is on; None where all are in main memory."""
    return next((node.data.device for node in order if isinstance(node.data, DeviceArray)), None)


def hosted(value: Any) -> Any:
    """A running value with what is on a device copied to main memory, in lists and records, too."""
    if isinstance(value, DeviceArray):
        return value.host()
    if isinstance(value, list):
        return [hosted(item) for item in value]
    if isinstance(value, dict):
        return {name: hosted(item) for name, item in value.items()}
    return value
