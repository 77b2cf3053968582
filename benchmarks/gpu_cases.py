"""What `gpu_kernels.py` checks and times: every op of the registry that is in the pixel language, what the language
has beyond them, and chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from gflow.kernels.op import registry
from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel import triton_run
from gflow.kernels.pixel.picture import Picture
from gflow.kernels.types import Size


class Frames:
    """Random pictures of one size, on a device."""

    def __init__(self, width: int, height: int, seed: int, device: torch.device) -> None:
        self.width, self.height, self.device = width, height, device
        self.rng = torch.Generator(device).manual_seed(seed)

    def planes(self, channels: int = 3) -> Picture:
        """float32, a channel after the other."""
        shape = channels, self.height, self.width
        made = torch.rand(shape, generator=self.rng, device=self.device)
        return triton_run.source(made[0] if channels == 1 else made.permute(1, 2, 0))

    def bytes(self, channels: int = 3) -> Picture:
        """uint8, pixel by pixel."""
        shape = self.height, self.width, channels
        made = torch.randint(0, 256, shape, generator=self.rng, device=self.device, dtype=torch.uint8)
        return triton_run.source(made)

    def size(self, scale: float) -> Size:
        return Size(max(1, round(self.width * scale)), max(1, round(self.height * scale)))


@dataclass(frozen=True)
class Case:
    """make: the picture of some frames. layout: how it is written. peer: of the same sources, what PyTorch has for
    just this; without one, the graph is gone through node by node."""

    name: str
    make: Callable[[Frames], Picture]
    layout: str = "planar"
    peer: Callable[..., Any] | None = None


def op(name: str, *args: Any, **named: Any) -> Picture:
    made: Picture = registry()[name].kernel(*args, **named)
    return made


def _bilateral(image: Picture) -> Picture:
    """Tomasi and Manduchi 1998, over 9x9 pixels."""
    place = np.arange(9) - 4
    near = np.exp(-(place[:, None] ** 2 + place[None, :] ** 2) / 18)

    def weighed(pixel: Picture, neighbour: Picture, weight: Picture) -> Picture:
        difference = px.luma(neighbour) - px.luma(pixel)
        share = weight * px.exp(difference * difference * -50.0)
        return px.stack(neighbour * share, share)

    summed = px.window(image, near, weighed)
    return summed.only(0, 1, 2) / summed[3]


def _grain(image: Picture) -> Picture:
    x, y = px.coordinates(image)
    return image + (px.hashed(x, y, 7.0) - 0.5) * 0.1


def _cube(image: Picture) -> Picture:
    place = np.linspace(0, 1, 33) ** 1.1
    blue, green, red = np.meshgrid(place, place, place, indexing="ij")
    return px.looked_up_colors(np.stack([red, green, blue], axis=3), image)


def _finished(image: Picture, over: Picture, size: Size) -> Picture:
    """What a frame goes through on its way to a network: smaller, graded, something laid over it, sharpened, and
    with the mean and deviation that networks of ImageNet want."""
    made = op("grade", op("resize", image, size), 1.1, 1.2, 1.05, 1.1)
    made = op("sharpen", op("blend", made, op("resize", over, size), 0.3, "overlay"), 0.6, 0.6)
    means, deviations = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return px.stack(*((made[c] - means[c]) * (1 / deviations[c]) for c in range(3)))


def _interpolated(image: torch.Tensor) -> torch.Tensor:
    """PyTorch's own bicubic, with antialiasing, which is Pillow's too."""
    size = round(image.shape[1] * 0.5), round(image.shape[2] * 0.5)
    return F.interpolate(image[None], size, mode="bicubic", antialias=True)[0]


CURVE = [{"x": 0.0, "y": 0.0}, {"x": 0.4, "y": 0.5}, {"x": 1.0, "y": 1.0}]

#: A .cube file, of 17 colors a side.
LOOK = "LUT_3D_SIZE 17\n" + "\n".join(
    " ".join(f"{(place / 16) ** 1.1:.6f}" for place in (red, green, blue))
    for blue in range(17)
    for green in range(17)
    for red in range(17)
)

CASES = [
    Case("brightness", lambda f: op("brightness", f.planes(), 1.1)),
    Case("contrast", lambda f: op("contrast", f.planes(), 1.2)),
    Case("saturation", lambda f: op("saturation", f.planes(), 1.3)),
    Case("gamma", lambda f: op("gamma", f.planes(), 1.4)),
    Case("grade", lambda f: op("grade", f.planes(), 1.1, 1.2, 1.05, 1.1)),
    Case("grade, bytes", lambda f: op("grade", f.bytes(), 1.1, 1.2, 1.05, 1.1), "u8"),
    Case("invert", lambda f: op("invert", f.planes(4))),
    Case("blend", lambda f: op("blend", f.planes(), f.planes(), 0.4, "overlay")),
    Case("blend, with alpha", lambda f: op("blend", f.planes(4), f.planes(4), 0.4, "screen")),
    Case("composite", lambda f: op("composite", f.planes(), f.planes(), f.planes(1))),
    Case("caption", lambda f: op("caption", f.planes(), "A red circle above a blue square")),
    Case("blur, 1", lambda f: op("blur", f.planes(), 1.0)),
    Case("blur, 8", lambda f: op("blur", f.planes(), 8.0)),
    Case("blur, 8, with alpha", lambda f: op("blur", f.planes(4), 8.0)),
    Case("sharpen", lambda f: op("sharpen", f.planes(), 0.7, 1.0)),
    Case("resize to a half", lambda f: op("resize", f.planes(), f.size(0.5)), peer=_interpolated),
    Case("resize, bytes", lambda f: op("resize", f.bytes(), f.size(2 / 3)), "u8"),
    Case("resize, lanczos", lambda f: op("resize", f.planes(), f.size(0.3), method="lanczos")),
    Case("resize, contained", lambda f: op("resize", f.planes(), Size(f.height, f.height), fit="contain")),
    Case("scale", lambda f: op("scale", f.planes(), 1.5, method="bilinear")),
    Case("crop", lambda f: op("crop", f.planes(), f.size(0.7))),
    Case("pad", lambda f: op("pad", f.planes(), 31, color="#ff880080")),
    Case("flip", lambda f: op("flip", f.planes())),
    Case("flip, vertical", lambda f: op("flip", f.planes(), "vertical")),
    Case("exposure", lambda f: op("exposure", f.planes(), 0.5)),
    Case("white_balance", lambda f: op("white_balance", f.planes(), 5200.0, 0.1)),
    Case("levels", lambda f: op("levels", f.planes(), 0.05, 0.9, 1.2)),
    Case("curves", lambda f: op("curves", f.planes(), CURVE)),
    Case("hue", lambda f: op("hue", f.planes(), 40.0)),
    Case("convert, lab", lambda f: op("convert", f.planes(), "lab")),
    Case("lut", lambda f: op("lut", f.planes(), LOOK)),
    Case("vignette", lambda f: op("vignette", f.planes())),
    Case("grain", lambda f: op("grain", f.planes())),
    Case("edge", lambda f: op("edge", f.planes())),
    Case("chroma_key", lambda f: op("chroma_key", f.planes())),
    Case("pyramid_blend", lambda f: op("pyramid_blend", f.planes(), f.planes(), f.planes(1))),
    Case("feather", lambda f: op("feather", f.planes(1), 8.0)),
    Case("grow", lambda f: op("grow", f.planes(1), 8)),
    Case("threshold", lambda f: op("threshold", f.planes(1), 0.5)),
    Case("mask_from", lambda f: op("mask_from", f.planes(4))),
    Case("greatest of 15x15", lambda f: px.convolved(_across(f.planes(1)), "y", np.ones(15), "max")),
    Case("curve by a table", lambda f: px.looked_up(np.linspace(0, 1, 256) ** 2, f.planes())),
    Case("colors by a cube", lambda f: _cube(f.planes())),
    Case("film grain", lambda f: _grain(f.planes())),
    Case("bilateral, 9x9", lambda f: _bilateral(f.planes())),
    Case("chain", lambda f: _finished(f.bytes(), f.bytes(), f.size(2 / 3))),
]


def _across(image: Picture) -> Picture:
    return px.convolved(image, "x", np.ones(15), "max")


_missing = {name for name, op in registry().items() if op.pixel} - {
    case.name.partition(",")[0].partition(" ")[0] for case in CASES
}
assert not _missing, f"no case for {_missing}"
