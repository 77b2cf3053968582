"""What the engines for diffusion models share: what may be asked, sizes, and pictures to start from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gflow.kernels.pixel.picture import clamp, source
from gflow.kernels.pixel.realize import realize
from gflow.kernels.pixel.resample import resized as scaled
from gflow.kernels.pixels import checked_size
from gflow.kernels.types import Array, Size
from gflow.runtime.errors import EngineFailed, OpFailed


def check(args: Mapping[str, Any]) -> None:
    """Raises OpFailed for settings that no diffusion model takes."""
    if args["steps"] < 1:
        raise OpFailed(f"steps must be at least 1, not {args['steps']}")
    if not 0 <= args["guidance_scale"] < math.inf:
        raise OpFailed(f"guidance_scale must not be negative, as {args['guidance_scale']} is")
    if not 0 <= args["strength"] <= 1:
        raise OpFailed(f"strength must be between 0 and 1, not {args['strength']}")
    if args["mask"] is not None and args["image"] is None:
        raise OpFailed("a mask needs an image to paint into")


def check_strength(steps: int, strength: float) -> None:
    """Raises OpFailed where none of the steps would run: of all, only this share does."""
    if int(steps * strength) < 1:
        need = math.ceil(1 / strength)
        raise OpFailed(
            f"with strength {strength} none of {steps} steps is left to run", help=f"ask for {need} steps or more"
        )


def check_size(size: Size | None, multiple: int) -> None:
    """Raises OpFailed for a size that a model can't paint."""
    if size is None:
        return
    checked_size("generate", *size)
    if size.width % multiple or size.height % multiple:
        below = Size(*(max(multiple, side // multiple * multiple) for side in size))
        above = Size(*(-(-side // multiple) * multiple for side in size))
        nearest_sizes = f"{below} or {above}" if below != above else str(below)
        raise OpFailed(
            f"this model can't paint {size}: width and height must be multiples of {multiple}",
            help=f"ask for {nearest_sizes}, then resize",
        )


def nearest(image: Array, multiple: int) -> Size:
    """The size nearest to a picture's that a model can paint."""
    height, width = image.shape[:2]
    return Size(*(max(multiple, (side + multiple // 2) // multiple * multiple) for side in (width, height)))


def flattened(image: Array) -> Array:
    """Three channels: what is transparent becomes white."""
    if image.shape[2] == 3:
        return image
    alpha = image[:, :, 3:]
    return image[:, :, :3] * alpha + (1 - alpha)


def resized(picture: Array, size: Size) -> Array:
    """As the op `resize` does it. Clipped to 0..1, which models insist on."""
    made: Array = realize(clamp(scaled(source(picture), *size)))
    return made


def kept(painted: Array, picture: Array, mask: Array) -> Array:
    """A painted picture with what a mask keeps (below 0.5) exactly as it was. All of one size."""
    return np.where(mask[:, :, None] < 0.5, picture, painted)


def finite(painted: Array) -> Array:
    """The picture a model made. Raises EngineFailed where some of it is no number: it would be written as black."""
    # A sum is finite only where all that it is made of is.
    check_finite(painted.sum(dtype=np.float64))
    return painted


def check_finite(sums: Any) -> None:
    """Raises EngineFailed unless all are finite: sums of pictures that a model made."""
    if not np.isfinite(sums).all():
        raise EngineFailed(
            "the model painted values that are not numbers",
            help="its weights are damaged, or don't fit into 16 bits: some autoencoders need 32",
        )
