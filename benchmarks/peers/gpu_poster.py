"""Eight drafts in one batch, the best by CLIP, finished: as a script for diffusers and transformers on a GPU. One
pipeline, loaded once; the drafts stay there as tensors until the best one is known, which alone becomes a picture
of Pillow. `how`: "eager", or "compiled" as in `gpu_painter.py`.

    gpu_poster.py JOB       see `gpu_measure.py`
"""

from __future__ import annotations

from typing import Any

import gpu_painter
import torch
from gpu_measure import PROMPT, Answer, Job, answered, checked, timed
from PIL import Image, ImageEnhance
from torch.nn.functional import interpolate
from transformers import AutoTokenizer, CLIPModel

DRAFTS = 8

#: What CLIP's pictures are normalised by.
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Poster:
    """The models, loaded once."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.painter = gpu_painter.loaded(job)
        if job.how == "compiled":
            gpu_painter.compiled(self.painter)
        self.words = AutoTokenizer.from_pretrained(job.judge, local_files_only=True)
        judge = CLIPModel.from_pretrained(job.judge, dtype=self.painter.dtype, local_files_only=True)
        self.judge = judge.to(job.device).eval()
        seen = (1, 3, 1, 1)
        self.mean, self.deviation = (torch.tensor(each, device=job.device).view(seen) for each in (MEAN, DEVIATION))

    @torch.inference_mode()
    def make(self, seed: int) -> Image.Image:
        drafts = self.painter(
            PROMPT,
            height=self.job.side,
            width=self.job.side,
            num_inference_steps=self.job.steps,
            guidance_scale=self.job.guidance,
            num_images_per_prompt=DRAFTS,
            generator=[torch.Generator().manual_seed(seed + draft) for draft in range(DRAFTS)],
            output_type="pt",
        ).images
        best = drafts[int(self.scores(drafts).argmax())]
        picture = Image.fromarray((best.permute(1, 2, 0).float() * 255).round().byte().cpu().numpy())
        side = 2 * self.job.side
        picture = picture.resize((side, side), Image.Resampling.BICUBIC)
        return ImageEnhance.Color(ImageEnhance.Contrast(picture).enhance(1.1)).enhance(1.2)

    def scores(self, drafts: Any) -> Any:
        side = self.judge.config.vision_config.image_size
        small = interpolate(drafts.float(), (side, side), mode="bicubic", antialias=True).clamp(0, 1)
        pixels = ((small - self.mean) / self.deviation).to(self.judge.dtype)
        text = self.words(PROMPT, truncation=True, return_tensors="pt").to(self.job.device)
        return self.judge(**text, pixel_values=pixels).logits_per_image[:, 0]


def main(job: Job, answer: Answer) -> None:
    poster, side = Poster(job), 2 * job.side
    warmups = 3 if job.how == "compiled" else 1
    answer.put(
        poster=timed(
            lambda turn: poster.make(turn * 100), lambda made: checked([made], 1, side), job, warmups=warmups
        )
    )


if __name__ == "__main__":
    answered(main)
