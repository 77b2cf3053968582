"""Pictures in memory read anywhere, as C.

Where pixels are read is found out first, for some of them, and then they are read: compilers make vectors of one of
these loops, and not of the other. What is of no use to a loop, they leave out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from weakref import proxy

from gflow.kernels.pixel.picture import Picture

if TYPE_CHECKING:
    from gflow.kernels.pixel.c_rows import Row

#: Pixels at once: their places stay in the nearest cache.
_SOME = 256


class Warps:
    """What a row reads anywhere. `found`: the lines of its body that tell where, with the type and the name."""

    def __init__(self, row: Row) -> None:
        # Else they would hold each other, and the pictures that code was written for, until Python looks for such.
        self.row: Row = proxy(row)
        self.found: dict[str, tuple[str, str]] = {}

    def value(self, node: Picture, channel: int) -> str:
        """A number of a picture in memory at an offset."""
        row, (source, offsets) = self.row, node.sources
        nearest = node.static == ("nearest",)
        rows, down = self._along(row.value(offsets, 0), "y", row.writer.height(source), nearest)
        columns, right = self._along(row.value(offsets, 1), "x", row.writer.width(source), nearest)
        taps = [[self._read(source, line, column, channel) for column in columns] for line in rows]
        return _mixed([_mixed(line, right) for line in taps], down)

    def loops(self, body: Sequence[str]) -> list[str]:
        """The row's loop, some pixels at a time."""
        finding: list[str] = []
        reading: list[str] = []
        last = max(number for number, line in enumerate(body) if line in self.found)
        for number, line in enumerate(body):
            kind, name = self.found.get(line, ("", ""))
            if number <= last:
                finding += [line, f"{name}s[x - first] = {name};"] if name else [line]
            reading.append(f"const {kind} {name} = {name}s[x - first];" if name else line)
        length = self.row.length
        return [
            f"for (int32_t first = 0; first < {length}; first += {_SOME}) {{",
            f"  const int32_t end = {length} - first < {_SOME} ? {length} : first + {_SOME};",
            *(f"  {kind} {name}s[{_SOME}];" for kind, name in self.found.values()),
            *_loop(finding),
            *_loop(reading),
            "}",
        ]

    def _along(self, offset: str, at: str, length: str, nearest: bool) -> tuple[list[str], str]:
        """The two places along an axis that an offset leads in between, and how far it is to the second; or the one
        that is nearest."""
        offset = self._once(f"gf_offset({offset})")
        low = self._once(f"floorf({offset} + 0.5f)" if nearest else f"floorf({offset})")
        steps = ("",) if nearest else ("", " + 1")
        places = [self._once(f"gf_clamp({at} + (int32_t){low}{step}, {length})", "int32_t") for step in steps]
        return places, "" if nearest else self._kept(f"{offset} - {low}", "float")

    def _read(self, node: Picture, line: str, column: str, channel: int) -> str:
        kind, pixel, step = node.static
        pointer = f"const {'uint8_t' if kind == 'u8' else 'float'} *"
        start = self.row.row_constant(f"{pointer}restrict const ", self.row.in_memory(node, "0", channel, pointer))
        apart = self.row.row_constant("const int64_t ", self.row.writer.integer("row", node))
        place = self._kept(f"{line} * {apart} + (int64_t){column} * {pixel}", "int64_t")
        read = f"{start}[{place} + {channel if step == 1 and node.channels > 1 else 0}]"
        return f"gf_from_u8({read})" if kind == "u8" else read

    def _once(self, expression: str, kind: str = "float") -> str:
        """A name for a value that all channels have in common."""
        return self.row.names.get(expression) or self.row.temporary(expression, expression, kind)

    def _kept(self, expression: str, kind: str) -> str:
        """A name for a value that is found out first."""
        if expression not in self.row.names:
            name = self._once(expression, kind)
            self.found[self.row.body[-1]] = kind, name
        return self.row.names[expression]


def _loop(body: Sequence[str]) -> list[str]:
    return ["  GF_LOOP", "  for (int32_t x = first; x < end; x++) {", *(f"    {line}" for line in body), "  }"]


def _mixed(values: Sequence[str], share: str) -> str:
    """A value between two; of one, that one."""
    return values[0] if len(values) == 1 else f"gf_mixed({values[0]}, {values[1]}, {share})"
