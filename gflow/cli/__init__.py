"""The command line: one file a command, imported when it is called, so that `gflow --help` is quick."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import threading
from contextlib import suppress

import click

import gflow
from gflow.runtime import startup

#: Each command's file, `gflow/cli/NAME.py`, and what `gflow --help` says of it.
COMMANDS = {
    "run": "Run a script's flow and write its results.",
    "compile": "Compile a script into one executable file.",
    "inspect": "Show what is inside such a file.",
    "bench": "Measure a flow, as it is written and compiled.",
    "check": "Find what is wrong with scripts, without running them.",
    "fmt": "Lay scripts out in the one canonical style.",
    "test": "Run the test blocks of scripts.",
    "ops": "List every op and model method, or explain one.",
    "explain": "Show what a run will take, before anything runs.",
    "doctor": "Tell what this machine has, and how to install what is missing.",
}


class _Commands(click.Group):
    """Loads a command's file when the command is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"gflow.cli.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            context.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(context, args)


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(gflow.__version__, "--version", prog_name="gflow")
def main() -> None:
    """gflow runs generative workflows that are written as programs.

    \b
    gflow run examples/poster.gflow --idea "a green star left of a red circle"
    gflow run examples/poster.gflow --help      the script's own options
    gflow check my.gflow                        what is wrong with it, before it runs
    """
    startup.prepare()


def program() -> None:
    """What `gflow` starts: `main`, and then the end of the process. Taking modules down one by one takes as long as
    a small script; only threads of a script's own functions are worth waiting for."""
    try:
        main()
    except SystemExit as left:
        if not isinstance(left.code, int | None) or any(
            not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()
        ):
            raise
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(left.code or 0)
