"""From the IR to the plan: every value gets a slot, every op becomes a step."""

from __future__ import annotations

import json
from collections.abc import Iterable

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, Region, SSAValue

from gflow.compiler import dialect as d
from gflow.runtime import plan as p


def lower(module: ModuleOp, *, script: str, main: str | None) -> p.Plan:
    """The plan of a verified module. `main` is the flow that runs when none is named."""
    models: dict[str, p.Model] = {}
    externs: dict[str, p.Extern] = {}
    flows: dict[str, p.Flow] = {}
    tests: dict[str, p.Flow] = {}
    for op in module.ops:
        match op:
            case d.ModelOp():
                models[op.sym_name.data] = p.Model(
                    name=op.sym_name.data,
                    provider=op.provider.data,
                    args=json.loads(op.args.data),
                    folder=op.folder.data if op.folder else None,
                    loras=json.loads(op.loras.data) if op.loras else {},
                    lowered=op.lowered.data if op.lowered else None,
                    place=op.place,
                )
            case d.ExternOp():
                externs[op.sym_name.data] = p.Extern(
                    name=op.sym_name.data,
                    path=op.path.data,
                    function=op.function.data,
                    result=op.result_type.data,
                    pure=op.pure.data == "true",
                )
            case d.FlowOp():
                (tests if op.kind.data == "test" else flows)[op.title] = _Flow(op).lowered()
    return p.Plan(script=script, models=models, externs=externs, flows=flows, tests=tests, main=main)


class _Flow:
    """Lowers one flow; slots count up from 0 in the order the values are defined."""

    def __init__(self, op: d.FlowOp) -> None:
        self.op = op
        self.slots: dict[SSAValue, p.Slot] = {}
        self.count = 0

    def lowered(self) -> p.Flow:
        op, block = self.op, self.op.body.block
        for arg in block.args:
            self.slot(arg)
        params = []
        for name, options, arg in zip(op.params, op.options, block.args, strict=False):
            given = json.loads(options.data)
            params.append(p.Param(name=name.data, type=d.type_of(arg), slot=self.slots[arg], **given))
        return p.Flow(
            name=op.title.rpartition(".")[2] if op.kind.data == "flow" else op.title,
            params=params,
            key=self.slots[block.args[-1]],
            body=self.block(block),
            result=op.result_type.data if op.result_type else None,
            doc=op.doc.data,
        )

    def slot(self, value: SSAValue) -> p.Slot:
        """The slot of a value, a new one where it has none yet."""
        if value not in self.slots:
            self.slots[value] = self.fresh()
        return self.slots[value]

    def fresh(self) -> p.Slot:
        """A new slot, which nobody reads where no value has it."""
        self.count += 1
        return self.count - 1

    def some(self, value: SSAValue | None) -> p.Slot | None:
        return None if value is None else self.slots[value]

    def block(self, block: Block) -> p.Block:
        for arg in block.args:
            self.slot(arg)
        steps = [self.step(op) for op in block.ops if not isinstance(op, d.YieldOp)]
        end = block.last_op
        return p.Block(steps, self.some(end.value) if isinstance(end, d.YieldOp) else None)

    def region(self, region: Region | None) -> p.Block | None:
        return None if region is None else self.block(region.block)

    def step(self, op: Operation) -> p.AnyStep:
        match op:
            case d.ConstOp():
                type_ = d.type_of(op.result)
                return p.Const(
                    out=self.slot(op.result), place=op.place, type=type_, value=json.loads(op.value.data)
                )
            case d.CallOp():
                return self.call(op)
            case d.DeriveOp():
                key = self.slots[op.key]
                return p.Derive(out=self.slot(op.result), place=op.place, key=key, name=op.part.data)
            case d.MapOp():
                return self.map(op)
            case d.IfOp():
                then, orelse = self.block(op.then.block), self.block(op.orelse.block)
                out = self.slot(op.result)
                return p.If(out=out, place=op.place, condition=self.slots[op.condition], then=then, orelse=orelse)
            case d.MatchOp():
                return self.match(op)
            case d.RefineOp():
                return self.refine(op)
            case d.TryOp():
                return p.Try(
                    out=self.slot(op.result),
                    place=op.place,
                    body=self.block(op.body.block),
                    retry=self.some(op.retry),
                    backoff=self.some(op.backoff),
                    timeout=self.some(op.timeout),
                    orelse=self.region(op.orelse),
                )
            case d.FusedOp():
                body = self.block(op.body.block)
                return p.Fused(out=self.slot(op.result), place=op.place, body=body, title=op.title.data)
            case d.ExpectOp():
                shown = {name.data: self.slots[value] for name, value in zip(op.names, op.shown, strict=True)}
                condition = self.slots[op.condition]
                return p.Expect(
                    out=self.fresh(), place=op.place, condition=condition, text=op.text.data, shown=shown
                )
        raise TypeError(f"{op.name} has no step in the plan")

    def call(self, op: d.CallOp) -> p.AnyStep:
        out, place = self.slot(op.result), op.place
        slots = [self.slots[arg] for arg in op.args]
        args = {name.data: slot for name, slot in zip(op.names, slots, strict=False)}
        variadic = slots[len(args) :]
        key = args.pop("@key", None)
        callee = op.callee.data
        match op.kind.data:
            case "op":
                return p.Call(out=out, place=place, op=callee, args=args, variadic=variadic)
            case "extern":
                return p.ExternCall(out=out, place=place, extern=callee, args=args)
            case "flow":
                assert key is not None
                return p.FlowCall(out=out, place=place, flow=callee, args=args, key=key)
            case _:
                model, _, method = callee.rpartition(".")
                as_type = op.as_type.data if op.as_type else None
                return p.ModelCall(
                    out=out,
                    place=place,
                    model=model,
                    method=method,
                    args=args,
                    key=key,
                    as_type=as_type,
                    batch=tuple(map(int, op.batch.data.split())) if op.batch else (1,),
                )

    def map(self, op: d.MapOp) -> p.Map:
        item, index, item_key = (self.slot(arg) for arg in op.body.block.args)
        return p.Map(
            items=self.slots[op.items],
            item=item,
            index=index,
            key=self.slots[op.key],
            item_key=item_key,
            body=self.block(op.body.block),
            together=op.together.data if op.together else 1,
            out=self.slot(op.result),
            place=op.place,
        )

    def match(self, op: d.MatchOp) -> p.Match:
        blocks = [self.block(region.block) for region in op.arms]
        values = [json.loads(case.data) for case in op.cases]
        return p.Match(
            subject=self.slots[op.subject],
            cases=[p.Case(value, block) for value, block in zip(values, blocks, strict=False)],
            default=blocks[len(values)] if len(blocks) > len(values) else None,
            out=self.slot(op.result),
            place=op.place,
        )

    def refine(self, op: d.RefineOp) -> p.Refine:
        value, attempt_key = (self.slot(arg) for arg in op.body.block.args)
        # The body, `until` and `keep_by` read the attempt's value in one slot.
        for judge in _present((op.until, op.keep_by)):
            self.slots[judge.block.args[0]] = value
        return p.Refine(
            limit=self.slots[op.limit],
            start=self.some(op.start),
            value=value,
            key=self.slots[op.key],
            attempt_key=attempt_key,
            body=self.block(op.body.block),
            until=self.block(op.until.block),
            keep_by=self.region(op.keep_by),
            orelse=self.region(op.orelse),
            together=op.together.data if op.together else 1,
            out=self.slot(op.result),
            place=op.place,
        )


def _present(regions: Iterable[Region | None]) -> list[Region]:
    return [region for region in regions if region is not None]
