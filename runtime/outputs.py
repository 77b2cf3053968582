"""From results to files and to Python values.

A result's fields become files: `{ film, cover }` is `film.mp4` and `cover.png`, a list of images is
`name/000.png`, .... Every file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import gflow
from gflow.kernels import types as t
from gflow.kernels.clip import Clip
from gflow.kernels.core import show as shown
from gflow.kernels.files import whole
from gflow.kernels.pixel.device import DeviceArray
from gflow.runtime import png
from gflow.runtime.errors import InputError, OutputError
from gflow.runtime.plan import Flow, Plan

if TYPE_CHECKING:
    from gflow.runtime.executor import Observer

#: The key of the PNG text chunk that holds where a picture comes from.
PROVENANCE = "gflow"


def prepare(folder: Path, type_: t.AnyType | None = None) -> None:
    """Makes the folder and makes sure, before a long run, that a result's files can be written into it. Raises
    InputError."""
    if type_ is not None and _holds(type_, "video"):
        from gflow.runtime import media

        media.library()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}-{threading.get_ident()}.part"
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"--out: can't write into {folder}: {(error.strerror or str(error)).lower()}",
            help="give a folder that you may write to, as in `--out results`",
        ) from error


def write(
    name: str,
    type_: t.AnyType,
    value: Any,
    folder: Path,
    *,
    provenance: Mapping[str, Any],
    observer: Observer | None = None,
) -> list[Path]:
    """Writes a result, whose pictures may still be being encoded (`gflow.runtime.early`), and gives the files, in
    order. `provenance` goes into each picture and video, and into
    `name.gflow.json` where there is none. observer: is told how far videos are, whose frames are made now. Raises
    OutputError, and for a video's frames what making them raises."""
    writer = _Writer(folder, provenance, observer)
    if isinstance(type_, t.Optional) and value is not None:
        type_ = type_.item
    try:
        if isinstance(type_, t.Record):
            for field, field_type in type_.fields:
                writer.value(field, field_type, value[field])
        else:
            writer.value(name, type_, value)
        if not writer.pictures and writer.files:
            writer.text(f"{name}.gflow.json", _json(provenance))
    except OSError as error:
        raise OutputError(f"can't write into {folder}: {(error.strerror or str(error)).lower()}") from error
    return writer.files


class _Writer:
    """Writes values into one folder and notes the files."""

    def __init__(self, folder: Path, provenance: Mapping[str, Any], observer: Observer | None) -> None:
        self.folder = folder
        self.provenance = provenance
        self.observer = observer
        self.files: list[Path] = []
        self.pictures = 0

    def value(self, name: str, type_: t.AnyType, value: Any) -> None:
        if isinstance(type_, t.Optional):
            if value is None:
                return
            type_ = type_.item
        match type_:
            case t.Scalar("image" | "mask"):
                self.picture(f"{name}.png", value)
            case t.Scalar("video"):
                self.video(f"{name}.mp4", value)
            case t.Scalar("audio"):
                self.copy(f"{name}{value.path.suffix}", value.path)
            case t.Scalar("text") | t.Choice():
                self.text(f"{name}.txt", value + "\n")
            case t.ListOf(t.Record() as record) if _holds_files(record):
                self.rows(name, record, value)
            case t.ListOf(item) if _holds_files(item):
                for index, element in enumerate(value):
                    self.value(f"{name}/{index:03}", item, element)
            case t.Record(fields) if _holds_files(type_):
                for field, field_type in fields:
                    self.value(f"{name}/{field}", field_type, value[field])
            case _:
                self.text(f"{name}.json", _json(plain(value)))

    def rows(self, name: str, record: t.Record, rows: list[dict[str, Any]]) -> None:
        """A table: one JSON object a line; files stand beside it and are named in it."""
        lines = []
        for index, row in enumerate(rows):
            line: dict[str, Any] = {}
            for field, type_ in record.fields:
                if _holds_files(type_):
                    before = len(self.files)
                    self.value(f"{name}/{index:03}.{field}", type_, row[field])
                    paths = [path.relative_to(self.folder).as_posix() for path in self.files[before:]]
                    line[field] = paths if isinstance(type_, t.ListOf) else (paths[0] if paths else None)
                else:
                    line[field] = plain(row[field])
            lines.append(json.dumps(line, ensure_ascii=False))
        self.text(f"{name}.jsonl", "".join(f"{line}\n" for line in lines))

    def picture(self, name: str, value: t.Array | DeviceArray | Future[png.Compressed]) -> None:
        picture = value.result() if isinstance(value, Future) else compressed(value)
        data = png.file(picture, {PROVENANCE: self._told()})
        self.whole(name, lambda path: path.write_bytes(data))
        self.pictures += 1

    def video(self, name: str, clip: Clip) -> None:
        from gflow.runtime.encoding import write_video  # Most programs have no videos.

        with _told_of(self.observer, name) as told:
            self.whole(name, lambda path: write_video(clip, path, self._told(), told))
        self.pictures += 1

    def _told(self) -> str:
        return json.dumps(self.provenance, ensure_ascii=False, sort_keys=True)

    def copy(self, name: str, source: Path) -> None:
        self.whole(name, lambda path: shutil.copyfile(source, path))

    def text(self, name: str, text: str) -> None:
        self.whole(name, lambda path: path.write_text(text, encoding="utf-8"))

    def whole(self, name: str, make: Callable[[Path], Any]) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        whole(path, make)
        self.files.append(path)


