"""Packages of AOTInductor: from a torch module to machine code for one kind of processor or GPU.

torch.export traces the module (as for ONNX), Inductor generates C++ or Triton of it, which the system's compiler
compiles. What comes out is compared with the module, at sizes that it was not traced with and at the smallest ones.
"""

from __future__ import annotations

import contextlib
import copy
import io
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gflow.compiler.models.export import TOLERANCE, Exported
from gflow.kernels.pixel import shipped
from gflow.runtime.network import BATCH
from gflow.runtime.targets import Axis, Input, Package

#: In 16 bits, and with the rounding to 10 bits that GPUs do in products of float32 (TF32): the share of an output's
#: largest value that it may differ by.
_LOOSE = {"fp32": 0.02, "fp16": 0.02, "bf16": 0.1}

_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Failed(Exception):
    """What torch says of a module that it can't compile, or that computes something else then."""


@contextlib.contextmanager
def compiling(device: str) -> Iterator[None]:
    """Around packages that are compiled together: quiet, in a folder of their own; one process for the CPU."""
    from torch._inductor import config
    from torch._inductor.utils import fresh_cache

    workers = {"compile_threads": 1} if device == "cpu" else {}
    with warnings.catch_warnings(), fresh_cache(), config.patch(workers):
        warnings.simplefilter("ignore")
        yield


def compiled(
    given: Exported, device: str, precision: str, target_cpu: str, features: list[str], out: Path
) -> Package:
    """Writes a package to a file, and gives what it takes; its entry has no name yet. Called inside `compiling`.

    device: "cpu" or "cuda". precision: what it computes in; inputs and outputs stay as they are. target_cpu: as for
    kernels (`gflow compile --target-cpu`). features: what a processor must have, or the GPU's capability.
    Raises Failed."""
    module = given.module.eval()
    moved = copy.deepcopy(module) if device != "cpu" or precision in _TYPES else module
    traced = _Traced(moved, device, _TYPES.get(precision)).eval()
    try:
        with torch.no_grad(), torch.device(device), contextlib.redirect_stdout(io.StringIO()):
            program, dims = _exported(traced, _on(given.inputs, device), given)
            _package(program, device, target_cpu, out)
    except Exception as error:  # torch raises whatever a model's code, the compiler or itself raises.
        raise Failed(f"torch can't compile it: {_line(error)}") from error
    inputs = [
        Input(name, str(value.dtype).removeprefix("torch."), _sides(value.shape, given.dynamic.get(name, {}), dims))
        for name, value in given.inputs.items()
    ]
    tolerance = _checked(module, out, inputs, given, device, precision)
    return Package(
        entry="",
        size=out.stat().st_size,
        torch=version("torch"),
        device=device,
        machine=shipped.machine(),
        features=features,
        precision=precision,
        inputs=inputs,
        outputs=list(given.outputs),
        tolerance=tolerance,
    )


class _Traced(nn.Module):
    """The module on a device, perhaps in 16 bits. Times and scales, which have one axis, stay float32."""

    def __init__(self, module: nn.Module, device: str, dtype: Any) -> None:
        super().__init__()
        self.module, self.dtype = module.to(device, dtype), dtype
        for part in module.modules():
            for name, value in list(vars(part).items()):
                if isinstance(value, torch.Tensor):  # Constants that are no buffers stay where they are otherwise.
                    setattr(part, name, value.to(device))

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.dtype is not None:
            inputs = tuple(
                each.to(self.dtype) if each.is_floating_point() and each.ndim > 1 else each for each in inputs
            )
        found = self.module(*inputs)
        several = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        return several if self.dtype is None else tuple(each.float() for each in several)


def _exported(module: nn.Module, inputs: list[Any], given: Exported) -> tuple[Any, dict[str, Any]]:
    """The traced program, and its dynamic dims by name: ranges are narrowed to what the module's code takes."""
    from torch._dynamo.exc import UserError
    from torch.export.dynamic_shapes import refine_dynamic_shapes_from_suggested_fixes

    shapes: Any = (tuple(dict(given.dynamic.get(name, {})) for name in given.inputs),)
    for last in (False, True):
        try:
            program = torch.export.export(module, tuple(inputs), dynamic_shapes=shapes)
            break
        except UserError as error:
            if last or "Suggested fixes:" not in error.msg:
                raise
            shapes = refine_dynamic_shapes_from_suggested_fixes(error.msg, shapes)
    used = [getattr(dim, "root", dim) for shape in shapes[0] for dim in shape.values() if not isinstance(dim, int)]
    return program, {dim.__name__: dim for dim in used}


