"""Lowered CLIP models on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType
from gflow.runtime.bundle import Folder
from gflow.runtime.components import Components
from gflow.runtime.engines.base import CallContext, Request
from gflow.runtime.engines.prompts import Prompts
from gflow.runtime.engines.scoring import prepare, score
from gflow.runtime.errors import ModelMissing, OpFailed
from gflow.runtime.lowered import Lowered

Vector = list[float]


def load(folder: Folder, lowered: Lowered, components: Components) -> ScorerModel:
    """Raises ModelMissing."""
    return ScorerModel(folder, lowered, components)


class ScorerModel:
    """A lowered scorer. Its two networks are loaded when they are first used."""

    def __init__(self, folder: Folder, lowered: Lowered, components: Components) -> None:
        self.folder, self.lowered, self.components = folder, lowered, components
        self.settings = lowered.settings
        try:
            text = self.settings["text"]
            self.prompts = Prompts((folder / text["tokenizer"]).read_bytes(), text["length"], text["pad"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissing(f"the lowered model in {folder} is damaged: {error}") from error

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """`score` and `compare` give a float, `embed` a list of floats."""
        return self.call_batch(method, [Request(args, key, context)], size=1)[0]

    def call_batch(self, method: str, requests: Sequence[Request], *, size: int) -> list[Any]:
        """See `gflow.runtime.engines.base.BatchModel`."""
        for request in requests:
            request.context.check()
        given = [request.args for request in requests]
        if method == "compare":
            return [score(args["image"], args["text"], self.settings["calibration"]) for args in given]
        if method == "score":
            texts = self._texts([args["text"] for args in given], requests)
            pictures = self._pictures([args["image"] for args in given], size)
            pairs = zip(pictures, texts, strict=True)
            return [score(picture, text, self.settings["calibration"]) for picture, text in pairs]
        if any((args["text"] is None) == (args["image"] is None) for args in given):
            raise OpFailed("embed takes a text or an image: give one of the two")
        if given[0]["text"] is not None:
            return self._texts([args["text"] for args in given], requests)
        return self._pictures([args["image"] for args in given], size)

    def _texts(self, texts: Sequence[str], requests: Sequence[Request]) -> list[Vector]:
        different = dict(zip(texts, requests, strict=True))
        read = {text: self.prompts.read(text) for text in different}
        for text, request in different.items():
            if read[text].cut:
                request.context.warn(
                    f"the text is longer than the {self.prompts.length} tokens this model reads; "
                    f"cut: “{read[text].cut}”"
                )
        ids = np.array([each.ids for each in read.values()], np.int64)
        vectors = dict(zip(different, self._run("text", {"input_ids": ids}), strict=True))
        return [vectors[text] for text in texts]

    def _pictures(self, images: Sequence[Any], size: int) -> list[Vector]:
        pixels = [prepare(image, self.settings["processor"]) for image in images]
        padded = np.stack(pixels + pixels[-1:] * (size - len(pixels)))
        return self._run("image", {"pixel_values": padded})[: len(images)]

    def _run(self, component: str, feeds: Mapping[str, Any]) -> list[Vector]:
        """Vectors of length 1."""
        network = self.components.network(self.folder, self.lowered.components[component])
        found = network.run(feeds)[0].astype(np.float64)
        unit: list[Vector] = (found / np.linalg.norm(found, axis=1, keepdims=True)).tolist()
        return unit
