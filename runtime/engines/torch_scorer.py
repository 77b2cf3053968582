"""Scorers by transformers' CLIPModel (Radford et al. 2021)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as PillowImage

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType, Array
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.torch_diffusion import cut_text
from gflow.runtime.engines.torch_setup import device, loading, running, source
from gflow.runtime.errors import ModelMissing, OpFailed
from gflow.runtime.plan import Model

# For models that bring no `calibration.json`: the published CLIP models give about 0.3 to a picture and its
# caption and 0.15 to a picture and a stranger's, so 0.2 is put in the middle. It is not calibrated.
DEFAULT_CALIBRATION = {"scale": 25.0, "bias": -5.0}


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
        side = network.config.vision_config.image_size
        # What a model's settings leave out is as in the first CLIP.
        own = {
            "size": {"shortest_edge": side},
            "crop_size": {"height": side, "width": side},
            "image_mean": [0.48145466, 0.4578275, 0.40821073],
            "image_std": [0.26862954, 0.26130258, 0.27577711],
        }
        self.processor = own | processor

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
            text, image = args["text"], args["image"]
            if (text is None) == (image is None):
                raise OpFailed("embed takes a text or an image: give one of the two")
            vector = self._text(text, context) if text is not None else self._picture(image)
            return [float(value) for value in vector]

    def _score(self, image: Array, text: str, context: CallContext) -> float:
        cosine = float(self._picture(image) @ self._text(text, context))
        logit = self.calibration["scale"] * cosine + self.calibration["bias"]
        return round(1 / (1 + math.exp(-logit)) if logit > -700 else 0.0, 4)

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


def prepare(image: Array, processor: Mapping[str, Any]) -> Array:
    """A picture as a `preprocessor_config.json` asks: resized, cropped to the middle, scaled, normalised.

    Gives float32 (3, height, width). It is what transformers' image processor does, but without rounding to
    bytes on the way.
    """
    pixels = np.clip(image[:, :, :3], 0, 1)
    if image.shape[2] == 4:
        pixels = pixels * image[:, :, 3:] + (1 - image[:, :, 3:])
    if processor.get("do_resize", True):
        pixels = _resized(pixels, processor["size"], processor.get("resample", 3))
    if processor.get("do_center_crop", True):
        pixels = _cropped(pixels, processor["crop_size"])
    pixels = pixels * 255
    if processor.get("do_rescale", True):
        pixels = pixels * processor.get("rescale_factor", 1 / 255)
    if processor.get("do_normalize", True):
        mean, std = (np.asarray(processor[name], dtype=np.float32) for name in ("image_mean", "image_std"))
        pixels = (pixels - mean) / std
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def _resized(pixels: Array, size: Any, resample: int) -> Array:
    height, width = pixels.shape[:2]
    if isinstance(size, int):
        size = {"shortest_edge": size}
    if "shortest_edge" in size:
        short = size["shortest_edge"]
        shape = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    else:
        shape = (size["width"], size["height"])
    planes = [
        PillowImage.fromarray(np.ascontiguousarray(pixels[:, :, channel], dtype=np.float32)).resize(
            shape, PillowImage.Resampling(resample)
        )
        for channel in range(3)
    ]
    stacked: Array = np.stack([np.asarray(plane) for plane in planes], axis=2)
    return stacked.clip(0, 1)


def _cropped(pixels: Array, size: Any) -> Array:
    """The middle; a picture that is smaller gets a black border."""
    tall, wide = (size, size) if isinstance(size, int) else (size["height"], size["width"])
    height, width = pixels.shape[:2]
    above, left = max(0, (tall - height + 1) // 2), max(0, (wide - width + 1) // 2)
    below, right = max(0, tall - height - above), max(0, wide - width - left)
    pixels = np.pad(pixels, ((above, below), (left, right), (0, 0)))
    top, start = (pixels.shape[0] - tall) // 2, (pixels.shape[1] - wide) // 2
    return pixels[top : top + tall, start : start + wide]


def _unit(vector: torch.Tensor) -> Any:
    found = vector[0].double().cpu().numpy()
    return found / np.linalg.norm(found)
