"""Scorers by transformers' CLIPModel (Radford et al. 2021)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType, Array
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.scoring import DEFAULT_CALIBRATION, complete, prepare, score
from gflow.runtime.engines.torch_diffusion import cut_text
from gflow.runtime.engines.torch_setup import device, loading, running, source
from gflow.runtime.errors import ModelMissing, OpFailed
from gflow.runtime.plan import Model


def load(model: Model) -> ScorerModel:
    """Raises ModelMissing."""
    with loading(model, "transformers"):
        from transformers import AutoTokenizer, CLIPModel

        place, local = source(model)
        network, report = CLIPModel.from_pretrained(
            place, local_files_only=local, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        if report["missing_keys"]:
            missing = sorted(report["missing_keys"])[0]
            raise ModelMissing(f"the weights of `{model.name}` lack `{missing}`", place=model.place)
        return ScorerModel(
            network.to(device()).eval(),
            AutoTokenizer.from_pretrained(place, local_files_only=local),
            _settings(place, local, "preprocessor_config.json", "processor_config.json"),
            _settings(place, local, "calibration.json") or DEFAULT_CALIBRATION,
        )


def _settings(place: str, local: bool, *names: str) -> dict[str, Any]:
    """The first of these JSON files that the model has, else nothing."""
    from transformers.utils import cached_file

    for name in names:
        found = cached_file(place, name, local_files_only=local, _raise_exceptions_for_missing_entries=False)
        if found:
            settings: dict[str, Any] = json.loads(Path(found).read_text(encoding="utf-8"))
            inner: dict[str, Any] = settings.get("image_processor", settings)
            return inner
    return {}


class ScorerModel:
    """A CLIP model, its tokenizer, how it wants its pictures, and its calibration."""

    def __init__(
        self, network: Any, tokenizer: Any, processor: dict[str, Any], calibration: dict[str, float]
    ) -> None:
        self.network, self.tokenizer, self.calibration = network, tokenizer, calibration
        self.processor = complete(processor, network.config.vision_config.image_size)

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """See `gflow.kernels.models.scorer`: `score` gives a float, `embed` a list of floats."""
        context.check()
        with running("transformers"):
            if method == "score":
                return self._score(args["image"], args["text"], context)
            if method == "compare":
                return score(args["image"], args["text"], self.calibration)
            text, image = args["text"], args["image"]
            if (text is None) == (image is None):
                raise OpFailed("embed takes a text or an image: give one of the two")
            vector = self._text(text, context) if text is not None else self._picture(image)
            return [float(value) for value in vector]

    def _score(self, image: Array, text: str, context: CallContext) -> float:
        return score(self._picture(image), self._text(text, context), self.calibration)

    def _text(self, text: str, context: CallContext) -> Any:
        cut, limit = cut_text(self.tokenizer, text, self.network.config.text_config.max_position_embeddings)
        if cut:
            context.warn(f"the text is longer than the {limit} tokens this model reads; cut: “{cut}”")
        given = self.tokenizer(text, truncation=True, max_length=limit, return_tensors="pt").to(device())
        read = self.network.text_model(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
        return _unit(self.network.text_projection(read.pooler_output))

    def _picture(self, image: Array) -> Any:
        pixels = torch.from_numpy(prepare(image, self.processor)[None]).to(device())
        seen = self.network.vision_model(pixel_values=pixels)
        return _unit(self.network.visual_projection(seen.pooler_output))


def _unit(vector: torch.Tensor) -> Any:
    found = vector[0].double().cpu().numpy()
    return found / np.linalg.norm(found)
