"""Lowered models, for the tests of them: by their folders."""

from __future__ import annotations

from pathlib import Path

from gflow.compiler.models.lowering import lower
from gflow.runtime.components import Components
from gflow.runtime.engines.base import BatchModel, LoadedModel
from gflow.runtime.engines.onnx import OnnxEngine
from gflow.runtime.plan import Model

STARTER = Path(__file__).parent.parent / "gflow" / "starter"


def load(provider: str, folder: Path, lowered: Path, components: Components | None = None) -> LoadedModel:
    """A lowered model, ready."""
    model = Model(name="m", provider=provider, args={}, folder=str(folder), lowered=str(lowered))
    return OnnxEngine(components or Components()).load(model)


def load_batches(provider: str, folder: Path, lowered: Path) -> BatchModel:
    """The same, for models that take batches."""
    model = load(provider, folder, lowered)
    assert isinstance(model, BatchModel)
    return model


def lowered(provider: str, folder: Path) -> Path:
    """The lowered form of a model, made now; it takes seconds."""
    out = folder.with_name(f"{folder.name}-lowered")
    out.mkdir()
    lower(provider, folder, out)
    return out
