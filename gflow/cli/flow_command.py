"""Commands that are given a flow, `gflow run FILE [FLOW] [OPTIONS]`: the flow's parameters are options, beside the
command's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gflow.cli import report

if TYPE_CHECKING:
    from gflow.opened import Opened
    from gflow.runtime import plan as p

_HELP = ["-h", "--help"]

#: What such a command does: the script or bundle, the flow, what its parameters were given on the command line
#: (None where nothing was), and the command's own options by name.
Does = Callable[["Opened", "p.Flow", dict[str, Any], dict[str, Any]], None]


class FlowCommand(click.Command):
    """own: the command's own options; their names begin with `_`, so that no parameter of a flow is called the
    same. Everything after FILE is left to the flow's own command, `--help` included."""

    def __init__(self, name: str, own: Sequence[click.Option], does: Does, help: str) -> None:
        self.own, self.does = own, does
        super().__init__(
            name,
            params=[
                click.Argument(["file"]),
                click.Argument(
                    ["rest"], nargs=-1, type=click.UNPROCESSED, metavar="[FLOW] [OPTIONS OF THE FLOW]..."
                ),
            ],
            callback=self._called,
            help=help,
            context_settings={"help_option_names": _HELP, "allow_interspersed_args": False},
        )

    @property
    def taken(self) -> list[str]:
        """The flags that a flow's parameter can't have."""
        return [*_HELP, *(flag for option in self.own for flag in option.opts)]

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options; the flow's are shown with the file's name."""
        options = [*self.own, *(param for param in self.get_params(context) if isinstance(param, click.Option))]
        shown = [option.get_help_record(context) for option in options]
        with formatter.section("Options"):
            formatter.write_dl([record for record in shown if record is not None])

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(context, self._file_first(context, args))

    def _file_first(self, context: click.Context, args: list[str]) -> list[str]:
        """The command's own options may stand before FILE; they are put at the end."""
        flags = {flag: option for option in self.own for flag in option.opts}
        at = 0
        while at < len(args) and args[at].startswith("-"):
            name, given, _ = args[at].partition("=")
            if name not in flags and name not in _HELP:
                context.fail(f"{name} stands before FILE; only {', '.join(flags)} may.")
            at += 2 if name in flags and not flags[name].is_flag and not given else 1
        if at >= len(args):
            return [arg for arg in args if arg in _HELP]
        return [*args[at:], *args[:at]]

    def _called(self, file: str, rest: tuple[str, ...]) -> None:
        with report.errors(as_json="--json" in rest):
            self._with_flow(file, list(rest))

    def _with_flow(self, file: str, args: list[str]) -> None:
        """Finds the flow, makes a command of it, and runs that with the arguments."""
        from gflow.opened import opened
        from gflow.runtime.errors import InputError

        program = opened(Path(file))
        plan = program.plan
        name = plan.main
        if args and not args[0].startswith("-"):
            name = args.pop(0)
            if name not in plan.flows:
                import difflib

                near = difflib.get_close_matches(name, plan.flows, n=1)
                known = f"did you mean {near[0]}?" if near else f"it has {', '.join(plan.flows) or 'none'}"
                raise InputError(f"{file} has no flow {name!r}: {known}")
        if name is None:
            raise InputError(f"{file} has no flow to run")
        if "--quiet" not in args:
            report.diagnostics(program.warnings)
        called = f"gflow {self.name} {file}"
        if len(plan.flows) > 1:
            called += f" {name}"
        try:
            self._of(program, plan.flows[name]).main(args=args, prog_name=called, standalone_mode=False)
        except click.UsageError as error:
            error.show()
            if any(arg in plan.flows for arg in args):
                print("A flow's name stands right after the file's.", file=sys.stderr)
            raise SystemExit(report.WRONG) from None
        except click.Abort:
            raise KeyboardInterrupt from None

    def _of(self, program: Opened, flow: p.Flow) -> click.Command:
        """A click command whose options are the flow's parameters and this command's own."""
        others = ", ".join(name for name in program.plan.flows if name != flow.name)
        own = [option.name for option in self.own if option.name is not None]

        def callback(**given: Any) -> None:
            settings = {name.removeprefix("_"): given.pop(name) for name in own}
            self.does(program, flow, given, settings)

        return click.Command(
            self.name,
            params=[*(_option(flow, param, self.taken) for param in flow.params), *self.own],
            callback=callback,
            help=flow.doc or f"The flow `{flow.name}`.",
            epilog=f"Other flows of this file: {others}" if others else None,
            # A parameter `max_steps` is `--max-steps`, and `--max_steps` as well.
            context_settings={
                "help_option_names": _HELP,
                "token_normalize_func": lambda name: name.replace("_", "-"),
            },
        )

    def values(self, flow: p.Flow, given: Mapping[str, Any], *, on_error: str = "fail") -> dict[str, Any]:
        """The running values of a flow's parameters that were given. on_error: what a damaged frame of a video
        does. Raises InputError."""
        from gflow.runtime import inputs

        values = {}
        for param in flow.params:
            text, option = given[param.name], _flag(param, self.taken)
            if text is None and param.required:
                raise click.UsageError(f"Missing option '{option}'.", click.get_current_context())
            if text is not None:
                value = text
                if not isinstance(text, bool):
                    value = inputs.read_value(param.type, text, option=option, on_error=on_error)
                inputs.check_range(param, value, option=option)
                values[param.name] = value
        return values


def _flag(param: p.Param, taken: Sequence[str]) -> str:
    """`--max-steps` for `max_steps`; `--param-seed` for a name that the command's own options have already."""
    flag = f"--{param.name.replace('_', '-')}"
    return f"--param-{flag[2:]}" if flag in taken else flag


def _option(flow: p.Flow, param: p.Param, taken: Sequence[str]) -> click.Option:
    """A parameter as an option."""
    from gflow.kernels import types as t
    from gflow.kernels.core import show
    from gflow.runtime.plan import decode

    flag = _flag(param, taken)
    text = " ".join(param.doc.split())
    if param.low is not None:
        text += f" [{param.low:g}..{param.high:g}]"
    if not param.required and param.default is not None:
        text += f" [default: {show(decode(param.type, param.default))}]"
    if param.required:
        text += " [required]"
    text = text.strip()
    # Where there is another parameter called `no_x`, `--no-x` is that one.
    if param.type == t.BOOL and all(other.name != f"no_{param.name}" for other in flow.params):
        return click.Option([f"{flag}/--no-{flag[2:]}", param.name], default=None, help=text)
    kinds = {"image": "IMAGE", "mask": "IMAGE", "video": "VIDEO", "audio": "AUDIO"}
    metavar = kinds.get(str(param.type).rstrip("?"), str(param.type))
    return click.Option([flag, param.name], metavar=metavar, help=text)