def _package(program: Any, device: str, target_cpu: str, out: Path) -> None:
    """Writes the compiled program, without the sources that torch puts beside it."""
    settings: dict[str, Any] = {}
    if device == "cpu":
        # Weights are laid out for the kernels ahead of time; the number of threads is the running machine's.
        settings = {"freezing": True, "cpp.dynamic_threads": True}
        if target_cpu != "native":
            settings |= {"cpp.march": target_cpu, "cpp.simdlen": 1 if target_cpu == "x86-64-v2" else 256}
    with tempfile.TemporaryDirectory(prefix="gflow-") as folder:
        path = f"{folder}/network.pt2"
        torch._inductor.aoti_compile_and_package(program, package_path=path, inductor_configs=settings)
        with zipfile.ZipFile(path) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as kept:
            for name in sorted(whole.namelist()):
                if not name.endswith((".cpp", ".h", "serialization_id")):
                    info = zipfile.ZipInfo(name)
                    info.file_size = whole.getinfo(name).file_size
                    with whole.open(name) as entry, kept.open(info, "w") as moved:
                        shutil.copyfileobj(entry, moved)


def _sides(shape: Sequence[int], dynamic: Mapping[int, Any], dims: Mapping[str, Any]) -> list[int | Axis]:
    """dynamic: the dims that were asked for; dims: what became of them, by name."""
    found: list[int | Axis] = list(shape)
    for place, dim in dynamic.items():
        root = getattr(dim, "root", dim)
        kept = dims.get(root.__name__)
        if kept is not None:
            step = int(dim.fn(1)) if dim is not root else 1
            least, most = max(root.min, kept.min), min(root.max, kept.max)
            found[place] = Axis(root.__name__, int(least), int(most), step)
    return found


def _checked(
    module: Any, package: Path, inputs: Sequence[Input], given: Exported, device: str, precision: str
) -> float:
    """The tolerance that was met. Raises Failed."""
    from gflow.runtime.engines.inductor import Refused, loaded

    try:
        with package.open("rb") as file:
            call = loaded(file, device)
    except Refused as error:
        raise Failed(str(error)) from error
    share = TOLERANCE if device == "cpu" and precision == "fp32" else _LOOSE[precision]
    worst = 0.0
    for feeds in (given.check, _least(given.check, inputs, {BATCH}), _least(given.check, inputs, None)):
        with torch.no_grad():
            expected = module(*feeds.values())
        expected = [expected] if isinstance(expected, torch.Tensor) else list(expected)
        for theirs, ours in zip(expected, call(_on(feeds, device)), strict=True):
            if theirs.shape != ours.shape:
                raise Failed(f"its shape is {tuple(ours.shape)} where torch gives {tuple(theirs.shape)}")
            difference = float((theirs - ours.cpu()).abs().max())
            if not difference <= share * max(1.0, float(theirs.abs().max())):
                raise Failed(f"its values differ from torch's by {difference:.2g}")
            worst = max(worst, difference)
    return float(f"{worst:.1e}")


def _least(feeds: Mapping[str, Any], inputs: Sequence[Input], names: set[str] | None) -> dict[str, Any]:
    """Inputs as small as they may be, along some of the axes, or along all."""
    found = {}
    for each in inputs:
        value = feeds[each.name]
        for place, side in enumerate(each.shape):
            if isinstance(side, Axis) and (names is None or side.name in names):
                value = value.narrow(place, 0, min(side.least * side.step, value.shape[place]))
        found[each.name] = value.contiguous()
    return found


def _on(feeds: Mapping[str, Any], device: str) -> list[Any]:
    return [value.to(device) for value in feeds.values()]


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300]
