"""Placeholders instead of models: they answer at once, always alike, with a value of the right type and size.

For trying a script and testing its flows without weights. Nothing here looks at what a prompt means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gflow.kernels import types as t
from gflow.kernels.noise import Key
from gflow.kernels.pixels import checked_size
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.errors import OpFailed
from gflow.runtime.plan import Model

_LIST_LENGTH = 3
_VECTOR_LENGTH = 64


class StandInEngine:
    """Loads nothing."""

    name = "stand-in"

    def load(self, model: Model) -> LoadedModel:
        return _StandIn(model.name, model.provider)


class _StandIn:
    """A model that answers by the hash of what it is asked."""

    def __init__(self, model: str, provider: str) -> None:
        self.model = model
        self.provider = provider

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: t.AnyType | None,
        context: CallContext,
    ) -> Any:
        context.check()
        seed = _digest(self.model, method, args, key)
        match self.provider, method:
            case "diffusion", "generate":
                if args["guidance_scale"] <= 1:
                    args = {**args, "negative_prompt": ""}  # Without guidance, it is not read.
                return _picture(args, _digest(self.model, method, args, key))
            # What stages hand on is what they were given, so that all of them together are the whole method.
            case "diffusion", "encode_text" | "encode_image":
                return dict(args)
            case "diffusion", "denoise":
                return {"args": dict(args), "key": key}
            case "diffusion", "decode":
                return self._decoded(args, context)
            case "language", "generate":
                return _value(as_type or t.TEXT, str(args["prompt"]), seed)
            case "scorer", "score":
                vectors = {
                    name: self.call(
                        "embed",
                        {"text": None, "image": None, name: args[name]},
                        key=None,
                        as_type=None,
                        context=context,
                    )
                    for name in ("image", "text")
                }
                return self.call("compare", vectors, key=None, as_type=None, context=context)
            case "scorer", "compare":
                return round(seed % 10_001 / 10_000, 4)
            case "scorer", "embed":
                if (args["text"] is None) == (args["image"] is None):
                    raise OpFailed("`embed` takes either a text or an image")
                vector = np.random.Philox(key=seed).random_raw(_VECTOR_LENGTH) / 2.0**63 - 1.0
                return [float(number) for number in vector / np.linalg.norm(vector)]
        raise NotImplementedError(f"no stand-in for {self.provider}.{method}")

    def _decoded(self, args: Mapping[str, Any], context: CallContext) -> Any:
        """What `generate` gives for the arguments that came through the stages."""
        loop = args["latent"]["args"]
        negative = loop["negative_prompt"]
        start = loop["image"] or {"image": None}
        whole = {
            **loop,
            "prompt": loop["prompt"]["text"],
            "negative_prompt": "" if negative is None else negative["text"],
            "image": start["image"],
        }
        return self.call("generate", whole, key=args["latent"]["key"], as_type=None, context=context)


def _digest(model: str, method: str, args: Mapping[str, Any], key: Key | None) -> int:
    """128 bits that depend on everything a call is given."""
    digest = hashlib.blake2b(f"{model}.{method}".encode(), digest_size=16)
    for name, value in sorted(args.items()):
        digest.update(name.encode())
        digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    digest.update(b"" if key is None else key.bits.to_bytes(16, "little"))
    return int.from_bytes(digest.digest(), "little")


def _picture(args: Mapping[str, Any], seed: int) -> t.Image:
    """A card of the asked size: one colour, shaded from corner to corner, with a darker frame."""
    image = args["image"]
    size = args["size"] or (t.Size(image.shape[1], image.shape[0]) if image is not None else t.Size(512, 512))
    checked_size("generate", *size)
    colour = np.array([seed >> shift & 255 for shift in (0, 8, 16)], np.float32) / 255
    across = np.linspace(0, 1, size.width, dtype=np.float32)[None, :, None]
    down = np.linspace(0, 1, size.height, dtype=np.float32)[:, None, None]
    card = colour * (0.6 + 0.2 * (across + down))
    edge = max(1, min(size) // 16)
    card[:edge] *= 0.5
    card[-edge:] *= 0.5
    card[:, :edge] *= 0.5
    card[:, -edge:] *= 0.5
    return card.astype(np.float32)


def _value(type_: t.AnyType, prompt: str, seed: int) -> Any:
    """A value of the type; texts mention the prompt's first words."""
    match type_:
        case t.Scalar("text"):
            return f"stand-in {seed % 1000:03} for: {' '.join(prompt.split()[:6])}"
        case t.Scalar("int"):
            return seed % 10
        case t.Scalar("float" | "duration"):
            return seed % 100 / 100
        case t.Scalar("bool"):
            return seed % 2 == 1
        case t.Scalar("size"):
            return t.Size(64, 64)
        case t.Choice(values):
            return values[seed % len(values)]
        case t.Optional(item):
            return _value(item, prompt, seed)
        case t.ListOf(item):
            return [_value(item, prompt, seed + index) for index in range(_LIST_LENGTH)]
        case t.Record(fields):
            return {name: _value(field, prompt, seed + index) for index, (name, field) in enumerate(fields)}
    raise OpFailed(f"a language model can't answer with a value of type `{type_}`")
