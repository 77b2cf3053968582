"""Ops that draw onto images."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from gflow.kernels.compose import lay_over
from gflow.kernels.op import op
from gflow.kernels.pixel.picture import source
from gflow.kernels.pixels import Image, check_range, filled, parse_color, size_of
from gflow.kernels.types import Size

SMALLEST, LARGEST = 4, 1000
SMALLEST_CHOSEN = 8


@op(pixel=True)
def caption(
    image: Image,
    text: str,
    position: Literal["top", "center", "bottom"] = "bottom",
    size: int | None = None,
    color: str = "white",
    outline: str = "black",
) -> Image:
    """Text drawn onto the image, in centered lines that wrap at its width.

    `size` is the letters' height in pixels, 4..1000; without it they are as large as fits, at most a tenth of the
    image's height. The outline keeps them readable on any picture; `"transparent"` leaves it away. What does not
    fit is cut off. The font is the one that comes with Pillow: Latin letters only. Raises OpError for other sizes
    and for what is not a color.
    """
    if size is not None:
        check_range("caption", "size", size, SMALLEST, LARGEST)
    lettering = _fitting(text, size_of(image)) if size is None else _Lettering(text, size, size_of(image))
    for name, outlined in ((outline, True), (color, False)):
        rgba = parse_color(name)
        drawn = source(lettering.drawn(position, outlined=outlined))
        image = lay_over(image, filled(rgba[:3]), drawn * float(rgba[3]))
    return image


class _Lettering:
    """A text in letters of a size, wrapped for an image."""

    def __init__(self, text: str, letters: int, whole: Size) -> None:
        from PIL import ImageFont  # Takes its time, and many programs draw no text.

        font = ImageFont.load_default(letters)
        assert isinstance(font, ImageFont.FreeTypeFont), "Pillow's wheels have FreeType"
        self.font = font
        self.whole = whole
        self.outline = max(1, letters // 12)
        self.margin = max(1, letters // 3)
        self.ascent, descent = font.getmetrics()
        self.line_height = self.ascent + descent
        self.lines = [line for paragraph in text.splitlines() for line in self._wrapped(paragraph)]

    @property
    def height(self) -> int:
        """The lines and their margins, in pixels."""
        return len(self.lines) * self.line_height + 2 * self.margin

    def drawn(self, position: str, *, outlined: bool) -> Any:
        """How much of each pixel the letters cover, uint8 (height, width)."""
        from PIL import Image as PillowImage
        from PIL import ImageDraw

        canvas = PillowImage.new("L", self.whole)
        draw = ImageDraw.Draw(canvas)
        free = self.whole.height - self.height
        top = {"top": 0, "center": free // 2, "bottom": free}[position] + self.margin
        for number, line in enumerate(self.lines):
            baseline = top + number * self.line_height + self.ascent
            middle = (self.whole.width // 2, baseline)
            stroke = self.outline if outlined else 0
            draw.text(middle, line, fill=255, font=self.font, anchor="ms", stroke_width=stroke)
        return np.asarray(canvas)

    def _wrapped(self, paragraph: str) -> list[str]:
        """Lines as full as the width allows. A word that is longer than a line is cut."""
        room = self.whole.width - 2 * self.outline
        lines = [""]
        for word in paragraph.split():
            longer = f"{lines[-1]} {word}".lstrip()
            if self.font.getlength(longer) <= room:
                lines[-1] = longer
                continue
            if lines[-1]:
                lines.append("")
            for letter in word:
                if lines[-1] and self.font.getlength(lines[-1] + letter) > room:
                    lines.append("")
                lines[-1] += letter
        return lines


def _fitting(text: str, whole: Size) -> _Lettering:
    letters = max(SMALLEST_CHOSEN, whole.height // 10)
    lettering = _Lettering(text, letters, whole)
    while letters > SMALLEST_CHOSEN and lettering.height > whole.height:
        letters = max(SMALLEST_CHOSEN, letters * 9 // 10)
        lettering = _Lettering(text, letters, whole)
    return lettering
