"""Methods become the stages that they are made of, so that texts are read once, and batches form at the loop."""

from __future__ import annotations

import json
from typing import ClassVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Operation, SSAValue

from gflow.compiler import dialect as d
from gflow.compiler.passes import Pass, Target, counted, models
from gflow.kernels import types as t
from gflow.kernels.models import providers

#: What `denoise` takes of what `generate` is given.
_LOOP = ("size", "steps", "guidance_scale", "mask", "strength", "seed", "seed_like")


class Expand(Pass):
    """Methods become their stages; a call with a seed of its own needs no key."""

    name: ClassVar[str] = "expand"

    def apply(self, module: ModuleOp, target: Target) -> list[str]:
        declared = models(module)
        expanded = 0
        for call in [op for op in module.walk() if isinstance(op, d.CallOp) and op.kind.data == "method"]:
            model, _, method = call.callee.data.rpartition(".")
            provider = declared[model].provider.data
            call = _without_key(call, provider, method)
            if declared[model].lowered is None and not target.staged:
                continue
            match provider, method:
                case "diffusion", "generate":
                    expanded += _generate(call, model)
                case "scorer", "score":
                    expanded += _score(call, model)
        return [f"{counted(expanded, 'call')} of models became their stages"] if expanded else []


def _arguments(call: d.CallOp) -> dict[str, SSAValue]:
    return {name.data: value for name, value in zip(call.names, call.args, strict=True)}


def _without_key(call: d.CallOp, provider: str, method: str) -> d.CallOp:
    """An explicit seed is the whole key: the same call is the same wherever it stands."""
    given = _arguments(call)
    seeded = "seed" in given and d.type_of(given["seed"]) == t.INT
    if not seeded or "@key" not in given or not providers()[provider].methods[method].random:
        return call
    del given["@key"]
    as_type = call.as_type.data if call.as_type else None
    made = d.call("method", call.callee.data, given, d.type_of(call.result), as_type=as_type)
    return _replaced(call, [made])


def _replaced(call: d.CallOp, made: list[d.CallOp]) -> d.CallOp:
    """Puts ops in the place of a call; the last one gives its value."""
    block, last = call.parent, made[-1]
    assert block is not None
    for op in made:
        op.location = call.location
        block.insert_op_before(op, call)
    d.replace(call, last.result)
    return last


def _score(call: d.CallOp, model: str) -> bool:
    given = _arguments(call)
    vectors = {
        name: d.call("method", f"{model}.embed", {name: given[name]}, t.ListOf(t.FLOAT))
        for name in ("image", "text")
    }
    compared = d.call(
        "method", f"{model}.compare", {name: op.result for name, op in vectors.items()}, d.type_of(call.result)
    )
    _replaced(call, [*vectors.values(), compared])
    return True


def _generate(call: d.CallOp, model: str) -> bool:
    given = _arguments(call)
    if any(isinstance(d.type_of(given[name]), t.Optional) for name in ("image", "mask") if name in given):
        # Whether there is a picture to start from shows when it runs.
        return False
    made: list[d.CallOp] = []

    def stage(name: str, args: dict[str, SSAValue], result: t.AnyType, key: SSAValue | None = None) -> SSAValue:
        made.append(d.call("method", f"{model}.{name}", args, result, key=key))
        return made[-1].result

    loop = {"prompt": stage("encode_text", {"text": given["prompt"]}, t.CONDITIONING)}
    extra: list[Operation] = []
    if _guided(given.get("guidance_scale")):
        negative = given.get("negative_prompt")
        if negative is None:
            nothing = d.const("", t.TEXT)
            extra.append(nothing)
            negative = nothing.result
        loop["negative_prompt"] = stage("encode_text", {"text": negative}, t.CONDITIONING)
    loop |= {name: given[name] for name in _LOOP if name in given}
    pictures: dict[str, SSAValue] = {name: given[name] for name in ("image", "mask") if name in given}
    if "image" in given:
        encoded = pictures | ({"size": given["size"]} if "size" in given else {})
        loop["image"] = stage("encode_image", encoded, t.LATENT)
    elif "mask" in given:
        return False  # The engine says what is missing.
    latent = stage("denoise", loop, t.LATENT, given.get("@key"))
    stage("decode", {"latent": latent, **pictures}, d.type_of(call.result))
    block = call.parent
    assert block is not None
    for op in extra:
        op.location = call.location
        block.insert_op_before(op, call)
    _replaced(call, made)
    return True


def _guided(scale: SSAValue | None) -> bool:
    """Whether guidance takes a negative prompt: unless its scale is known to be 1 or less."""
    if scale is None or not isinstance(scale.owner, d.ConstOp):
        return True
    return bool(json.loads(scale.owner.value.data) > 1)
