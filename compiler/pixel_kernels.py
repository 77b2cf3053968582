"""Kernels for the ops on pixels of a plan, compiled ahead of time.

The plan is gone through with made-up values where only a run will tell: pictures of zeros, in a few sizes. Ops
build their pictures as they do in a run, and what would be computed is compiled instead: once for any size and
pattern, and for what is usual once for just its own, which is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.clip import Clip, Frame, Reading
from gflow.kernels.files import digest
from gflow.kernels.op import Op, OpError, registry
from gflow.kernels.pixel import c_compiler, c_source, realize, reference, shipped, yuv
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.pixel.repeated import Repeated
from gflow.kernels.pixel.shipped import Index, Shipped
from gflow.kernels.types import MediaFile, Size
from gflow.runtime import plan as p
from gflow.runtime.blocks import makes_pictures, regions
from gflow.runtime.coming import Networks
from gflow.runtime.encoding import coded
from gflow.runtime.errors import OpFailed
from gflow.runtime.planes import Layout
from gflow.runtime.steps import run_fused, widened

#: Sizes of pictures that only a run will tell: larger and smaller than what is made of them, wide and tall.
_SIZES = (Size(1600, 1200), Size(16, 12), Size(1200, 1600))

#: What most videos are.
_FILMS = (Size(1920, 1080), Size(1280, 720))
#: What others may be. From long ones something can be cut anywhere; of a short one all pictures can be had at once.
_LONG, _SHORT = 3600, 20
_RARE = (Size(1440, 1080), Size(1080, 1920))
#: Pictures of fewer pixels are computed in no time.
_SMALL = 4096
_LAYOUTS = ("yuv420p", "yuv422p", "yuv444p", "gbrp", "rgba")

#: Possible values of a slot, one for each way to go through the plan.
Ways = list[Any]

#: What nothing is known of.
_UNKNOWN: Any = object()


class MadeUp(np.ndarray[Any, Any]):
    """A picture whose size only a run will tell, and all that is made of it."""


def kernels(plan: p.Plan, target_cpu: str) -> tuple[Index, dict[str, bytes]]:
    """The kernels of a plan by their structures, and the objects by name. Raises NoCompiler."""
    texts: dict[str, c_source.Code] = {}
    recorded = traced(plan)
    sizes: dict[str, set[tuple[Size, ...]]] = {}
    names = [realize.name(*each) for each in recorded]
    for (outputs, _), structure in zip(recorded, names, strict=True):
        sizes.setdefault(structure, set()).add(_sizes_read(outputs))
    for (outputs, layouts), structure in zip(recorded, names, strict=True):
        for form in forms(outputs, alike=len(sizes[structure]) > 1):
            name = realize.name(form, layouts)
            if name not in texts:
                texts[name] = c_source.generate(form, layouts, reference.in_order(*form))
    with ThreadPoolExecutor() as compilers:
        made = list(compilers.map(lambda code: c_compiler.compiled(code.text, target_cpu), texts.values()))
    objects = {digest(code.text.encode()): place for code, place in zip(texts.values(), made, strict=True)}
    found = {name: Shipped(digest(code.text.encode()), code.takes) for name, code in texts.items()}
    index = Index(shipped.machine(), shipped.needed(target_cpu), dict(sorted(found.items())))
    return index, {name: place.read_bytes() for name, place in sorted(objects.items())}


def traced(plan: p.Plan) -> list[tuple[list[Picture], list[str]]]:
    """What a run of a plan computes of pixels, as far as that can be told: results together, and their layouts."""
    with realize.recorded() as recorded:
        for flow in (*plan.flows.values(), *plan.tests.values()):
            _Tracer(plan).flow(flow)
    return recorded


def _sizes_read(outputs: Sequence[Picture]) -> tuple[Size, ...]:
    return tuple(Size(node.width, node.height) for node in reference.in_order(*outputs) if node.op == "source")


def forms(outputs: list[Picture], *, alike: bool = False) -> list[list[Picture]]:
    """What kernels are made of: the same for any size; before it just this, where a run is likely to have it and to
    take a while. Where a made-up size decides on how pixels are resampled, a run will have another; and pictures
    with alpha are rare. alike: other sizes have the very same kernel, as those of a picture at half its size."""
    loose = realize.loosened(outputs)
    order = reference.in_order(*outputs)
    small = max(node.width * node.height for node in order) < _SMALL
    made_up: set[int] = set()
    for node in order:
        if isinstance(node.data, MadeUp) or any(id(each) in made_up for each in node.sources):
            made_up.add(id(node))
    sources = [node for node in order if node.op == "source"]
    rare = all(id(node) in made_up for node in sources) and any(node.channels == 4 for node in sources)
    resampled = any(node.op in ("table_x", "table_y") and id(node) in made_up for node in order)
    if small or rare or (resampled and not alike):
        return [loose]
    return [outputs, loose]


class _Tracer:
    """Goes through a plan's steps. What fails with made-up values is passed over: a run will tell."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        self.networks = Networks(plan)
        self.ways: dict[p.Slot, Ways] = {}
        self.named: list[Size] = []
        self.examples: Callable[[t.AnyType], Ways] = partial(_examples, named=[])

    def flow(self, flow: p.Flow) -> None:
        self.named = list(dict.fromkeys(_sizes_in(flow.body)))[:3]
        self.examples = partial(_examples, named=self.named)
        for param in flow.params:
            known = [] if param.required else [p.decode(param.type, param.default)]
            self.ways[param.slot] = [value for value in known if value is not None] or self.examples(param.type)
        for way in self.block(flow.body):
            for clip in _clips(way):
                _write(clip)

    def block(self, block: p.Block) -> Ways:
        for step in block.steps:
            try:
                self.ways[step.out] = self.step(step) or [_UNKNOWN]
            except (OpError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                self.ways[step.out] = [_UNKNOWN]
        return [_UNKNOWN] if block.result is None else self.ways.get(block.result, [_UNKNOWN])

    def step(self, step: p.AnyStep) -> Ways:
        match step:
            case p.Const():
                return [p.decode(step.type, step.value)]
            case p.Call():
                return self.call(step)
            case p.Fused():
                slots = _read(step)
                return self.each(slots, lambda given: run_fused(step, given))
            case p.ModelCall():
                return self.model_call(step)
            case p.FlowCall():
                called = self.plan.flows[step.flow]
                given = {param.slot: self.ways.get(step.args[param.name], [_UNKNOWN]) for param in called.params}
                inner = _Tracer(self.plan)
                inner.named, inner.examples = self.named, self.examples
                inner.ways |= given
                return inner.block(called.body)
            case p.Map():
                items = next((way for way in self.ways.get(step.items, []) if isinstance(way, list) and way), [])
                self.ways[step.item], self.ways[step.index] = items[:1] or [_UNKNOWN], [0]
                return [[way, way] for way in self.block(step.body)]
        made: Ways = []
        for block in regions(step):
            made += self.block(block)
            if isinstance(step, p.Refine):
                self.ways[step.value] = made
        return [way for way in made if way is not _UNKNOWN]

    def call(self, step: p.Call) -> Ways:
        op = registry()[step.op]
        slots = [*step.variadic, *step.args.values()]

        def run(given: Mapping[p.Slot, Any]) -> Any:
            args = widened(op.signature, {name: given[slot] for name, slot in step.args.items()})
            return op.kernel(*(given[slot] for slot in step.variadic), **args)

        if not _is_gone_through(op):
            return self.examples(op.signature.result)
        return self.each(slots, run)

    def each(self, slots: list[p.Slot], run: Callable[[Mapping[p.Slot, Any]], Any]) -> Ways:
        """What is made of each way that the arguments have together; those with fewer ways repeat their last."""
        count = max((len(self.ways.get(slot, [])) for slot in slots), default=1)
        made = []
        for way in range(min(count, 12)):
            values = {slot: self.ways.get(slot, [_UNKNOWN]) for slot in slots}
            given = {slot: known[min(way, len(known) - 1)] for slot, known in values.items()}
            if any(value is _UNKNOWN for value in given.values()):
                continue
            try:
                made.append(self.settled(run(given)))
            except (OpError, OpFailed):
                continue
        return made

    def settled(self, value: Any) -> Any:
        """A value; a picture of a size that the script names is not made up, whatever it is made of."""
        named = isinstance(value, MadeUp) and Size(value.shape[1], value.shape[0]) in self.named
        return value.view(np.ndarray) if named else value

    def model_call(self, step: p.ModelCall) -> Ways:
        lowered = self.networks.lowered(step.model)
        if step.method in ("generate", "denoise") and "size" in step.args:
            known = [size for size in self.ways.get(step.args["size"], []) if isinstance(size, Size)]
        elif lowered is not None and "sample" in lowered.settings:
            known = [Size(lowered.settings["sample"], lowered.settings["sample"])]
        else:
            known = []
        match self.plan.models[step.model].provider, step.method:
            case "diffusion", "denoise":
                return known or list(_SIZES)  # Latents are told by the picture's size.
            case "diffusion", "decode":
                sizes = [way for way in self.ways.get(step.args["latent"], []) if isinstance(way, Size)]
                return [np.zeros((size.height, size.width, 3), np.float32) for size in sizes or _SIZES]
            case "diffusion", "generate":
                return [np.zeros((size.height, size.width, 3), np.float32) for size in known or _SIZES]
            case "scorer", "score" | "compare":
                return [0.5]
            case "scorer", "embed":
                return [[0.0]]
            case "language", "generate":
                return ["text"] if step.as_type is None else self.examples(step.as_type)
        return []


def _is_gone_through(op: Op) -> bool:
    """Whether an op is run with made-up values."""
    return op.pure and (makes_pictures(op) or _names_videos(op) or op.family in ("core", "lists", "numbers"))


def _names_videos(op: Op) -> bool:
    return t.VIDEO in (op.signature.result, *getattr(op.signature.result, "among", ()))


class _Film(Clip):
    """A video that is not there. kind: of the arrays that are its planes."""

    def __init__(
        self, size: Size, seconds: int = _LONG, format: str = "yuv420p", kind: type[np.ndarray[Any, Any]] = MadeUp
    ) -> None:
        layout = Layout(format, *size, 0, yuv.Coding())
        self.planes, self.kind = layout.blanks(), kind
        super().__init__(layout.picture(self.planes), Fraction(30), 30 * seconds)

    def frame(self, index: int, reading: Reading) -> Frame:
        return Frame(self.picture, {node: self._zeros(node) for node in self.planes})

    def _zeros(self, node: Picture) -> Any:
        shape = (node.height, node.width, node.channels)[: 2 if node.channels == 1 else 3]
        return np.zeros(shape, np.uint8).view(self.kind)


def _clips(value: Any) -> Iterator[Clip]:
    """The videos in a value."""
    if isinstance(value, Clip):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _clips(item)


def _write(clip: Clip) -> None:
    """Makes a frame of each kind, as it would be written."""
    places = {*clip.turns(), 1, clip.count // 2}
    with Reading() as reading:
        for place in sorted(places & set(range(clip.count))):
            frame = reading.frame(clip, place)
            Repeated(coded(frame.picture), ["u8"] * 3).run(frame.given)


def _read(step: p.Fused) -> list[p.Slot]:
    made = {part.out for part in step.body.steps}
    calls = [part for part in step.body.steps if isinstance(part, p.Call)]
    read = [slot for part in calls for slot in (*part.args.values(), *part.variadic)]
    return [slot for slot in dict.fromkeys(read) if slot not in made]


def _sizes_in(block: p.Block) -> Iterator[Size]:
    """Sizes that a block names: a picture that has one already is not resized."""
    for step in block.steps:
        if isinstance(step, p.Const) and step.type == t.SIZE and step.value is not None:
            yield Size(*step.value)
        for inner in regions(step):
            yield from _sizes_in(inner)


def _examples(type_: t.AnyType, named: Sequence[Size]) -> Ways:
    """Values of a type. Pictures come in several sizes, those that the script names among them, with and without
    alpha."""
    examples = partial(_examples, named=named)
    match type_:
        case t.ListOf(item):
            return [[value, value] for value in examples(item)]
        case t.Optional(item):
            return examples(item)
        case t.Choice(values):
            return list(values)
        case t.Record(fields):
            return list(_records({name: examples(field) for name, field in fields}))
        case t.Var(_, among) if among:
            return examples(among[0])
    plain: dict[t.AnyType, Any] = {
        t.TEXT: "text", t.INT: 7, t.FLOAT: 0.75, t.BOOL: True, t.DURATION: 1.0, t.SIZE: Size(640, 480),
        t.AUDIO: MediaFile(Path("sound.wav")),
    }  # fmt: skip
    if type_ == t.IMAGE:
        return [picture for channels in (3, 4) for picture in _pictures(named, channels)]
    if type_ == t.VIDEO:
        usual = [_Film(size, kind=np.ndarray) for size in dict.fromkeys((*_FILMS, *named))]
        others = [_Film(size, format=layout) for size in _RARE for layout in _LAYOUTS]
        return [*usual, *others, _Film(_RARE[0], _SHORT)]
    if type_ == t.MASK:
        return _pictures(named)
    return [plain[type_]] if type_ in plain else [_UNKNOWN]


def _pictures(named: Sequence[Size], *channels: int) -> Ways:
    """Pictures of zeros: of made-up sizes, and of those that the script names."""
    made_up = [np.zeros((*reversed(size), *channels), np.float32).view(MadeUp) for size in _SIZES]
    return [*made_up, *(np.zeros((*reversed(size), *channels), np.float32) for size in named)]


def _records(ways: Mapping[str, Ways]) -> Iterator[dict[str, Any]]:
    for way in range(max(map(len, ways.values()), default=0)):
        yield {name: known[min(way, len(known) - 1)] for name, known in ways.items()}
