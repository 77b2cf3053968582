"""What a graph is computed with on a GPU: which generated kernels, in which order, over which pixels, with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gflow.kernels.pixel.arguments import integer
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.stages import LOOSE

#: Rows of pictures that kernels put into memory begin at multiples of so many floats, 128 bytes.
PITCH = 32

#: Threads of a program are this many times 32.
WARPS = 4

#: Argument names that decide, with addresses, whether rows can be read several numbers at a time.
_ROWS = frozenset({"row", "apart", "width", "pitch"})


class Taken(msgspec.Struct, frozen=True):
    """An argument of a kernel.

    what: the address of a picture ("source", "kept": planar float32 in memory, or "result"), of a table ("starts",
    "weights", "table"), a "number", or a whole number as `whole` gives it. node: of which node, by its place in the
    order of the graph. type: by Triton's name, such as "*fp32", "i32".
    """

    what: str
    node: int
    type: str

    @property
    def address(self) -> bool:
        return self.type.startswith("*")

    @property
    def aligns(self) -> bool:
        """Whether it matters if it is a multiple of 16."""
        return self.address or self.what in _ROWS


class Launch(msgspec.Struct, frozen=True):
    """One kernel over all pixels of a node, `block` of them (across, down) a program; the grid's first axis goes
    across. takes: its arguments, in order. wide: it is faster where what `aligns` is a multiple of 16, and has a
    form for that."""

    kernel: str
    node: int
    takes: list[Taken]
    block: tuple[int, int]
    wide: bool


class Code(NamedTuple):
    """A Python module with kernels in Triton, and how they are launched. Pictures that are "kept" are made by the
    launch over them."""

    text: str
    launches: list[Launch]


class Binary(msgspec.Struct, frozen=True):
    """A kernel compiled for a GPU, as the CUDA driver takes it: the object's name, the function in it, the shared
    memory in bytes and the threads of a program. Behind its own arguments it takes two addresses of scratch memory,
    which are 0."""

    object: str
    function: str
    shared: int
    threads: int


class Index(msgspec.Struct, frozen=True):
    """Compiled kernels. launches: by the names of structures. binaries: by target, such as "sm_90", and kernel; the
    `wide` form is named with "wide" behind. PTX for `PORTABLE` is what the driver compiles for other GPUs."""

    launches: dict[str, list[Launch]]
    binaries: dict[str, dict[str, Binary]]


#: The target whose PTX later GPUs take; that of sm_90 and later is not compatible with others.
PORTABLE = "compute_80"


def plain(outputs: Sequence[Picture]) -> list[Picture]:
    """The graph without the patterns of resampled pixels: a GPU gathers them in any case, and so those of different
    patterns share a kernel."""
    done: dict[int, Picture] = {}
    for node in in_order(*outputs):
        patterned = node.op == "table_x" and LOOSE not in node.static
        sources = tuple(done[id(each)] for each in node.sources)
        static = () if patterned else node.static
        done[id(node)] = node.like(sources, static) if sources else node
    return [done[id(node)] for node in outputs]


def whole(node: Picture, what: str) -> int:
    """A whole number of a node."""
    return -(-node.width // PITCH) * PITCH if what == "pitch" else integer(node, what)


def grid(node: Picture, block: Sequence[int]) -> tuple[int, int]:
    """How many programs make a node's pixels, across and down."""
    return -(-node.width // block[0]), -(-node.height // block[1])
