"""A causal language model as a module to export: one step that reads tokens after those in its cache."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Decoder(nn.Module):
    """Keys and values of all layers are one array, (2 x layers, batch, heads, tokens, width)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.layers = model.config.get_text_config().num_hidden_layers

    def forward(self, input_ids: torch.Tensor, past: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        from transformers import DynamicCache

        read, new = past.shape[3], input_ids.shape[1]
        cache = DynamicCache()
        for layer in range(self.layers):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        places = torch.arange(new) + read
        # A token sees itself and what stands before it.
        hidden = torch.arange(read + new)[None, :] > places[:, None]
        mask = torch.where(hidden, torch.finfo(torch.float32).min, 0.0)[None, None].expand(
            input_ids.shape[0], 1, new, read + new
        )
        found = self.model(
            input_ids=input_ids,
            attention_mask=mask,
            position_ids=places[None, :].expand(input_ids.shape[0], new),
            past_key_values=cache,
            use_cache=True,
        )
        kept = [part for layer in found.past_key_values.layers for part in (layer.keys, layer.values)]
        return found.logits, torch.stack(kept)
