"""Trains the autoencoder of `starter/scenes`: 64x64 pictures to latents of shape (8, 8, 8) and back."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from replicas import average, spawn
from world import BACKGROUNDS, Scene, render, sample_scenes, shows

BATCH = 16
LEARNING_RATE = 2e-3
SECONDS_BETWEEN_AVERAGES = 10


def make_vae() -> AutoencoderKL:
    """Half a million parameters; narrow where the picture is large, as that is where the time goes."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 96),
        layers_per_block=1,
        latent_channels=8,
        norm_num_groups=8,
        sample_size=64,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) to float32 (n, 3, h, w) in -1..1."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def loss_of(vae: AutoencoderKL, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What is minimised, and the mean absolute error in 0..1."""
    # bfloat16 is faster even on a CPU, where it has it.
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(pictures).latent_dist
        restored = vae.decode(posterior.sample()).sample.float()
    absolute = (restored - pictures).abs().mean()
    squared = (restored - pictures).square().mean()
    return absolute + squared + 1e-6 * posterior.kl().float().mean(), absolute / 2


def normalise(vae: AutoencoderKL, pictures: torch.Tensor) -> None:
    """Folds a shift and a scale per channel into the convolutions beside the latents, so that each channel has
    mean 0 and variance 1, as a diffusion model wants it."""
    with torch.no_grad():
        latents = torch.cat([vae.encode(part).latent_dist.mean for part in pictures.split(128)])
        mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
        channels = len(mean)
        before, after = vae.quant_conv, vae.post_quant_conv
        after.bias.add_((after.weight[:, :, 0, 0] * mean).sum(1))
        after.weight.mul_(std[None, :, None, None])
        before.bias[:channels].sub_(mean).div_(std)
        before.weight[:channels].div_(std[:, None, None, None])
        # The second half is the logarithm of the variance.
        before.bias[channels:].sub_(2 * std.log())


def train(rank: int, options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    rng = np.random.default_rng([1, options.seed, rank])
    vae = make_vae() if options.resume is None else AutoencoderKL.from_pretrained(options.resume)
    parameters = list(vae.parameters())
    smooth = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=1e-4)
    begin = last = time.time()
    steps = since = rounds = 0
    agreed = 0.0
    while agreed < 1:
        done = min(1.0, (time.time() - begin) / 60 / options.minutes)
        rate = min(1.0, (steps + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * rate + 1e-5
        if steps % 64 == 0:
            pool = to_tensor(render(evenly(sample_scenes(rng, 64 * BATCH), rng), rng))
        loss, error = loss_of(vae, pool[(steps % 64) * BATCH : (steps % 64 + 1) * BATCH])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps, since = steps + 1, since + 1
        if time.time() - last > SECONDS_BETWEEN_AVERAGES:
            agreed = average(parameters, since, done)
            last, since, rounds = time.time(), 0, rounds + 1
            for kept, parameter in zip(smooth, parameters, strict=True):
                kept.lerp_(parameter.detach(), 1 - min(0.9, rounds / (rounds + 5)))
            if rank == 0 and rounds % 6 == 0:
                print(f"{done:.0%} step {steps} loss {loss.item():.4f} error {error.item():.4f}", flush=True)
    if rank == 0:
        for kept, parameter in zip(smooth, parameters, strict=True):
            parameter.data.copy_(kept)
        finish(vae, options.work)


def evenly(scenes: list[Scene], rng: np.random.Generator) -> list[Scene]:
    """The scenes on every background alike: dark ones are the hard ones, and rare otherwise."""
    grounds = [None, *BACKGROUNDS]
    return [dataclasses.replace(scene, background=grounds[rng.integers(len(grounds))]) for scene in scenes]


def finish(vae: AutoencoderKL, work: Path) -> None:
    """Normalises, saves and measures."""
    rng = np.random.default_rng(7)
    normalise(vae, to_tensor(render(sample_scenes(rng, 1024), rng)))
    work.mkdir(parents=True, exist_ok=True)
    vae.save_pretrained(work / "vae")
    scenes = sample_scenes(rng, 256, unseen=True)
    pictures = to_tensor(render(scenes, rng))
    with torch.no_grad():
        latents = vae.encode(pictures).latent_dist.mean
        restored = vae.decode(latents).sample
    error = (restored - pictures).abs().mean() / 2
    seen = ((restored.permute(0, 2, 3, 1).numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
    kept = np.mean([shows(picture, scene).relation for picture, scene in zip(seen, scenes, strict=True)])
    print(f"mean error {error.item():.4f} of 0..1, latents' std {latents.std().item():.3f}, scenes kept {kept:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of checkpoints")
    parser.add_argument("--resume", type=Path, help="folder of an autoencoder to start from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--port", type=int, default=29510)
    spawn(train, parser.parse_args())


if __name__ == "__main__":
    main()
