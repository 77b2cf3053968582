"""Painting until CLIP is convinced, as a loop in Python: up to eight attempts, else the best of them.

    refine.py STARTER      for each line of standard input; tells the seconds it took, and the attempts

What the attempts share, the encoded prompts, is computed once before the loop.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import logging
from PIL import Image
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel

logging.disable_progress_bar()


class Search:
    """The two models, loaded once."""

    def __init__(self, starter: Path) -> None:
        kept: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True}
        self.painter = StableDiffusionPipeline.from_pretrained(starter / "scenes", safety_checker=None, **kept)
        self.painter.set_progress_bar_config(disable=True)
        self.words = AutoTokenizer.from_pretrained(starter / "judge", local_files_only=True)
        self.pixels = CLIPImageProcessor.from_pretrained(starter / "judge", local_files_only=True)
        self.judge = CLIPModel.from_pretrained(starter / "judge", **kept)
        self.calibration = json.loads((starter / "judge" / "calibration.json").read_text())

    @torch.inference_mode()
    def find(self, prompt: str, sure: float, seeds: list[int]) -> tuple[Image.Image, int]:
        """The picture, and how many attempts it took."""
        given, negative = self.painter.encode_prompt(prompt, "cpu", 1, True, "")
        text = self.words(prompt, truncation=True, return_tensors="pt")
        meaning = self.judge.get_text_features(**text).pooler_output
        best, best_score = None, -1.0
        for number, seed in enumerate(seeds):
            image = self.painter(
                prompt_embeds=given,
                negative_prompt_embeds=negative,
                height=64,
                width=64,
                num_inference_steps=12,
                guidance_scale=4.0,
                generator=torch.Generator().manual_seed(seed),
            ).images[0]
            score = self.score(image, meaning)
            if score >= sure:
                return image, number + 1
            if score > best_score:
                best, best_score = image, score
        assert best is not None
        return best, len(seeds)

    def score(self, image: Image.Image, meaning: torch.Tensor) -> float:
        seen = self.judge.get_image_features(**self.pixels(image, return_tensors="pt")).pooler_output
        likeness = torch.nn.functional.cosine_similarity(seen, meaning)
        return float(torch.sigmoid(self.calibration["scale"] * likeness + self.calibration["bias"]))


def main() -> None:
    search = Search(Path(sys.argv[1]))
    for line in sys.stdin:
        asked = json.loads(line)
        start = time.perf_counter()
        picture, attempts = search.find(asked["prompt"], asked["sure"], asked["seeds"])
        seconds = time.perf_counter() - start
        picture.save(asked["out"])
        print(seconds, attempts, flush=True)


if __name__ == "__main__":
    main()
