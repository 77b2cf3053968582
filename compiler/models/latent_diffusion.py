"""What every latent diffusion family shares when it is lowered: the autoencoder, tokenizers, the denoise loop's
tables. What is a family's own (how its network is called, what its text encoders give) is in the family's file,
and ends up inside the exported graphs: the runtime sees only named arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from gflow.compiler.models.export import NotLowered, export
from gflow.compiler.models.tokens import lower_tokenizer
from gflow.runtime.lowered import Component

Progress = Callable[[str], None]

#: What is subtracted from an autoencoder's latents, then what they are multiplied by: numbers, or one a channel.
Scaling = tuple[Any, Any]


def batch() -> Any:
    """The batch axis of every graph."""
    return Dim("batch", min=1, max=256)


def sides(multiple: int, most: int | None = None) -> tuple[Any, Any]:
    """Height and width of pictures or latents: `most` times some number, or less."""
    most = most or 4096 // multiple
    high, wide = Dim("high", min=1, max=most), Dim("wide", min=1, max=most)
    return (high, wide) if multiple == 1 else (multiple * high, multiple * wide)


def weights_in(folder: Path) -> list[Path]:
    """The safetensors files of a component."""
    return sorted(folder.glob("*.safetensors"))


class _Encoder(nn.Module):
    """A picture to the distribution of its latents, in the scale that the network works in."""

    def __init__(self, vae: Any, scaling: Scaling) -> None:
        super().__init__()
        self.vae = vae
        self.shift, self.scale = scaling

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        moments = self.vae._encode(2 * image - 1)
        mean, logarithm = moments.chunk(2, dim=1)
        deviation = torch.exp(0.5 * torch.clamp(logarithm, -30.0, 20.0))
        return (mean - self.shift) * self.scale, deviation * self.scale


class _TinyEncoder(nn.Module):
    """The same for autoencoders that give the latents themselves."""

    def __init__(self, vae: Any, scaling: Scaling) -> None:
        super().__init__()
        self.vae = vae
        self.shift, self.scale = scaling

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        latents: torch.Tensor = self.vae.encoder(2 * image - 1)
        return (latents - self.shift) * self.scale


class _Decoder(nn.Module):
    """Latents to a picture: (batch, height, width, 3), 0..1."""

    def __init__(self, vae: Any, scaling: Scaling) -> None:
        super().__init__()
        self.vae = vae
        self.shift, self.scale = scaling

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        sample = self.vae.decode(latent / self.scale + self.shift, return_dict=False)[0]
        return (sample / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)


def scaled(vae: Any) -> Scaling:
    """Latents are multiplied only: Stable Diffusion 1 and 2."""
    return 0.0, vae.config.get("scaling_factor") or 1.0


def normalised(vae: Any) -> Scaling:
    """Each channel by its mean and deviation, where the autoencoder says them: XL."""
    config = vae.config
    if config.get("latents_mean") is None or config.get("latents_std") is None:
        return scaled(vae)
    mean, deviation = (torch.tensor(config[name]).view(1, -1, 1, 1) for name in ("latents_mean", "latents_std"))
    return mean, config.scaling_factor / deviation


def shifted(vae: Any) -> Scaling:
    """A shift, then a factor: Stable Diffusion 3, Flux."""
    return vae.config.get("shift_factor") or 0.0, vae.config.get("scaling_factor") or 1.0


def vae_factor(vae: Any) -> int:
    """How many pixels a latent stands for, along one side."""
    stages = vae.config.get("block_out_channels") or vae.config.get("encoder_block_out_channels")
    return int(2 ** (len(stages) - 1))


def lower_vae(vae: Any, scaling: Scaling, folder: Path, out: Path, progress: Progress) -> dict[str, Component]:
    """The autoencoder's two halves: `decoder` (latent ▶ image) and `encoder` (image ▶ mean, deviation).

    Raises NotLowered."""
    kind, config = type(vae).__name__, vae.config
    if kind not in ("AutoencoderKL", "AutoencoderTiny"):
        raise NotLowered("vae", f"an autoencoder of the kind {kind} is not known")
    files, channels = weights_in(folder), int(config.latent_channels)
    factor, many = vae_factor(vae), batch()

    def latents(count: int, high: int, wide: int) -> torch.Tensor:
        return torch.randn(count, channels, high, wide)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        progress("vae decoder")
        high, wide = sides(1)
        decoder = export(
            _Decoder(vae, scaling),
            "vae_decoder",
            {"latent": latents(2, 8, 6)},
            ["image"],
            dynamic={"latent": {0: many, 2: high, 3: wide}},
            weights=files,
            out=out,
            check={"latent": latents(3, 4, 10)},
        )
        progress("vae encoder")
        high, wide = sides(factor)
        tiny = kind == "AutoencoderTiny"
        encoder = export(
            _TinyEncoder(vae, scaling) if tiny else _Encoder(vae, scaling),
            "vae_encoder",
            {"image": torch.rand(2, 3, 8 * factor, 6 * factor)},
            ["mean"] if tiny else ["mean", "deviation"],
            dynamic={"image": {0: many, 2: high, 3: wide}},
            weights=files,
            out=out,
            check={"image": torch.rand(3, 3, 4 * factor, 10 * factor)},
        )
    return {"decoder": decoder, "encoder": encoder}


class LastHidden(nn.Module):
    """What a text encoder gives at last, (batch, length, width)."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.encoder(input_ids)[0]
        return found


class Summary(LastHidden):
    """One vector for the whole text, (batch, width)."""

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.encoder(input_ids).pooler_output
        return found


class PenultimateAndSummary(nn.Module):
    """What a CLIP text encoder gives one layer before its last, and its summary of the text."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.encoder(input_ids, output_hidden_states=True)
        # The projection where the encoder has one; pipelines take what comes first.
        return found.hidden_states[-2], found[0]


def lower_text(
    pipeline: Any,
    end: str,
    module: type[nn.Module],
    outputs: list[str],
    folder: Path,
    out: Path,
    progress: Progress,
    *,
    length: int | None = None,
) -> tuple[Component, dict[str, Any]]:
    """The text encoder `text_encoder{end}`, and how it is fed; `length` tokens, else as many as its tokenizer
    says. Raises NotLowered."""
    name = f"text_encoder{end}"
    encoder, tokenizer = getattr(pipeline, name), getattr(pipeline, f"tokenizer{end}")
    length = length or int(tokenizer.model_max_length)
    if getattr(encoder.config, "use_attention_mask", False):
        raise NotLowered(name, "it reads an attention mask")
    progress(name.replace("_", " "))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ids = torch.randint(0, encoder.config.vocab_size, (3, length))
    ids[:, -1] = encoder.config.eos_token_id
    component = export(
        module(encoder),
        name,
        {"input_ids": ids[:2]},
        outputs,
        dynamic={"input_ids": {0: batch()}},
        weights=weights_in(folder / name),
        out=out,
        check={"input_ids": ids.flip(0)},
    )
    settings = lower_tokenizer(tokenizer, f"tokenizer{end}", length, out)
    return component, {"component": name, "outputs": outputs, **settings}
