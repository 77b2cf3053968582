"""The toy world: coloured shapes, their captions and their pictures.

A caption is "a red circle above a blue square on a white background"; the last part is optional, and so is the
second object. Pictures are 64x64, drawn by signed distances (Quilez, "2D distance functions"), so that a whole
batch is a few NumPy operations and edges are smooth.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SIZE = 64
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "orange": (245, 145, 30),
    "yellow": (250, 220, 50),
    "green": (50, 165, 70),
    "blue": (45, 85, 215),
    "purple": (140, 60, 175),
}
SHAPES = ("circle", "square", "triangle", "star")
RELATIONS = ("above", "below", "left of", "right of")
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (252, 252, 252),
    "black": (18, 18, 20),
    "gray": (140, 140, 145),
    "pink": (250, 195, 210),
}
# Where a caption says nothing, the background is this.
DEFAULT_BACKGROUND = (240, 228, 200)

# Which way the first object lies from the second, as (x, y), y down.
DIRECTIONS = {"above": (0, -1), "below": (0, 1), "left of": (-1, 0), "right of": (1, 0)}

Object = tuple[str, str]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """What a caption says. `first` and `second` are (colour, shape); `second` and `relation` go together."""

    first: Object
    second: Object | None = None
    relation: str | None = None
    background: str | None = None


def _noun(item: Object) -> str:
    return f"{'an' if item[0] == 'orange' else 'a'} {item[0]} {item[1]}"


def caption(scene: Scene) -> str:
    """The one caption of a scene."""
    text = _noun(scene.first)
    if scene.second is not None:
        text += f" {scene.relation} {_noun(scene.second)}"
    if scene.background is not None:
        text += f" on a {scene.background} background"
    return text


_OBJECT = rf"an? ({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})"
_CAPTION = re.compile(
    rf"{_OBJECT}(?: ({'|'.join(RELATIONS)}) {_OBJECT})?(?: on a ({'|'.join(BACKGROUNDS)}) background)?"
)


def parse_caption(text: str) -> Scene | None:
    """The scene that a caption says, None where it is no caption of this world."""
    match = _CAPTION.fullmatch(text.strip())
    if match is None:
        return None
    c1, s1, relation, c2, s2, background = match.groups()
    scene = Scene((c1, s1), (c2, s2) if c2 else None, relation, background)
    return scene if caption(scene) == text.strip() else None


def all_scenes() -> list[Scene]:
    """Every scene: two objects of different colours, or one."""
    objects = list(itertools.product(COLOURS, SHAPES))
    backgrounds = [None, *BACKGROUNDS]
    pairs = [(a, b) for a, b in itertools.product(objects, objects) if a[0] != b[0]]
    two = [Scene(a, b, r, g) for (a, b), r, g in itertools.product(pairs, RELATIONS, backgrounds)]
    return two + [Scene(a, None, None, g) for a, g in itertools.product(objects, backgrounds)]


def held_out(text: str) -> bool:
    """One caption in ten is never trained on; which, depends on its words alone."""
    return (hashlib.sha256(text.encode()).digest()[0] < 26 and " background" in text) or (
        hashlib.sha256(text.encode()).digest()[1] < 26 and any(f" {r} " in text for r in RELATIONS)
    )


def sample_scenes(rng: np.random.Generator, count: int, *, unseen: bool = False) -> list[Scene]:
    """Random scenes: one in seven has a single object, half have a background. `unseen`: held-out ones only,
    with two objects; else never a held-out one."""
    scenes: list[Scene] = []
    colours, backgrounds = list(COLOURS), list(BACKGROUNDS)
    while len(scenes) < count:
        c1, c2 = rng.choice(len(colours), 2, replace=False)
        s1, s2 = rng.integers(len(SHAPES), size=2)
        background = backgrounds[rng.integers(len(backgrounds))] if rng.random() < 0.5 else None
        first, second = (colours[c1], SHAPES[s1]), (colours[c2], SHAPES[s2])
        if not unseen and rng.random() < 0.14:
            scene = Scene(first, None, None, background)
        else:
            scene = Scene(first, second, RELATIONS[rng.integers(4)], background)
        if held_out(caption(scene)) == unseen:
            scenes.append(scene)
    return scenes


# --- drawing ---------------------------------------------------------------------------------------


def _star_radius(angle: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A five-pointed star's outline, as a fraction of its outer radius by direction."""
    inner, step = 0.42, np.pi / 5
    folded = np.abs((angle + np.pi / 2 + step) % (2 * step) - step)
    # The edge from the tip (1, 0) to the notch (inner, step), in polar form.
    x2, y2 = inner * np.cos(step), inner * np.sin(step)
    return y2 / (np.sin(folded) * (1 - x2) + np.cos(folded) * y2)


def _distance(
    shape: str, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], r: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """About how many pixels outside the shape a point is, negative inside."""
    if shape == "circle":
        return np.hypot(x, y) - r
    if shape == "square":
        return np.maximum(np.abs(x), np.abs(y)) - 0.9 * r
    if shape == "triangle":
        slope = np.sqrt(3.0) / 2
        return np.maximum(y - 0.6 * r, slope * np.abs(x) - 0.5 * (y + r * 1.05))
    return (np.hypot(x, y) - 1.15 * r * _star_radius(np.arctan2(y, x))) * 0.8


