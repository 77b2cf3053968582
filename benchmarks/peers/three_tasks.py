"""Loads one model for three tasks with diffusers, a pipeline a task. Tells the seconds that took and the bytes of
the weights that are held. Imports don't count.

    three_tasks.py MODEL
"""

from __future__ import annotations

import sys
import time

import torch
from diffusers import (  # noqa: F401  (imported by loading)
    AutoencoderKL,
    AutoPipelineForImage2Image,
    AutoPipelineForInpainting,
    AutoPipelineForText2Image,
    DDIMScheduler,
    UNet2DConditionModel,
)
from diffusers.utils import logging
from transformers import CLIPTextModel, CLIPTokenizer  # noqa: F401  (imported by loading)

logging.disable_progress_bar()


def main(model: str) -> None:
    start = time.perf_counter()
    kinds = (AutoPipelineForText2Image, AutoPipelineForImage2Image, AutoPipelineForInpainting)
    pipelines = [
        kind.from_pretrained(model, dtype=torch.float32, safety_checker=None, local_files_only=True)
        for kind in kinds
    ]
    seconds = time.perf_counter() - start
    held = {}
    for pipeline in pipelines:
        for part in pipeline.components.values():
            if isinstance(part, torch.nn.Module):
                for tensor in (*part.parameters(), *part.buffers()):
                    storage = tensor.untyped_storage()
                    held[storage.data_ptr()] = storage.nbytes()
    print(seconds, sum(held.values()))


if __name__ == "__main__":
    main(sys.argv[1])
