"""The inductor engine: networks that AOTInductor compiled ahead of time (`.pt2`), for the CPU or a CUDA GPU.

A package runs on exactly the torch that made it, on the processor that it was made for, and checks nothing that it
is given: a wrong stride gives wrong pixels, and no error. So everything is checked here, before every call.

torch holds Python's lock while a package runs, so batches are not cut into parts that run side by side, as they are
for ONNX Runtime: torch's own threads share each operator.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from gflow.kernels.types import Array
from gflow.runtime.device import Binds, Value, put
from gflow.runtime.errors import EngineFailed
from gflow.runtime.loops import Loop, Loops
from gflow.runtime.network import Network
from gflow.runtime.targets import Axis, Input, Package, Place


class Refused(Exception):
    """A package that can't be used here, and why."""


class OutOfRange(EngineFailed):
    """A size that a package was not compiled for; another network may take it."""


def load(package: Package, data: bytes, place: Place, other: Callable[[], Network]) -> Network:
    """The network of a package. data: the package itself. other: makes the network that takes the sizes which the
    package was not compiled for. Raises Refused."""
    if why := refused(package, data, place):
        raise Refused(why)
    return (OnDevice if package.device == "cuda" else InductorNetwork)(package, data, other)


def refused(package: Package, data: bytes, place: Place) -> str:
    """Why a package must not be loaded on a machine; "" where it may."""
    from gflow.kernels.pixel import shipped

    if package.machine != shipped.machine():
        return f"its package is for {package.machine}, and this machine is {shipped.machine()}"
    there = {place.gpu.capability} if place.gpu and package.device == "cuda" else shipped.features()
    if missing := sorted(set(package.features) - there):
        return f"its package is for processors with {', '.join(missing[:4])}"
    if len(data) != package.size:
        return "its package is cut short, or none"
    try:
        installed = version("torch")  # Without loading it, which takes a second.
    except PackageNotFoundError:
        return f"its package takes torch {package.torch}, and none is installed"
    if installed != package.torch:
        return f"its package was compiled by torch {package.torch}, and {installed} is installed"
    return ""


def checked(inputs: Sequence[Input], given: Mapping[str, Any]) -> None:
    """Checks what a package will be called with: NumPy arrays or torch tensors.

    Raises EngineFailed for a name that is missing, another dtype or number of axes, sides that are fixed or must
    agree, an array that is not dense; OutOfRange for a size that it was not compiled for."""
    sizes: dict[str, int] = {}
    for wanted in inputs:
        if wanted.name not in given:
            raise EngineFailed(f"the package wants an input `{wanted.name}`")
        value = given[wanted.name]
        dtype, shape = str(value.dtype).removeprefix("torch."), tuple(value.shape)
        if dtype != wanted.dtype:
            raise EngineFailed(f"the input `{wanted.name}` is {dtype}, and the package takes {wanted.dtype}")
        if len(shape) != len(wanted.shape):
            raise EngineFailed(f"the input `{wanted.name}` has {len(shape)} axes, not {len(wanted.shape)}")
        if not (value.flags.c_contiguous if isinstance(value, np.ndarray) else value.is_contiguous()):
            raise EngineFailed(f"the input `{wanted.name}` is not dense, rows last: its strides are another's")
        for place, (size, side) in enumerate(zip(shape, wanted.shape, strict=True)):
            _check_side(f"axis {place} of the input `{wanted.name}`", size, side, sizes)


def _check_side(told: str, size: int, side: int | Axis, sizes: dict[str, int]) -> None:
    """sizes: of the axes so far, by name."""
    if isinstance(side, int):
        if size != side:
            raise EngineFailed(f"{told} is {size}, and the package takes {side}")
        return
    count, rest = divmod(size, side.step)
    if sizes.setdefault(side.name, count) != count or rest:
        raise EngineFailed(f"{told} is {size}: not a multiple of {side.step}, or not what other inputs have")
    if not side.least <= count <= side.most:
        raise OutOfRange(
            f"{told} is {size}, and the package takes {side.step * side.least} to {side.step * side.most}"
        )


