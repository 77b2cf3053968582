"""What a graph of pictures is computed in: stages, each of which makes rows of one picture from rows of others.

Arithmetic between stages is never written to memory. A picture becomes a stage where its neighbours are read: each
of its values is then made once. Rows are made in strips that fit the processor's second-level cache: a strip of the
result asks each stage for the rows that it needs.

    source ─▶ [resized down] ─▶ [resized across, graded, sharpened] ─▶ result
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order

#: Sums of up to so many neighbours are written out where they are used; longer ones are a stage.
INLINE = 25

#: Marks a sum whose length and pattern are not part of what is generated: one kernel serves all sizes.
LOOSE = "loose"

#: What is a sum of neighbours along an axis.
SUMS = ("conv", "table_x", "table_y")

_SPATIAL = frozenset({"conv", "table_x", "table_y", "shift", "window"})


@dataclass(eq=False)
class Stage:
    """node: what it makes. output: its place among the results. reads: pictures of other stages or of memory that
    it reads, and the spatial node that it reads them through (None: the same pixel). flat: channels are treated
    alike, so that a row is one run of numbers, pixel by pixel; else it has a row a channel. strip: rows of a whole
    strip are kept, as others are made of several; else one row at a time. margin: the nodes that reach to the left
    and right of it, where the edge is repeated. head: the stage whose rows it is made with; None where `strip`
    or a result, as it is made by itself."""

    node: Picture
    output: int | None = None
    reads: list[tuple[Picture, Picture | None]] = field(default_factory=list)
    flat: bool = False
    strip: bool = False
    margin: list[Picture] = field(default_factory=list)
    head: Stage | None = None


def beside(node: Picture) -> tuple[Picture, ...]:
    """The sources that a picture is made of where it is made: not those of a window that stand for neighbours, and
    not a picture in memory that is read anywhere."""
    match node.op:
        case "window":
            return node.sources[:2]
        case "warp":
            return node.sources[1:]
    return node.sources


def spatial(node: Picture) -> bool:
    """Whether a picture is made of neighbours."""
    return node.op in _SPATIAL


def taps(node: Picture) -> int:
    """How many neighbours each pixel is made of, along its axis."""
    match node.op:
        case "conv":
            return len(node.data)
        case "table_x" | "table_y":
            return int(node.data.weights.shape[1])
    return 1


def written_out(node: Picture) -> bool:
    """Whether a sum is short and of a known length, so that it is written out where it is used."""
    return node.op in SUMS and LOOSE not in node.static and taps(node) <= INLINE


def axis(node: Picture) -> str:
    """Along which axis neighbours are read, "x" or "y"; "xy" for a window."""
    match node.op:
        case "conv" | "shift":
            return str(node.static[0])
        case "window":
            return "xy"
    return node.op[-1]


def stages(outputs: Sequence[Picture], layouts: Sequence[str]) -> list[Stage]:
    """The stages of some different results, in an order in which they can be made."""
    roots = _roots(outputs)
    made = {id(node): Stage(node) for node in in_order(*outputs) if id(node) in roots}
    for place, node in enumerate(outputs):
        made[id(node)].output = place
    for stage in made.values():
        stage.reads = list(_reads(stage.node, roots))
    patterned = {id(node.sources[0]) for stage in made.values() for node in [stage.node] if repeats(node)}
    for stage in made.values():
        planar = stage.output is not None and layouts[stage.output] == "planar" and not long_sum(stage.node)
        # What is resampled in a pattern is read a channel at a time.
        stage.flat = not planar and id(stage.node) not in patterned and _flat(stage, made)
    for stage in made.values():
        for node, by in stage.reads:
            if id(node) in made and by is not None and by.op in ("conv", "window") and "x" in axis(by):
                made[id(node)].margin.append(by)
    _group(list(made.values()), made)
    return list(made.values())


def _roots(outputs: Sequence[Picture]) -> set[int]:
    """The pictures that are stages."""
    nodes = in_order(*outputs)
    roots = {id(node) for node in outputs}
    for node in nodes:
        if spatial(node):
            if _is_stage(node):
                roots.add(id(node))
            if not _read_in_place(node):
                roots.add(id(node.sources[0]))
    # What neighbours are summed in two stages is summed once, in a stage of its own.
    while True:
        owners: dict[int, set[int]] = {}
        for node in nodes:
            if id(node) in roots:
                for inner in _inside(node, roots):
                    owners.setdefault(id(inner), set()).add(id(node))
        again = {key for key, found in owners.items() if len(found) > 1}
        more = {id(node) for node in nodes if spatial(node) and id(node) in again and id(node) not in roots}
        if not more:
            return roots
        roots |= more


def _is_stage(node: Picture) -> bool:
    """Whether sums of neighbours are made row by row, not where they are used."""
    if node.op == "shift":
        return axis(node) == "x" and not node.static[2]
    if node.op == "window" or long_sum(node) or repeats(node):
        return True
    # Down rows of pixels, channels need not be told apart.
    return axis(node) == "y" and taps(node) > 1 and _pixels(node.sources[0]) and _read_in_place(node)


def long_sum(node: Picture) -> bool:
    """Whether a stage is a sum of many neighbours, made some of them at a time."""
    return node.op in ("conv", "table_x", "table_y") and not written_out(node)


def repeats(node: Picture) -> bool:
    """Whether pixels are resampled in a pattern, which is written out: it reads a channel at a time, and long sums
    aren't made that way."""
    return node.op == "table_x" and bool(node.static) and written_out(node) and not long_sum(node.sources[0])


