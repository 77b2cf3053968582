"""What a Triton kernel computes, line by line: pictures' values at columns and rows of a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from gflow.kernels.pixel.launches import Taken
from gflow.kernels.pixel.math import FUNCTIONS
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order
from gflow.kernels.pixel.stages import axis, beside, spatial, taps, written_out
from gflow.kernels.pixel.triton_stages import bound


class Place(NamedTuple):
    """Names of a column, int32 (1, BLOCK_X), and a row, int32 (BLOCK_Y, 1)."""

    column: str
    row: str


#: The pixels that a program makes.
HERE = Place("x", "y")

_FULL = "(BLOCK_Y, BLOCK_X)"


class Values:
    """The values of one kernel, which makes `node`. `lines` grow as values are asked for; what was computed is
    known by its name until the loop ends that it is computed in. Arguments get their places when first named."""

    def __init__(self, node: Picture, place: dict[int, int], kept: set[int]) -> None:
        self.node, self.place, self.kept = node, place, kept
        self.takes: list[Taken] = []
        self.lines: list[str] = []
        self._known: list[dict[Any, str]] = [{}]
        #: Where the neighbours of the windows are that are being summed.
        self._windows: dict[int, tuple[Picture, Place]] = {}
        self._count = 0

    def head(self) -> list[str]:
        """The lines before all others."""
        numbers = [n for n, taken in enumerate(self.takes) if taken.what == "number"]
        return [
            *(f"u{n} = tl.full((1, 1), a{n}, tl.float32)" for n in numbers),
            "x = (tl.program_id(0) * BLOCK_X + tl.arange(0, BLOCK_X))[None, :]",
            "y = (tl.program_id(1) * BLOCK_Y + tl.arange(0, BLOCK_Y))[:, None]",
            f"in_x = x < {self.integer('width', self.node)}",
            f"in_y = y < {self.integer('height', self.node)}",
            "inside = in_x & in_y",
        ]

    # --- names ---

    def argument(self, what: str, node: Picture, type: str) -> str:
        taken = Taken(what, self.place[id(node)], type)
        if taken not in self.takes:
            self.takes.append(taken)
        return f"a{self.takes.index(taken)}"

    def integer(self, what: str, node: Picture) -> str:
        return self.argument(what, node, "i32")

    def _table(self, what: str, node: Picture) -> str:
        return self.argument(what, node, "*i32" if what == "starts" else "*fp32")

    def _named(self, key: Any, expression: str) -> str:
        """A name for a value, computed here unless that was done before."""
        for known in self._known:
            if key in known:
                return known[key]
        name = f"t{self._count}"
        self._count += 1
        self._line(f"{name} = {expression}")
        self._known[-1][key] = name
        return name

    def _line(self, line: str) -> None:
        self.lines.append("    " * (len(self._known) - 1) + line)

    def _index(self, expression: str) -> str:
        return self._named(expression, expression)

    @contextmanager
    def _loop(self, count: str) -> Iterator[str]:
        """Lines that are run so many times. Gives the name of the turn."""
        turn = f"k{self._count}"
        self._count += 1
        self._line(f"for {turn} in range({count}):")
        self._known.append({})
        yield turn
        self._known.pop()

    # --- values ---

    def value(self, node: Picture, channel: int, at: Place) -> str:
        """The name of one channel of a picture at a place; float32 that broadcasts to the block."""
        channel = 0 if node.channels == 1 else channel
        key = id(node), channel, at
        for known in self._known:
            if key in known:
                return known[key]
        if node.op == "source" or (id(node) in self.kept and node is not self.node):
            return self._named(key, self._read(node, channel, at))
        args = node.sources
        match node.op:
            case "number":
                return "u" + self.argument("number", node, "fp32").removeprefix("a")
            case "x":
                return self._named(key, f"{at.column}.to(tl.float32)")
            case "y":
                return self._named(key, f"{at.row}.to(tl.float32)")
            case "held":
                return self.value(args[0], channel, at)
            case "channels":
                return self.value(args[0], node.static[channel], at)
            case "stack":
                return self._stacked(node, channel, at)
            case "tap":
                return self.value(*self._neighbour_in_window(node, channel, at))
            case "table":
                table, entries = self._table("table", node), self.integer("entries", node)
                at_value = self.value(args[0], channel, at)
                return self._named(key, f"gf_table({table}, {entries}, {at_value}, inside)")
            case "cube":
                table, entries = self._table("table", node), self.integer("entries", node)
                colors = ", ".join(self.value(args[0], c, at) for c in range(3))
                return self._named(key, f"gf_cube({table}, {entries}, {colors}, {channel}, inside)")
            case "warp":
                return self._named(key, self._warped(node, channel, at))
            case "shift":
                return self.value(args[0], channel, self._shifted(node, at))
            case "window":
                self._window(node, at)
                return self.value(node, channel, at)
        if spatial(node) and not written_out(node):
            self._long_sum(node, at)
            return self.value(node, channel, at)
        if spatial(node):
            return self._named(key, self._sum(node, channel, at))
        return self._named(key, FUNCTIONS[node.op].triton.format(*(self.value(arg, channel, at) for arg in args)))

    def _stacked(self, node: Picture, channel: int, at: Place) -> str:
        for part in node.sources:
            if channel < part.channels:
                return self.value(part, channel, at)
            channel -= part.channels
        raise AssertionError("a channel that a stack does not have")

    # --- reading ---

    def _read(self, node: Picture, channel: int, at: Place) -> str:
        """A number of a picture in memory. From pictures pixel by pixel, threads read every third or fourth number,
        and bytes one at a time: memory is read once, but the caches several times. Planar float32 has neither."""
        if node.op != "source":
            row = f"({at.row} + {channel} * {self.integer('height', node)})" if channel else at.row
            begin = f"{row}.to(tl.int64) * {self.integer('pitch', node)}"
            start = self._index(f"{self.argument('kept', node, '*fp32')} + {begin}")
            return f"tl.load({start} + {at.column}, mask=inside, other=0.0)"
        kind, pixel, near = node.static
        begin = f"{at.row}.to(tl.int64) * {self.integer('row', node)}"
        if channel:
            begin += f" + {channel}" if near else f" + {channel} * {self.integer('apart', node)}"
        start = self._index(f"{self.argument('source', node, '*u8' if kind == 'u8' else '*fp32')} + {begin}")
        column = at.column if pixel == 1 else f"{at.column} * {pixel}"
        if kind == "u8":
            return f"gf_from_u8(tl.load({start} + {column}, mask=inside, other=0))"
        return f"tl.load({start} + {column}, mask=inside, other=0.0)"

    def _warped(self, node: Picture, channel: int, at: Place) -> str:
        """A number of a picture in memory at an offset."""
        source, offsets = node.sources
        nearest = node.static == ("nearest",)
        width, height = self.integer("width", source), self.integer("height", source)
        rows, down = self._far(self.value(offsets, 0, at), at.row, height, nearest)
        columns, right = self._far(self.value(offsets, 1, at), at.column, width, nearest)
        taps = [[self.value(source, channel, Place(column, row)) for column in columns] for row in rows]
        return _mixed([_mixed(line, right) for line in taps], down)

    def _far(self, offset: str, at: str, length: str, nearest: bool) -> tuple[list[str], str]:
        """The two places along an axis that an offset leads in between, and how far it is to the second; or the one
        that is nearest."""
        offset = self._index(f"gf_offset({offset})")
        low = self._index(f"tl.floor({offset} + 0.5)" if nearest else f"tl.floor({offset})")
        steps = ("",) if nearest else ("", " + 1")
        places = [self._index(f"gf_clamp({at} + {low}.to(tl.int32){step}, {length})") for step in steps]
        return places, "" if nearest else self._index(f"{offset} - {low}")

    # --- neighbours ---

    def _shifted(self, node: Picture, at: Place) -> Place:
        across, step, inside = node.static
        offset, place = self.integer("offset", node), at.column if across == "x" else at.row
        moved = f"{offset} + {place}" if step == 1 else f"{offset} - {place}"
        if not inside:
            length = self.integer("width" if across == "x" else "height", node.sources[0])
            moved = f"gf_clamp({moved}, {length})"
        return _along(across, at, self._index(moved))

    def _tap(self, node: Picture, tap: int | str, at: Place, count: int | str) -> Place:
        """Where a neighbour is that a sum takes: the `tap`-th of so many."""
        source, along = node.sources[0], axis(node)
        place = at.column if along == "x" else at.row
        if node.op == "conv":
            if isinstance(tap, int) and isinstance(count, int):
                if tap == count // 2:
                    return at
                moved = f"{place} + {tap - count // 2}"
            else:
                moved = f"{place} + ({tap} - {count} // 2)"
            length = self.integer("width" if along == "x" else "height", source)
            return _along(along, at, self._index(f"gf_clamp({moved}, {length})"))
        begin = f"tl.load({self._table('starts', node)} + {place}, mask=in_{along}, other=0)"
        return _along(along, at, self._index(f"{self._index(begin)} + {tap}"))

    def _weight(self, node: Picture, tap: int | str, at: Place, count: int | str) -> str:
        table = self._table("weights", node)
        match node.op:
            case "conv":
                return self._index(f"tl.load({table} + {tap})")
            case "table_x":
                place = f"{tap} * {self.integer('width', node)} + {at.column}"
            case _:
                place = f"{at.row} * {count} + {tap}"
        return self._index(f"tl.load({table} + {place}, mask=in_{axis(node)}, other=0.0)")

    def _sum(self, node: Picture, channel: int, at: Place) -> str:
        """A short sum of neighbours, written out."""
        source, count, total = node.sources[0], taps(node), ""
        for tap in range(count):
            value = self.value(source, channel, self._tap(node, tap, at, count))
            if node.op == "conv" and node.static[1] == "max":
                total = f"tl.maximum({total}, {value})" if total else value
            else:
                weight = self._weight(node, tap, at, count)
                total = f"tl.fma({weight}, {value}, {total})" if total else f"{weight} * {value}"
        return total

    def _long_sum(self, node: Picture, at: Place) -> None:
        """A sum of any length, of all channels in one loop."""
        source, greatest = node.sources[0], node.op == "conv" and node.static[1] == "max"
        count = self.integer("taps", node)
        totals = self._totals(node, at, 'float("-inf")' if greatest else "0.0")
        with self._loop(count) as turn:
            place = self._tap(node, turn, at, count)
            for channel, total in enumerate(totals):
                value = self.value(source, channel, place)
                if greatest:
                    self._line(f"{total} = tl.maximum({total}, {value})")
                else:
                    weight = self._weight(node, turn, at, count)
                    self._line(f"{total} = tl.fma({weight}, {value}, {total})")

    def _window(self, node: Picture, at: Place) -> None:
        """A sum over a square around each pixel."""
        source, body, tap, weight = node.sources
        self._before(body, at)
        side, totals = self.integer("side", node), self._totals(node, at, "0.0")
        with self._loop(f"{side} * {side}") as turn:
            row = f"gf_clamp({at.row} + ({turn} // {side} - {side} // 2), {self.integer('height', source)})"
            column = f"gf_clamp({at.column} + ({turn} % {side} - {side} // 2), {self.integer('width', source)})"
            self._windows[id(tap)] = source, Place(self._index(column), self._index(row))
            self._named((id(weight), 0, at), f"tl.load({self._table('weights', node)} + {turn})")
            for channel, total in enumerate(totals):
                self._line(f"{total} += {self.value(body, channel, at)}")

    def _totals(self, node: Picture, at: Place, begin: str) -> Sequence[str]:
        """Names that sums of all channels are collected under."""
        full = f"tl.full({_FULL}, {begin}, tl.float32)"
        return [self._named((id(node), channel, at), full) for channel in range(node.channels)]

    def _before(self, body: Picture, at: Place) -> None:
        """Computes what is the same for all neighbours of a window once, before its loop."""
        inner = bound([body])
        for node in in_order(body):
            if id(node) in inner:
                for source in beside(node):
                    if id(source) not in inner:
                        for channel in range(source.channels):
                            self.value(source, channel, at)

    def _neighbour_in_window(self, tap: Picture, channel: int, at: Place) -> tuple[Picture, int, Place]:
        source, place = self._windows[id(tap)]
        return source, channel, place


def _along(along: str, at: Place, moved: str) -> Place:
    return at._replace(column=moved) if along == "x" else at._replace(row=moved)


def _mixed(values: Sequence[str], share: str) -> str:
    """A value between two; of one, that one."""
    return values[0] if len(values) == 1 else f"gf_mixed({values[0]}, {values[1]}, {share})"
