"""Color spaces: the op `convert`, and the formulas that other ops use.

Pictures of three channels in, pictures of three channels out. The formulas hold for values outside 0..1, too, as
far as they have a meaning there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from gflow.kernels.op import op
from gflow.kernels.pixel.picture import Picture, floor, matrix, maximum, minimum, stack, where
from gflow.kernels.pixels import Image

Space = Literal["srgb", "linear", "hsv", "ycbcr601", "ycbcr709", "lab"]

#: Linear sRGB to CIE XYZ, as IEC 61966-2-1 derives it from the primaries; white, D65, is the sum of each row.
XYZ_OF_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
RGB_OF_XYZ = np.linalg.inv(XYZ_OF_RGB)
_WHITE = XYZ_OF_RGB.sum(axis=1)
_WHITES_SHARE = XYZ_OF_RGB / _WHITE[:, None]
_OF_WHITES_SHARE = RGB_OF_XYZ * _WHITE

#: CIE 15: where the cube root of Lab becomes a line.
_KNEE = 6 / 29

#: How much red and blue count in luma: ITU-R BT.601 and BT.709.
BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)


@op(pixel=True)
def convert(image: Image, to: Space, source: Space = "srgb") -> Image:
    """The colors in another color space, as three channels of the same image; alpha stays as it is. `source` says
    which space they are in now. All channels are scaled to 0..1, so that other ops work on them: `convert("lab")`,
    then `curves(red: ...)` is a curve of lightness, then `convert("srgb", source: "lab")` goes back.

    `"srgb"`: red, green, blue, as all ops and files have them (IEC 61966-2-1).
    `"linear"`: the same without the curve, in proportion to light.
    `"hsv"`: hue over 360 degrees, saturation, value (Smith 1978). A grey has hue 0.
    `"ycbcr601"`, `"ycbcr709"`: luma, then Cb and Cr with 0.5 for none; full range. BT.601 is that of JPEG and of
    OpenCV, BT.709 that of HD video.
    `"lab"`: CIE L*a*b* under D65: L* / 100, then a* / 256 + 0.5 and b* / 256 + 0.5.

    There and back gives the same color within 0.0001. An image in another space than sRGB is saved and shown as if
    it were sRGB: convert it back first.
    """
    return image.recolored(converted(image.colors, source, to))


def converted(colors: Picture, source: str, to: str) -> Picture:
    """Colors of one space in another, by the shortest way: each space is made of one that it is closest to."""
    up, down = _way(source), _way(to)
    while up and down and up[-1] == down[-1]:
        up, down = up[:-1], down[:-1]
    for space in up:
        colors = _SPACES[space].back(colors)
    for space in reversed(down):
        colors = _SPACES[space].made(colors)
    return colors


def _way(space: str) -> list[str]:
    """The spaces between one and sRGB, that one first."""
    return [space, *_way(_SPACES[space].of)] if space in _SPACES else []


# --- light ---


def linear(colors: Picture) -> Picture:
    """Colors in proportion to light, from sRGB."""
    return where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)


def encoded(light: Picture) -> Picture:
    """The inverse of `linear`."""
    return where(light <= 0.0031308, light * 12.92, light ** (1 / 2.4) * 1.055 - 0.055)


# --- hue ---


def hue_of(colors: Picture) -> tuple[Picture, Picture, Picture]:
    """Hue in 0..1, chroma (the distance of the greatest from the least) and value (the greatest)."""
    red, green, blue = colors[0], colors[1], colors[2]
    value = maximum(maximum(red, green), blue)
    chroma = value - minimum(minimum(red, green), blue)
    some = where(chroma > 0, chroma, 1.0)
    rest = where(green >= value, (blue - red) / some + 2, (red - green) / some + 4)
    turn = where(red >= value, (green - blue) / some, rest) / 6
    return turn - floor(turn), chroma, value


def of_hue(hue: Picture, chroma: Picture, value: Picture) -> Picture:
    """The inverse of `hue_of`. A hue outside 0..1 goes round."""
    made = []
    for place in (5, 3, 1):
        turn = hue * 6 + place
        turn = turn - floor(turn / 6) * 6
        made.append(value - chroma * maximum(minimum(minimum(turn, 4 - turn), 1.0), 0.0))
    return stack(*made)


def _hsv(colors: Picture) -> Picture:
    hue, chroma, value = hue_of(colors)
    lit = value > 0
    return stack(hue, where(lit, chroma / where(lit, value, 1.0), 0.0), value)


def _of_hsv(hsv: Picture) -> Picture:
    return of_hue(hsv[0], hsv[1] * hsv[2], hsv[2])


# --- luma and chroma ---


def ycbcr(colors: Picture, shares: tuple[float, float]) -> Picture:
    """Luma, and the differences of blue and red from it, 0.5 for none. shares: of red and blue in luma."""
    red, blue = shares
    luma = colors[0] * red + colors[1] * (1 - red - blue) + colors[2] * blue
    from_blue = (colors[2] - luma) / (2 - 2 * blue) + 0.5
    return stack(luma, from_blue, (colors[0] - luma) / (2 - 2 * red) + 0.5)


def of_ycbcr(ycbcr: Picture, shares: tuple[float, float]) -> Picture:
    """The inverse of `ycbcr`."""
    luma = ycbcr[0]
    red = luma + (ycbcr[2] - 0.5) * (2 - 2 * shares[0])
    blue = luma + (ycbcr[1] - 0.5) * (2 - 2 * shares[1])
    return stack(red, (luma - red * shares[0] - blue * shares[1]) / (1 - shares[0] - shares[1]), blue)


# --- CIE L*a*b* ---


def _lab(light: Picture) -> Picture:
    xyz = matrix(light, _WHITES_SHARE.tolist())
    bent = where(xyz > _KNEE**3, xyz ** (1 / 3), xyz / (3 * _KNEE**2) + 4 / 29)
    x, y, z = bent[0], bent[1], bent[2]
    return stack(y * 1.16 - 0.16, (x - y) * (500 / 256) + 0.5, (y - z) * (200 / 256) + 0.5)


def _of_lab(lab: Picture) -> Picture:
    y = (lab[0] + 0.16) / 1.16
    bent = stack(y + (lab[1] - 0.5) * (256 / 500), y, y - (lab[2] - 0.5) * (256 / 200))
    xyz = where(bent > _KNEE, bent * bent * bent, (bent - 4 / 29) * (3 * _KNEE**2))
    return matrix(xyz, _OF_WHITES_SHARE.tolist())


class _Made(NamedTuple):
    """How a space is made of another one, and back."""

    of: str
    made: Callable[[Picture], Picture]
    back: Callable[[Picture], Picture]


_SPACES: Mapping[str, _Made] = {
    "linear": _Made("srgb", linear, encoded),
    "hsv": _Made("srgb", _hsv, _of_hsv),
    "ycbcr601": _Made("srgb", lambda colors: ycbcr(colors, BT601), lambda made: of_ycbcr(made, BT601)),
    "ycbcr709": _Made("srgb", lambda colors: ycbcr(colors, BT709), lambda made: of_ycbcr(made, BT709)),
    "lab": _Made("linear", _lab, _of_lab),
}
