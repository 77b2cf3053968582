"""Graphs of the pixel language in PyTorch, node by node, as somebody would write them there: what gflow's kernels
for GPUs are compared with. Pictures are (channels, height, width), float32; convolutions are `conv2d`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.reference import in_order

Tensor = torch.Tensor
Value = Any  # A tensor, or a number.


def computed(picture: Picture, sources: Mapping[int, Tensor]) -> Tensor:
    """The picture. sources: by the identity of the nodes that they are; uint8 (height, width, channels), or float32
    (channels, height, width)."""
    made: Tensor = _values(picture, {key: _loaded(tensor) for key, tensor in sources.items()})
    return made


def as_source(tensor: Tensor) -> Tensor:
    """A tensor that a node reads, as `computed` takes it."""
    if tensor.ndim == 2:
        return tensor[..., None] if tensor.dtype == torch.uint8 else tensor[None]
    return tensor if tensor.dtype == torch.uint8 else tensor.permute(2, 0, 1)


def _loaded(tensor: Tensor) -> Tensor:
    return tensor.permute(2, 0, 1).float() / 255 if tensor.dtype == torch.uint8 else tensor


def _values(root: Picture, given: Mapping[int, Value]) -> Value:
    known = dict(given)
    bound = _bound(root, known)
    for node in in_order(root):
        if id(node) not in known and id(node) not in bound:
            args = [known.get(id(source)) for source in node.sources]
            known[id(node)] = _window(node, known) if node.op == "window" else _node(node, args, known)
    return known[id(root)]


def _bound(root: Picture, known: Mapping[int, Value]) -> set[int]:
    """The nodes that are made of neighbours which are not given: those inside of windows."""
    free: dict[int, frozenset[int]] = {}
    for node in in_order(root):
        mine = frozenset({id(node)}) if node.op in ("tap", "weight") else frozenset[int]()
        for source in node.sources if node.op != "window" else node.sources[:2]:
            mine |= free[id(source)]
        free[id(node)] = mine - known.keys() - {id(each) for each in node.sources[2:] if node.op == "window"}
    return {key for key, names in free.items() if names}


def _node(node: Picture, args: Sequence[Value], known: Mapping[int, Value]) -> Value:
    if node.op in _FUNCTIONS:
        return _FUNCTIONS[node.op](*args)
    match node.op:
        case "number":
            return node.data
        case "x":
            return torch.arange(node.width, device=_device(known), dtype=torch.float32)[None, None, :]
        case "y":
            return torch.arange(node.height, device=_device(known), dtype=torch.float32)[None, :, None]
        case "channels":
            return args[0] if args[0].shape[0] == 1 else _picked(args[0], node.static)
        case "stack":
            parts = zip(args, node.sources, strict=True)
            return torch.cat([_whole(arg, part.channels, node, known) for arg, part in parts])
        case "held":
            return args[0]
        case "table":
            return _looked_up(_constant(node.data, known), args[0])
        case "cube":
            return _in_cube(_constant(node.data, known), args[0])
    return _along(node, _whole(args[0], node.sources[0].channels, node.sources[0], known), known)


def _device(known: Mapping[int, Value]) -> torch.device:
    return next(value.device for value in known.values() if isinstance(value, Tensor))


def _constant(array: Any, known: Mapping[int, Value]) -> Tensor:
    return torch.as_tensor(array, device=_device(known))


def _picked(value: Tensor, channels: Sequence[int]) -> Tensor:
    first = channels[0]
    if list(channels) == list(range(first, first + len(channels))):
        return value[first : first + len(channels)]
    return torch.stack([value[channel] for channel in channels])


def _whole(value: Value, channels: int, node: Picture, known: Mapping[int, Value]) -> Tensor:
    shape = channels, max(1, node.height), max(1, node.width)  # Numbers have no size.
    if isinstance(value, Tensor):
        return value.expand(shape)
    return torch.full((1, 1, 1), value, device=_device(known)).expand(shape)


# --- neighbours ------------------------------------------------------------------------------------


def _along(node: Picture, value: Tensor, known: Mapping[int, Value]) -> Tensor:
    axis = 2 if node.op == "table_x" or (node.op != "table_y" and node.static[0] == "x") else 1
    if node.op == "shift":
        return _shifted(node, value, axis)
    if node.op == "conv":
        return _convolved(node, value, axis, known)
    starts, weights = (_constant(array, known) for array in (node.data.starts, node.data.weights))
    shape = (1, 1, -1) if axis == 2 else (1, -1, 1)
    taps = range(weights.shape[1])
    return sum(value.index_select(axis, starts + tap) * weights[:, tap].view(shape) for tap in taps)  # type: ignore[return-value]


def _shifted(node: Picture, value: Tensor, axis: int) -> Tensor:
    length, (_, step, inside) = (node.width if axis == 2 else node.height), node.static
    if inside and step == 1:
        return value.narrow(axis, node.data, length)
    places = node.data + step * torch.arange(length, device=value.device)
    return value.index_select(axis, places.clamp(0, value.shape[axis] - 1))


def _convolved(node: Picture, value: Tensor, axis: int, known: Mapping[int, Value]) -> Tensor:
    count, reach = len(node.data), len(node.data) // 2
    if node.static[1] == "max":
        size, around = ((1, count), (0, reach)) if axis == 2 else ((count, 1), (reach, 0))
        return F.max_pool2d(value[None], size, stride=1, padding=around)[0]
    edges = (reach, reach, 0, 0) if axis == 2 else (0, 0, reach, reach)
    shape = (1, 1, 1, count) if axis == 2 else (1, 1, count, 1)
    weights = _constant(node.data, known).view(shape).expand(value.shape[0], *shape[1:])
    return F.conv2d(F.pad(value[None], edges, mode="replicate"), weights, groups=value.shape[0])[0]


def _window(node: Picture, known: Mapping[int, Value]) -> Tensor:
    source, body, tap, weight = node.sources
    value = _whole(known[id(source)], source.channels, source, known)
    side = len(node.data)
    padded = F.pad(value[None], (side // 2,) * 4, mode="replicate")[0]
    total: Any = 0.0
    for down in range(side):
        for right in range(side):
            neighbour = padded[:, down : down + node.height, right : right + node.width]
            given = {id(tap): neighbour, id(weight): float(node.data[down, right])}
            total = total + _values(body, {**known, **given})
    made: Tensor = total
    return made


# --- tables and functions --------------------------------------------------------------------------


def _looked_up(table: Tensor, value: Tensor) -> Tensor:
    place = value.clamp(0, 1) * (len(table) - 1)
    low = place.to(torch.int64).clamp(max=len(table) - 2)
    return torch.lerp(table[low], table[low + 1], place - low)


def _in_cube(cube: Tensor, colors: Tensor) -> Tensor:
    """By `grid_sample`, whose last axis is red."""
    grid = (colors.clamp(0, 1) * 2 - 1).permute(1, 2, 0)[None, None]
    return F.grid_sample(cube.permute(3, 0, 1, 2)[None], grid, align_corners=True)[0, :, 0]


def _least(one: Value, other: Value) -> Value:
    if not isinstance(other, Tensor):
        one, other = other, one
    return torch.minimum(one, other) if isinstance(one, Tensor) else other.clamp(max=one)


def _greatest(one: Value, other: Value) -> Value:
    if not isinstance(other, Tensor):
        one, other = other, one
    return torch.maximum(one, other) if isinstance(one, Tensor) else other.clamp(min=one)


def _hashed(x: Tensor, y: Tensor, seed: float) -> Tensor:
    """By int64, as PyTorch multiplies no uint32."""
    word = 0xFFFFFFFF
    mixed = (x.to(torch.int64) * 0x9E3779B1 & word) ^ (y.to(torch.int64) * 0x85EBCA77 & word) ^ int(seed)
    mixed = (mixed ^ (mixed >> 16)) * 0x85EBCA6B & word
    mixed = (mixed ^ (mixed >> 13)) * 0xC2B2AE35 & word
    return ((mixed ^ (mixed >> 16)) >> 8).float() * 2.0**-24


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "min": _least,
    "max": _greatest,
    "neg": lambda a: -a,
    "abs": abs,
    "sqrt": lambda a: a.clamp(min=0).sqrt(),
    "floor": lambda a: a.floor(),
    "exp2": lambda a: torch.exp2(a),
    "log2": lambda a: a.clamp(min=2.0**-126).log2(),
    "fma": lambda a, b, c: a * b + c,
    "pow": lambda a, b: a.clamp(min=0) ** b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "both": lambda a, b: a & b,
    "either": lambda a, b: a | b,
    "inverse": lambda a: ~a,
    "where": torch.where,
    "hashed": _hashed,
}
