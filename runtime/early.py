"""Pictures of a result, encoded beside the run: each as soon as it is there, while others are being made."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gflow.kernels import types as t
from gflow.kernels.pixel.device import DeviceArray
from gflow.kernels.threads import cores
from gflow.runtime import outputs
from gflow.runtime import plan as p
from gflow.runtime.blocks import Analysis, Node, regions
from gflow.runtime.png import Compressed


class Encoder:
    """Takes the place of a result's pictures: `with Encoder() as finish: executor.run(flow, args, finish=finish)`.
    What it gives, `gflow.runtime.outputs.write` waits for. A picture is let go once it is encoded."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(cores(), "encode")

    def __enter__(self) -> Encoder:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __call__(self, picture: t.Array | DeviceArray) -> Future[Compressed]:
        return self._pool.submit(outputs.compressed, picture)


def pictures(analysis: Analysis, flow: p.Flow) -> frozenset[Node]:
    """The steps that make pictures of a flow's result which nothing else reads."""
    found = set[Node]()
    todo: list[tuple[p.Block, p.Slot | None, Any]] = [(flow.body, flow.body.result, flow.result)]
    while todo:
        block, slot, type_ = todo.pop()
        body = analysis.body(block)
        if slot not in body.by_slot or body.uses[slot] > 1:
            continue
        node, type_ = body.by_slot[slot], type_.item if isinstance(type_, t.Optional) else type_
        match node.step:
            case p.Call(op="{}") as step if isinstance(type_, t.Record):
                todo += [(block, step.args[name], field) for name, field in type_.fields]
            case p.Call(op="[]") as step if isinstance(type_, t.ListOf):
                todo += [(block, each, type_.item) for each in step.variadic]
            case p.Map() as step if isinstance(type_, t.ListOf):
                todo.append((step.body, step.body.result, type_.item))
            case p.If() | p.Match() | p.Try() as step:
                todo += [(inner, inner.result, type_) for inner in regions(step)]
            case _ if type_ in (t.IMAGE, t.MASK):
                found.add(node)
    return frozenset(found)
