"""`gflow fmt`"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from gflow.cli import report


@click.command("fmt", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--check", "check_only", is_flag=True, help="Change nothing; exit with 1 if something would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
def command(files: tuple[str, ...], check_only: bool, diff: bool) -> None:
    """Lay scripts out in the one canonical style, in place. `-` reads stdin and writes stdout; a folder stands for
    every script in it.

    Comments stay, and so does the meaning. A file with syntax errors is left as it is.

    \b
    gflow fmt examples/*.gflow
    gflow fmt --check .
    """
    with report.errors():
        from gflow.cli.scripts import scripts

        wrong = changed = 0
        for name in files if files == ("-",) else map(str, scripts(files)):
            before, after = _formatted(name)
            if after is None:
                wrong += 1
                continue
            if name == "-" and not (check_only or diff):
                sys.stdout.write(after)
            elif before != after:
                changed += 1
                _show(name, before, after, check_only, diff)
        if wrong:
            raise SystemExit(report.WRONG)
        if check_only and changed:
            raise SystemExit(report.FAILED)


def _formatted(name: str) -> tuple[str, str | None]:
    """A script's text before and after; None where it has syntax errors, which are shown."""
    from gflow.grammar.diagnostics import ScriptError
    from gflow.grammar.formatter import format_file
    from gflow.grammar.parser import parse, read
    from gflow.grammar.source import Source

    try:
        source = Source("<stdin>", _stdin()) if name == "-" else read(Path(name))
    except ScriptError as error:
        report.diagnostics(error.diagnostics)
        return "", None
    file, found = parse(source)
    if any(diagnostic.severity == "error" for diagnostic in found):
        report.diagnostics(found)
        return source.text, None
    return source.text, format_file(file)


def _stdin() -> str:
    from gflow.runtime.errors import InputError

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("what comes from stdin is not UTF-8 text") from error


def _show(name: str, before: str, after: str, check_only: bool, diff: bool) -> None:
    if diff:
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), name, f"{name}, formatted"
        )
        sys.stdout.writelines(lines)
    elif check_only:
        print(f"{name} would change")
    else:
        _replace(Path(name), after)
        print(f"{name} formatted")


def _replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all. A link stays a link."""
    from gflow.kernels.files import whole

    path = path.resolve()

    def make(part: Path) -> None:
        part.write_text(text, encoding="utf-8", newline="")
        part.chmod(path.stat().st_mode)

    whole(path, make)
