"""Flux.1: a transformer with rotary positions over pairs of latents, CLIP's summary of the text and T5's reading of
it. The dev model is told the guidance scale, schnell needs none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from gflow.compiler.models.export import export
from gflow.compiler.models.latent_diffusion import (
    LastHidden,
    Progress,
    Summary,
    batch,
    lower_text,
    lower_vae,
    shifted,
    sides,
    vae_factor,
    weights_in,
)
from gflow.runtime.lowered import Component

#: Tokens that diffusers' pipeline gives T5.
_T5_LENGTH = 512

#: Whether its pipeline hands the scheduler sigmas of its own.
GIVES_SIGMAS = True


class _Network(nn.Module):
    """One evaluation of the transformer on plain latents: packing them to 2x2 patches happens here."""

    def __init__(self, transformer: Any) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        summary: torch.Tensor,
        text: torch.Tensor,
        guidance: torch.Tensor | None = None,
    ) -> torch.Tensor:
        count, channels, high, wide = sample.shape
        patches = sample.reshape(count, channels, high // 2, 2, wide // 2, 2).permute(0, 2, 4, 1, 3, 5)
        down = torch.arange(high // 2, dtype=sample.dtype)[:, None].expand(high // 2, wide // 2)
        across = torch.arange(wide // 2, dtype=sample.dtype)[None, :].expand(high // 2, wide // 2)
        places = torch.stack([torch.zeros_like(down), down, across], dim=-1).reshape(-1, 3)
        found = self.transformer(
            hidden_states=patches.reshape(count, (high // 2) * (wide // 2), channels * 4),
            timestep=timestep / 1000,
            guidance=guidance,
            pooled_projections=summary,
            encoder_hidden_states=text,
            txt_ids=torch.zeros(text.shape[1], 3),
            img_ids=places,
            return_dict=False,
        )[0]
        found = found.reshape(count, high // 2, wide // 2, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
        whole: torch.Tensor = found.reshape(count, channels, high, wide)
        return whole


def lower(
    pipeline: Any, folder: Path, out: Path, progress: Progress
) -> tuple[dict[str, Component], dict[str, Any]]:
    """The components and settings of a pipeline in float32. Raises NotLowered."""
    scaling = shifted(pipeline.vae)
    components = lower_vae(pipeline.vae, scaling, folder / "vae", out, progress)
    first, summary = lower_text(pipeline, "", Summary, ["summary"], folder, out, progress)
    second, text = lower_text(pipeline, "_2", LastHidden, ["text"], folder, out, progress, length=_T5_LENGTH)
    components |= {"text_encoder": first, "text_encoder_2": second}
    components["network"] = _lower_transformer(pipeline, folder, out, progress)
    factor = vae_factor(pipeline.vae)
    return components, {
        "texts": [summary, text],
        "channels": int(pipeline.vae.config.latent_channels),
        "factor": factor,
        "multiple": 2 * factor,
        "sample": int(pipeline.default_sample_size) * factor,
        "guidance": "network" if pipeline.transformer.config.guidance_embeds else "none",
        "inpaint": "blend",
        "start": "early",
    }


def _lower_transformer(pipeline: Any, folder: Path, out: Path, progress: Progress) -> Component:
    config = pipeline.transformer.config
    progress("network")
    many, (high, wide) = batch(), sides(2)

    def inputs(count: int, across: int, down: int) -> dict[str, torch.Tensor]:
        made = {
            "sample": torch.randn(count, int(config.in_channels) // 4, 2 * down, 2 * across),
            "timestep": torch.linspace(10, 900, count),
            "summary": torch.randn(count, int(config.pooled_projection_dim)),
            "text": torch.randn(count, _T5_LENGTH, int(config.joint_attention_dim)),
        }
        if config.guidance_embeds:
            made["guidance"] = torch.linspace(2, 8, count)
        return made

    dynamic: dict[str, dict[int, Any]] = {name: {0: many} for name in inputs(1, 1, 1)}
    dynamic["sample"] = {0: many, 2: high, 3: wide}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return export(
            _Network(pipeline.transformer),
            "network",
            inputs(2, 4, 3),
            ["prediction"],
            dynamic=dynamic,
            weights=weights_in(folder / "transformer"),
            out=out,
            check=inputs(3, 2, 5),
        )
