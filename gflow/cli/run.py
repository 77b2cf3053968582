"""`gflow run`: a flow's parameters are its options."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gflow.cli import report

if TYPE_CHECKING:
    from gflow.opened import Opened
    from gflow.runtime import plan as p

#: The options of every run: whether each takes a value.
_COMMON = {
    "--out": True,
    "--seed": True,
    "--memory": True,
    "--exact": False,
    "--no-cache": False,
    "--dry-run": False,
    "--quiet": False,
    "--json": False,
}
_SETTINGS = [option.removeprefix("--").replace("-", "_") for option in _COMMON]
_HELP = ["-h", "--help"]


class _Run(click.Command):
    """Leaves everything after FILE to the flow's own command, `--help` included."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(context, _file_first(context, args))


def _file_first(context: click.Context, args: list[str]) -> list[str]:
    """Options of every run may stand before FILE; they are put at the end."""
    at = 0
    while at < len(args) and args[at].startswith("-"):
        name, given, _ = args[at].partition("=")
        if name not in _COMMON and name not in _HELP:
            context.fail(f"{name} stands before FILE; only {', '.join(_COMMON)} may.")
        at += 2 if _COMMON.get(name) and not given else 1
    if at >= len(args):
        return [arg for arg in args if arg in _HELP]
    return [*args[at:], *args[:at]]


@click.command("run", cls=_Run, context_settings={"help_option_names": _HELP, "allow_interspersed_args": False})
@click.argument("file")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED, metavar="[FLOW] [OPTIONS OF THE FLOW]...")
@click.pass_context
def command(context: click.Context, file: str, rest: tuple[str, ...]) -> None:
    """Run a flow of the script FILE and write its results.

    The flow's parameters are options: `gflow run FILE --help` lists them. FLOW, right after FILE, is the file's
    last one unless it is named. Images, lists and records come from files: PNG, JPEG, WebP, CSV, JSONL, JSON.
    Every run has these options, too: --out DIR, --seed N, --memory SIZE, --exact, --no-cache, --dry-run, --quiet,
    --json.

    \b
    gflow run examples/poster.gflow --drafts 4 --out posters
    gflow run examples/catalogue.gflow --rows examples/catalogue.csv
    gflow run examples/poster.gflow --dry-run        placeholders instead of models
    """
    with report.errors(as_json="--json" in rest):
        _flow_command(file, list(rest))


def _flow_command(file: str, args: list[str]) -> None:
    """Finds the flow, makes a command of it, and runs that with the arguments."""
    from gflow.opened import opened

    program = opened(Path(file))
    plan = program.plan
    name = plan.main
    if args and not args[0].startswith("-"):
        name = args.pop(0)
        if name not in plan.flows:
            import difflib

            near = difflib.get_close_matches(name, plan.flows, n=1)
            known = f"did you mean {near[0]}?" if near else f"it has {', '.join(plan.flows) or 'none'}"
            raise _usage(f"{file} has no flow {name!r}: {known}")
    if name is None:
        raise _usage(f"{file} has no flow to run")
    if "--quiet" not in args:
        report.diagnostics(program.warnings)
    made = _command_of(program, plan.flows[name])
    called = f"gflow run {file} {name}" if len(plan.flows) > 1 else f"gflow run {file}"
    try:
        made.main(args=args, prog_name=called, standalone_mode=False)
    except click.UsageError as error:
        error.show()
        if any(arg in plan.flows for arg in args):
            print("A flow's name stands right after the file's.", file=sys.stderr)
        raise SystemExit(report.WRONG) from None
    except click.Abort:
        raise KeyboardInterrupt from None


def _usage(message: str) -> Exception:
    from gflow.runtime.errors import InputError

    return InputError(message)


