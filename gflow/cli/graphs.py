"""Graphs of flows: nodes are calls, boxes around them are loops and branches, arrows are values."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gflow.kernels.core import show
from gflow.runtime import plan as p


@dataclass
class Node:
    id: str
    label: str
    kind: str = "op"


@dataclass
class Group:
    """A flow, a loop or a branch, with what is inside."""

    id: str
    label: str
    nodes: list[Node | Group] = field(default_factory=list)


@dataclass
class Graph:
    groups: list[Group] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)


def graph(flows: Iterable[p.Flow]) -> Graph:
    """The graph of some flows."""
    result = Graph()
    for number, flow in enumerate(flows):
        result.groups.append(_Flow(f"f{number}", result).built(flow))
    return result


class _Flow:
    """Walks one flow; `made` tells which node gives each slot its value."""

    def __init__(self, prefix: str, result: Graph) -> None:
        self.prefix = prefix
        self.result = result
        self.made: dict[p.Slot, str] = {}
        self.consts: dict[p.Slot, str] = {}
        self.count = 0

    def built(self, flow: p.Flow) -> Group:
        group = Group(self.prefix, f"{flow.name}")
        for param in flow.params:
            group.nodes.append(self.node(_short(f"{param.name}: {param.type}"), "param", param.slot, ()))
        self.block(flow.body, group)
        if flow.body.result is not None:
            group.nodes.append(self.node("result", "result", None, (flow.body.result,)))
        return group

    def node(self, label: str, kind: str, out: p.Slot | None, uses: Iterable[p.Slot | None]) -> Node:
        self.count += 1
        made = Node(f"{self.prefix}n{self.count}", label, kind)
        for slot in uses:
            if slot in self.made:
                edge = (self.made[slot], made.id)
                if edge not in self.result.edges:
                    self.result.edges.append(edge)
        if out is not None:
            self.made[out] = made.id
        return made

    def block(self, block: p.Block, group: Group) -> None:
        for step in block.steps:
            self.step(step, group)

    def step(self, step: p.AnyStep, group: Group) -> None:
        match step:
            case p.Const():
                self.consts[step.out] = show(p.decode(step.type, step.value)) or '""'
            case p.Derive() | p.Expect():
                pass
            case p.Call():
                label = _NAMES.get(step.op, step.op)
                group.nodes.append(self.call(label, "op", step.out, step.args, step.variadic))
            case p.ExternCall():
                group.nodes.append(self.call(step.extern, "extern", step.out, step.args))
            case p.ModelCall():
                made = self.call(f"{step.model}.{step.method}", "model", step.out, step.args)
                if max(step.batch) > 1:
                    made.label += f"\nin batches of up to {max(step.batch)}"
                group.nodes.append(made)
            case p.FlowCall():
                group.nodes.append(self.call(step.flow, "flow", step.out, step.args))
            case _:
                self.nested(step, group)

    def call(
        self, label: str, kind: str, out: p.Slot, args: dict[str, p.Slot], further: Iterable[p.Slot] = ()
    ) -> Node:
        known = [f"{name}: {self.consts[slot]}" for name, slot in args.items() if slot in self.consts]
        return self.node("\n".join([label, *map(_short, known)]), kind, out, [*args.values(), *further])

    def nested(self, step: p.Map | p.If | p.Match | p.Refine | p.Try | p.Fused, group: Group) -> None:
        """A loop or a branch: a box; its result comes from what its blocks give."""
        self.count += 1
        label = _BOXES[type(step)]
        if isinstance(step, p.Map | p.Refine) and step.together > 1:
            label += f", up to {step.together} at once"
        box = Group(f"{self.prefix}g{self.count}", label)
        if inputs := _inputs(step):
            head = self.node(_BOXES[type(step)], "control", None, inputs)
            box.nodes.append(head)
            for slot in _bound(step):
                self.made[slot] = head.id
        results = []
        for block in _blocks(step):
            self.block(block, box)
            results.append(block.result)
        if isinstance(step, p.Fused) and results[0] in self.made:
            self.made[step.out] = self.made[results[0]]
        else:
            box.nodes.append(self.node("yield", "control", step.out, results))
        group.nodes.append(box)


def _short(line: str) -> str:
    return line if len(line) < 40 else line[:37] + "…"


_BOXES: dict[type[p.Step], str] = {
    p.Map: "for each",
    p.If: "if",
    p.Match: "match",
    p.Refine: "refine",
    p.Try: "try",
    p.Fused: "one kernel",
}

_NAMES = {"[]": "list", "{}": "record", ".": "field", "index": "item", "..": "range"}


def _inputs(step: p.AnyStep) -> list[p.Slot | None]:
    match step:
        case p.Map():
            return [step.items]
        case p.If():
            return [step.condition]
        case p.Match():
            return [step.subject]
        case p.Refine():
            return [step.limit, step.start]
        case _:
            return []


def _bound(step: p.AnyStep) -> list[p.Slot]:
    match step:
        case p.Map():
            return [step.item, step.index]
        case p.Refine():
            return [step.value]
        case _:
            return []


def _blocks(step: p.AnyStep) -> Iterator[p.Block]:
    found: list[p.Block | None] = []
    match step:
        case p.Map():
            found = [step.body]
        case p.If():
            found = [step.then, step.orelse]
        case p.Match():
            found = [*(case.body for case in step.cases), step.default]
        case p.Refine():
            found = [step.body, step.until, step.keep_by, step.orelse]
        case p.Try():
            found = [step.body, step.orelse]
        case p.Fused():
            found = [step.body]
    return (block for block in found if block is not None)


def mermaid(flows: Iterable[p.Flow]) -> str:
    """A Mermaid flowchart (https://mermaid.js.org)."""
    made = graph(flows)
    lines = ["flowchart TD"]
    shapes = {"model": ('[["', '"]]'), "param": ('(["', '"])'), "result": ('(["', '"])')}

    def quoted(text: str) -> str:
        return html.escape(text).replace("\n", "<br>")

    def draw(item: Node | Group, depth: int) -> None:
        pad = "  " * depth
        if isinstance(item, Node):
            left, right = shapes.get(item.kind, ('["', '"]'))
            lines.append(f"{pad}{item.id}{left}{quoted(item.label)}{right}")
            return
        lines.append(f'{pad}subgraph {item.id}["{quoted(item.label)}"]')
        for inner in item.nodes:
            draw(inner, depth + 1)
        lines.append(f"{pad}end")

    for group in made.groups:
        draw(group, 1)
    lines += [f"  {source} --> {target}" for source, target in made.edges]
    return "\n".join(lines)


def dot(flows: Iterable[p.Flow]) -> str:
    """A graph for Graphviz (https://graphviz.org)."""
    made = graph(flows)
    lines = ["digraph gflow {", "  node [shape=box, fontname=sans];", "  compound=true;"]
    shapes = {"model": "box3d", "param": "ellipse", "result": "ellipse", "control": "diamond"}

    def quoted(text: str) -> str:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'

    def draw(item: Node | Group, depth: int) -> None:
        pad = "  " * depth
        if isinstance(item, Node):
            lines.append(f"{pad}{item.id} [label={quoted(item.label)}, shape={shapes.get(item.kind, 'box')}];")
            return
        lines.append(f"{pad}subgraph cluster_{item.id} {{")
        lines.append(f"{pad}  label={quoted(item.label)};")
        for inner in item.nodes:
            draw(inner, depth + 1)
        lines.append(f"{pad}}}")

    for group in made.groups:
        draw(group, 1)
    lines += [f"  {source} -> {target};" for source, target in made.edges]
    return "\n".join([*lines, "}"])
