"""The loops that make one row of a stage, as C."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gflow.kernels.pixel.c_warp import Warps
from gflow.kernels.pixel.math import BOOLEAN, FUNCTIONS
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.stages import Stage, axis, long_sum, repeats, spatial, taps

if TYPE_CHECKING:
    from gflow.kernels.pixel.c_source import Writer

#: Neighbours that a long sum takes at once.
_AT_ONCE = 4


class Row:
    """Row `y` of a stage. A loop over pixels, `x`, makes all channels of one; that of a flat stage, `i`, makes one
    number after the other. `before` are lines before the loop, `body` those inside it."""

    def __init__(self, writer: Writer, stage: Stage) -> None:
        self.writer, self.stage, self.node = writer, stage, stage.node
        self.flat, self.channels = stage.flat, stage.node.channels
        self.before: list[str] = []
        self.body: list[str] = []
        self.names: dict[Any, str] = {}
        self.at = "i" if self.flat else "x"
        self.warps = Warps(self)
        self._count = 0

    def lines(self) -> list[str]:
        node = self.node
        if node.op == "window":
            made, buffered = self._window(), True
        elif repeats(node):
            made, buffered = self._pattern(), True
        elif long_sum(node):
            made, buffered = self._long_sum(), True
        else:
            buffered = self.stage.output is None or self.stage.strip or self._packed_apart
            made = self._pointwise(buffered)
        made += self._margins() if self.stage.margin else []
        if self.stage.output is not None and buffered:
            made += self._copied()
        return ["{", *(f"  {line}" for line in made), "}"]

    @property
    def _packed_apart(self) -> bool:
        """Whether the result is packed in a loop of its own, as compilers make poor vectors of both at once."""
        return not self.flat and self.channels > 1 and self.writer.layouts[self.stage.output or 0] == "u8"

    # --- names ---

    def row_constant(self, kind: str, expression: str) -> str:
        """What is the same for the whole row: `kind` is its type, "const float *restrict "."""
        key = (kind, expression)
        if key not in self.names:
            self.names[key] = f"r{self._count}"
            self._count += 1
            self.before.append(f"{kind}{self.names[key]} = {expression};")
        return self.names[key]

    def temporary(self, key: Any, expression: str, kind: str = "float") -> str:
        self.names[key] = f"t{self._count}"
        self._count += 1
        self.body.append(f"const {kind} {self.names[key]} = {expression};")
        return self.names[key]

    @property
    def length(self) -> str:
        """How many numbers or pixels the loop makes."""
        wide = self.writer.width(self.node)
        return self.row_constant("const int32_t ", f"{wide} * {self.channels}" if self.flat else wide)

    def _for(self, body: Iterable[str]) -> list[str]:
        head = f"for (int32_t {self.at} = 0; {self.at} < {self.length}; {self.at}++) {{"
        return ["GF_LOOP", head, *_indented(body), "}"]

    def _loop(self, stores: Sequence[str]) -> list[str]:
        """The loop that makes what is in the body, and stores it."""
        body = [*self.body, *stores]
        return self.warps.loops(body) if self.warps.found else self._for(body)

    # --- where rows are ---

    def _targets(self) -> list[str]:
        """The row's places in the stage's buffer: one a channel, or one for all."""
        count = 1 if self.flat else self.channels
        return [
            self.row_constant("float *restrict const ", self.writer.row(self.stage, "y", c)) for c in range(count)
        ]

    def _result(self) -> tuple[list[str], str]:
        """Where each channel's number of the result goes, with what makes it what is written."""
        assert self.stage.output is not None
        layout, wide = self.writer.layouts[self.stage.output], self.writer.width(self.node)
        kind, pack = ("uint8_t", "gf_u8({})") if layout == "u8" else ("float", "{}")
        result = f"({kind} *){self.writer.pointer('result', self.node)}"
        if layout == "planar":
            planes = [
                f"((int64_t){c} * {self.writer.height(self.node)} + y) * {wide}" for c in range(self.channels)
            ]
            rows = [self.row_constant("float *restrict const ", f"{result} + {plane}") for plane in planes]
            return [f"{row}[x]" for row in rows], pack
        row = self.row_constant(f"{kind} *restrict const ", f"{result} + (int64_t)y * {wide} * {self.channels}")
        if self.flat:
            return [f"{row}[i]"], pack
        return [f"{row}[x * {self.channels} + {c}]" for c in range(self.channels)], pack

    # --- loops ---

    def _pointwise(self, buffered: bool) -> list[str]:
        if buffered:
            places, pack = [f"{target}[{self.at}]" for target in self._targets()], "{}"
        else:
            places, pack = self._result()
        values = [self.value(self.node, c) for c in ([0] if self.flat else range(self.channels))]
        stores = [f"{place} = {pack.format(value)};" for place, value in zip(places, values, strict=True)]
        loop = self._loop(stores)
        return [*self.before, *loop]

    def _copied(self) -> list[str]:
        """From the stage's buffer into the result."""
        copy = Row(self.writer, self.stage)
        targets = copy._targets()
        places, pack = copy._result()
        if copy.flat and len(places) > 1:  # Channel by channel, of pixel by pixel.
            copy.flat, copy.at = False, "x"
            sources = [f"{targets[0]}[x * {copy.channels} + {c}]" for c in range(copy.channels)]
        else:
            sources = [f"{target}[{copy.at}]" for target in targets]
        stores = [f"{place} = {pack.format(value)};" for place, value in zip(places, sources, strict=True)]
        loop = copy._for(stores)
        return ["{", *_indented([*copy.before, *loop]), "}"]

    def _margins(self) -> list[str]:
        """Repeats the edges to the left and right."""
        wide, pixel = self.writer.width(self.node), self.channels if self.flat else 1
        lines = []
        for target in self._targets():
            for c in range(pixel):
                lines.append(f"{target}[-{pixel} * (m + 1) + {c}] = {target}[{c}];")
                lines.append(f"{target}[({wide} + m) * {pixel} + {c}] = {target}[({wide} - 1) * {pixel} + {c}];")
        margin = f"margin{self.writer.number_of[id(self.node)]}"
        return [f"for (int32_t m = 0; m < {margin}; m++) {{", *_indented(lines), "}"]

    def _long_sum(self) -> list[str]:
        """A sum of many neighbours, some of them at a time, so that the row stays in the nearest cache."""
        node = self.node
        count = self.row_constant("const int32_t ", f"(int32_t){self.writer.integer('taps', node)}")
        targets, lines = self._targets(), []
        for channel, target in enumerate(targets):
            if node.op == "table_x":
                lines.append(self._long_gather(target, channel, count))
                continue
            inner: list[str] = []
            for t in range(_AT_ONCE):
                inner.append(f"const int32_t k{t} = k + {t} < {count} ? k + {t} : {count} - 1;")
                inner += self._long_tap(t, channel, count)
            made = "greatest" if node.op == "conv" and node.static[1] == "max" else "sum"
            taken = ", ".join(f"p{t}, w{t}" for t in range(_AT_ONCE))
            apart = self._apart(node.sources[0])
            inner.append(f"gf_{made}_{apart}({target}, {self.length}, k == 0, {taken});")
            lines += [f"for (int32_t k = 0; k < {count}; k += {_AT_ONCE}) {{", *_indented(inner), "}"]
        return [*self.before, *lines]

    def _long_tap(self, t: int, channel: int, count: str) -> list[str]:
        """Tap `k{t}` of a long sum: where its row begins, and its weight, which is 0 beyond the last."""
        node, source, writer = self.node, self.node.sources[0], self.writer
        if node.op == "conv":
            weight = f"{writer.table('weights', node)}[k{t}]"
        else:
            weight = f"{writer.table('weights', node)}[y * {count} + k{t}]"
        if axis(node) == "y":
            height = writer.height(source)
            if node.op == "conv":
                row = f"gf_clamp(y + k{t} - {count} / 2, {height})"
            else:
                row = f"{writer.table('starts', node)}[y] + k{t}"
            start = self._row_of(source, f"({row})", channel)
        else:
            step = self.channels if self.flat else 1
            start = f"{self._row_of(source, 'y', channel)} + (k{t} - {count} / 2) * {step}"
        return [
            f"const float *restrict const p{t} = {start};",
            f"const float w{t} = k + {t} < {count} ? {weight} : 0.0f;",
        ]

    def _long_gather(self, target: str, channel: int, count: str) -> str:
        node, source = self.node, self.node.sources[0]
        row, apart = self._row_of(source, "y", channel), self._apart(source)
        number = self.writer.number_of.get(id(source))
        if number is not None and self.writer.stages[number].flat:
            row, apart = f"{row} + {channel}", self.writer.step(source.channels)
        tables = ", ".join(self.writer.table(what, node) for what in ("starts", "weights"))
        return f"gf_gather_{apart}({target}, {self.length}, {count}, {tables}, {row});"

    def _pattern(self) -> list[str]:
        """Resampling that repeats: the pixels of a period are written out, those at the edges made one by one."""
        node, source, writer = self.node, self.node.sources[0], self.writer
        period, step, *places = node.static
        count, wide = taps(node), writer.width(node)
        first = self.row_constant("const int32_t ", f"(int32_t){writer.integer('first', node)}")
        end = self.row_constant("const int32_t ", f"(int32_t){writer.integer('end', node)}")
        starts = self.row_constant("const int32_t *restrict const ", writer.table("starts", node))
        table = self.row_constant("const float *restrict const ", writer.table("weights", node))
        sums = []
        for i in range(period):
            terms = []
            for tap in range(count):
                weight = f"{table}[(int64_t){tap} * {wide} + {first} + {i}]"
                terms.append((self.row_constant("const float ", weight), f"q[{step} * j + {places[i] + tap}]"))
            sums.append(f"o[{period} * j + {i}] = {_sum(terms)};")
        lines = []
        for channel, target in enumerate(self._targets()):
            lines += [
                "{",
                f"  const float *restrict const p = {self._row_of(source, 'y', channel)};",
                f"  const float *restrict const q = p + {starts}[{first}];",
                f"  float *restrict const o = {target} + {first};",
                "  GF_LOOP",
                f"  for (int32_t j = 0; j < ({end} - {first}) / {period}; j++) {{",
                *_indented(_indented(sums)),
                "  }",
                f"  for (int32_t x = {first} > 0 ? 0 : {end}; x < {wide}; x = x + 1 == {first} ? {end} : x + 1) {{",
                "    float total = 0.0f;",
                f"    for (int32_t k = 0; k < {count}; k++)",
                f"      total = GF_FMA({table}[(int64_t)k * {wide} + x], p[{starts}[x] + k], total);",
                f"    {target}[x] = total;",
                "  }",
                "}",
            ]
        return [*self.before, *lines]

    def _window(self) -> list[str]:
        """A sum over a square: neighbour by neighbour, each added to the row."""
        source, body, tap, weight = self.node.sources
        side = self.row_constant("const int32_t ", f"(int32_t){self.writer.integer('side', self.node)}")
        targets = self._targets()
        lines = self._for([f"{target}[x] = 0.0f;" for target in targets])
        height = self.writer.height(source)
        inside = [f"const int32_t at = gf_clamp(y + k / {side} - {side} / 2, {height});"]
        inside.append(f"const int32_t right = k % {side} - {side} / 2;")
        inside.append(f"const float weight = {self.writer.table('weights', self.node)}[k];")
        flat = self.writer.stages[self.writer.number_of[id(source)]].flat
        pixel = source.channels if flat else 1
        for c in range(source.channels):
            inside.append(f"const float *restrict const n{c} = {self._row_of(source, 'at', c)} + right * {pixel};")
            self.names[id(tap), c] = f"n{c}[x * {pixel} + {c}]" if flat else f"n{c}[x]"
        self.names[id(weight), 0] = "weight"
        values = [self.value(body, c) for c in range(self.channels)]
        sums = [f"{target}[x] += {value};" for target, value in zip(targets, values, strict=True)]
        inside += self._loop(sums)
        lines += [f"for (int32_t k = 0; k < {side} * {side}; k++) {{", *_indented(inside), "}"]
        return [*self.before, *lines]

    # --- values ---

    def value(self, node: Picture, channel: int) -> str:
        """One channel of a picture at the loop's place; of a flat stage, the number there."""
        channel = 0 if self.flat or node.channels == 1 else channel
        key = id(node), channel
        if key in self.names:
            return self.names[key]
        if node.op == "number":
            return self.writer.number(node)
        if node is not self.node and id(node) in self.writer.number_of:
            return self.temporary(key, self._place(node, self.at, "y", channel))
        args = node.sources
        match node.op:
            case "source":
                return self.temporary(key, self._place(node, self.at, "y", channel))
            case "x" | "y":
                return self.temporary(key, f"(float){node.op}")
            case "channels":
                return self.value(args[0], node.static[channel])
            case "stack":
                for part in args:
                    if channel < part.channels:
                        return self.value(part, channel)
                    channel -= part.channels
            case "table":
                entries = self.writer.integer("entries", node)
                table, at = self.writer.table("table", node), self.value(args[0], channel)
                return self.temporary(key, f"gf_table({table}, (int32_t){entries}, {at})")
            case "cube":
                colors = ", ".join(self.value(args[0], c) for c in range(3))
                cube, entries = self.writer.table("table", node), self.writer.integer("entries", node)
                return self.temporary(key, f"gf_cube({cube}, (int32_t){entries}, {colors}, {channel})")
            case "warp":
                return self.temporary(key, self.warps.value(node, channel))
        if spatial(node):
            return self.temporary(key, self._neighbours(node, channel))
        made = FUNCTIONS[node.op].c.format(*(self.value(arg, channel) for arg in args))
        return self.temporary(key, made, "int" if node.op in BOOLEAN else "float")

    def _neighbours(self, node: Picture, channel: int) -> str:
        """A short sum of neighbours, written out."""
        source, count = node.sources[0], taps(node)
        weighted = not (node.op == "shift" or (node.op == "conv" and node.static[1] == "max"))
        # Weights turn bytes into 0..1 along the way.
        whole = weighted and id(source) not in self.writer.number_of and source.static[0] == "u8"
        values = [self._neighbour(node, source, tap, count, channel, whole) for tap in range(count)]
        if not weighted:
            total = values[0]
            for value in values[1:]:
                total = f"gf_max({total}, {value})"
            return total
        weights = [self._weight(node, tap, count, " * (1.0f / 255.0f)" if whole else "") for tap in range(count)]
        return _sum(list(zip(weights, values, strict=True)))

    def _weight(self, node: Picture, tap: int, count: int, scale: str) -> str:
        table = self.writer.table("weights", node)
        if node.op == "conv":
            return self.row_constant("const float ", f"{table}[{tap}]{scale}")
        if node.op == "table_y":
            return self.row_constant("const float ", f"{table}[(int64_t)y * {count} + {tap}]{scale}")
        start = self.row_constant(
            "const float *restrict const ", f"{table} + (int64_t){tap} * {self.writer.width(node)}"
        )
        return f"{start}[x]"

    def _neighbour(self, node: Picture, source: Picture, tap: int, count: int, channel: int, whole: bool) -> str:
        writer, step = self.writer, self.channels if self.flat else 1
        if axis(node) == "y":
            height = writer.height(source)
            if node.op == "conv":
                row = f"gf_clamp(y + {tap - count // 2}, {height})"
            elif node.op == "shift":
                row = f"gf_clamp((int32_t){writer.integer('offset', node)} + {node.static[1]} * y, {height})"
            else:
                row = f"{writer.table('starts', node)}[y] + {tap}"
            return self._place(source, self.at, self.row_constant("const int32_t ", row), channel, whole)
        if node.op == "conv":
            return self._place(source, f"{self.at} + {(tap - count // 2) * step}", "y", channel)
        if node.op == "shift":
            offset = self.row_constant("const int32_t ", f"(int32_t){writer.integer('offset', node)}")
            if node.static[2]:
                at = f"{offset} * {step} + {self.at}" if node.static[1] == 1 else f"{offset} - {self.at}"
            else:
                at = f"gf_clamp({offset} + {node.static[1]} * x, {writer.width(source)})"
            return self._place(source, at, "y", channel)
        start = self.row_constant("const int32_t *restrict const ", writer.table("starts", node))
        return self._place(source, f"{start}[x] + {tap}", "y", channel)

    # --- reading ---

    def _place(self, node: Picture, at: str, row: str, channel: int, whole: bool = False) -> str:
        """A number of a picture that is held somewhere. whole: bytes as 0..255."""
        if id(node) in self.writer.number_of and node is not self.node:
            stage = self.writer.stages[self.writer.number_of[id(node)]]
            start = self.row_constant("const float *restrict const ", self.writer.row(stage, row, channel))
            if stage.flat and not self.flat:
                return f"{start}[({at}) * {node.channels} + {channel}]"
            return f"{start}[{at}]"
        kind, pixel, step = node.static
        pointer = f"const {'uint8_t' if kind == 'u8' else 'float'} *"
        start = self.row_constant(f"{pointer}restrict const ", self.in_memory(node, row, channel, pointer))
        if self.flat:
            read = f"{start}[{at}]"
        else:
            near = f" + {channel}" if step == 1 and node.channels > 1 else ""
            read = f"{start}[({at}) * {pixel}{near}]"
        if kind == "u8":
            return f"(float)({read})" if whole else f"gf_from_u8({read})"
        return read

    def _apart(self, node: Picture) -> int:
        """How far apart the numbers of a row are that a long sum reads: pixel by pixel in memory, it may be read a
        channel at a time."""
        held = id(node) in self.writer.number_of or self.flat
        return self.writer.step(1 if held else node.static[1])

    def _row_of(self, node: Picture, row: str, channel: int) -> str:
        """Where a row of float32 begins that a long sum reads."""
        if id(node) in self.writer.number_of:
            return self.writer.row(self.writer.stages[self.writer.number_of[id(node)]], row, channel)
        kind, _, step = node.static
        assert kind == "f32"
        own = f" + {channel}" if step == 1 and node.channels > 1 and not self.flat else ""
        return self.in_memory(node, row, channel, "const float *") + own

    def in_memory(self, node: Picture, row: str, channel: int, pointer: str) -> str:
        """Where a row of an array begins."""
        line = f"(int64_t)({row}) * {self.writer.integer('row', node)}"
        own = node.static[2] == 0 and node.channels > 1
        apart = f" + {channel} * {self.writer.integer('apart', node)}" if own else ""
        return f"({pointer}){self.writer.pointer('source', node)} + {line}{apart}"


def _sum(terms: Sequence[tuple[str, str]], total: str | None = None) -> str:
    """The sum of some products, rounded once each."""
    for weight, value in terms:
        total = f"{weight} * {value}" if total is None else f"GF_FMA({weight}, {value}, {total})"
    assert total is not None
    return total


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
