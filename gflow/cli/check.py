"""`gflow check`"""

from __future__ import annotations

import json

import click

from gflow.cli import report


@click.command("check", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Find what is wrong with scripts, without running them. A folder stands for every script in it.

    A script that passes does not fail for a reason that could be known from it and its models' files. Exit
    status 2 where there are errors.

    \b
    gflow check examples/*.gflow
    """
    with report.errors(as_json=as_json):
        from gflow.cli.scripts import scripts
        from gflow.compiler.program import check

        paths = scripts(files)
        found = list({diagnostic: None for path in paths for diagnostic in check(path)})
        errors = sum(diagnostic.severity == "error" for diagnostic in found)
        if as_json:
            from gflow.grammar.diagnostics.render import as_data

            print(json.dumps({"diagnostics": as_data(found)}, ensure_ascii=False, indent=2))
        else:
            report.diagnostics(found)
            warnings = len(found) - errors
            print(f"{_count(len(paths), 'file')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
        if errors:
            raise SystemExit(report.WRONG)


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"