def _command_of(program: Opened, flow: p.Flow) -> click.Command:
    """A click command whose options are the flow's parameters and those of every run."""
    options: list[click.Parameter] = [_option(flow, param) for param in flow.params]
    options += [
        click.Option(
            ["--out", "_out"], default="out", show_default=True, metavar="DIR", help="Folder of the results."
        ),
        click.Option(["--seed", "_seed"], type=int, default=0, show_default=True, help="Seed of all randomness."),
        click.Option(["--memory", "_memory"], metavar="SIZE", help="What weights may take, as in 8GiB."),
        click.Option(["--exact", "_exact"], is_flag=True, help="The same bits however many are made at once."),
        click.Option(["--no-cache", "_no_cache"], is_flag=True, help="Make anew what an earlier run has made."),
        click.Option(["--dry-run", "_dry_run"], is_flag=True, help="Placeholders answer instead of models."),
        click.Option(["--quiet", "_quiet"], is_flag=True, help="No progress, no warnings about the script."),
        click.Option(["--json", "_json"], is_flag=True, help="Print files and results as JSON."),
    ]
    others = ", ".join(name for name in program.plan.flows if name != flow.name)

    def callback(**given: Any) -> None:
        settings = {name: given.pop(f"_{name}") for name in _SETTINGS}
        _run(program, flow, given, settings)

    return click.Command(
        "run",
        params=options,
        callback=callback,
        help=flow.doc or f"The flow `{flow.name}`.",
        epilog=f"Other flows of this file: {others}" if others else None,
        # A parameter `max_steps` is `--max-steps`, and `--max_steps` as well.
        context_settings={"help_option_names": _HELP, "token_normalize_func": lambda name: name.replace("_", "-")},
    )


def _flag(param: p.Param) -> str:
    """`--max-steps` for `max_steps`; `--param-seed` for a name that every run's options have already."""
    flag = f"--{param.name.replace('_', '-')}"
    return f"--param-{flag[2:]}" if flag in (*_COMMON, *_HELP) else flag


def _option(flow: p.Flow, param: p.Param) -> click.Option:
    """A parameter as an option."""
    from gflow.kernels import types as t
    from gflow.kernels.core import show

    flag = _flag(param)
    text = " ".join(param.doc.split())
    if param.low is not None:
        text += f" [{param.low:g}..{param.high:g}]"
    if not param.required and param.default is not None:
        text += f" [default: {show(_decoded(param))}]"
    if param.required:
        text += " [required]"
    text = text.strip()
    # Where there is another parameter called `no_x`, `--no-x` is that one.
    if param.type == t.BOOL and all(other.name != f"no_{param.name}" for other in flow.params):
        return click.Option([f"{flag}/--no-{flag[2:]}", param.name], default=None, help=text)
    kinds = {"image": "IMAGE", "mask": "IMAGE", "video": "VIDEO", "audio": "AUDIO"}
    metavar = kinds.get(str(param.type).rstrip("?"), str(param.type))
    return click.Option([flag, param.name], metavar=metavar, help=text)


def _decoded(param: p.Param) -> Any:
    from gflow.runtime.plan import decode

    return decode(param.type, param.default)


def _run(program: Opened, flow: p.Flow, given: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    from gflow.cli.progress import shown
    from gflow.runtime import inputs, outputs
    from gflow.runtime.cache import Results
    from gflow.runtime.executor import Executor

    values = {}
    for param in flow.params:
        text, option = given[param.name], _flag(param)
        if text is None and param.required:
            raise click.UsageError(f"Missing option '{option}'.", click.get_current_context())
        if text is not None:
            value = text if isinstance(text, bool) else inputs.read_value(param.type, text, option=option)
            inputs.check_range(param, value, option=option)
            values[param.name] = value
    out = Path(settings["out"])
    outputs.prepare(out)
    memory = settings["memory"] and inputs.read_memory(settings["memory"], option="--memory")
    results = None if settings["no_cache"] or program.bundle is not None else Results()
    with shown(quiet=settings["quiet"] or settings["json"]) as observer:
        plan = program.runnable(
            frozenset({flow.name}), lowers=not settings["dry_run"], memory=memory, progress=observer.exporting
        )
        executor = Executor(
            plan,
            seed=settings["seed"],
            stand_ins=settings["dry_run"],
            observer=observer,
            exact=settings["exact"],
            memory=memory,
            bundle=program.bundle,
            results=results,
        )
        result = executor.run(flow.name, values)
    if results is not None:
        results.trim()
    assert flow.result is not None
    provenance = outputs.provenance(
        program.plan, flow, program.source, given, seed=settings["seed"], stand_ins=settings["dry_run"]
    )
    files = outputs.write(flow.name, flow.result, result, out, provenance=provenance)
    outputs.show(files, result, as_json=settings["json"])
