"""examples/poster.gflow, as a script for diffusers and transformers: a prompt from an idea, eight drafts in one
batch, the best by CLIP, finished with Pillow.

    poster.py STARTER IDEA SEED OUT     one poster
    poster.py STARTER                   one for each line of standard input, and the seconds it took
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
from PIL import Image, ImageEnhance
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPImageProcessor, CLIPModel

logging.disable_progress_bar()

DRAFTS = 8


class Poster:
    """The three models, loaded once."""

    def __init__(self, starter: Path) -> None:
        kept: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True}
        self.tokenizer = AutoTokenizer.from_pretrained(starter / "writer", local_files_only=True)
        self.writer = AutoModelForCausalLM.from_pretrained(starter / "writer", **kept)
        self.painter = StableDiffusionPipeline.from_pretrained(starter / "scenes", safety_checker=None, **kept)
        self.painter.set_progress_bar_config(disable=True)
        self.words = AutoTokenizer.from_pretrained(starter / "judge", local_files_only=True)
        self.pixels = CLIPImageProcessor.from_pretrained(starter / "judge", local_files_only=True)
        self.judge = CLIPModel.from_pretrained(starter / "judge", **kept)

    @torch.inference_mode()
    def make(self, idea: str, seed: int) -> Image.Image:
        torch.manual_seed(seed)
        prompt = self.describe(idea)
        drafts = self.painter(
            prompt,
            height=64,
            width=64,
            num_inference_steps=12,
            guidance_scale=4.0,
            num_images_per_prompt=DRAFTS,
            generator=[torch.Generator().manual_seed(seed * DRAFTS + draft) for draft in range(DRAFTS)],
        ).images
        best = drafts[int(self.scores(drafts, prompt).argmax())].resize((512, 512), Image.Resampling.BICUBIC)
        return ImageEnhance.Color(ImageEnhance.Contrast(best).enhance(1.1)).enhance(1.2)

    def describe(self, idea: str) -> str:
        message = [{"role": "user", "content": f"Describe {idea}"}]
        given = self.tokenizer.apply_chat_template(
            message, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        told = self.writer.generate(**given, max_new_tokens=40, do_sample=True, temperature=0.7)
        answer = told[0, given["input_ids"].shape[1] :]
        return str(self.tokenizer.decode(answer, skip_special_tokens=True)).strip()

    def scores(self, images: list[Image.Image], prompt: str) -> torch.Tensor:
        text = self.words(prompt, truncation=True, return_tensors="pt")
        pixels = self.pixels(images, return_tensors="pt")
        found: torch.Tensor = self.judge(**text, **pixels).logits_per_image[:, 0]
        return found


def main() -> None:
    poster = Poster(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        idea, seed, out = sys.argv[2:]
        poster.make(idea, int(seed)).save(out)
        return
    for line in sys.stdin:
        asked = json.loads(line)
        start = time.perf_counter()
        picture = poster.make(asked["idea"], asked["seed"])
        seconds = time.perf_counter() - start
        picture.save(asked["out"])
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
