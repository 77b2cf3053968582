"""The torch engine: diffusers and transformers as they are. It is the reference for every other engine, and
runs what no other can. On the CPU everything is float32.

Only files of this folder whose names start with `torch` import torch, and they are imported when a model is
loaded.
"""

from __future__ import annotations

from gflow.runtime.engines.base import LoadedModel
from gflow.runtime.errors import ModelMissing
from gflow.runtime.plan import Model


class TorchEngine:
    """Loads `diffusion`, `language` and `scorer` models: folders in the layouts of diffusers and transformers,
    single `.safetensors` files, and names on the hub (downloaded if need be). Pickled weights and remote code
    are never loaded."""

    name = "torch"

    def load(self, model: Model) -> LoadedModel:
        """Raises ModelMissing where the files are not a model of that provider, or a package is missing."""
        try:
            match model.provider:
                case "diffusion":
                    from gflow.runtime.engines import torch_diffusion

                    return torch_diffusion.load(model)
                case "language":
                    from gflow.runtime.engines import torch_language

                    return torch_language.load(model)
                case "scorer":
                    from gflow.runtime.engines import torch_scorer

                    return torch_scorer.load(model)
        except ImportError as error:
            raise ModelMissing(
                f"the model `{model.name}` needs the package `{error.name}`",
                help='install it with `pip install "gflow[models]"`',
                place=model.place,
            ) from error
        raise ModelMissing(f"the torch engine has no provider `{model.provider}`", place=model.place)
