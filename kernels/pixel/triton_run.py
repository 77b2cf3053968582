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

from gflow.kernels.pixel import arguments, picture, triton_source
from gflow.kernels.pixel.launches import WARPS, Code, Launch, Taken, grid, whole
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.realize import empty_result, structure
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.triton_module import NoTriton, loaded
from gflow.kernels.pixel.triton_stages import plain

#: A tensor of PyTorch.
Tensor = Any

#: Kernels by the structure of what they compute.
_kernels: dict[Any, Code] = {}


class OnDevice:
    """A tensor as the pixel language takes arrays: what NumPy calls an array's type, shape and strides."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.dtype = np.dtype(str(tensor.dtype).removeprefix("torch."))
        self.itemsize, self.ndim, self.shape = self.dtype.itemsize, tensor.ndim, tuple(tensor.shape)
        self.strides = tuple(step * self.itemsize for step in tensor.stride())


def source(tensor: Tensor) -> Picture:
    """A picture in memory: as `picture.source` takes it, with any strides, but a tensor."""
    return picture.source(OnDevice(tensor))


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
    device = device or _device(outputs)
    outputs = on_device(plain(outputs), device)
    order = in_order(*outputs)
    key = tuple(layouts), structure(outputs, order)
    if key not in _kernels:
        _kernels[key] = triton_source.generate(outputs, layouts)
    with _current(device):
        return _Run(_kernels[key], outputs, layouts, order, device).run(block)


def on_device(outputs: Sequence[Picture], device: Any) -> list[Picture]:
    """The graph with its sources on a device; those that are there already are not copied."""
    done: dict[int, Picture] = {}
    for node in in_order(*outputs):
        if node.op == "source":
            done[id(node)] = source(_moved(node.data, device))
        else:
            done[id(node)] = node.like(tuple(done[id(each)] for each in node.sources), node.static)
    return [done[id(node)] for node in outputs]


def _moved(array: Any, device: Any) -> Tensor:
    if isinstance(array, OnDevice):
        return array.tensor.to(device)
    planar = array.ndim == 3 and array.shape[2] > 1 and array.transpose(2, 0, 1).flags.c_contiguous
    values = array.transpose(2, 0, 1) if planar else array
    if not (values.flags.c_contiguous and values.flags.writeable):
        values = values.copy()
    tensor = _torch().from_numpy(values).to(device)
    return tensor.permute(1, 2, 0) if planar else tensor


class _Run:
    """A graph being computed: `held` are the tensors that its kernels read and write, by what they are of."""

    def __init__(
        self, code: Code, outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture], device: Any
    ) -> None:
        self.code, self.order, self.device = code, order, device
        place = {id(node): number for number, node in enumerate(order)}
        self.results = [empty_result(*pair, self._empty) for pair in zip(outputs, layouts, strict=True)]
        names = [("result", place[id(node)]) for node in outputs]
        self.held: dict[tuple[str, int], Tensor] = dict(zip(names, self.results, strict=True))
        self.last = {
            (taken.what, taken.node): number
            for number, launch in enumerate(code.launches)
            for taken in launch.takes
            if taken.what == "kept"
        }

    def run(self, block: tuple[int, int] | None) -> list[Tensor]:
        module = loaded(self.code.text)
        for number, launch in enumerate(self.code.launches):
            self._launch(getattr(module, launch.kernel), launch, block or launch.block)
            for name, last in self.last.items():
                if last == number:  # The memory serves the next: kernels run one after the other.
                    del self.held[name]
        return self.results

    def _launch(self, kernel: Any, launch: Launch, block: tuple[int, int]) -> None:
        args = [self._argument(taken) for taken in launch.takes]
        kernel[grid(self.order[launch.node], block)](
            *args, BLOCK_X=block[0], BLOCK_Y=block[1], num_warps=WARPS, enable_fp_fusion=False
        )

    def _argument(self, taken: Taken) -> Any:
        node = self.order[taken.node]
        if taken.what == "number":
            return float(node.data)
        if not taken.address:
            return whole(node, taken.what)
        if taken.what == "source":
            return node.data.tensor
        if taken.what == "kept" and ("kept", taken.node) not in self.held:
            shape = node.channels, node.height, whole(node, "pitch")
            self.held["kept", taken.node] = self._empty(shape, np.float32)
        found = self.held.get((taken.what, taken.node))
        return _table(arguments.array(node, taken.what, {}), self.device) if found is None else found

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Tensor:
        torch = _torch()
        return torch.empty(shape, dtype=getattr(torch, np.dtype(dtype).name), device=self.device)


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
    for node in in_order(*outputs):
        if isinstance(node.data, OnDevice):
            return node.data.tensor.device
    return _torch().device("cpu" if interpreted() else "cuda")


def _current(device: Any) -> AbstractContextManager[Any]:
    """Makes a device the one that kernels are launched on."""
    found: AbstractContextManager[Any] = _torch().cuda.device(device) if device.type == "cuda" else nullcontext()
    return found


def _table(values: Any, device: Any) -> Tensor:
    """A table on a device. Those of the last calls are there already."""
    return _copied(np.ascontiguousarray(values).tobytes(), str(values.dtype), device)


@lru_cache(256)
def _copied(data: bytes, dtype: str, device: Any) -> Tensor:
    return _torch().from_numpy(np.frombuffer(data, dtype).copy()).to(device)
