"""The two halves of a CLIP model, as modules to export."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class TextTower(nn.Module):
    """Token ids (batch, length) to vectors. What follows the end of a text is not looked at: attention is causal,
    and the vector is read at the first end."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model.text_projection(self.model.text_model(input_ids=input_ids).pooler_output)
        return found


class ImageTower(nn.Module):
    """Pictures (batch, 3, side, side), normalised, to vectors."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        seen = self.model.vision_model(pixel_values=pixel_values).pooler_output
        found: torch.Tensor = self.model.visual_projection(seen)
        return found