def _pixels(node: Picture) -> bool:
    """Whether a picture is in memory pixel by pixel."""
    return node.op == "source" and node.channels > 1 and node.static[1:] == (node.channels, 1)


def _read_in_place(node: Picture) -> bool:
    """Whether neighbours are read from memory as it is given. Bytes are converted as often as they are read."""
    source = node.sources[0]
    if source.op != "source":
        return False
    kind, pixel, _ = source.static
    match axis(node):
        case "y":
            few = kind == "f32" or (taps(node) <= 4 and (node.op == "shift" or written_out(node)))
            return few and (pixel == 1 or _pixels(source))
        case "x":
            if node.op == "shift":
                return bool(node.static[2])
            return node.op == "table_x" and kind == "f32" and (not repeats(node) or pixel == 1)
    return False


def _inside(root: Picture, roots: set[int]) -> Iterator[Picture]:
    """What a stage computes itself."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if id(node) in seen or (node is not root and id(node) in roots):
            continue
        seen.add(id(node))
        yield node
        todo += beside(node)


def _reads(root: Picture, roots: set[int]) -> Iterator[tuple[Picture, Picture | None]]:
    """The pictures that a stage reads, each with the spatial node it is read through."""
    for node in _inside(root, roots):
        for source in beside(node):
            if source is node.sources[0] and spatial(node):
                yield source, node
            elif id(source) in roots or source.op == "source":
                yield source, None
    if root.op == "source":
        yield root, None


def _flat(stage: Stage, made: dict[int, Stage]) -> bool:
    """Whether a stage treats all channels alike, and reads runs of pixels only."""
    channels = stage.node.channels
    if channels == 1:
        return False
    roots = set(made)
    for node in _inside(stage.node, roots):
        if node.op in ("channels", "stack", "x", "table_x", "window", "warp", "cube", "tap", "weight"):
            return False
        if node.op == "shift" and axis(node) == "x" and (node.static[1] != 1 or not node.static[2]):
            return False
        if node.op != "number" and node.channels != channels:
            return False
    for node, _ in stage.reads:
        if node.channels != channels:
            return False
        if id(node) in made and made[id(node)] is not stage:
            if not made[id(node)].flat:
                return False
        elif node.op == "source" and not (node.static[1] == channels and node.static[2] == 1):
            return False
    return True


def _group(order: list[Stage], made: dict[int, Stage]) -> None:
    """Decides whose rows are made one at a time, right before they are read."""
    readers: dict[int, list[tuple[Stage, Picture | None]]] = {}
    for stage in order:
        for node, by in stage.reads:
            if id(node) in made and made[id(node)] is not stage:
                readers.setdefault(id(node), []).append((stage, by))
    for stage in reversed(order):
        reading = readers.get(id(stage.node), [])
        made_with = [reader.head or reader for reader, _ in reading]
        heads = {id(head): head for head in made_with}
        down = any(by is not None and "y" in axis(by) for _, by in reading)
        if stage.output is not None or down or len(heads) != 1:
            stage.strip = bool(reading)
        else:
            [stage.head] = heads.values()
