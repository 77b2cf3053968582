"""Pixels: gflow's generated kernels beside the best idiom of each library, on two cores, in one process. README.md,
beside this file, says what is measured and what came out.

    pixels.py [--only NAME] [--rounds N] [--json FILE]

In each round each program runs some times, gflow last; ratios are of such rounds. That all of them compute the same
is checked first. Results go into memory that is there already, for all that can do so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageChops, ImageEnhance, ImageFilter
from rounds import Failed, undisturbed
from telling import Row, told

from gflow.kernels.op import registry
from gflow.kernels.pixel import c_compiler, c_source, reference
from gflow.kernels.pixel import picture as px
from gflow.kernels.pixel.realize import aligned, realize, recorded
from gflow.kernels.pixel.resample import resized

ROUNDS, CORES, TIMES = 9, 2, 15
PACKAGES = ("opencv-python-headless", "torch", "pillow", "numpy")

#: What the chain is asked for: ImageNet's normalisation at its end.
BRIGHT, CONTRAST, SATURATION, GAMMA, OVERLAY, SHARP = 1.05, 1.1, 1.2, 1.1, 0.3, 0.6
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
BINOMIAL = np.array([1, 4, 6, 4, 1]) / 16
LUMA = np.array([0.2126, 0.7152, 0.0722])


def picture_of(width: int, height: int, seed: int, softness: float = 3) -> Any:
    """Something with edges and smooth parts, uint8 (height, width, 3)."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), softness)


def in_memory(values: Any) -> Any:
    """The same, beginning at a multiple of 64 bytes, where libraries put their own pictures."""
    made = aligned(values.shape, values.dtype)
    made[...] = values
    return made


def timed(program: Callable[[], Any]) -> float:
    """Milliseconds of one run, the median of several."""
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        program()
        taken.append(1000 * (time.perf_counter() - start))
    return float(np.median(taken))


def compared(rounds: int, name: str, goals: dict[str, float], programs: dict[str, Callable[[], Any]]) -> list[Row]:
    """A row for each peer. programs: by name, gflow's own under "gflow"."""
    for program in programs.values():
        program()
        program()
    actions = [partial(lambda run, number: timed(run), program) for program in programs.values()]
    kept = undisturbed(actions, rounds)
    if not kept:
        raise Failed("others kept the machine busy: no round was undisturbed")
    values = {each: [row[place] for row in kept] for place, each in enumerate(programs)}
    return [Row(f"{name} / {peer}", "ms", goal, values["gflow"], values[peer]) for peer, goal in goals.items()]


def agree(name: str, one: Any, other: Any, levels: float) -> None:
    """Raises Failed where two pictures differ by more than so many levels of 255 on average."""
    difference = float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())
    if not difference <= levels:
        raise Failed(f"{name} computes something else: it differs by {difference:.2f} levels on average")


# --- the chain: resize, brightness, contrast, saturation, gamma, overlay, unsharp, normalise to CHW -----------