@contextmanager
def _told_of(observer: Observer | None, name: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with how many frames of a video are done; what there was to complain of is told at the end."""
    from gflow.kernels.pixel.realize import complaints

    if observer is None:
        yield lambda done, total: None
        return
    observer.started(name, "", "")
    try:
        yield observer.progress
    finally:
        observer.finished()
        while complaints:
            observer.warning(complaints.popleft(), "")


def _holds_files(type_: t.AnyType) -> bool:
    return _holds(type_, "image", "mask", "video", "audio")


def _holds(type_: t.AnyType, *kinds: str) -> bool:
    """Whether there is a value of one of these types in those of a type."""
    match type_:
        case t.Scalar(name):
            return name in kinds
        case t.ListOf(item) | t.Optional(item):
            return _holds(item, *kinds)
        case t.Record(fields):
            return any(_holds(field, *kinds) for _, field in fields)
        case _:
            return False


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=isinstance(value, Mapping)) + "\n"


def plain(value: Any) -> Any:
    """A running value as JSON can hold it: sizes as `64x64`, latents as nested lists, files as their paths, videos
    by their size and duration."""
    match value:
        case t.Size():
            return str(value)
        case t.MediaFile(path):
            return str(path)
        case Clip():
            return shown(value)
        case np.ndarray():
            return value.tolist()
        case list():
            return [plain(item) for item in value]
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case _:
            return value


def to_pil(value: t.Array | DeviceArray) -> Any:
    """A PIL image of 8 bits a channel: gray for a mask, RGB or RGBA for an image. Values are clamped to 0..1."""
    from PIL import Image

    return Image.fromarray(_packed(value))


def compressed(value: t.Array | DeviceArray) -> png.Compressed:
    """A picture for a file. Raises what reading it from a device raises."""
    return png.compressed(_packed(value))


def _packed(value: t.Array | DeviceArray) -> png.Bytes:
    """The bytes of a picture; on a device, they are packed there."""
    from gflow.kernels.pixel import picture, realize, reference

    if isinstance(value, DeviceArray):
        made: png.Bytes = realize.realize(picture.source(value), "u8")
        return made
    packed: png.Bytes = reference.packed(value)
    return packed


def to_python(value: Any) -> Any:
    """A running value as Python code expects it: images and masks as PIL images, videos as `gflow.Video`, sizes as
    (width, height), files as paths, records as dicts. Nothing in it is shared with the running value."""
    match value:
        case Clip():
            from gflow.runtime.video import Video

            return Video(value)
        case t.Size():
            return tuple(value)
        case t.MediaFile(path):
            return path
        case DeviceArray():
            return to_pil(value)
        case np.ndarray():
            picture = value.ndim == 2 or value.shape[-1] in (3, 4)
            return to_pil(value) if picture else value.copy()
        case list():
            return [to_python(item) for item in value]
        case dict():
            return {name: to_python(item) for name, item in value.items()}
        case _:
            return value


def provenance(
    plan: Plan, flow: Flow, source: str, given: Mapping[str, Any], *, seed: int, stand_ins: bool
) -> dict[str, Any]:
    """Where a result comes from: enough to make it again. source: the script's text; given: what each parameter was
    given, None for its default."""
    return {
        "gflow": gflow.__version__,
        "script": source,
        "flow": flow.name,
        "parameters": {
            param.name: plain(given[param.name] if given[param.name] is not None else param.default)
            for param in flow.params
        },
        "seed": seed,
        "stand_ins": stand_ins,
        "models": {name: model.args for name, model in plan.models.items()},
    }


def show(files: Sequence[Path], result: Any, *, as_json: bool) -> None:
    """Prints a result: a text as it is, then the files' paths; or all of it as JSON."""
    if as_json:
        shown = {"files": [str(file) for file in files], "result": _without_pictures(result)}
        print(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    if isinstance(result, str):
        print(result)
    for file in files:
        # Beside a printed text, the paths would be in the way of whoever pipes it on.
        print(_short(file), file=sys.stderr if isinstance(result, str) else sys.stdout)


def _without_pictures(value: Any) -> Any:
    """A result as JSON; pictures and videos are in the files, and null here."""
    if isinstance(value, dict):
        return {name: _without_pictures(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_pictures(item) for item in value]
    return None if hasattr(value, "dtype") or isinstance(value, Clip | Future) else plain(value)


def _short(file: Path) -> Path:
    """The path from here, for what is below."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file
