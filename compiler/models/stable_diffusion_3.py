"""Stable Diffusion 3: a transformer over patches of latents (Esser et al. 2024), two CLIP text encoders and, where
the model has it, T5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from gflow.compiler.models.export import export
from gflow.compiler.models.latent_diffusion import (
    LastHidden,
    PenultimateAndSummary,
    Progress,
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
_T5_LENGTH = 256

#: Whether its pipeline hands the scheduler sigmas of its own.
GIVES_SIGMAS = False


class _Network(nn.Module):
    """One evaluation of the transformer. The encoders' outputs are joined here: CLIP's side by side, filled up
    with zeros to T5's width, then T5's after them."""

    def __init__(self, transformer: Any, length: int) -> None:
        super().__init__()
        self.transformer, self.length = transformer, length
        embedding = transformer.pos_embed
        embedding.cropped_pos_embed = lambda high, wide: _cropped(embedding, high, wide)

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        text: torch.Tensor,
        summary: torch.Tensor,
        text_2: torch.Tensor,
        summary_2: torch.Tensor,
        text_3: torch.Tensor | None = None,
    ) -> torch.Tensor:
        clip = torch.cat([text, text_2], dim=-1)
        width = self.transformer.config.joint_attention_dim
        clip = nn.functional.pad(clip, (0, width - clip.shape[-1]))
        # Without T5, pipelines put zeros in its place.
        t5 = clip.new_zeros(clip.shape[0], self.length, width) if text_3 is None else text_3
        found: torch.Tensor = self.transformer(
            hidden_states=sample,
            timestep=timestep,
            encoder_hidden_states=torch.cat([clip, t5], dim=-2),
            pooled_projections=torch.cat([summary, summary_2], dim=-1),
            return_dict=False,
        )[0]
        return found


def _cropped(embedding: Any, high: int, wide: int) -> torch.Tensor:
    """The middle of the table of positions, as diffusers crops it; by indices, as slices of sizes that vary are
    exported wrong."""
    most, patch = embedding.pos_embed_max_size, embedding.patch_size
    high, wide = high // patch, wide // patch
    table = embedding.pos_embed.reshape(most, most, -1)
    rows = torch.arange(high) + (most - high) // 2
    columns = torch.arange(wide) + (most - wide) // 2
    middle = table.index_select(0, rows).index_select(1, columns)
    return middle.reshape(1, high * wide, -1)


def lower(
    pipeline: Any, folder: Path, out: Path, progress: Progress
) -> tuple[dict[str, Component], dict[str, Any]]:
    """The components and settings of a pipeline in float32. Raises NotLowered."""
    scaling = shifted(pipeline.vae)
    components = lower_vae(pipeline.vae, scaling, folder / "vae", out, progress)
    texts = []
    for end in ("", "_2", "_3"):
        if getattr(pipeline, f"text_encoder{end}", None) is None:
            continue
        if end == "_3":
            module, outputs, length = LastHidden, ["text_3"], _T5_LENGTH
        else:
            module, outputs, length = PenultimateAndSummary, [f"text{end}", f"summary{end}"], None
        component, settings = lower_text(pipeline, end, module, outputs, folder, out, progress, length=length)
        components[f"text_encoder{end}"] = component
        texts.append(settings)
    components["network"] = _lower_transformer(pipeline, texts, folder, out, progress)
    config, factor = pipeline.transformer.config, vae_factor(pipeline.vae)
    return components, {
        "texts": texts,
        "channels": int(pipeline.vae.config.latent_channels),
        "factor": factor,
        "multiple": factor * max(2, int(config.patch_size)),
        "sample": int(config.sample_size) * factor,
        "guidance": "classifier-free",
        "inpaint": "blend",
        "start": "early",
    }


def _lower_transformer(
    pipeline: Any, texts: list[dict[str, Any]], folder: Path, out: Path, progress: Progress
) -> Component:
    transformer = pipeline.transformer
    patch = max(2, int(transformer.config.patch_size))
    progress("network")
    largest = transformer.config.pos_embed_max_size
    many, (high, wide) = batch(), sides(patch, int(largest))

    def inputs(count: int, across: int, down: int) -> dict[str, torch.Tensor]:
        shape = (count, int(transformer.config.in_channels), down * patch, across * patch)
        made = {"sample": torch.randn(shape), "timestep": torch.linspace(10, 900, count)}
        for settings in texts:
            encoder = getattr(pipeline, settings["component"])
            name, *summary = settings["outputs"]
            width = getattr(encoder.config, "hidden_size", None) or encoder.config.d_model
            made[name] = torch.randn(count, settings["length"], width)
            if summary:
                made[summary[0]] = torch.randn(count, encoder.config.projection_dim)
        return made

    dynamic: dict[str, dict[int, Any]] = {name: {0: many} for name in inputs(1, 1, 1)}
    dynamic["sample"] = {0: many, 2: high, 3: wide}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return export(
            _Network(transformer, _T5_LENGTH),
            "network",
            inputs(2, 4, 3),
            ["prediction"],
            dynamic=dynamic,
            weights=weights_in(folder / "transformer"),
            out=out,
            check=inputs(3, 2, 5),
        )
