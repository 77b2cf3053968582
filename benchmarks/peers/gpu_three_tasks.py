"""Text to image, image to image and inpainting on a GPU with diffusers, a picture each. HOW: "three" pipelines,
each loaded by itself, or one whose parts the others "share".

    gpu_three_tasks.py MODEL DEVICE SIDE STEPS PROMPT OUT HOW
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting, AutoPipelineForText2Image
from diffusers.utils import logging
from PIL import Image

logging.disable_progress_bar()

KINDS = AutoPipelineForText2Image, AutoPipelineForImage2Image, AutoPipelineForInpainting


def loaded(model: str, device: str, how: str) -> list[Any]:
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    settings = {"torch_dtype": dtype, "local_files_only": True}
    first = KINDS[0].from_pretrained(model, **settings).to(device)
    if how == "share":
        return [first, *(kind.from_pipe(first, torch_dtype=dtype) for kind in KINDS[1:])]
    return [first, *(kind.from_pretrained(model, **settings).to(device) for kind in KINDS[1:])]


def main(model: str, device: str, side: int, steps: int, prompt: str, out: Path, how: str) -> None:
    paint, vary, mend = loaded(model, device, how)
    for pipeline in (paint, vary, mend):
        pipeline.set_progress_bar_config(disable=True)
    shared: dict[str, Any] = {"num_inference_steps": steps, "guidance_scale": 5.0}
    size = {"height": side, "width": side}
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, (0, 0, side, side // 2))
    with torch.inference_mode():
        painted = paint(prompt, **size, **shared).images[0]
        varied = vary(prompt, image=painted, strength=0.6, **shared).images[0]
        mended = mend(prompt, image=varied, mask_image=mask, strength=0.6, **size, **shared).images[0]
    for number, picture in enumerate((painted, varied, mended)):
        picture.save(out / f"{number}.png")


if __name__ == "__main__":
    model, device, side, steps, prompt, out, how = sys.argv[1:]
    main(model, device, int(side), int(steps), prompt, Path(out), how)
