"""`gflow bench`"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gflow.cli.flow_command import FlowCommand

if TYPE_CHECKING:
    from gflow.bench.compare import Report, Variant
    from gflow.bench.worker import Spec
    from gflow.opened import Opened
    from gflow.runtime import plan as p
    from gflow.runtime.schedule import Foreseen


def _bench(program: Opened, flow: p.Flow, given: dict[str, Any], settings: dict[str, Any]) -> None:
    from gflow.bench import page, shown
    from gflow.bench.compare import compare
    from gflow.bench.rounds import Failed
    from gflow.runtime.errors import InputError, RunError

    command.values(flow, given)  # Mistakes are told before anything runs.
    if program.program is None and (settings["ablate"] or settings["calibrate"]):
        raise InputError("a bundle is compiled already: `--ablate` and `--calibrate` take the script")
    with tempfile.TemporaryDirectory(prefix="gflow-bench-") as folder, _progress(settings["json"]) as progress:
        work = _Work(program, flow, given, settings, Path(folder), progress)
        try:
            if settings["calibrate"]:
                print(f"kept in {work.calibrate()}", file=sys.stderr if settings["json"] else sys.stdout)
            report = compare(
                work.file,
                flow.name,
                work.variants(),
                rounds=settings["rounds"],
                runs=settings["runs"],
                progress=progress,
            )
        except Failed as error:
            raise RunError(f"what was measured failed: {error}") from error
        foreseen = work.foreseen()
    _print(report, foreseen, as_json=settings["json"])
    for option, made in (("html", page.page), ("trace", shown.trace)):
        if settings[option] is not None:
            Path(settings[option]).write_text(made(report), encoding="utf-8")


class _Work:
    """What there is to compare: a script as it is written, without passes and on the torch engine, the same
    compiled, the same without a pass each, and other programs."""

    def __init__(
        self,
        program: Opened,
        flow: p.Flow,
        given: dict[str, Any],
        settings: dict[str, Any],
        folder: Path,
        progress: Any,
    ) -> None:
        from gflow.runtime.inputs import read_memory

        self.program, self.flow, self.settings = program, flow, settings
        self.folder, self.progress = folder, progress
        self.args = {name: str(text).lower() if isinstance(text, bool) else text for name, text in given.items()}
        self.args = {name: text for name, text in self.args.items() if text is not None}
        self.memory = settings["memory"] and read_memory(settings["memory"], option="--memory")
        self.file = str(program.bundle.path if program.bundle is not None else program.plan.script)

    def spec(self, **more: Any) -> Spec:
        from gflow.bench.worker import Spec

        return Spec(
            flow=self.flow.name,
            args=self.args,
            out="",
            begin=0.0,
            seed=self.settings["seed"],
            memory=self.memory,
            **({"runs": self.settings["runs"]} | more),
        )

    def variants(self) -> list[Variant]:
        from gflow.bench.compare import Variant
        from gflow.compiler.passes import passes

        found = []
        if self.program.bundle is not None:
            found.append(Variant("compiled", self.spec(file=self.file)))
        else:
            every = [each.name for each in passes()]
            if self._has_torch():
                found.append(Variant("as written", self.spec(file=self.file, leave_out=every, lowers=False)))
            found.append(Variant("compiled", self.compiled([])))
            if self.settings["ablate"]:
                found += [Variant(f"without {name}", self.compiled([name])) for name in every]
        for path in self.settings["against"]:
            found.append(Variant(Path(path).name, command=[sys.executable, path]))
        # What everything is compared with comes first.
        return found

    def _has_torch(self) -> bool:
        from importlib.util import find_spec

        if all(model.args.get("endpoint") is not None for model in self.program.plan.models.values()):
            return True
        missing = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
        if missing:
            print(
                f"{missing[0]} is not installed, so the script can't be run as it is written: "
                "pip install 'gflow[models]'",
                file=sys.stderr,
            )
        return not missing

    def compiled(self, leave_out: list[str]) -> Spec:
        """The script compiled into a bundle; where a model can't be lowered, it is compiled when it runs."""
        from gflow.compiler import bundle
        from gflow.compiler.compiled import compiled
        from gflow.compiler.passes import Target
        from gflow.runtime.costs import load

        assert self.program.program is not None
        target = Target(flows=frozenset({self.flow.name}), memory=self.memory, costs=load())
        made = compiled(
            self.program.program,
            target,
            leave_out=leave_out,
            progress=lambda what: self.progress(f"exporting {what}"),
        )
        if made.refused:
            return self.spec(file=self.file, leave_out=leave_out)
        path = self.folder / "-".join(["bundle", *leave_out])
        bundle.write(made, self.program.source, path, main=self.flow.name)
        return self.spec(file=str(path))

    def foreseen(self) -> Foreseen | None:
        """What a run with these arguments was to take."""
        from gflow.compiler.compiled import compiled
        from gflow.compiler.passes import Target
        from gflow.runtime.costs import load
        from gflow.runtime.schedule import foresee

        if self.program.program is None:
            return None
        target = Target(flows=frozenset({self.flow.name}), memory=self.memory, costs=load())
        plan = compiled(self.program.program, target).plan
        flow = plan.flows[self.flow.name]
        given = command.values(flow, {param.name: self.args.get(param.name) for param in flow.params})
        return foresee(plan, flow, target.costs, memory=self.memory, given=given)

    def calibrate(self) -> Path:
        """Measures what batches of the flow's calls take, and keeps the table. Raises Failed."""
        import msgspec

        from gflow.bench import calibrate
        from gflow.bench.compare import Variant, compare, machine
        from gflow.runtime import costs

        spec = self.compiled([])
        events = []
        for size in calibrate.SIZES:
            sized = Variant(f"batches of {size}", msgspec.structs.replace(spec, sizes=[size]))
            found = compare(self.file, self.flow.name, [sized], rounds=1, runs=2, progress=self.progress)
            events += found.variants[0].events
        made = calibrate.table(events, self.program.plan, costs.load(), machine())
        costs.write(made)
        return costs.file()


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    """Tells on a terminal what is being measured."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda what: None
        return
    with console.status("measuring …") as status:
        yield lambda what: status.update(f"measuring: {what}")


def _print(report: Report, foreseen: Foreseen | None, *, as_json: bool) -> None:
    from rich.console import Console

    from gflow.bench import shown

    if as_json:
        print(shown.as_json(report, foreseen))
        return
    # A pipe has no width of its own; no cell may be cut for that.
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    for place, part in enumerate(shown.tables(report, foreseen)):
        if place:
            console.print()
        console.print(part, markup=False) if isinstance(part, str) else console.print(part)


command = FlowCommand(
    "bench",
    [
        click.Option(
            ["-n", "_runs"], type=click.IntRange(0, 1000), default=3, show_default=True, metavar="RUNS",
            help="Runs after the first, in the same process.",
        ),
        click.Option(
            ["--rounds", "_rounds"], type=click.IntRange(1, 100), default=3, show_default=True, metavar="N",
            help="Processes of each kind.",
        ),
        click.Option(["--ablate", "_ablate"], is_flag=True, help="Also without each of the passes."),
        click.Option(
            ["--against", "_against"], multiple=True, type=click.Path(exists=True, dir_okay=False),
            metavar="SCRIPT.py", help="Another program, as a whole process.",
        ),
        click.Option(["--calibrate", "_calibrate"], is_flag=True, help="First measure batches and keep the table."),
        click.Option(["--seed", "_seed"], type=int, default=0, show_default=True, help="Seed of the first run."),
        click.Option(["--memory", "_memory"], metavar="SIZE", help="What weights may take, as in 8GiB."),
        click.Option(["--html", "_html"], type=click.Path(dir_okay=False), metavar="PAGE", help="Write a page."),
        click.Option(
            ["--trace", "_trace"], type=click.Path(dir_okay=False), metavar="FILE",
            help="Write a trace for https://ui.perfetto.dev.",
        ),
        click.Option(["--json", "_json"], is_flag=True, help="Print everything as JSON."),
    ],
    _bench,
    help="""Measure a flow of FILE, a script or a bundle: as it is written, and compiled.

    As it is written means without any pass, on PyTorch. Each round starts one process of each kind, in turn; it
    runs the flow once, up to the results on disk, then RUNS times more. Told are times, memory, loads, batches, and
    what was foreseen. FLOW and its options are those of `gflow run`.

    \b
    gflow bench examples/poster.gflow --drafts 4
    gflow bench examples/poster.gflow --ablate
    gflow bench examples/poster.gflow --against my_diffusers_script.py
    gflow bench examples/poster.gflow --calibrate      batches sized by this machine from then on
    """,
)  # fmt: skip
