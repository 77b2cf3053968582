"""A graph as a Python module of Triton kernels: one for each stage of `triton_stages.py`.

A program makes a block of pixels, all channels of each. What it reads, it reads at columns (1, width of the block)
and rows (height, 1), so that what is the same for a row or a column is computed once for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from gflow.kernels.pixel.launches import Code, Launch, Taken, plain
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.stages import spatial
from gflow.kernels.pixel.triton_stages import Stage, reads, stages
from gflow.kernels.pixel.triton_values import HERE, Values

#: Pixels of a program, across and down. Those that read neighbours are nearer to a square, which has fewer of them
#: outside; a line of the first-level cache is 32 floats.
_BLOCK, _BLOCK_OF_NEIGHBOURS = (128, 4), (64, 8)


def prelude() -> str:
    return (Path(__file__).parent / "triton_prelude.py").read_text(encoding="utf-8")


def generate(outputs: Sequence[Picture], layouts: Sequence[str]) -> Code:
    """The kernels of some results. layouts: how each is written ("f32", "u8", "planar"). Places of nodes are those
    in the order of `plain(outputs)`."""
    outputs = plain(outputs)
    place = {id(node): number for number, node in enumerate(in_order(*outputs))}
    there = stages(outputs)
    kept = {id(stage.node) for stage in there if stage.kept}
    functions: dict[str, str] = {}
    launches = []
    for stage in there:
        kernel = _Kernel(stage, "" if stage.output is None else layouts[stage.output], place, kept)
        functions[kernel.name] = kernel.text
        launches.append(kernel.launch)
    return Code("\n\n".join([prelude(), *functions.values()]), launches)


class _Kernel:
    """The function of a stage. Its name tells what it is made of, so that equal ones are one."""

    def __init__(self, stage: Stage, layout: str, place: dict[int, int], kept: set[int]) -> None:
        inside = list(reads(stage.node, kept))
        neighbours = any(spatial(node) or node.op == "warp" for node in inside)
        planes = layout not in ("f32", "u8") or stage.node.channels == 1
        # Threads that take several pixels beside each other are of use only where all memory is planar.
        wide = not neighbours and planes and all(node.op != "source" or node.static[1] == 1 for node in inside)
        values = Values(stage.node, place, kept)
        stores = []
        if stage.kept:
            stores += _stored(values, "kept")
        if layout:
            stores += _stored(values, layout)
        takes = values.takes
        self.text = _function("gf_kernel", takes, [*values.head(), *values.lines, *stores], wide)
        told = f"{prelude()}{self.text}{[taken.type for taken in takes]}"
        self.name = f"gf_{_label(stage.node, inside)}_{sha256(told.encode()).hexdigest()[:12]}"
        self.text = self.text.replace("gf_kernel", self.name)
        block = _BLOCK_OF_NEIGHBOURS if neighbours else _BLOCK
        self.launch = Launch(self.name, place[id(stage.node)], takes, block, wide)


def _label(node: Picture, inside: Sequence[Picture]) -> str:
    """What people recognise a kernel by: the last neighbours that it reads, or its last arithmetic."""
    named = [each.op for each in inside if spatial(each)] or [node.op]
    return named[0]


def _function(name: str, takes: Sequence[Taken], body: Sequence[str], wide: bool) -> str:
    """A function in Triton. Only where it is `wide` is anything known of its arguments when it is compiled."""
    fixed = [f"a{n}" for n, taken in enumerate(takes) if not (wide and taken.aligns)]
    types = {"i32": ": tl.int32", "fp32": ": tl.float32"}
    params = [f"a{n}{types.get(taken.type, '') if f'a{n}' in fixed else ''}" for n, taken in enumerate(takes)]
    return "\n".join(
        [
            f"@triton.jit(do_not_specialize={fixed}, do_not_specialize_on_alignment={fixed})",
            f"def {name}({', '.join(params)}, BLOCK_X: tl.constexpr, BLOCK_Y: tl.constexpr):",
            *(f"    {line}" for line in body),
            "",
        ]
    )


def _stored(values: Values, layout: str) -> list[str]:
    """Writes all channels. Pixel by pixel, threads write every third or fourth number: memory gets whole lines in
    the end, but the caches see each of them several times. Planar results don't have that."""
    node, what = values.node, "kept" if layout == "kept" else "result"
    kind, pack = ("*u8", "gf_u8({})") if layout == "u8" else ("*fp32", "{}")
    target, width = values.argument(what, node, kind), values.integer("width", node)
    lines = []
    for channel in range(node.channels):
        made = pack.format(values.value(node, channel, HERE))
        if layout in ("kept", "planar"):
            row = f"(y + {channel} * {values.integer('height', node)})"
            pitch = values.integer("pitch", node) if layout == "kept" else width
            place = f"{row}.to(tl.int64) * {pitch} + x"
        else:
            place = f"y.to(tl.int64) * ({width} * {node.channels}) + (x * {node.channels} + {channel})"
        lines.append(f"tl.store({target} + {place}, {made}, mask=inside)")
    return lines
