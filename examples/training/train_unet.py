"""Trains the U-Net and the text encoder of `starter/scenes` on encoded scenes, and puts the pipeline together."""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from replicas import average, spawn
from tokenizer import MAX_LENGTH
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

BATCH = 64
LEARNING_RATE = 1e-3
TEXT_RATE = 0.3  # of the U-Net's
UNCONDITIONED = 0.1  # share of captions left empty, for classifier-free guidance
SECONDS_BETWEEN_AVERAGES = 10
AVERAGE_DECAY = 0.95  # of the exponential moving average, per averaging


def make_unet() -> UNet2DConditionModel:
    """Five million parameters at 8x8 and 4x4. Captions reach it through cross attention at 4x4 (at 8x8, it
    doubles the time of a step) and, pooled, beside the time step."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=8,
        out_channels=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(80, 144),
        layers_per_block=1,
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=16,
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def make_scheduler() -> DDIMScheduler:
    """Cosine noise levels, velocity prediction (Salimans and Ho, 2022)."""
    return DDIMScheduler(
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
    )


class Latents:
    """The encoded scenes that are on disk so far; more may come while training."""

    def __init__(self, folder: Path, tokenizer: CLIPTokenizer) -> None:
        self.folder, self.tokenizer = folder, tokenizer
        self.files: set[Path] = set()
        self.latents = torch.empty(0, 8, 8, 8)
        self.ids = torch.empty(0, MAX_LENGTH, dtype=torch.long)
        self.empty = self.tokens([""])

    def tokens(self, texts: list[str]) -> torch.Tensor:
        """Token ids of shape (n, 24), padded as the pipeline pads."""
        padded = self.tokenizer(texts, padding="max_length", truncation=True, max_length=MAX_LENGTH)
        return torch.tensor(padded.input_ids)

    def refresh(self) -> None:
        for file in sorted(set(self.folder.glob("[0-9][0-9][0-9].npz")) - self.files):
            self.files.add(file)
            chunk = np.load(file)
            self.latents = torch.cat([self.latents, torch.from_numpy(chunk["latents"]).float()])
            self.ids = torch.cat([self.ids, self.tokens([str(text) for text in chunk["captions"]])])

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(len(self.latents), (BATCH,))
        ids = self.ids[rows]
        return self.latents[rows], torch.where(torch.rand(BATCH, 1) < UNCONDITIONED, self.empty, ids)


def loss_of(
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    scheduler: DDIMScheduler,
    latents: torch.Tensor,
    ids: torch.Tensor,
) -> torch.Tensor:
    noise = torch.randn_like(latents)
    # Spread evenly over the batch, for a steadier gradient.
    times = ((torch.rand(1) + torch.arange(BATCH) / BATCH) % 1.0 * 1000).long()
    noisy = scheduler.add_noise(latents, noise, times)
    target = scheduler.get_velocity(latents, noise, times)
    with torch.autocast("cpu", torch.bfloat16):
        states = text(ids).last_hidden_state
        found = unet(noisy, times, encoder_hidden_states=states).sample
    return F.mse_loss(found.float(), target)


def train(rank: int, options: argparse.Namespace) -> None:
    torch.manual_seed(4)
    tokenizer = CLIPTokenizer.from_pretrained(options.judge)
    judge = CLIPModel.from_pretrained(options.judge, torch_dtype=torch.float32)
    unet, scheduler = make_unet(), make_scheduler()
    # The judge has learned to read captions already.
    text = CLIPTextModel(judge.config.text_config)
    text.load_state_dict(judge.text_model.state_dict())
    parameters = [*unet.parameters(), *text.parameters()]
    if rank == 0:
        print(f"{sum(p.numel() for p in unet.parameters()) / 1e6:.2f} M parameters", flush=True)
    groups = [{"params": list(unet.parameters())}, {"params": list(text.parameters())}]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, weight_decay=0.01, betas=(0.9, 0.99))
    smooth = [parameter.detach().clone() for parameter in parameters]
    data = Latents(options.work / "latents", tokenizer)
    data.refresh()
    torch.manual_seed(5 + rank)
    begin = last = saved = time.time()
    steps = done_here = rounds = 0
    agreed = 0.0
    while agreed < 1:
        done = min(1.0, (time.time() - begin) / 60 / options.minutes)
        rate = LEARNING_RATE * min(1.0, (steps + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["lr"] = rate, rate * TEXT_RATE
        loss = loss_of(unet, text, scheduler, *data.batch())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        steps, done_here = steps + 1, done_here + 1
        if time.time() - last > SECONDS_BETWEEN_AVERAGES:
            agreed = average(parameters, done_here, done)
            rounds += 1
            # The average starts short, so that the beginning is forgotten soon.
            decay = min(AVERAGE_DECAY, rounds / (rounds + 5))
            for kept, parameter in zip(smooth, parameters, strict=True):
                kept.lerp_(parameter.detach(), 1 - decay)
            last, done_here = time.time(), 0
            data.refresh()
            if rank == 0 and rounds % 6 == 0:
                print(f"{done:.0%} step {steps} loss {loss.item():.4f} of {len(data.latents)}", flush=True)
            if rank == 0 and time.time() - saved > 60 * options.save_minutes:
                saved = time.time()
                save(unet, text, smooth, options)
    if rank == 0:
        save(unet, text, smooth, options)


def save(
    unet: UNet2DConditionModel, text: CLIPTextModel, smooth: list[torch.Tensor], options: argparse.Namespace
) -> None:
    """Writes the whole pipeline, in float16, with the averaged weights."""
    parameters = [*unet.parameters(), *text.parameters()]
    kept = [parameter.detach().clone() for parameter in parameters]
    for parameter, value in zip(parameters, smooth, strict=True):
        parameter.data.copy_(value)
    whole = UNet2DConditionModel.from_config(unet.config)
    whole.load_state_dict(unet.state_dict())
    reader = CLIPTextModel(text.config)
    reader.load_state_dict(text.state_dict())
    vae = AutoencoderKL.from_pretrained(options.work / "vae")
    vae.register_to_config(_name_or_path="")  # else the path of this folder would be saved
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=reader,
        tokenizer=CLIPTokenizer.from_pretrained(options.judge),
        unet=whole,
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(torch.float16).save_pretrained(options.out)
    for parameter, value in zip(parameters, kept, strict=True):
        parameter.data.copy_(value)


def main() -> None:
    starter = Path(__file__).parents[2] / "gflow/starter"
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder of checkpoints")
    parser.add_argument("--judge", type=Path, default=starter / "judge")
    parser.add_argument("--out", type=Path, default=starter / "scenes")
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--save-minutes", type=float, default=8)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--port", type=int, default=29511)
    options = parser.parse_args()
    spawn(train, options)


if __name__ == "__main__":
    main()
