"""`gflow test`"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from gflow.cli import report


@click.command("test", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILES...")
@click.option("--stand-ins", is_flag=True, help="Placeholders answer instead of models: no weights, milliseconds.")
@click.option("-k", "only", metavar="TEXT", default="", help="Only tests whose title has TEXT in it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all randomness.")
def command(files: tuple[str, ...], stand_ins: bool, only: str, seed: int) -> None:
    """Run the test blocks of scripts. A folder stands for every script in it.

    Exit status 1 where a test fails, 2 where a script has errors; the other scripts are still tested.

    \b
    gflow test examples/*.gflow --stand-ins
    """
    with report.errors():
        from gflow.cli.scripts import scripts
        from gflow.grammar.diagnostics import ScriptError

        passed = failed = wrong = 0
        paths = scripts(files)
        for path in paths:
            try:
                good, bad = _run_file(path, stand_ins, only, seed)
            except ScriptError as error:
                report.diagnostics(error.diagnostics)
                wrong += 1
            else:
                passed, failed = passed + good, failed + bad
        print(f"{passed} passed, {failed} failed" + (f"; {wrong} of {len(paths)} scripts not run" if wrong else ""))
        if failed or wrong:
            raise SystemExit(report.WRONG if wrong else report.FAILED)


def _run_file(file: Path, stand_ins: bool, only: str, seed: int) -> tuple[int, int]:
    from gflow.cli.progress import shown
    from gflow.opened import opened
    from gflow.runtime.errors import RunError
    from gflow.runtime.executor import Executor

    program = opened(file)
    report.diagnostics(program.warnings)
    green, red, plain = ("\x1b[32m", "\x1b[31m", "\x1b[0m") if report.colour(sys.stdout) else ("", "", "")
    passed = failed = 0
    with shown(quiet=False) as observer:
        plan = program.runnable(frozenset(), tests=True, lowers=not stand_ins, progress=observer.exporting)
        executor = Executor(plan, seed=seed, stand_ins=stand_ins, observer=observer)
        for title in program.plan.tests:
            if only not in title:
                continue
            start = time.monotonic()
            try:
                executor.run_test(title)
            except RunError as error:
                failed += 1
                print(f"{red}✗{plain} {title}")
                print(f"    {error.message}")
                if error.place:
                    print(f"    ┌─ {error.place}")
                if error.help:
                    print(f"    = help: {error.help}")
            else:
                passed += 1
                print(f"{green}✓{plain} {title} ({time.monotonic() - start:.2f} s)")
    return passed, failed
