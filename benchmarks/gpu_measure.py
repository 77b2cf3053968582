"""What the programs that `gpu.py` measures have in common: what they are asked, how they time it, and the file that
they answer in. Each is started as `PROGRAM JOB`, a `Job` as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageChops, ImageStat
from rounds import watched

from gflow.runtime import cuda

T = TypeVar("T")

PROMPT = "a red circle above a blue square on a white background"

#: How far one evaluation of the network may be from float32's, as the norm of the difference by that of the values:
#: of networks in 16 bits, and of those in float32. bfloat16 rounds each value by up to 0.4 %, of which random
#: layers damp nothing; a network that computes something else is off by some 100 %.
MOST = {"cuda": 0.1, "cpu": 1e-3}


@dataclass(frozen=True)
class Job:
    """answer: the file to write. model: a folder in diffusers' layout. device: "cuda" or "cpu". side: of pictures,
    in pixels. how: what the program makes of it, as told there. bundle, judge, reference, picture: places."""

    answer: str
    device: str
    how: str = ""
    family: str = "sdxl"
    model: str = ""
    judge: str = ""
    bundle: str = ""
    reference: str = ""
    picture: str = ""
    side: int = 1024
    steps: int = 30
    guidance: float = 5.0
    batches: list[int] = field(default_factory=lambda: [1])
    rounds: int = 5


class Answer:
    """What came out, in a file that is whole at any instant: a program that is stopped has told what it had."""

    def __init__(self, place: str) -> None:
        self.place, self.told = Path(place), dict[str, Any]()

    def put(self, **told: Any) -> None:
        self.told |= told
        part = self.place.with_suffix(".part")
        part.write_text(json.dumps(self.told), encoding="utf-8")
        part.replace(self.place)

    def each(self, name: str, key: object, measure: Callable[[], Any]) -> None:
        """One figure of several under a name; where it fails, why: the others go on."""
        try:
            found = measure()
        except Exception as error:  # Out of memory, by whatever name a library has for it.
            found = {"failed": reason(error)}
        self.put(**{name: {**self.told.get(name, {}), str(key): found}})


def answered(program: Callable[[Job, Answer], None]) -> None:
    """Runs a program for the job that it was given. What it fails of is told in its answer."""
    job = Job(**json.loads(sys.argv[1]))
    answer = Answer(job.answer)
    try:
        program(job, answer)
    except Exception as error:
        answer.put(failed=reason(error))
        raise


def reason(error: Exception) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def brief(told: str) -> str:
    """Of what a program said, the line that says why it failed: gflow's error, else the last one."""
    lines = [line for line in told.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error[")), lines[-1])[:300]


# --- time ------------------------------------------------------------------------------------------


def clocked(action: Callable[[], T], device: str) -> tuple[T, float]:
    """What an action gives, and the seconds that it takes: on a GPU between two events, with nothing left to do
    before the first and after the second."""
    if device == "cpu":
        start = time.perf_counter()
        made = action()
        return made, time.perf_counter() - start
    cuda.current()
    begin, end, passed = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_float()
    for event in (begin, end):
        cuda.called("cuEventCreate", ctypes.byref(event), 0)
    cuda.called("cuCtxSynchronize")
    cuda.called("cuEventRecord", begin, None)
    made = action()
    cuda.called("cuCtxSynchronize")
    cuda.called("cuEventRecord", end, None)
    cuda.called("cuEventSynchronize", end)
    cuda.called("cuEventElapsedTime", ctypes.byref(passed), begin, end)
    for event in (begin, end):
        cuda.called("cuEventDestroy_v2", event)
    return made, passed.value / 1000


def timed(action: Callable[[int], T], check: Callable[[T], Any], job: Job, *, warmups: int = 1) -> dict[str, Any]:
    """The seconds of some rounds, and of those that don't count. action: given the round's number, which is new
    each time; check: given what it made, off the clock. Rounds that others disturbed (`rounds.py`) are run again,
    at most as many as are wanted; where too few are left, the disturbed ones count, too, and `disturbed` says how
    many."""

    def once(number: int) -> tuple[float, bool]:
        (made, seconds), quiet = watched(lambda turn: clocked(lambda: action(turn), job.device), number, ())
        check(made)
        return seconds, quiet

    warm = [once(number)[0] for number in range(warmups)]
    quiet: list[float] = []
    loud: list[float] = []
    while len(quiet) < job.rounds and len(loud) <= job.rounds:
        seconds, undisturbed = once(warmups + len(quiet) + len(loud))
        (quiet if undisturbed else loud).append(seconds)
    added = loud[: job.rounds - len(quiet)]
    return {"seconds": quiet + added, "disturbed": len(added), "warmups": warm}


# --- checks ----------------------------------------------------------------------------------------


def feeds(job: Job) -> tuple[dict[str, Any], Any]:
    """What one evaluation of the network reads, by the names that gflow's graphs have, and what it gives in
    float32."""
    with np.load(job.reference) as kept:
        arrays = dict(kept)
    return arrays, arrays.pop("prediction")


def step_error(found: Any, wanted: Any, device: str) -> float:
    """How far one evaluation of the network is off: ‖found − wanted‖ / ‖wanted‖. Raises ValueError where that is
    more than the precision accounts for, or no number."""
    if found.shape != wanted.shape:
        raise ValueError(f"one step gives {found.shape}, not {wanted.shape}")
    wide = wanted.astype(np.float64)
    error = float(np.linalg.norm(found.astype(np.float64) - wide) / np.linalg.norm(wide))
    if not error <= MOST[device]:
        raise ValueError(f"one step is {error:.2g} off the float32 reference, and {MOST[device]} is allowed")
    return error


def checked(pictures: list[Any], count: int, side: int) -> list[Any]:
    """Pictures of PIL, as they are. Raises ValueError where they are not so many, of another size, or empty."""
    sizes = {picture.size for picture in pictures}
    if len(pictures) != count or sizes != {(side, side)}:
        raise ValueError(f"{len(pictures)} pictures of {sizes}, not {count} of {side}x{side}")
    for picture in pictures:
        if float(np.asarray(picture, np.float32).std()) < 1:
            raise ValueError("a picture has nothing in it")
    return pictures


def levels(one: Path, other: Path) -> float:
    """How far apart two pictures are, in levels of 255, on average."""
    with Image.open(one) as a, Image.open(other) as b:
        return float(max(ImageStat.Stat(ImageChops.difference(a.convert("RGB"), b.convert("RGB"))).mean))


# --- the GPU's memory ------------------------------------------------------------------------------


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Card:
    """The GPU as NVIDIA's management library sees it, from outside of the processes that use it. Raises OSError
    where that can't be read."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._device = ctypes.c_void_p()
        self._called("nvmlInit_v2")
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
        number = int(visible) if visible.isdigit() else 0
        self._called("nvmlDeviceGetHandleByIndex_v2", number, ctypes.byref(self._device))

    def _called(self, function: str, *arguments: Any) -> None:
        if status := getattr(self._library, function)(*arguments):
            raise OSError(f"NVIDIA's management library says {status} ({function})")

    def used(self) -> int:
        """Bytes of the device's memory that are in use, whoever uses them."""
        found = _Memory()
        self._called("nvmlDeviceGetMemoryInfo", self._device, ctypes.byref(found))
        return int(found.used)

    def driver(self) -> str:
        text = ctypes.create_string_buffer(96)
        self._called("nvmlSystemGetDriverVersion", text, len(text))
        return text.value.decode()


def in_use() -> int:
    """Bytes of the GPU's memory that are in use; 0 where that can't be read."""
    try:
        return Card().used()
    except OSError:
        return 0


class Peak:
    """The most of the GPU's memory that was in use while this lasts, beyond what was in use before, in bytes."""

    def __init__(self, device: str) -> None:
        self.bytes, self._over = 0, threading.Event()
        self._card = Card() if device == "cuda" else None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        assert self._card is not None
        while not self._over.wait(0.005):
            self.bytes = max(self.bytes, self._card.used() - self._before)

    def __enter__(self) -> Peak:
        if self._card is not None:
            self._before = self._card.used()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._card is not None:
            self._thread.join()
