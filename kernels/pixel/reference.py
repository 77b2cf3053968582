"""A picture computed in NumPy, node by node: what its graph means. In float64 it is what generated kernels are held
to."""

from __future__ import annotations

from typing import Any

import numpy as np

from gflow.kernels.pixel.math import BOOLEAN, FUNCTIONS
from gflow.kernels.pixel.picture import Picture

#: An array of floats, (height, width, channels).
Values = Any


def evaluate(picture: Picture, dtype: Any = np.float32) -> Values:
    """(height, width, channels), floats of a dtype."""
    with np.errstate(all="ignore"):
        values = _values(picture, dtype)
    shape = picture.height, picture.width, picture.channels
    return np.broadcast_to(values, shape).astype(dtype, copy=False)


def in_order(*roots: Picture) -> list[Picture]:
    """Every node of some graphs once, sources first."""
    order: list[Picture] = []
    seen: set[int] = set()
    todo: list[Picture | None] = [*reversed(roots)]
    while todo:
        node = todo.pop()
        if node is None:  # The sources of the one below are through.
            order.append(todo.pop())  # type: ignore[arg-type]
        elif id(node) not in seen:
            seen.add(id(node))
            todo += (node, None, *reversed(node.sources))
    return order


def _values(root: Picture, dtype: Any, given: dict[int, Values] | None = None) -> Values:
    known: dict[int, Values] = dict(given or {})
    # The neighbours and weights of windows that each node depends on, from outside of those windows.
    open_: dict[int, frozenset[int]] = {}
    for node in in_order(root):
        free = frozenset({id(node)}) if node.op in ("tap", "weight") else frozenset[int]()
        for source in node.sources if node.op != "window" else node.sources[:2]:
            free |= open_[id(source)]
        if node.op == "window":
            free -= {id(each) for each in node.sources[2:]}
        open_[id(node)] = free - known.keys()
        if id(node) not in known and not open_[id(node)]:
            known[id(node)] = _window(node, known, dtype) if node.op == "window" else _node(node, known, dtype)
    return known[id(root)]


def _node(node: Picture, known: dict[int, Values], dtype: Any) -> Values:
    args = [known[id(source)] for source in node.sources]
    if node.op in FUNCTIONS:
        made: Values = FUNCTIONS[node.op].numpy(*args)
        return made if node.op in BOOLEAN else made.astype(dtype, copy=False)
    match node.op:
        case "number":
            return np.full((1, 1, 1), node.data, dtype)
        case "source":
            pixels = node.data if node.data.ndim == 3 else node.data[:, :, None]
            return (
                pixels.astype(dtype) / dtype(255) if pixels.dtype == np.uint8 else pixels.astype(dtype, copy=False)
            )
        case "x":
            return np.arange(node.width, dtype=dtype)[None, :, None]
        case "y":
            return np.arange(node.height, dtype=dtype)[:, None, None]
        case "channels":
            return args[0][..., list(node.static)] if args[0].shape[2] > 1 else args[0]
        case "stack":
            return _stacked(node, args)
        case "held":
            return args[0]
        case "table":
            return _looked_up(node.data.astype(dtype), args[0])
        case "cube":
            return _in_cube(node.data.astype(dtype), args[0])
        case "warp":
            return _warped(node, *args)
    whole = np.broadcast_to(args[0], (node.sources[0].height, node.sources[0].width, args[0].shape[2]))
    return _along(node, whole, dtype)


def _stacked(node: Picture, args: list[Values]) -> Values:
    shape = np.broadcast_shapes(*(arg.shape[:2] for arg in args))
    parts = [
        np.broadcast_to(arg, (*shape, source.channels)) for arg, source in zip(args, node.sources, strict=True)
    ]
    return np.concatenate(parts, axis=2)


