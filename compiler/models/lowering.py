"""Where a model's lowered form is, and how it is made: `python -m gflow.compiler.models.lowering` makes those of
the starter models anew."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from gflow.compiler.models.export import NotLowered
from gflow.compiler.scratch import scratch
from gflow.runtime import cache
from gflow.runtime.lowered import NAME, Lowered, read, write

#: Raised when what lowering writes changes: older folders of the cache are then not used any more.
VERSION = 1

Progress = Callable[[str], None]

__all__ = ["NotLowered", "lower", "lowered_folder"]


def lowered_folder(
    provider: str, folder: Path, loras: Mapping[str, float] | None = None, *, progress: Progress = lambda what: None
) -> Path:
    """The folder of a model's lowered form: the one that ships with it, the cache's, or one that is made now.

    loras: files of what is folded into a diffusion model's weights, and how much of each. progress: told what is
    being exported. Raises NotLowered where the model's family can't be lowered, and where
    the packages that lowering takes are not installed.
    """
    shipped = folder / "lowered"
    if not loras and _usable(shipped):
        return shipped
    place = cache.folder() / "lowered" / _identity(provider, folder, loras or {})
    if not _usable(place):
        _make(provider, folder, place, progress, loras or {})
    return place


def _usable(folder: Path) -> bool:
    try:
        return read(folder).version == VERSION
    except (OSError, ValueError):
        return False


def _identity(provider: str, folder: Path, loras: Mapping[str, float]) -> str:
    """A name for what the model's files are now."""
    told = f"{VERSION} {provider}\n".encode() + cache.stamp(folder)
    for file, scale in loras.items():
        told += f"\n{scale} ".encode() + cache.stamp(Path(file))
    return hashlib.sha256(told).hexdigest()[:32]


def _make(provider: str, folder: Path, place: Path, progress: Progress, loras: Mapping[str, float]) -> None:
    try:
        # Beside its place, as weights are named relative to it.
        with scratch(place.parent) as part:
            lower(provider, folder, part, progress, loras)
            try:
                os.replace(part, place)
            except OSError:
                if not _usable(place):  # Else another process was faster.
                    raise
    finally:
        gc.collect()  # What torch traced refers to itself, and to all weights.


def lower(
    provider: str,
    folder: Path,
    out: Path,
    progress: Progress = lambda what: None,
    loras: Mapping[str, float] | None = None,
) -> Lowered:
    """Writes the lowered form of a model into an empty folder. Raises NotLowered."""
    more = {"loras": loras} if loras else {}
    try:
        made: Lowered = _family(provider).lower(folder, out, progress, **more)
    except ImportError as error:
        raise NotLowered(
            provider, f"{error.name or error} is not installed: pip install 'gflow[models]'"
        ) from error
    write(made, out)
    return made


def _family(provider: str) -> ModuleType:
    import importlib

    homes = {"diffusion": "diffusers_pipeline", "language": "causal_lm", "scorer": "clip"}
    if provider not in homes:
        raise NotLowered(provider, "models of this provider are not lowered")
    return importlib.import_module(f"gflow.compiler.models.{homes[provider]}")


def main() -> None:
    """Makes the lowered forms of the starter models."""
    from importlib import resources

    starter = Path(str(resources.files("gflow").joinpath("starter")))
    for provider, name in (("diffusion", "scenes"), ("scorer", "judge"), ("language", "writer")):
        out = starter / name / "lowered"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        made = lower(provider, starter / name, out, lambda what, name=name: print(f"{name}: {what}"))  # type: ignore[misc]
        for part, component in made.components.items():
            size = (out / component.graph).stat().st_size
            print(f"{name}: {part}: graph of {size:,} bytes, differs from torch by {component.tolerance}")
    assert NAME


if __name__ == "__main__":
    main()
