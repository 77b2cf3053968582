"""One picture, as a diffusers script paints it."""

from __future__ import annotations

import sys

import torch
from diffusers import StableDiffusionPipeline
from diffusers.utils import logging

logging.disable_progress_bar()


def main(model: str, prompt: str, seed: int, out: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(
        model, dtype=torch.float32, safety_checker=None, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        image = pipeline(
            prompt,
            height=64,
            width=64,
            num_inference_steps=12,
            guidance_scale=4.0,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
    image.save(out)


if __name__ == "__main__":
    model, prompt, seed, out = sys.argv[1:]
    main(model, prompt, int(seed), out)
