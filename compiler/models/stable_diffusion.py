"""Stable Diffusion 1, 2 and what is shaped like them (turbo, latent consistency), and XL: a U-Net, one or two CLIP
text encoders, an autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from gflow.compiler.models.export import NotLowered, export
from gflow.compiler.models.latent_diffusion import (
    LastHidden,
    PenultimateAndSummary,
    Progress,
    batch,
    lower_text,
    lower_vae,
    normalised,
    scaled,
    sides,
    vae_factor,
    weights_in,
)
from gflow.runtime.lowered import Component

#: Whether its pipeline hands the scheduler sigmas of its own.
GIVES_SIGMAS = False


class _Network(nn.Module):
    """One evaluation of the U-Net. `guidance` is used by networks that are told it (latent consistency)."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.unet(sample, timestep, text, return_dict=False)[0]
        return found


class _NetworkTold(_Network):
    def forward(  # type: ignore[override]
        self, sample: torch.Tensor, timestep: torch.Tensor, text: torch.Tensor, guidance: torch.Tensor
    ) -> torch.Tensor:
        told = _guidance_embedding(guidance - 1, self.unet.config.time_cond_proj_dim).to(sample.dtype)
        found: torch.Tensor = self.unet(sample, timestep, text, timestep_cond=told, return_dict=False)[0]
        return found


def _guidance_embedding(guidance: torch.Tensor, width: int) -> torch.Tensor:
    """Sinusoids of the guidance scale (Meng et al. 2023, as diffusers computes them)."""
    half = width // 2
    rate = torch.exp(torch.arange(half, dtype=torch.float32) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
    angle = (guidance * 1000.0)[:, None] * rate[None, :]
    return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)


class _NetworkXL(nn.Module):
    """XL's U-Net, told the text's summary and the picture's size."""

    def __init__(self, unet: Any, factor: int) -> None:
        super().__init__()
        self.unet, self.factor = unet, factor

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        text: torch.Tensor,
        text_2: torch.Tensor,
        summary: torch.Tensor,
    ) -> torch.Tensor:
        high = torch.full_like(timestep, 1.0) * (sample.shape[2] * self.factor)
        wide = torch.full_like(timestep, 1.0) * (sample.shape[3] * self.factor)
        none = torch.zeros_like(timestep)
        # The original size, the crop's corner, the target size.
        sizes = torch.stack([high, wide, none, none, high, wide], dim=1)
        found: torch.Tensor = self.unet(
            sample,
            timestep,
            torch.cat([text, text_2], dim=-1),
            added_cond_kwargs={"text_embeds": summary, "time_ids": sizes},
            return_dict=False,
        )[0]
        return found


def lower(
    pipeline: Any, folder: Path, out: Path, progress: Progress
) -> tuple[dict[str, Component], dict[str, Any]]:
    """The components and settings of a pipeline in float32. Raises NotLowered."""
    if getattr(pipeline, "safety_checker", None) is not None:
        raise NotLowered("safety_checker", "pictures would no longer be checked")
    large = "XL" in type(pipeline).__name__
    scaling = normalised(pipeline.vae) if large else scaled(pipeline.vae)
    components = lower_vae(pipeline.vae, scaling, folder / "vae", out, progress)
    texts = []
    for end in ("", "_2") if large else ("",):
        # Of XL's summaries, the second encoder's is read.
        outputs = [f"text{end}", "summary" if end else "unused"] if large else ["text"]
        module = PenultimateAndSummary if large else LastHidden
        component, settings = lower_text(pipeline, end, module, outputs, folder, out, progress)
        components[f"text_encoder{end}"] = component
        texts.append(settings)
    network, guidance = _lower_unet(pipeline, texts, large, folder, out, progress)
    components["network"] = network
    config, latent = pipeline.unet.config, int(pipeline.vae.config.latent_channels)
    if int(config.in_channels) not in (latent, 2 * latent + 1):
        raise NotLowered("unet", f"a network for {config.in_channels} channels is not known")
    factor, halvings = vae_factor(pipeline.vae), len(config.block_out_channels) - 1
    return components, {
        "texts": texts,
        "channels": latent,
        "factor": factor,
        "multiple": factor * 2**halvings,
        "sample": int(config.sample_size) * factor,
        "guidance": guidance,
        "inpaint": "blend" if int(config.in_channels) == latent else "concat",
        # XL was trained with zeros for "no negative prompt".
        "zero_negative": bool(large and pipeline.config.get("force_zeros_for_empty_prompt", False)),
        # Latent consistency pipelines choose other timesteps for every strength, which no table holds.
        "start": "never" if type(pipeline).__name__.startswith("LatentConsistency") else "late",
    }


def _lower_unet(
    pipeline: Any, texts: list[dict[str, Any]], large: bool, folder: Path, out: Path, progress: Progress
) -> tuple[Component, str]:
    unet, factor = pipeline.unet, vae_factor(pipeline.vae)
    told = unet.config.time_cond_proj_dim is not None
    progress("network")
    multiple = 2 ** (len(unet.config.block_out_channels) - 1)
    many, (high, wide) = batch(), sides(multiple)

    def inputs(count: int, across: int, down: int) -> dict[str, torch.Tensor]:
        shape = (count, int(unet.config.in_channels), down * multiple, across * multiple)
        made = {"sample": torch.randn(shape), "timestep": torch.linspace(10, 900, count)}
        for end, settings in zip(("", "_2"), texts, strict=False):
            width = getattr(pipeline, f"text_encoder{end}").config.hidden_size
            made[f"text{end}"] = torch.randn(count, settings["length"], width)
        if large:
            made["summary"] = torch.randn(count, pipeline.text_encoder_2.config.projection_dim)
        if told:
            made["guidance"] = torch.linspace(2, 8, count)
        return made

    dynamic: dict[str, dict[int, Any]] = {name: {0: many} for name in inputs(1, 1, 1)}
    dynamic["sample"] = {0: many, 2: high, 3: wide}
    module: nn.Module = _NetworkXL(unet, factor) if large else _NetworkTold(unet) if told else _Network(unet)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        component = export(
            module,
            "network",
            inputs(2, 4, 3),
            ["prediction"],
            dynamic=dynamic,
            weights=weights_in(folder / "unet"),
            out=out,
            check=inputs(3, 2, 5),
        )
    return component, "network" if told else "classifier-free"
