"""Pictures computed: by a kernel in C, made once for each structure and kept; in NumPy where there is no C
compiler."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numpy as np

from gflow.kernels.files import digest
from gflow.kernels.pixel import reference, shipped
from gflow.kernels.pixel.arguments import Arguments
from gflow.kernels.pixel.device import DeviceArray, device_of
from gflow.kernels.pixel.picture import Picture, source
from gflow.kernels.pixel.stages import LOOSE, SUMS, taps, written_out
from gflow.kernels.threads import at_once, cores

Values = Any

#: Bytes of rows that a strip may take: half of a second-level cache.
_STRIP = 512 * 1024

#: Parts for each core, as cores are not equally fast, and the least rows of one.
_PARTS, _LEAST = 2, 16

#: Kernels by structure; None where there is none.
_kernels: dict[Any, Kernel | None] = {}

#: What users should know, until somebody tells them.
complaints: deque[str] = deque()

#: What would have been computed, while that is recorded.
_recording: list[tuple[list[Picture], list[str]]] | None = None


class Kernel:
    """A compiled kernel for graphs of one structure. loose: for their `loosened` form."""

    def __init__(
        self, function: Callable[..., int], takes: Arguments, layouts: Sequence[str], loose: bool = False
    ) -> None:
        self.function, self.takes, self.layouts, self.loose = function, takes, tuple(layouts), loose

    def form(self, outputs: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
        """The graph that `run` takes, and its nodes, sources first."""
        outputs = loosened(outputs) if self.loose else list(outputs)
        return outputs, reference.in_order(*outputs)

    def run(
        self, outputs: Sequence[Picture], order: Sequence[Picture], into: Sequence[Values] | None
    ) -> list[Values]:
        """The results of a graph as `form` gives it."""
        results = list(into or map(empty_result, outputs, self.layouts))
        given = self.takes.of(order, dict(zip(map(id, outputs), results, strict=True)))
        parts, strips = _cut(outputs, order)
        counts = np.array([parts, strips, *given.integers], np.int64)
        following = np.zeros(1, np.int64)
        args = [array.ctypes.data for array in (given.pointers, counts, given.numbers, following)]
        if any(at_once([partial(self.function, *args)] * min(cores(), parts), "pixels")):
            raise MemoryError("there is not enough memory for the rows of a picture")
        return results


def realize(picture: Picture, layout: str = "f32", into: Values | None = None) -> Values:
    """A picture in memory: (height, width, channels), without the last axis where there is one channel.

    layout: "f32", "u8" (clamped to 0..1, then 0..255), or "planar" (channels, height, width). into: where to put
    it, contiguous and of the right shape.
    """
    return realize_all([picture], [layout], None if into is None else [into])[0]


def near(picture: Picture, layout: str = "f32") -> Values:
    """A picture in memory as `realize` gives it, or on the device that its sources are on: a `DeviceArray`."""
    made = _on_device([picture], [layout], reference.in_order(picture))
    return realize(picture, layout) if made is None else made[0]


def realize_all(
    outputs: Sequence[Picture], layouts: Sequence[str], into: Sequence[Values] | None = None
) -> list[Values]:
    """Several different pictures, with what they have in common computed once."""
    order = reference.in_order(*outputs)
    if device_of(order) is not None:
        made = _on_device(outputs, layouts, order)
        if made is not None:
            return [_put(each.host(), place) for each, place in zip(made, into or [None] * len(made), strict=True)]
        outputs = replaced(outputs, {id(node): source(node.data.host()) for node in order if _is_there(node)})
        order = reference.in_order(*outputs)
    if any(node.op == "held" for node in order):
        outputs = _in_memory(outputs, order)
        order = reference.in_order(*outputs)
    if _recording is not None:
        _recording.append((list(outputs), list(layouts)))
        # Arrays of a kind of their own, by which the recorder tells them, give results of it.
        kinds = [type(node.data) for node in order if node.op == "source"]
        kind = next((kind for kind in kinds if kind is not np.ndarray), np.ndarray)
        zeros = [empty_result(node, layout, np.zeros) for node, layout in zip(outputs, layouts, strict=True)]
        return [array.view(kind) for array in zeros]
    kernel = found(outputs, layouts, order)
    if kernel is None:
        made = [_written(reference.evaluate(node), layout) for node, layout in zip(outputs, layouts, strict=True)]
        return [_put(values, place) for values, place in zip(made, into or [None] * len(made), strict=True)]
    return kernel.run(*(kernel.form(outputs) if kernel.loose else (outputs, order)), into)


def _on_device(
    outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture]
) -> list[DeviceArray] | None:
    """The results on the device that a source is on; None where there is none, or no kernel for it."""
    device = device_of(order)
    if device is None:
        return None
    from gflow.kernels.pixel.device_run import computed

    return computed(outputs, layouts, device)


def _is_there(node: Picture) -> bool:
    return isinstance(node.data, DeviceArray)


def _put(values: Values, into: Values | None) -> Values:
    if into is None:
        return values
    into[...] = values
    return into


def found(outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture]) -> Kernel | None:
    """The kernel for a graph without `held` parts; None where NumPy has to do."""
    key = tuple(layouts), structure(outputs, order)
    if key not in _kernels:
        _kernels[key] = _kernel(outputs, layouts, order)
    return _kernels[key]


def recording() -> bool:
    """Whether what would be computed is recorded instead."""
    return _recording is not None


@contextmanager
def recorded() -> Iterator[list[tuple[list[Picture], list[str]]]]:
    """While it lasts nothing is computed, zeros are given, and what would have been is put into the list."""
    global _recording
    before, _recording = _recording, []
    try:
        yield _recording
    finally:
        _recording = before


def _kernel(outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture]) -> Kernel | None:
    """A kernel that was shipped with a program, for just this structure or for any sizes; else one made here."""
    for form, loose in ((outputs, False), (loosened(outputs), True)):
        there = shipped.find(name(form, layouts))
        if there is not None:
            return Kernel(*there, layouts, loose)
    try:
        from gflow.kernels.pixel import c_compiler, c_source
    except ImportError:  # A bundle compiles nothing.
        _tell("this program has no kernel for such pictures")
        return None
    try:
        code = c_source.generate(outputs, layouts, order)
        return Kernel(shipped.function(str(c_compiler.compiled(code.text))), code.takes, layouts)
    except c_compiler.NoCompiler as error:
        _tell(str(error))
        return None


@cache
def _tell(why: str) -> None:
    """Notes once that pictures are computed in NumPy."""
    complaints.append(f"pictures are computed in NumPy, which takes longer: {why}")


def structure(outputs: Sequence[Picture], order: Sequence[Picture]) -> tuple[Any, ...]:
    """What decides the generated code: everything but numbers, sizes and tables."""
    place = {id(node): number for number, node in enumerate(order)}
    told = []
    for node in order:
        length = taps(node) if node.op in SUMS and written_out(node) else 0
        told.append((node.op, node.channels, node.static, length, *[place[id(each)] for each in node.sources]))
    return tuple(told), tuple([place[id(node)] for node in outputs])


def name(outputs: Sequence[Picture], layouts: Sequence[str]) -> str:
    """A name for a structure, the same in every process."""
    order = reference.in_order(*outputs)
    return digest(repr((tuple(layouts), structure(outputs, order))).encode())


def loosened(outputs: Sequence[Picture]) -> list[Picture]:
    """The graph with sums of any length and no pattern, made down and then across, and with shifts that may reach
    over the edge: one kernel serves all sizes. Sources and numbers are the same objects."""
    done: dict[int, Picture] = {}
    for node in reference.in_order(*outputs):
        if not node.sources:
            done[id(node)] = node
            continue
        sources = tuple(done[id(each)] for each in node.sources)
        static = node.static
        if node.op == "shift":
            static = (*node.static[:2], False)
        elif node.op == "conv":
            static = (*node.static[:2], LOOSE)
        elif node.op in ("table_x", "table_y"):
            static = (LOOSE,)
        made = node.like(sources, static)
        if node.op == "table_y" and sources[0].op == "table_x":
            across = sources[0]
            down = made.like(across.sources, static, size=(across.sources[0].width, node.height))
            made = across.like((down,), across.static, size=(node.width, node.height))
        done[id(node)] = made
    return [done[id(node)] for node in outputs]


def _in_memory(outputs: Sequence[Picture], order: Sequence[Picture]) -> list[Picture]:
    """The graph with its `held` parts computed."""
    done: dict[int, Picture] = {}
    for node in order:
        if node.op != "held":
            continue
        [whole] = replaced([node.sources[0]], done)
        planes = realize(whole, "planar")
        done[id(node)] = source(planes.transpose(1, 2, 0) if planes.ndim == 3 else planes)
    return replaced(outputs, done)


def replaced(roots: Sequence[Picture], by: Mapping[int, Picture]) -> list[Picture]:
    """A graph with others in the place of some nodes, which are told by their identity."""
    made = dict(by)
    for node in reference.in_order(*roots):
        if id(node) not in made:
            made[id(node)] = node.like(tuple(made[id(each)] for each in node.sources), node.static)
    return [made[id(root)] for root in roots]


def empty_result(node: Picture, layout: str, make: Callable[..., Values] | None = None) -> Values:
    """Room for a result. make: gives an array of a shape and a type."""
    dtype = np.uint8 if layout == "u8" else np.float32
    make = make or aligned
    if node.channels == 1:
        return make((node.height, node.width), dtype)
    if layout == "planar":
        return make((node.channels, node.height, node.width), dtype)
    return make((node.height, node.width, node.channels), dtype)


def aligned(shape: tuple[int, ...], dtype: Any) -> Values:
    """An array that begins at a multiple of 64 bytes: from elsewhere, whole registers take longer to load."""
    count = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(count + 63, np.uint8)
    begin = -room.ctypes.data % 64
    return room[begin : begin + count].view(dtype).reshape(shape)


def _cut(outputs: Sequence[Picture], order: Sequence[Picture]) -> tuple[int, int]:
    """In how many parts the results are made, and of how many strips each: some parts for each core, and strips
    whose rows fit the cache."""
    tallest = max(node.height for node in outputs)
    held = sum(
        node.width * node.channels * 4 for node in order if node.op in ("conv", "table_x", "table_y", "window")
    )
    parts = max(1, min(cores() * _PARTS if cores() > 1 else 1, tallest // _LEAST))
    rows = max(4, _STRIP // max(held, 1))
    return parts, max(1, -(-tallest // (parts * rows)))


def _written(values: Values, layout: str) -> Values:
    """What NumPy computed, as it was asked for."""
    if layout == "u8":
        values = reference.packed(values)
    if values.shape[2] == 1:
        return np.ascontiguousarray(values[..., 0])
    return np.ascontiguousarray(values.transpose(2, 0, 1) if layout == "planar" else values)
