"""Draws scenes and encodes them with the trained autoencoder: the latents that `train_unet.py` learns from."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from train_vae import to_tensor
from world import caption, render, sample_scenes

CHUNK = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of checkpoints")
    parser.add_argument("--chunks", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    vae = AutoencoderKL.from_pretrained(options.work / "vae").eval()
    folder = options.work / "latents"
    folder.mkdir(parents=True, exist_ok=True)
    for chunk in range(options.chunks):
        rng = np.random.default_rng([3, chunk])
        scenes = sample_scenes(rng, CHUNK)
        pictures = to_tensor(render(scenes, rng))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            parts = [vae.encode(part).latent_dist.mean.float() for part in pictures.split(64)]
        part_file = folder / f"{chunk:03}.part.npz"
        np.savez(part_file, latents=torch.cat(parts).half().numpy(), captions=[caption(s) for s in scenes])
        # Whole or not at all: the training may be reading beside this.
        part_file.rename(folder / f"{chunk:03}.npz")
        print(f"chunk {chunk + 1} of {options.chunks}", flush=True)


if __name__ == "__main__":
    main()
