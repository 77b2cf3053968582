"""Stages as one C function that makes all rows of the results, strip by strip, in as many threads as call it.

    int gflow_kernel(void *const *P, const int64_t *N, const float *U, int64_t *next)

P: arrays of sources, results and tables; N: how many parts there are, how many strips each has, then widths,
heights and strides; U: numbers; next: the part that nobody has taken yet, which starts at 0. Rows that a strip has
in common with the one before it are kept. Returns 0, or 1 where there is no memory. Which place of P, N and U holds
what is told by `Code.takes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gflow.kernels.pixel.arguments import Argument, Arguments
from gflow.kernels.pixel.c_rows import Row
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.stages import Stage, axis, stages


def prelude() -> str:
    return (Path(__file__).parent / "prelude.h").read_text(encoding="utf-8")


class Code(NamedTuple):
    """The C of a kernel, and what it takes."""

    text: str
    takes: Arguments


def generate(outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture]) -> Code:
    """The C of some results. layouts: how each is written ("f32", "u8", "planar"). order: the nodes of the graph,
    as `in_order` gives them."""
    return Writer(outputs, layouts, order).code()


class Writer:
    """Writes the function. Every argument gets its place when it is first named."""

    def __init__(self, outputs: Sequence[Picture], layouts: Sequence[str], order: Sequence[Picture]) -> None:
        self.outputs, self.layouts = outputs, layouts
        self.place = {id(node): place for place, node in enumerate(order)}
        self.stages = stages(outputs, layouts)
        self.number_of = {id(stage.node): number for number, stage in enumerate(self.stages)}
        self.takes = Arguments()
        self.steps: set[int] = set()

    # --- arguments ---

    def _argument(self, among: list[Argument], what: str, node: Picture) -> int:
        argument = what, self.place[id(node)]
        if argument not in among:
            among.append(argument)
        return among.index(argument)

    def pointer(self, what: str, node: Picture) -> str:
        return f"P[{self._argument(self.takes.pointers, what, node)}]"

    def integer(self, what: str, node: Picture) -> str:
        return f"N[{2 + self._argument(self.takes.integers, what, node)}]"

    def table(self, what: str, node: Picture) -> str:
        kind = "int32_t" if what == "starts" else "float"
        return f"((const {kind} *){self.pointer(what, node)})"

    def number(self, node: Picture) -> str:
        return f"u{self._argument(self.takes.numbers, 'number', node)}"

    def width(self, node: Picture) -> str:
        return f"(int32_t){self.integer('width', node)}"

    def height(self, node: Picture) -> str:
        return f"(int32_t){self.integer('height', node)}"

    def step(self, apart: int) -> int:
        """How far apart the numbers are that some long sum reads; the function for that is put in."""
        self.steps.add(apart)
        return apart

    # --- the function ---

    def code(self) -> Code:
        ranges = self._ranges()
        groups = [self._group(stage) for stage in self.stages if stage.head is None]
        count = len(self.stages)
        lines = [
            prelude(),
            *(f"GF_LONG({step})" for step in sorted(self.steps)),
            "static void gf_rows(void *const *P, const int64_t *N, int64_t strip, int32_t *lo, int32_t *hi) {",
            *(f"  {line}" for line in ranges),
            "}",
            "",
            '__attribute__((visibility("default")))',
            "int gflow_kernel(void *const *P, const int64_t *N, const float *U, int64_t *next) {",
            *(f"  const float u{number} = U[{number}];" for number in range(len(self.takes.numbers))),
            f"  int32_t lo[{count}], hi[{count}];",
            *self._buffers(),
            "  for (;;) {",
            "    const int64_t part = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);",
            "    if (part >= N[0]) break;",
            "    for (int64_t strip = part * N[1]; strip < (part + 1) * N[1]; strip++) {",
            f"      int32_t done[{count}] = {{0}};",
            "      if (strip == part * N[1]) {",
            "        gf_rows(P, N, strip, lo, hi);",
            f"        for (int i = 0; i < {count}; i++) done[i] = lo[i];",
            "      } else {",
            *(f"        {line}" for line in self._carried(count)),
            "      }",
            *(f"      {line}" for group in groups for line in group),
            "    }",
            "  }",
            "  free(scratch);",
            "  return 0;",
            "}",
            "",
        ]
        return Code("\n".join(lines), self.takes)

    def _ranges(self) -> list[str]:
        """Which rows of each stage a strip takes, results first."""
        lines = []
        for number, stage in reversed(list(enumerate(self.stages))):
            height = self.height(stage.node)
            if stage.output is not None:
                lines.append(f"lo[{number}] = (int32_t)({height} * strip / (N[0] * N[1]));")
                lines.append(f"hi[{number}] = (int32_t)({height} * (strip + 1) / (N[0] * N[1]));")
            else:
                lines.append(f"lo[{number}] = INT32_MAX; hi[{number}] = -1;")
        ordered = []
        for number, stage in reversed(list(enumerate(self.stages))):
            for node, by in stage.reads:
                source = self.number_of.get(id(node))
                if source is not None and source != number:
                    ordered.append(self._range(number, source, node, by))
        return lines + ordered

    def _range(self, reader: int, source: int, node: Picture, by: Picture | None) -> str:
        a, b, height = f"lo[{reader}]", f"hi[{reader}]", self.height(node)
        grow = f"gf_range(&lo[{source}], &hi[{source}], "
        if by is None or axis(by) == "x":
            return f"if ({a} < {b}) {grow}{a}, {b});"
        if by.op in ("conv", "window"):
            reach = self.integer("reach", by)
            first = f"{a} - {reach} < 0 ? 0 : {a} - (int32_t){reach}"
            end = f"{b} + {reach} > {height} ? {height} : {b} + (int32_t){reach}"
            return f"if ({a} < {b}) {grow}{first}, {end});"
        if by.op == "shift":
            first = f"gf_clamp((int32_t){self.integer('offset', by)} + ({by.static[1]}) * i, {height})"
        else:
            first = f"{self.table('starts', by)}[i]"
        many = f"(int32_t){self.integer('taps', by)}" if by.op != "shift" else "1"
        return f"for (int32_t i = {a}; i < {b}; i++) {{ int32_t s = {first}; {grow}s, s + {many}); }}"

    def _buffers(self) -> list[str]:
        """Room for the rows of a strip, as many as the largest takes."""
        kept = list(enumerate(self.stages))
        lines = []
        for number, stage in kept:
            wide, channels = self.width(stage.node), stage.node.channels
            lines.append(f"int64_t rows{number} = 1;")
            # Rows begin at multiples of 64 bytes, after a margin.
            lines.append(f"int32_t margin{number} = 0; (void)margin{number};")
            for by in stage.margin:
                reach = self.integer("reach", by)
                lines.append(f"if ({reach} > margin{number}) margin{number} = (int32_t){reach};")
            side = f"{channels} * margin{number}" if stage.flat else f"margin{number}"
            lines.append(f"const int64_t left{number} = ({side} + 15) & ~15;")
            long = f"{wide} * {channels}" if stage.flat else wide
            lines.append(f"const int64_t row{number} = ((int64_t)({long}) + 2 * left{number} + 31) & ~(int64_t)15;")
        strips = [number for number, stage in kept if stage.strip]
        if strips:
            grow = " ".join(f"if (hi[{n}] - lo[{n}] > rows{n}) rows{n} = hi[{n}] - lo[{n}];" for n in strips)
            lines.append("for (int64_t strip = 0; strip < N[0] * N[1]; strip++) {")
            lines += ["  gf_rows(P, N, strip, lo, hi);", f"  {grow}", "}"]
        sizes = [f"row{n} * rows{n}" + ("" if stage.flat else f" * {stage.node.channels}") for n, stage in kept]
        lines.append(f"const int64_t floats = {' + '.join(sizes) or '0'} + 16;")
        lines.append("float *const scratch = aligned_alloc(64, (size_t)((floats * 4 + 63) & ~(int64_t)63));")
        lines.append("if (!scratch) return 1;")
        before = "scratch"
        for (number, _), size in zip(kept, sizes, strict=True):
            lines.append(f"float *const b{number} = {before}; (void)b{number};")
            before = f"b{number} + {size}"
        return [f"  {line}" for line in lines]

    def _carried(self, count: int) -> list[str]:
        """What a strip has in common with the one before it is moved to the beginning of the buffers."""
        lines = [
            f"int32_t from[{count}], to[{count}];",
            f"for (int i = 0; i < {count}; i++) from[i] = lo[i], to[i] = hi[i];",
            "gf_rows(P, N, strip, lo, hi);",
            f"for (int i = 0; i < {count}; i++)",
            "  done[i] = lo[i] >= from[i] && lo[i] < to[i] ? (to[i] < hi[i] ? to[i] : hi[i]) : lo[i];",
        ]
        for number, stage in enumerate(self.stages):
            if stage.strip:
                row = f"row{number}" + ("" if stage.flat else f" * {stage.node.channels}")
                lines.append(
                    f"if (done[{number}] > lo[{number}] && lo[{number}] > from[{number}]) memmove(b{number}, "
                    f"b{number} + (lo[{number}] - from[{number}]) * {row}, "
                    f"(size_t)((done[{number}] - lo[{number}]) * {row}) * sizeof(float));"
                )
        return lines

    # --- rows ---

    def _group(self, head: Stage) -> list[str]:
        number = self.number_of[id(head.node)]
        lines = [f"for (int32_t y = done[{number}]; y < hi[{number}]; y++) {{"]
        for stage in self.stages:
            if (stage.head or stage) is head:
                lines += [f"  {line}" for line in Row(self, stage).lines()]
        return [*lines, "}"]

    def row(self, stage: Stage, y: str, channel: int) -> str:
        """Where a row of a stage begins; of all channels where it is flat."""
        number = self.number_of[id(stage.node)]
        line = f"({y} - lo[{number}])" if stage.strip else "0"
        if stage.flat:
            return f"b{number} + {line} * row{number} + left{number}"
        return f"b{number} + ({line} * {stage.node.channels} + {channel}) * row{number} + left{number}"
