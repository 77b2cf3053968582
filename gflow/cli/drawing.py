"""Graphs of flows as SVG, in layers: what is computed first stands above what needs it.

After Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system structures" (1981), without
bends: a box is laid out by itself, and is then one node of the box around it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from itertools import count

from gflow.cli.graphs import Graph, Group, Node

#: More nodes than these are no picture any more.
MOST = 600

_LINE, _PAD, _GAP, _LAYER, _HEAD = 17, 8, 18, 34, 24
_CHARACTER = 7.2
_ROW = 1200


@dataclass
class _Box:
    """A node or a group with its size, and its place in the box around it, later in the picture."""

    item: Node | Group
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inside: list[_Box] = field(default_factory=list)


_ids = count()


def svg(graph: Graph) -> str | None:
    """The picture; None for a graph with more than MOST nodes."""
    if sum(map(_size, graph.groups)) > MOST:
        return None
    whole = _laid(Group("", "", list(graph.groups)), graph.edges, outermost=True)
    places: dict[str, _Box] = {}
    _settle(whole, 0.0, 0.0, places)
    # Pictures on one page must not share an arrow's name.
    arrow = f"arrow{next(_ids)}"
    parts = [
        f'<svg class="graph" viewBox="0 0 {whole.width:.0f} {whole.height:.0f}" width="{whole.width:.0f}" '
        f'height="{whole.height:.0f}" role="img">',
        f'<defs><marker id="{arrow}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
        *(_frame(box) for box in _all(whole) if isinstance(box.item, Group) and box is not whole),
        *(_edge(places[source], places[target], arrow) for source, target in graph.edges),
        *(_node(box, box.item) for box in _all(whole) if isinstance(box.item, Node)),
        "</svg>",
    ]
    return "\n".join(parts)


def _size(item: Node | Group) -> int:
    return 1 if isinstance(item, Node) else sum(map(_size, item.nodes))


def _laid(item: Node | Group, edges: list[tuple[str, str]], *, outermost: bool = False) -> _Box:
    """A box with what is inside it in its place."""
    if isinstance(item, Node):
        lines = item.label.split("\n")
        return _Box(item, max(len(line) for line in lines) * _CHARACTER + 2 * _PAD, len(lines) * _LINE + _PAD)
    boxes = [_laid(inner, edges) for inner in item.nodes]
    top = 0.0 if outermost else _HEAD
    y, width = top + _PAD, len(item.label) * _CHARACTER + 2 * _PAD
    rows = [row for layer in _layers(boxes, edges) for row in _rows(layer)]
    lengths = [sum(box.width for box in row) + _GAP * (len(row) - 1) for row in rows]
    width = max([width, *(length + 2 * _PAD for length in lengths)])
    for row, length in zip(rows, lengths, strict=True):
        x = (width - length) / 2
        for box in row:
            box.x, box.y = x, y
            x += box.width + _GAP
        y += max(box.height for box in row) + _LAYER
    return _Box(item, width, y - _LAYER + _PAD if rows else y, inside=boxes)


def _layers(boxes: list[_Box], edges: list[tuple[str, str]]) -> list[list[_Box]]:
    """Boxes by the longest way to them, each layer in the order of what its boxes come from."""
    owner = {node: place for place, box in enumerate(boxes) for node in _nodes(box.item)}
    sources: dict[int, set[int]] = {place: set() for place in range(len(boxes))}
    for source, target in edges:
        if source in owner and target in owner and owner[source] != owner[target]:
            sources[owner[target]].add(owner[source])
    depth: dict[int, int] = {}
    last = len(boxes) - 1
    for place, box in enumerate(boxes):
        depth[place] = max((depth[source] + 1 for source in sources[place] if source in depth), default=0)
        if place and _kind(boxes[0]) == "control":
            depth[place] = max(depth[place], 1)
        if place == last and _kind(box) in ("control", "result"):
            depth[place] = max(depth.values(), default=0) + (depth[place] < max(depth.values()))
    layers: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for place, level in depth.items():
        layers[level].append(place)
    at: dict[int, float] = {}
    for layer in layers:
        middle = {
            place: sum(at[source] for source in sources[place]) / len(sources[place]) if sources[place] else 0.5
            for place in layer
        }
        layer.sort(key=lambda place: middle[place])
        at |= {place: (number + 0.5) / len(layer) for number, place in enumerate(layer)}
    return [[boxes[place] for place in layer] for layer in layers]


def _rows(layer: list[_Box]) -> list[list[_Box]]:
    """A layer that is too wide, in several rows."""
    rows: list[list[_Box]] = [[]]
    for box in layer:
        if rows[-1] and sum(other.width + _GAP for other in rows[-1]) + box.width > _ROW:
            rows.append([])
        rows[-1].append(box)
    return rows


def _kind(box: _Box) -> str:
    return box.item.kind if isinstance(box.item, Node) else ""


def _nodes(item: Node | Group) -> list[str]:
    return [item.id] if isinstance(item, Node) else [node for inner in item.nodes for node in _nodes(inner)]


def _settle(box: _Box, x: float, y: float, places: dict[str, _Box]) -> None:
    """Makes places in boxes places in the picture."""
    box.x, box.y = box.x + x, box.y + y
    places[box.item.id] = box
    for inner in box.inside:
        _settle(inner, box.x, box.y, places)


def _all(box: _Box) -> list[_Box]:
    return [box, *(found for inner in box.inside for found in _all(inner))]


def _frame(box: _Box) -> str:
    return (
        f'<rect class="group" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="8"/><text class="group" x="{box.x + _PAD:.1f}" y="{box.y + 17:.1f}">{escape(box.item.label)}</text>'
    )


def _edge(source: _Box, target: _Box, arrow: str) -> str:
    x1, y1 = source.x + source.width / 2, source.y + source.height
    x2, y2 = target.x + target.width / 2, target.y
    bend = max(14.0, abs(y2 - y1) / 2)
    path = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#{arrow})"/>'


def _node(box: _Box, node: Node) -> str:
    round_ = 14 if node.kind in ("param", "result") else 4
    middle = box.x + box.width / 2
    lines = "".join(
        f'<tspan x="{middle:.1f}" y="{box.y + 16 + _LINE * number:.1f}"{"" if number else " class=first"}>'
        f"{escape(line)}</tspan>"
        for number, line in enumerate(node.label.split("\n"))
    ).replace("class=first", 'class="first"')
    return (
        f'<g class="node {node.kind}"><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{round_}"/><text>{lines}</text></g>'
    )