class _End(NamedTuple):
    """An input or an output, as sessions of ONNX Runtime tell of theirs."""

    name: str
    shape: tuple[int, ...] = ()


class _Session(NamedTuple):
    """A package, called as a session of ONNX Runtime is."""

    package: Package
    call: Callable[[list[Any]], list[Any]]

    def get_inputs(self) -> list[_End]:
        return [_End(each.name) for each in self.package.inputs]

    def get_outputs(self) -> list[_End]:
        return [_End(name) for name in self.package.outputs]

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, Any]) -> list[Array]:
        import torch

        # Dense, as sessions make what they are given; and torch warns of arrays that must not be written.
        dense = {name: np.require(value, requirements=["C", "W"]) for name, value in feeds.items()}
        checked(self.package.inputs, dense)
        given = [torch.from_numpy(dense[each.name]).to(self.package.device) for each in self.package.inputs]
        made = dict(zip(self.package.outputs, self.call(given), strict=True))
        return [made[name].contiguous().cpu().numpy() for name in outputs or self.package.outputs]


class InductorNetwork(Network):
    """A package, ready to run. What it was not compiled for, another network runs, made when it is first needed."""

    library = "AOTInductor"

    def __init__(self, package: Package, data: bytes, other: Callable[[], Network]) -> None:
        self.package, self.call, self._make_other = package, loaded(io.BytesIO(data), package.device), other
        super().__init__(lambda split: _Session(package, self.call), 1)

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> list[Array]:
        """See `Network.run`."""
        try:
            return super().run(feeds, outputs)
        except OutOfRange:
            return self._other.run(feeds, outputs)

    @cached_property
    def _other(self) -> Network:
        return self._make_other()


class OnDevice(InductorNetwork):
    """The same where arrays stay on a device between calls; they are shared with ONNX Runtime, not copied."""

    def __init__(self, package: Package, data: bytes, other: Callable[[], Network]) -> None:
        super().__init__(package, data, other)
        self.device, self.loops = package.device, Loops(package.device)

    def put(self, array: Any) -> Value:
        return put(array, self.device)

    def again(self, loop: Loop) -> list[Value]:
        """See `gflow.runtime.device.Binds`."""
        return self.bound(loop.feeds)

    def bound(self, feeds: Mapping[str, Value]) -> list[Value]:
        """See `gflow.runtime.device.Binds`."""
        import onnxruntime as ort
        import torch

        with self.telling():
            given = {name: torch.from_dlpack(value) for name, value in feeds.items() if name in self.inputs}
            try:
                checked(self.package.inputs, given)
            except OutOfRange:
                if not isinstance(self._other, Binds):
                    raise
                return self._other.bound(feeds)
            made = self.call([given[each.name] for each in self.package.inputs])
            if self.device == "cuda":
                torch.cuda.current_stream().synchronize()  # ONNX Runtime's stream does not wait for torch's.
            return [ort.OrtValue.from_dlpack(each.contiguous()) for each in made]


def loaded(file: BinaryIO, device: str) -> Callable[[list[Any]], list[Any]]:
    """A package, which is read, as a function from tensors to tensors, which checks nothing. Raises Refused."""
    # Threads of OpenMP that spin take the cores from ONNX Runtime's; it asks when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # What `aoti_load_package` ends in, without the compiler that it imports, and the folder that it leaves behind.
    folder = tempfile.TemporaryDirectory(prefix="gflow-")
    try:
        import torch

        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder.name)
        [library] = Path(folder.name).rglob("*.so")
        if device == "cpu":
            runner = torch._C._aoti.AOTIModelContainerRunnerCpu(str(library), 1)
            folder.cleanup()  # The library is mapped.
        else:
            runner = torch._C._aoti.AOTIModelContainerRunnerCuda(str(library), 1, device, str(library.parent))
    except (ImportError, OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused(f"torch does not take its package: {str(error).strip().splitlines()[0][:200]}") from None

    def call(tensors: list[Any], kept: Any = folder) -> list[Any]:  # Kernels of a GPU are read at the first call.
        found: list[Any] = runner.run(tensors)
        return found

    return call