class Chain:
    """The eight ops in each library, from uint8 (height, width, 3) to float32 (3, height, width)."""

    def __init__(self, width: int, height: int) -> None:
        self.frame = in_memory(picture_of(width, height, 0))
        self.size = self.width, self.height = width * 2 // 3, height * 2 // 3
        self.over = in_memory(picture_of(*self.size, 1, 5))
        self.result = aligned((3, self.height, self.width), np.float32)
        self._tuned()

    def gflow(self) -> Any:
        frame = px.source(self.frame)
        made = resized(frame, *self.size, method="bilinear", antialias=False)
        made = px.fma(made * BRIGHT - 0.5, CONTRAST, 0.5)
        made = px.mix(px.luma(made), made, SATURATION)
        made = made ** (1 / GAMMA)
        made = px.mix(made, px.source(self.over), OVERLAY)
        soft = px.convolved(px.convolved(made, "y", BINOMIAL), "x", BINOMIAL)
        made = px.fma(made - soft, SHARP, made)
        made = px.stack(*(px.fma(made[c], 1 / DEVIATION[c], -MEAN[c] / DEVIATION[c]) for c in range(3)))
        return realize(made, "planar", self.result)

    def _tuned(self) -> None:
        grey = np.tile(LUMA, (3, 1)) * (1 - SATURATION) + np.eye(3) * SATURATION
        linear = grey * (BRIGHT * CONTRAST)
        offset = grey @ np.full(3, 0.5 - 0.5 * CONTRAST) * 255
        self.matrix = np.hstack([linear, offset[:, None]]).astype(np.float32)
        levels = np.arange(256) / 255
        self.curve = np.clip(255 * levels ** (1 / GAMMA) + 0.5, 0, 255).astype(np.uint8)
        self.normal = [((levels - m) / d).astype(np.float32) for m, d in zip(MEAN, DEVIATION, strict=True)]
        self.buffers = [np.empty((self.height, self.width, 3), np.uint8) for _ in range(5)]
        self.planes = [np.empty((self.height, self.width), np.uint8) for _ in range(3)]
        self.output = np.empty((3, self.height, self.width), np.float32)

    def opencv(self) -> Any:
        """Bytes all the way, into buffers that are there: one matrix for what is linear, tables for what is not."""
        a, b, c, d, e = self.buffers
        cv2.resize(self.frame, self.size, dst=a, interpolation=cv2.INTER_LINEAR)
        cv2.transform(a, self.matrix, dst=b)
        cv2.LUT(b, self.curve, dst=c)
        cv2.addWeighted(c, 1 - OVERLAY, self.over, OVERLAY, 0, dst=d)
        cv2.GaussianBlur(d, (5, 5), 1.1, dst=e)
        cv2.addWeighted(d, 1 + SHARP, e, -SHARP, 0, dst=a)
        cv2.split(a, self.planes)
        for plane, table, result in zip(self.planes, self.normal, self.output, strict=True):
            cv2.LUT(plane, table, dst=result)
        return self.output

    def opencv_ops(self) -> Any:
        """Floats, op by op, as most people write it."""
        made = cv2.resize(self.frame, self.size, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 255
        made = made * BRIGHT
        made = (made - 0.5) * CONTRAST + 0.5
        grey = cv2.transform(made, np.tile(LUMA, (3, 1)).astype(np.float32))
        made = cv2.addWeighted(made, SATURATION, grey, 1 - SATURATION, 0)
        made = cv2.pow(np.maximum(made, 0), 1 / GAMMA)
        made = cv2.addWeighted(made, 1 - OVERLAY, self.over.astype(np.float32) / 255, OVERLAY, 0)
        soft = cv2.sepFilter2D(made, -1, BINOMIAL, BINOMIAL)
        made = cv2.addWeighted(made, 1 + SHARP, soft, -SHARP, 0)
        made = (made - MEAN.astype(np.float32)) / DEVIATION.astype(np.float32)
        return np.ascontiguousarray(made.transpose(2, 0, 1))

    @torch.inference_mode()
    def torch(self) -> Any:
        """As torchvision's functional transforms do it, floats, channels first, in place where that is possible."""
        made = torch.from_numpy(self.frame).permute(2, 0, 1)[None].float().div_(255)
        size = self.height, self.width
        made = torch.nn.functional.interpolate(made, size, mode="bilinear", align_corners=False)
        made.mul_(BRIGHT).sub_(0.5).mul_(CONTRAST).add_(0.5)
        weights = torch.tensor(LUMA, dtype=torch.float32)[None, :, None, None]
        grey = (made * weights).sum(1, keepdim=True)
        made = torch.lerp(grey.expand_as(made), made, SATURATION).clamp_(min=0).pow_(1 / GAMMA)
        over = torch.from_numpy(self.over).permute(2, 0, 1)[None].float().div_(255)
        made.lerp_(over, OVERLAY)
        taps = torch.tensor(BINOMIAL, dtype=torch.float32)
        kernel = (taps[:, None] * taps)[None, None].expand(3, 1, 5, 5)
        soft = torch.nn.functional.conv2d(
            torch.nn.functional.pad(made, (2, 2, 2, 2), "replicate"), kernel, groups=3
        )
        made.add_(made - soft, alpha=SHARP)
        mean, deviation = (
            torch.tensor(each, dtype=torch.float32)[None, :, None, None] for each in (MEAN, DEVIATION)
        )
        return made.sub_(mean).div_(deviation)[0]

    def pillow(self) -> Any:
        made = Image.fromarray(self.frame).resize(self.size, Image.Resampling.BILINEAR)
        made = ImageEnhance.Brightness(made).enhance(BRIGHT)
        made = made.point([int(np.clip((v / 255 - 0.5) * CONTRAST * 255 + 128, 0, 255)) for v in range(256)] * 3)
        made = ImageEnhance.Color(made).enhance(SATURATION)
        made = made.point(self.curve.tolist() * 3)
        made = ImageChops.blend(made, Image.fromarray(self.over), OVERLAY)
        made = made.filter(ImageFilter.UnsharpMask(1.1, int(100 * SHARP), 0))
        values = (np.asarray(made, np.float32) / 255 - MEAN.astype(np.float32)) / DEVIATION.astype(np.float32)
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def checked(self, name: str) -> Callable[[], Any]:
        program: Callable[[], Any] = getattr(self, name)
        scale = 255 * DEVIATION[:, None, None]
        # Bytes round in between, and Pillow's resize looks at every pixel.
        agree(name, np.asarray(program()) * scale, self.gflow() * scale, 3)
        return program


def chain(rounds: int) -> list[Row]:
    work = Chain(1920, 1080)
    goals = {"opencv": 1.8, "opencv_ops": 5, "torch": 12, "pillow": 20}
    programs = {name: work.checked(name) for name in (*goals, "gflow")}
    return compared(rounds, "chain of 8, 1080p", goals, programs)


def chain_4k(rounds: int) -> list[Row]:
    work = Chain(3840, 2160)
    return compared(rounds, "chain of 8, 4K", {"opencv": 1.8}, {n: work.checked(n) for n in ("opencv", "gflow")})


# --- what comes out of an autoencoder ------------------------------------------------------------------


def decoded(rounds: int) -> list[Row]:
    """Float (3, height, width) in -1..1 to bytes, graded, at twice the size by Lanczos."""
    planes = in_memory((picture_of(960, 540, 3).transpose(2, 0, 1) / 127.5 - 1).astype(np.float32))
    result = aligned((1080, 1920, 3), np.uint8)

    def ours() -> Any:
        made = px.source(planes.transpose(1, 2, 0)) * 0.5 + 0.5
        made = registry()["grade"].kernel(made, contrast=1.1, saturation=1.2)
        return realize(resized(made, 1920, 1080, method="lanczos"), "u8", result)

    def script() -> Any:
        pixels = ((planes.transpose(1, 2, 0) * 0.5 + 0.5).clip(0, 1) * 255).round().astype(np.uint8)
        made = ImageEnhance.Contrast(Image.fromarray(pixels)).enhance(1.1)
        return np.asarray(ImageEnhance.Color(made).enhance(1.2).resize((1920, 1080), Image.Resampling.LANCZOS))

    # Pillow's contrast is around the picture's own mean, and its greys are those of Rec. 601.
    agree("the script", script(), ours(), 8)
    programs = {"NumPy and Pillow": script, "gflow": ours}
    return compared(rounds, "decoded, graded, 2x Lanczos", {"NumPy and Pillow": 10}, programs)


# --- one op alone -----------------------------------------------------------------------------------------


def alone(rounds: int) -> list[Row]:
    frame = in_memory(picture_of(1920, 1080, 4))
    same, twice = aligned(frame.shape, np.uint8), aligned((2160, 3840, 3), np.uint8)
    their_same, their_twice = np.empty_like(frame), np.empty_like(twice)
    weights = cv2.getGaussianKernel(9, 1.7)[:, 0]
    turned = np.stack([(np.arange(256) + 20) % 180, np.arange(256), np.arange(256)], -1).astype(np.uint8)[None]

    def gaussian() -> Any:
        soft = px.convolved(px.convolved(px.source(frame), "y", weights), "x", weights)
        return realize(soft, "u8", same)

    def lanczos() -> Any:
        return realize(resized(px.source(frame), 3840, 2160, method="lanczos"), "u8", twice)

    def opencv_lanczos() -> Any:
        return cv2.resize(frame, (3840, 2160), dst=their_twice, interpolation=cv2.INTER_LANCZOS4)

    def opencv_gaussian() -> Any:
        return cv2.GaussianBlur(frame, (9, 9), 1.7, dst=their_same)

    def hue() -> Any:
        return realize(registry()["hue"].kernel(px.source(frame), degrees=40), "u8", same)

    def opencv_hue() -> Any:
        """Bytes: there and back, half degrees, by a table in between."""
        cv2.cvtColor(frame, cv2.COLOR_RGB2HSV, dst=their_same)
        cv2.LUT(their_same, turned, dst=their_same)
        return cv2.cvtColor(their_same, cv2.COLOR_HSV2RGB, dst=their_same)

    agree("OpenCV's hue", opencv_hue(), hue(), 2)
    agree("OpenCV's gaussian", opencv_gaussian(), gaussian(), 1)
    agree("OpenCV's Lanczos", opencv_lanczos(), lanczos(), 1)
    goals = {"opencv": 0.8}
    rows = compared(rounds, "gaussian 9x9", goals, {"opencv": opencv_gaussian, "gflow": gaussian})
    rows += compared(rounds, "Lanczos 2x", goals, {"opencv": opencv_lanczos, "gflow": lanczos})
    rows += compared(rounds, "hue", goals, {"opencv": opencv_hue, "gflow": hue})
    return rows


# --- the floor ---------------------------------------------------------------------------------------------


def bandwidth(rounds: int) -> list[Row]:
    """Bytes that a chain of ops on points reads and writes, against a copy of as many."""
    values = in_memory(np.random.default_rng(5).random((1080, 1920, 3), np.float32))
    result, copied = aligned(values.shape, np.float32), aligned(values.shape, np.float32)

    def ours() -> Any:
        made = registry()["grade"].kernel(
            px.source(values), brightness=BRIGHT, contrast=CONTRAST, saturation=SATURATION, gamma=GAMMA
        )
        return realize(made, "f32", result)

    programs = {"a copy": lambda: np.copyto(copied, values), "gflow": ours}
    return compared(rounds, "points, 1080p float32", {"a copy": 0.7}, programs)


def compiling(rounds: int) -> list[Row]:
    """The chain's kernel: generated and compiled, then found again."""
    work = Chain(192, 108)
    with recorded() as graphs:
        work.gflow()
    [(outputs, layouts)] = graphs

    def made(number: int) -> float:
        start = time.perf_counter()
        code = c_source.generate(outputs, layouts, reference.in_order(*outputs))
        c_compiler.compiled(code.text)
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as cache:
        os.environ["GFLOW_CACHE"] = cache

        def anew(number: int) -> float:
            for file in Path(cache).rglob("*.so"):
                file.unlink()
            return made(number)

        kept_rounds = undisturbed([anew, made], rounds)
    if not kept_rounds:
        raise Failed("others kept the machine busy: no round was undisturbed")
    return [
        Row("the chain's kernel, compiled", "s", 1, [first for first, _ in kept_rounds]),
        Row("    found again", "s", 0.005, [again for _, again in kept_rounds]),
    ]


CASES = {case.__name__: case for case in (chain, chain_4k, decoded, alone, bandwidth, compiling)}


def main() -> int:
    cv2.setNumThreads(CORES)
    torch.set_num_threads(CORES)
    title = "Pixels, beside OpenCV, torch and Pillow."
    return told(
        title, CASES, lambda name, rounds: CASES[name](rounds), rounds=ROUNDS, cores=CORES, packages=PACKAGES
    )


if __name__ == "__main__":
    sys.exit(main())