def _warped(node: Picture, values: Values, offsets: Values) -> Values:
    source = node.sources[0]
    values = np.broadcast_to(values, (source.height, source.width, values.shape[2]))
    # Further than any picture reaches.
    offsets = np.clip(np.nan_to_num(offsets, posinf=np.inf, neginf=-np.inf), -(2.0**24), 2.0**24)
    shape = node.height, node.width, 2
    low = np.floor(offsets + 0.5 if node.static == ("nearest",) else offsets)
    share = np.broadcast_to(offsets - low, shape)
    down, right = np.moveaxis(np.broadcast_to(low, shape).astype(np.int64), 2, 0)
    rows, columns = np.arange(node.height)[:, None] + down, np.arange(node.width) + right

    def at(row: Any, column: Any) -> Values:
        return values[np.clip(row, 0, source.height - 1), np.clip(column, 0, source.width - 1)]

    if node.static == ("nearest",):
        return at(rows, columns)
    upper, lower = at(rows, columns), at(rows + 1, columns)
    upper = upper + (at(rows, columns + 1) - upper) * share[..., 1:]
    lower = lower + (at(rows + 1, columns + 1) - lower) * share[..., 1:]
    return upper + (lower - upper) * share[..., :1]


def _along(node: Picture, values: Values, dtype: Any) -> Values:
    """Convolutions, resampling and shifts along an axis."""
    axis = 1 if node.op == "table_x" or (node.op != "table_y" and node.static[0] == "x") else 0
    length = values.shape[axis]
    if node.op == "shift":
        size = node.width if axis == 1 else node.height
        places = np.clip(node.data + node.static[1] * np.arange(size), 0, length - 1)
        return values.take(places, axis)
    if node.op == "conv":
        weights, reach = node.data.astype(dtype), len(node.data) // 2
        taps = [np.clip(np.arange(length) + tap - reach, 0, length - 1) for tap in range(len(weights))]
        if node.static[1] == "max":
            return np.max([values.take(places, axis) for places in taps], axis=0)
        return np.sum([values.take(places, axis) * weight for places, weight in zip(taps, weights, strict=True)], 0)
    starts, weights = node.data.starts, node.data.weights
    spread = weights.astype(dtype)[:, :, None] if axis == 1 else weights.astype(dtype)[:, None, :, None]
    total = 0
    for tap in range(weights.shape[1]):
        weight = spread[None, :, tap] if axis == 1 else spread[:, :, tap]
        total = total + values.take(starts + tap, axis) * weight
    return np.asarray(total)


def _window(node: Picture, known: dict[int, Values], dtype: Any) -> Values:
    source, body, tap, weight = node.sources
    values = np.broadcast_to(known[id(source)], (node.height, node.width, known[id(source)].shape[2]))
    side = len(node.data)
    padded = np.pad(values, [(side // 2, side // 2), (side // 2, side // 2), (0, 0)], mode="edge")
    total = np.zeros((node.height, node.width, node.channels), dtype)
    for down in range(side):
        for right in range(side):
            neighbour = padded[down : down + node.height, right : right + node.width]
            given = {id(tap): neighbour, id(weight): np.full((1, 1, 1), node.data[down, right], dtype)}
            total += _values(body, dtype, known | given)
    return total


def _looked_up(table: Values, values: Values) -> Values:
    place = np.clip(np.nan_to_num(values), 0, 1) * (len(table) - 1)
    low = np.minimum(place.astype(np.intp), len(table) - 2)
    return table[low] + (table[low + 1] - table[low]) * (place - low)


def _in_cube(cube: Values, colors: Values) -> Values:
    side = len(cube)
    place = np.clip(np.nan_to_num(colors), 0, 1) * (side - 1)
    low = np.minimum(place.astype(np.intp), side - 2)
    share = place - low
    total = 0
    for corner in range(8):
        bits = [(corner >> bit) & 1 for bit in range(3)]
        red, green, blue = (low[..., axis] + bits[axis] for axis in range(3))
        weight = np.prod([share[..., a] if bits[a] else 1 - share[..., a] for a in range(3)], axis=0)
        total = total + weight[..., None] * cube[blue, green, red]
    return np.asarray(total)


def packed(values: Values) -> Values:
    """Values as bytes, clamped to 0..1; one that is not a number is 0."""
    with np.errstate(invalid="ignore"):
        return (np.clip(np.nan_to_num(values, posinf=1.0, neginf=0.0), 0, 1) * 255 + 0.5).astype(np.uint8)
