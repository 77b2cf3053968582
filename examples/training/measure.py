"""Measures the starter models against their goals, by looking at what they make: colours and places by masks and
centroids, captions by parsing them. Prompts are ones that no model was trained on."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from train_judge import Captions, top1
from train_writer import kept_share
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPModel, CLIPTokenizer
from world import Finding, caption, sample_scenes, shows

STARTER = Path(__file__).parents[2] / "gflow/starter"


def measure_scenes(folder: Path, prompts: int, steps: int, guidance: float, sheet: Path | None) -> None:
    """Share of prompts whose picture shows each object in its colour, and the relation."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    scenes = sample_scenes(np.random.default_rng(100), prompts, unseen=True)
    pictures: list[np.ndarray] = []
    for start in range(0, prompts, 20):
        texts = [caption(scene) for scene in scenes[start : start + 20]]
        generators = [torch.Generator().manual_seed(start + index) for index in range(len(texts))]
        made = pipeline(
            texts, num_inference_steps=steps, guidance_scale=guidance, generator=generators, output_type="np"
        ).images
        pictures += [np.round(picture * 255).astype(np.uint8) for picture in made]
    found: list[Finding] = [shows(picture, scene) for picture, scene in zip(pictures, scenes, strict=True)]
    for name in ("colours", "relation", "background"):
        print(f"scenes, {name}: {np.mean([getattr(finding, name) for finding in found]):.3f} of {prompts}")
    if sheet is not None:
        save_sheet(pictures, sheet)


def save_sheet(pictures: list[np.ndarray], path: Path, columns: int = 10) -> None:
    """The pictures side by side, in the prompts' order."""
    from PIL import Image

    rows = [np.concatenate(pictures[i : i + columns], axis=1) for i in range(0, len(pictures), columns)]
    Image.fromarray(np.concatenate([row for row in rows if row.shape == rows[0].shape])).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--starter", type=Path, default=STARTER, help="folder of the models")
    parser.add_argument("--only", choices=["scenes", "judge", "writer"])
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--sheet", type=Path, help="where to save the pictures, as one PNG")
    options = parser.parse_args()
    torch.manual_seed(0)
    if options.only in (None, "scenes"):
        folder = options.starter / "scenes"
        measure_scenes(folder, options.prompts, options.steps, options.guidance, options.sheet)
    if options.only in (None, "judge"):
        judge = CLIPModel.from_pretrained(options.starter / "judge", dtype=torch.float32).eval()
        captions = Captions(CLIPTokenizer.from_pretrained(options.starter / "judge"))
        share = top1(judge, captions, np.random.default_rng(101), options.prompts)
        print(f"judge, right caption of 10: {share:.3f} of {options.prompts}")
    if options.only in (None, "writer"):
        writer = AutoModelForCausalLM.from_pretrained(options.starter / "writer", dtype=torch.float32).eval()
        tokenizer = AutoTokenizer.from_pretrained(options.starter / "writer")
        share = kept_share(writer, tokenizer, np.random.default_rng(102), options.prompts)
        print(f"writer, captions that keep what was asked: {share:.3f} of {options.prompts}")


if __name__ == "__main__":
    main()
