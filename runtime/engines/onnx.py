"""The onnx engine: lowered models on ONNX Runtime. Neither torch nor diffusers is needed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gflow.runtime.components import Components
from gflow.runtime.engines.base import LoadedModel
from gflow.runtime.errors import ModelMissing
from gflow.runtime.lowered import read
from gflow.runtime.plan import Model


class OnnxEngine:
    """Loads the lowered forms of models."""

    name = "onnx"

    def __init__(self, components: Components) -> None:
        self.components = components

    def load(self, model: Model) -> LoadedModel:
        """Raises ModelMissing where the lowered form is not what it should be."""
        assert model.lowered is not None
        bundle = self.components.bundle
        folder = Path(model.lowered) if bundle is None else bundle.folder(model.lowered)
        try:
            lowered = read(folder)
        except (OSError, msgspec.MsgspecError) as error:
            raise ModelMissing(f"the lowered form of `{model.name}` can't be read: {error}") from error
        match model.provider:
            case "diffusion":
                from gflow.runtime.engines import onnx_diffusion

                return onnx_diffusion.load(folder, lowered, self.components)
            case "language":
                from gflow.runtime.engines import onnx_language

                return onnx_language.load(folder, lowered, self.components)
            case "scorer":
                from gflow.runtime.engines import onnx_scorer

                return onnx_scorer.load(folder, lowered, self.components)
        raise ModelMissing(f"the onnx engine has no provider `{model.provider}`", place=model.place)
