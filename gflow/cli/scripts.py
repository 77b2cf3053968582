"""Which scripts a command is about."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def scripts(names: Iterable[str]) -> list[Path]:
    """The files; a folder stands for every script in it, hidden folders left out. Each file once, in order.

    Raises InputError for a folder without scripts."""
    from gflow.runtime.errors import InputError

    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(file for file in path.rglob("*.gflow") if not _hidden(file.relative_to(path)))
        if not inside:
            raise InputError(f"the folder {path} holds no .gflow files")
        found.update(dict.fromkeys(inside))
    return list(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
