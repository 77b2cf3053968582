"""What stages of a diffusion model hand to each other. Apart from the engine, as results that were kept are read
without it."""

from __future__ import annotations

from dataclasses import dataclass

from gflow.kernels.types import Array, Size


@dataclass(frozen=True)
class Conditioning:
    """What the network reads of a text, by the names of its inputs, without the batch axis."""

    text: str
    arrays: dict[str, Array]


@dataclass(frozen=True)
class Encoded:
    """A picture to start from: itself, (height, width, 3), 0..1, and the distribution of its latents, (channels,
    h, w). `deviation` is None for autoencoders that give the latents themselves. `kept` is the distribution of
    what a mask keeps, the rest made grey, where there is a mask."""

    picture: Array
    mean: Array
    deviation: Array | None
    kept: tuple[Array, Array | None] | None = None


@dataclass(frozen=True)
class Latents:
    """(channels, h, w) float32; None where no step ran, so that the picture stays as it is."""

    array: Array | None
    size: Size
