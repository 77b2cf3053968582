"""What a command tells of a run while it goes on: warnings, and on a terminal what is running and how far it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gflow.cli import report
from gflow.runtime.executor import Observer


class Shown(Observer):
    """Tells warnings only, each once."""

    def __init__(self) -> None:
        self.told: set[tuple[str, str]] = set()

    def say(self, text: str, *, warning: bool = False) -> None:
        """A line on stderr."""
        yellow, plain = ("\x1b[33m", "\x1b[0m") if warning and report.colour(sys.stderr) else ("", "")
        print(f"{yellow}{text}{plain}", file=sys.stderr, flush=True)

    def exporting(self, what: str) -> None:
        """A component of a model is being exported, which happens once and takes a while."""
        self.say(f"exporting {what} …")

    def warning(self, message: str, place: str) -> None:
        if (message, place) not in self.told:
            self.told.add((message, place))
            self.say(f"warning: {message}", warning=True)
            if place:
                self.say(f"  ┌─ {place}")


@contextmanager
def shown(*, quiet: bool) -> Iterator[Shown]:
    """An observer that draws on stderr while the block runs; on a terminal only, and not when quiet."""
    if quiet or not sys.stderr.isatty():
        yield Shown()
        return
    from gflow.cli.bars import bars  # Takes its time, and pipes need none.

    with bars() as drawn:
        yield drawn
