"""What a bundle does when it is started: options to values, a run, files. Like `gflow run`, without what only the
compiler needs."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, BooleanOptionalAction, RawDescriptionHelpFormatter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gflow.runtime import startup
from gflow.runtime.errors import InputError, RunError

#: What must be installed, and what pip calls it.
NEEDED = {
    "numpy": "numpy",
    "msgspec": "msgspec",
    "onnxruntime": "onnxruntime",
    "tokenizers": "tokenizers",
    "PIL": "pillow",
}

_OWN = ("out", "seed", "memory", "exact", "dry-run", "on-error", "quiet", "json", "help")


def main(path: str, place: tuple[int, int, int]) -> None:
    """Runs the bundle at `path` with the process's arguments, and ends the process."""
    status = 1
    try:
        startup.prepare()
        status = _main(path, place, sys.argv[1:])
        sys.stdout.flush()
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        if name not in NEEDED:
            raise
        _tell("R1201", f"{Path(path).name} needs the package `{name}`", f"pip install {' '.join(NEEDED.values())}")
        status = 2
    except RunError as error:
        _tell(error.code, error.message, error.help, error.place)
        status = 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print("interrupted; nothing half-written was left", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        status = 0  # Nobody reads any more what is printed.
    except OSError as error:
        named = f"{error.filename}: " if error.filename else "the system says: "
        _tell("R1001" if error.filename else "R1000", named + (error.strerror or str(error)).lower())
        status = 2 if error.filename else 1
    with suppress(OSError):
        sys.stderr.flush()
    # Taking sessions and modules down takes longer than painting a small picture.
    os._exit(status)


def _tell(code: str, message: str, help: str = "", place: str = "") -> None:
    lines = [f"error[{code}]: {message}"]
    lines += [f"  ┌─ {place}"] if place else []
    lines += [f"  = help: {help}"] if help else []
    print("\n".join(lines), file=sys.stderr)


def _main(path: str, place: tuple[int, int, int], argv: list[str]) -> int:
    from gflow.runtime.bundle import Bundle

    bundle = Bundle(Path(path), place)
    plan = bundle.plan
    name = argv.pop(0) if argv and not argv[0].startswith("-") else plan.main
    if name not in plan.flows:
        raise InputError(f"{Path(path).name} has no flow {name!r}: it has {', '.join(plan.flows)}")
    flow = plan.flows[name]
    parser = _parser(Path(path).name, plan, flow)
    try:
        given = vars(parser.parse_args(argv))
    except SystemExit as left:
        return int(left.code or 0)
    return _run(bundle, plan, flow, given)


def _parser(program: str, plan: Any, flow: Any) -> ArgumentParser:
    """The flow's parameters as options."""
    others = [name for name in plan.flows if name != flow.name]
    parser = ArgumentParser(
        prog=program if flow.name == plan.main else f"{program} {flow.name}",
        description=flow.doc or f"The flow `{flow.name}`.",
        epilog=f"Other flows: {', '.join(others)}" if others else None,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for param in flow.params:
        _add(parser, param)
    parser.add_argument("--out", default="out", metavar="DIR", dest="_out", help="folder of the results (out)")
    parser.add_argument("--seed", default=0, type=int, dest="_seed", metavar="N", help="seed of all randomness (0)")
    parser.add_argument("--memory", dest="_memory", metavar="SIZE", help="what weights may take, as in 8GiB")
    parser.add_argument("--exact", action="store_true", dest="_exact", help="the same bits, however many at once")
    parser.add_argument("--dry-run", action="store_true", dest="_dry_run", help="placeholders instead of models")
    parser.add_argument(
        "--on-error",
        default="fail",
        choices=("fail", "skip"),
        dest="_on_error",
        help="what a damaged frame of a video does; skip shows the one before it (fail)",
    )
    parser.add_argument("--quiet", action="store_true", dest="_quiet", help="no progress")
    parser.add_argument("--json", action="store_true", dest="_json", help="print files and results as JSON")
    return parser


def flag(name: str) -> str:
    """`--max-steps` for `max_steps`; `--param-seed` for a name that every run's options have already."""
    dashed = name.replace("_", "-")
    return f"--param-{dashed}" if dashed in _OWN else f"--{dashed}"


def _add(parser: ArgumentParser, param: Any) -> None:
    from gflow.kernels import types as t
    from gflow.kernels.op import show_value
    from gflow.runtime.plan import decode

    text = " ".join(param.doc.split())
    if param.low is not None:
        text += f" [{param.low:g}..{param.high:g}]"
    if param.required:
        text += " [required]"
    elif param.default is not None:
        text += f" [default: {show_value(decode(param.type, param.default))}]"
    text = text.strip().replace("%", "%%")
    if param.type == t.BOOL:
        parser.add_argument(flag(param.name), dest=param.name, action=BooleanOptionalAction, help=text)
    else:
        parser.add_argument(flag(param.name), dest=param.name, metavar=str(param.type).upper(), help=text)


def _run(bundle: Any, plan: Any, flow: Any, given: Mapping[str, Any]) -> int:
    from gflow.runtime.executor import Executor

    observer = _line(quiet=given["_quiet"] or given["_json"])
    executor = Executor(
        plan,
        seed=given["_seed"],
        stand_ins=given["_dry_run"],
        observer=observer,
        exact=given["_exact"],
        memory=_memory(given["_memory"]),
        bundle=bundle,
    )
    if not given["_dry_run"]:
        executor.prefetch(flow.name)
    from gflow.runtime import inputs, outputs
    from gflow.runtime.early import Encoder

    values = {}
    for param in flow.params:
        text, option = given[param.name], flag(param.name)
        if text is None and param.required:
            raise InputError(f"{option} is missing")
        if text is not None:
            if not isinstance(text, bool):
                text = inputs.read_value(param.type, text, option=option, on_error=given["_on_error"])
            values[param.name] = text
            inputs.check_range(param, values[param.name], option=option)
    out = Path(given["_out"])
    outputs.prepare(out, flow.result)
    provenance = outputs.provenance(
        plan, flow, bundle.manifest.source, given, seed=given["_seed"], stand_ins=given["_dry_run"]
    )
    with Encoder() as finish:
        result = executor.run(flow.name, values, finish=finish)
        files = outputs.write(flow.name, flow.result, result, out, provenance=provenance, observer=observer)
    observer.clear()
    outputs.show(files, result, as_json=given["_json"])
    return 0


def _memory(text: str | None) -> int | None:
    if text is None:
        return None
    from gflow.runtime.inputs import read_memory

    return read_memory(text, option="--memory")


def _line(*, quiet: bool) -> Any:
    """Progress as one line on a terminal."""
    from gflow.runtime.executor import Observer

    class Line(Observer):
        label = ""

        def started(self, label: str, place: str, path: str) -> None:
            self.label = f"{label}  {path}".strip()
            self.progress(0, 0)

        def progress(self, done: int, total: int) -> None:
            if shown:
                count = f"  {done}/{total}" if total else ""
                sys.stderr.write(f"\r\x1b[K{self.label[:100]}{count}")
                sys.stderr.flush()

        def warning(self, message: str, place: str) -> None:
            self.clear()
            print(f"warning: {message}" + (f"\n  ┌─ {place}" if place else ""), file=sys.stderr)

        def clear(self) -> None:
            if shown:
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()

    shown = not quiet and sys.stderr.isatty()
    return Line()
