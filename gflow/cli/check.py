"""`gflow check`"""

from __future__ import annotations

import json
from pathlib import Path

import click

from gflow.cli import report


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Find what is wrong with scripts, without running them.

    A script that passes does not fail for a reason that could be known from it and its models' files. Exit
    status 2 where there are errors.

    \b
    gflow check examples/*.gflow
    """
    with report.errors(as_json=as_json):
        from gflow.compiler.program import check

        found = list({diagnostic: None for file in files for diagnostic in check(file)})
        errors = sum(diagnostic.severity == "error" for diagnostic in found)
        if as_json:
            from gflow.grammar.diagnostics.render import as_data

            print(json.dumps({"diagnostics": as_data(found)}, ensure_ascii=False, indent=2))
        else:
            report.diagnostics(found)
            warnings = len(found) - errors
            print(f"{_count(len(files), 'file')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
        if errors:
            raise SystemExit(report.WRONG)


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