def _places(scene: Scene, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Centre and radius of each object, in pixels."""
    middle = SIZE / 2
    if scene.second is None:
        return [(middle + rng.uniform(-8, 8), middle + rng.uniform(-8, 8), rng.uniform(9, 15))]
    dx, dy = DIRECTIONS[str(scene.relation)]
    gap = rng.uniform(25, 32)
    along = rng.uniform(-2.5, 2.5)
    places = []
    for sign in (1, -1):
        off = rng.uniform(-6, 6)
        x = middle + (sign * dx * gap / 2 + along if dx else off)
        y = middle + (sign * dy * gap / 2 + along if dy else off)
        places.append((x, y, rng.uniform(8.5, 11.5)))
    return places


def render(scenes: Sequence[Scene], rng: np.random.Generator) -> Pixels:
    """Pictures of scenes, uint8 of shape (n, 64, 64, 3); places, sizes and shades are random."""
    grid = np.arange(SIZE, dtype=np.float32) + 0.5
    pictures = np.empty((len(scenes), SIZE, SIZE, 3), np.float32)
    items: dict[str, list[tuple[int, float, float, float, npt.NDArray[np.float32]]]] = {s: [] for s in SHAPES}
    for index, scene in enumerate(scenes):
        base = BACKGROUNDS[scene.background] if scene.background else DEFAULT_BACKGROUND
        pictures[index] = np.clip(np.array(base) + rng.uniform(-3, 3, 3), 0, 255)
        objects = [scene.first] + ([scene.second] if scene.second else [])
        for (colour, shape), (x, y, r) in zip(objects, _places(scene, rng), strict=True):
            shade = np.clip(np.array(COLOURS[colour]) + rng.uniform(-8, 8, 3), 0, 255).astype(np.float32)
            items[shape].append((index, x, y, r, shade))
    for shape, drawn in items.items():
        if not drawn:
            continue
        where = np.array([item[0] for item in drawn])
        x, y, r = (np.array([item[k] for item in drawn], np.float32)[:, None, None] for k in (1, 2, 3))
        cover = np.clip(0.5 - _distance(shape, grid[None, None, :] - x, grid[None, :, None] - y, r), 0, 1)[
            ..., None
        ]
        shade = np.stack([item[4] for item in drawn])[:, None, None, :]
        # At most one object of a shape per picture is drawn at a time, as a picture may hold two alike.
        order = np.concatenate([[0], (where[1:] == where[:-1]).astype(int)])
        for turn in (0, 1):
            chosen = order == turn
            pictures[where[chosen]] = pictures[where[chosen]] * (1 - cover[chosen]) + shade[chosen] * cover[chosen]
    return np.round(pictures).astype(np.uint8)


# --- measuring -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What a picture shows of a scene: each asked colour in one place, the relation, the background."""

    colours: bool
    relation: bool
    background: bool


def shows(picture: Pixels, scene: Scene) -> Finding:
    """Measures a picture against a scene, by colour masks and their centroids.

    Every pixel belongs to the nearest colour of the world (objects and backgrounds), if it is near enough.
    An object is there where its colour covers 80 to 900 pixels; the relation holds where the centroids lie at
    least 12 pixels apart on its axis, and further on it than across it.
    """
    names = [*COLOURS, *BACKGROUNDS, "default"]
    palette = np.array([*COLOURS.values(), *BACKGROUNDS.values(), DEFAULT_BACKGROUND], np.float32)
    distance = np.linalg.norm(picture[:, :, None, :].astype(np.float32) - palette, axis=-1)
    nearest = np.where(distance.min(-1) < 70, distance.argmin(-1), -1)
    centroids: list[npt.NDArray[np.float64]] = []
    objects = [scene.first] + ([scene.second] if scene.second else [])
    for colour, _ in objects:
        ys, xs = np.nonzero(nearest == names.index(colour))
        if 80 <= len(xs) <= 900:
            centroids.append(np.array([xs.mean(), ys.mean()]))
    colours = len(centroids) == len(objects)
    # No other colour of the world may stand there as an object would.
    others = [i for i, name in enumerate(names[: len(COLOURS)]) if name not in {colour for colour, _ in objects}]
    colours = colours and all((nearest == other).sum() < 80 for other in others)
    relation = scene.second is None
    if colours and scene.second is not None:
        along = (centroids[0] - centroids[1]) @ np.array(DIRECTIONS[str(scene.relation)])
        across = np.abs((centroids[0] - centroids[1]) @ np.array(DIRECTIONS[str(scene.relation)][::-1]))
        relation = bool(along >= 12 and along > across)
    wanted = names.index(scene.background or "default")
    counts = np.bincount(nearest[nearest >= 0].ravel(), minlength=len(names))
    return Finding(bool(colours), relation and bool(colours), bool(counts.argmax() == wanted))
