"""Pictures computed by Triton: tensors of PyTorch in, tensors out, and on a GPU nothing in between leaves it.

    frame = source(tensor)                       # uint8 or float32, (height, width, channels), on the GPU
    [shown] = realize_all([grade(frame, 1.1, 1.2)], ["planar"])

Under TRITON_INTERPRET=1, which has to be set before Triton is imported, it runs on the processor: slowly, and to
check kernels only. PyTorch and Triton are imported when they are first used; this is the one place in `kernels`
that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np

from gflow.kernels.pixel import picture, triton_source
from gflow.kernels.pixel.device import DeviceArray, device_of
from gflow.kernels.pixel.device_run import computed
from gflow.kernels.pixel.launches import WARPS, Code, Launch, grid, plain
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.realize import structure
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.triton_module import NoTriton, loaded

#: A tensor of PyTorch.
Tensor = Any

#: Kernels by the structure of what they compute.
_kernels: dict[Any, Code] = {}


def source(tensor: Tensor) -> Picture:
    """A picture in memory: as `picture.source` takes it, with any strides, but a tensor."""
    return picture.source(Torch(tensor.device).array(tensor))


def realize(made: Picture, layout: str = "f32") -> Tensor:
    """See `realize_all`."""
    return realize_all([made], [layout])[0]


def realize_all(
    outputs: Sequence[Picture],
    layouts: Sequence[str],
    *,
    device: Any = None,
    block: tuple[int, int] | None = None,
) -> list[Tensor]:
    """Several different pictures as tensors, in the layouts that `gflow.kernels.pixel.realize` gives.

    device: where they are computed: that of the first tensor among the sources, else the GPU. Sources in NumPy are
    copied there. block: pixels of a program, across and down, powers of two; for checks, as the interpreter takes
    its time for each program. Raises NoTriton."""
    there = Torch(device or _device(outputs), block)
    with _current(there.name):
        return [made.memory for made in computed(outputs, layouts, there) or ()]


class Torch:
    """A device of PyTorch; see `gflow.kernels.pixel.device.Device`. block: as `realize_all` takes it."""

    def __init__(self, name: Any, block: tuple[int, int] | None = None) -> None:
        self.name, self.block, self.text = name, block, ""

    def array(self, tensor: Tensor) -> DeviceArray:
        """A tensor as the pixel language takes it."""
        dtype = np.dtype(str(tensor.dtype).removeprefix("torch."))
        return DeviceArray(self, tensor, dtype, tensor.shape, [step * dtype.itemsize for step in tensor.stride()])

    def empty(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        torch = _torch()
        return self.array(torch.empty(shape, dtype=getattr(torch, np.dtype(dtype).name), device=self.name))

    def put(self, array: Any) -> DeviceArray:
        return self.array(_torch().from_numpy(array if array.flags.writeable else array.copy()).to(self.name))

    def table(self, values: Any) -> DeviceArray:
        return self.array(_copied(values.tobytes(), str(values.dtype), self.name))

    def get(self, array: DeviceArray) -> Any:
        return array.memory.cpu().numpy()

    def kernels(self, outputs: Sequence[Picture], layouts: Sequence[str]) -> tuple[list[Picture], list[Launch]]:
        form = plain(outputs)
        key = tuple(layouts), structure(form, in_order(*form))
        if key not in _kernels:
            _kernels[key] = triton_source.generate(form, layouts)
        self.text = _kernels[key].text
        return form, _kernels[key].launches

    def launch(self, launch: Launch, node: Picture, given: Sequence[Any]) -> None:
        block = self.block or launch.block
        args = [each.memory if isinstance(each, DeviceArray) else each for each in given]
        getattr(loaded(self.text), launch.kernel)[grid(node, block)](
            *args, BLOCK_X=block[0], BLOCK_Y=block[1], num_warps=WARPS, enable_fp_fusion=False
        )

    def wait(self) -> None:
        """PyTorch's memory is used in the order of its stream."""


# --- PyTorch ---------------------------------------------------------------------------------------


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise NoTriton("PyTorch is not installed") from None
    return torch


def interpreted() -> bool:
    """Whether kernels run on the processor. Raises NoTriton."""
    try:
        import triton
    except ImportError:
        raise NoTriton("Triton is not installed") from None
    return bool(triton.knobs.runtime.interpret)


def _device(outputs: Sequence[Picture]) -> Any:
    there = device_of(in_order(*outputs))
    return there.name if isinstance(there, Torch) else _torch().device("cpu" if interpreted() else "cuda")


def _current(device: Any) -> AbstractContextManager[Any]:
    """Makes a device the one that kernels are launched on."""
    found: AbstractContextManager[Any] = _torch().cuda.device(device) if device.type == "cuda" else nullcontext()
    return found


@lru_cache(256)
def _copied(data: bytes, dtype: str, device: Any) -> Tensor:
    return _torch().from_numpy(np.frombuffer(data, dtype).copy()).to(device)
