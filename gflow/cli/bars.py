"""Progress on a terminal: what is running, how far it is, how long it will take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gflow.cli.progress import Shown


class Bars(Shown):
    """A bar for each loop that runs, and one for each model call, which belongs to the thread that tells of it."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.bars = progress
        self.loops: dict[str, TaskID] = {}
        self.calls: dict[int, TaskID] = {}

    def say(self, text: str, *, warning: bool = False) -> None:
        style = "yellow" if warning else None
        self.bars.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def started(self, label: str, place: str, path: str) -> None:
        self.calls[get_ident()] = self.bars.add_task(f"{label}  {path}" if path else label, total=None)

    def batch(self, label: str, size: int, used: int) -> None:
        if used > 1:
            self.bars.update(self.calls[get_ident()], description=f"{label}  {used} at once")

    def progress(self, done: int, total: int) -> None:
        self.bars.update(self.calls[get_ident()], completed=done, total=total)

    def finished(self) -> None:
        self.bars.remove_task(self.calls.pop(get_ident()))

    def loop(self, path: str, done: int, total: int) -> None:
        if total < 2:
            return
        if path not in self.loops:
            self.loops[path] = self.bars.add_task(path or "loop", total=total)
        self.bars.update(self.loops[path], completed=done, total=total)
        if done == total:
            self.bars.remove_task(self.loops.pop(path))


@contextmanager
def bars() -> Iterator[Bars]:
    """Draws on stderr while the block runs."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bars(progress)
