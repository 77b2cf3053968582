"""Calls of the torch engine, for the tests of it: models by their folders, arguments with defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gflow.kernels import noise
from gflow.kernels import types as t
from gflow.kernels.noise import Key
from gflow.runtime.engines.base import CallContext, LoadedModel
from gflow.runtime.engines.torch import TorchEngine
from gflow.runtime.plan import Model

KEY = noise.root(7).derive("poster").derive("images")
PAINT: dict[str, Any] = {
    "prompt": "a red dot",
    "negative_prompt": "",
    "size": None,
    "steps": 3,
    "guidance_scale": 4.0,
    "image": None,
    "mask": None,
    "strength": 0.6,
    "seed": None,
    "seed_like": "gflow",
}
WRITE: dict[str, Any] = {
    "prompt": "Describe",
    "max_tokens": 12,
    "temperature": 0.7,
    "top_p": 0.9,
    "system": "",
    "seed": None,
}
FORM = t.Record(
    (
        ("colour", t.Choice(("red", "blue"))),
        ("n", t.INT),
        ("x", t.FLOAT),
        ("ok", t.BOOL),
        ("notes", t.ListOf(t.TEXT)),
        ("more", t.Optional(t.TEXT)),
        ("less", t.Optional(t.INT)),
    )
)
FILLED = {"colour": "blue", "n": -42, "x": 3.25, "ok": True, "notes": ["a b", "it's"], "more": None, "less": 0}


def load(provider: str, folder: Path) -> LoadedModel:
    return TorchEngine().load(Model(name="m", provider=provider, args={"source": str(folder)}, folder=str(folder)))


def paint(model: LoadedModel, key: Key = KEY, context: CallContext | None = None, **args: Any) -> Any:
    context = context or CallContext()
    return model.call("generate", PAINT | args, key=key, as_type=None, context=context)


def write(model: LoadedModel, key: Key = KEY, as_type: t.AnyType | None = None, **args: Any) -> Any:
    return model.call("generate", WRITE | args, key=key, as_type=as_type, context=CallContext())


def picture(height: int = 32, width: int = 32, channels: int = 3) -> Any:
    return np.random.default_rng(3).random((height, width, channels), dtype=np.float32)


def warnings_of(model: LoadedModel, method: str, args: dict[str, Any]) -> list[str]:
    said: list[str] = []
    model.call(method, args, key=KEY, as_type=None, context=CallContext(warn=said.append))
    return said
