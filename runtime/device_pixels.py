"""Ops on pixels on a GPU: a picture stays there from the decoder's output to the bytes of the packed frame.

Kernels came with the program (`device_kernels`); memory is ONNX Runtime's, whose allocator keeps what is let go for
the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gflow.kernels.pixel.device import DeviceArray
from gflow.kernels.pixel.launches import Launch, grid, plain
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.realize import aligned, loosened, name
from gflow.kernels.types import Array
from gflow.runtime import cuda
from gflow.runtime.device import Value, empty
from gflow.runtime.device_kernels import Kernels, telling


class Memory(NamedTuple):
    """Where an array begins in an `onnxruntime.OrtValue`, in bytes."""

    value: Value
    begin: int = 0

    @property
    def address(self) -> int:
        return int(self.value.data_ptr()) + self.begin


class Pixels:
    """A device as `gflow.kernels.pixel.device.Device` has it. place: ONNX Runtime's name of it."""

    def __init__(self, compiled: Kernels, place: str) -> None:
        self.compiled, self.place = compiled, place
        self._table = lru_cache(256)(self._copied)
        self._names: dict[str, list[Launch]] = compiled.index.launches

    def pictures(self, value: Value) -> list[DeviceArray]:
        """The pictures of a batch, float32 (batch, height, width, channels), where they are."""
        count, *shape = value.shape()
        size = 4 * math.prod(shape)
        return [DeviceArray(self, Memory(value, size * place), np.float32, shape) for place in range(count)]

    # --- memory ---

    def empty(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        return DeviceArray(self, Memory(empty(shape, dtype, self.place)), dtype, shape)

    def put(self, array: Array) -> DeviceArray:
        return DeviceArray(self, Memory(self.compiled.put(array, self.place)), array.dtype, array.shape)

    def table(self, values: Array) -> DeviceArray:
        return self._table(values.tobytes(), values.dtype.str)

    def _copied(self, data: bytes, dtype: str) -> DeviceArray:
        return self.put(np.frombuffer(data, dtype))

    def get(self, array: DeviceArray) -> Array:
        order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
        made: Array = aligned(tuple(array.shape[axis] for axis in order), array.dtype)
        with telling():
            self.compiled.copies.down(array.memory.address, made)
        return made.transpose(np.argsort(order))

    # --- kernels ---

    def kernels(
        self, outputs: Sequence[Picture], layouts: Sequence[str]
    ) -> tuple[list[Picture], list[Launch]] | None:
        """Those for just these sizes, else those for any."""
        for made in (list, loosened):
            form = plain(made(outputs))
            launches = self._names.get(name(form, layouts))
            if launches is not None:
                return form, launches
        return None

    def launch(self, launch: Launch, node: Picture, given: Sequence[Any]) -> None:
        values = [each.memory.address if isinstance(each, DeviceArray) else each for each in given]
        types = [taken.type for taken in launch.takes]
        decisive = [place for place, taken in enumerate(launch.takes) if taken.aligns]
        self.compiled.start(launch.kernel, grid(node, launch.block), types, values, decisive)

    def wait(self) -> None:
        with telling():
            cuda.wait(self.compiled.stream)
