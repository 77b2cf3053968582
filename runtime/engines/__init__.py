"""Engines, one file each: load a model, call its methods."""

from __future__ import annotations

from gflow.runtime.components import Components
from gflow.runtime.engines.base import Engine
from gflow.runtime.errors import ModelMissing
from gflow.runtime.plan import Model


def choose(model: Model, components: Components, *, stand_ins: bool) -> Engine:
    """The engine that runs a model. Engines are imported when they are needed, as they are heavy. `components`
    holds the networks that lowered models share.

    Raises ModelMissing where what the engine needs is not installed."""
    if stand_ins:
        from gflow.runtime.engines.standin import StandInEngine

        return StandInEngine()
    if model.args.get("endpoint") is not None:
        from gflow.runtime.engines.openai import OpenAIEngine

        return OpenAIEngine()
    if model.lowered is not None:
        from gflow.runtime.engines.onnx import OnnxEngine

        return OnnxEngine(components)
    try:
        from gflow.runtime.engines.torch import TorchEngine
    except ImportError as error:
        if (error.name or "gflow").partition(".")[0] == "gflow":
            raise
        raise ModelMissing(
            f"the model `{model.name}` needs {error.name}, which is not installed",
            help="pip install 'gflow[models]'",
            place=model.place,
        ) from error
    return TorchEngine()
