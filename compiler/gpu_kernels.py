"""Kernels for the ops on pixels of a plan on GPUs, compiled ahead of time, on a machine that need not have one.

What is compiled is traced as for C (`gflow.compiler.pixel_kernels`). The same source and version of Triton give the
same bytes: no line numbers and no names of files are in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from gflow.compiler.pixel_kernels import forms, traced
from gflow.kernels.files import digest
from gflow.kernels.pixel import realize, triton_source
from gflow.kernels.pixel.launches import PORTABLE, WARPS, Binary, Code, Index, Launch, plain
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.repeated import blank
from gflow.kernels.pixel.triton_module import folder, loaded
from gflow.runtime import plan as p
from gflow.runtime import triton_denoise
from gflow.runtime.step_kernel import BLOCK, Update

#: GPUs of the last generations: A100; L4, L40 and RTX 40; H100 and H200; RTX 50 and RTX PRO.
TARGETS = ("sm_80", "sm_89", "sm_90", "sm_120")


class Compiled(msgspec.Struct, frozen=True):
    """One kernel. cubin: for the target's GPUs alone. ptx: the text that it was made of. shared: bytes of shared
    memory of a program; threads: how many it has."""

    function: str
    cubin: bytes
    ptx: bytes
    shared: int
    threads: int


def kernels(plan: p.Plan, steps: Sequence[Update], targets: Sequence[str]) -> tuple[Index, dict[str, bytes]]:
    """The kernels of a plan by their structures, those of some steps of denoise loops, and the objects by name: one
    a target, and PTX for GPUs that none is for. Raises NoTriton, and ValueError for a target that is not "sm_" and
    a number."""
    codes: dict[str, Code] = {}
    for outputs, layouts in (*traced(plan), *_packings()):
        for form in forms(outputs):
            name = realize.name(plain(form), layouts)
            if name not in codes:
                codes[name] = triton_source.generate(form, layouts)
    made = {target: _all(codes.values(), steps, target) for target in (*targets, "sm_80")}
    objects: dict[str, bytes] = {}
    binaries = {target: _binaries(made[target], "cubin", objects) for target in sorted(set(targets))}
    binaries[PORTABLE] = _binaries(made["sm_80"], "ptx", objects)
    launches = {name: code.launches for name, code in sorted(codes.items())}
    return Index(launches, binaries), dict(sorted(objects.items()))


def _binaries(made: Mapping[str, Compiled], kind: str, objects: dict[str, bytes]) -> dict[str, Binary]:
    """Puts the objects of one kind among the others."""
    found = {}
    for name, kernel in sorted(made.items()):
        data: bytes = getattr(kernel, kind)
        objects[f"{digest(data)}.{kind}"] = data
        found[name] = Binary(f"{digest(data)}.{kind}", kernel.function, kernel.shared, kernel.threads)
    return found


def _packings() -> Iterator[tuple[list[Picture], list[str]]]:
    """Pictures as bytes, which files are written of."""
    for channels in (1, 3, 4):
        yield [blank(1, 1, channels)], ["u8"]


def _all(codes: Iterable[Code], steps: Sequence[Update], target: str) -> dict[str, Compiled]:
    made: dict[str, Compiled] = {}
    for update in steps:
        made |= step(update, target)
    for code in codes:
        for launch in code.launches:
            if launch.kernel not in made:
                made |= compiled(code, launch, target)
    return made


def compiled(code: Code, launch: Launch, target: str) -> dict[str, Compiled]:
    """A kernel for one target, such as "sm_90", by its name; its `wide` form, where it has one, with "wide" behind.
    Raises NoTriton, and ValueError for another target."""
    kernel = getattr(loaded(code.text), launch.kernel)
    types = [taken.type for taken in launch.takes]
    constants = {"BLOCK_X": launch.block[0], "BLOCK_Y": launch.block[1]}
    found = {launch.kernel: assembled(kernel, types, constants, target)}
    if launch.wide:
        aligned = [place for place, taken in enumerate(launch.takes) if taken.aligns]
        found[f"{launch.kernel} wide"] = assembled(kernel, types, constants, target, aligned)
    return found


def step(update: Update, target: str, *, network: str = "fp32") -> dict[str, Compiled]:
    """The kernel of a denoise step for one target by its name, and its `wide` form. network: the type of what the
    network gives, by Triton's name. Raises NoTriton, and ValueError for another target."""
    kernel = getattr(loaded(triton_denoise.source(update)), update.name)
    types, constants = update.types(network), {"BLOCK": BLOCK}
    return {
        update.name: assembled(kernel, types, constants, target),
        f"{update.name} wide": assembled(kernel, types, constants, target, update.aligned),
    }


def assembled(
    kernel: Any, types: Sequence[str], constants: Mapping[str, Any], target: str, aligned: Sequence[int] = ()
) -> Compiled:
    """A function in Triton for one target. types: of its arguments, in order; constants: what follows them by name;
    aligned: places of arguments that are multiples of 16. Raises ValueError for a target that is no GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    found = re.fullmatch(r"sm_(\d+)", target)
    if found is None:
        raise ValueError(f'a GPU is named like "sm_90", not "{target}"')
    names = kernel.arg_names[: len(types)]
    signature = dict(zip(names, types, strict=True)) | dict.fromkeys(constants, "constexpr")
    attributes = {(place,): [["tt.divisibility", 16]] for place in aligned}
    # What drivers of 2022 on take; later GPUs have later ones.
    older = {"ptx_version": 80} if int(found[1]) <= 90 else {}
    with _reproducible(triton.knobs):
        made = triton.compile(
            ASTSource(kernel, signature, dict(constants), attributes),
            target=GPUTarget("cuda", int(found[1]), 32),
            options={"num_warps": WARPS, "enable_fp_fusion": False} | older,
        )
    scratch = made.metadata.global_scratch_size + made.metadata.profile_scratch_size
    assert scratch == 0, "launchers give no scratch memory"
    return Compiled(
        function=made.metadata.name,
        cubin=made.asm["cubin"],
        ptx=made.asm["ptx"].encode(),
        shared=made.metadata.shared,
        threads=32 * made.metadata.num_warps,
    )


@contextmanager
def _reproducible(knobs: Any) -> Iterator[None]:
    """Triton with its cache beside ours, and nothing of this machine in what it makes."""
    with knobs.compilation.scope(), knobs.cache.scope():
        knobs.compilation.disable_line_info = True
        knobs.cache.dir = str(folder() / "compiled")
        yield
