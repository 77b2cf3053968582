"""One picture on a GPU, as a diffusers script paints it.

    gpu_one_picture.py MODEL DEVICE SIDE STEPS PROMPT SEED OUT

In bfloat16 on a GPU, in float32 on a CPU.
"""

from __future__ import annotations

import sys

import torch
from diffusers import DiffusionPipeline
from diffusers.utils import logging

logging.disable_progress_bar()


def main(model: str, device: str, side: int, steps: int, prompt: str, seed: int, out: str) -> None:
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    pipeline = DiffusionPipeline.from_pretrained(model, torch_dtype=dtype, local_files_only=True).to(device)
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        image = pipeline(
            prompt,
            height=side,
            width=side,
            num_inference_steps=steps,
            guidance_scale=5.0,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
    image.save(out)


if __name__ == "__main__":
    model, device, side, steps, prompt, seed, out = sys.argv[1:]
    main(model, device, int(side), int(steps), prompt, int(seed), out)
