"""`gflow run`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gflow.cli.flow_command import FlowCommand

if TYPE_CHECKING:
    from gflow.opened import Opened
    from gflow.runtime import plan as p


def _run(program: Opened, flow: p.Flow, given: dict[str, Any], settings: dict[str, Any]) -> None:
    from gflow.cli.progress import shown
    from gflow.runtime import inputs, outputs
    from gflow.runtime.cache import Results
    from gflow.runtime.early import Encoder
    from gflow.runtime.executor import Executor

    values = command.values(flow, given, on_error=settings["on_error"])
    out = Path(settings["out"])
    outputs.prepare(out, flow.result)
    memory = settings["memory"] and inputs.read_memory(settings["memory"], option="--memory")
    results = None if settings["no_cache"] or program.bundle is not None else Results()
    with shown(quiet=settings["quiet"] or settings["json"]) as observer, Encoder() as finish:
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
        result = executor.run(flow.name, values, finish=finish)
        if results is not None:
            results.trim()
        assert flow.result is not None
        provenance = outputs.provenance(
            program.plan, flow, program.source, given, seed=settings["seed"], stand_ins=settings["dry_run"]
        )
        files = outputs.write(flow.name, flow.result, result, out, provenance=provenance, observer=observer)
    outputs.show(files, result, as_json=settings["json"])


command = FlowCommand(
    "run",
    [
        click.Option(
            ["--out", "_out"], default="out", show_default=True, metavar="DIR", help="Folder of the results."
        ),
        click.Option(["--seed", "_seed"], type=int, default=0, show_default=True, help="Seed of all randomness."),
        click.Option(["--memory", "_memory"], metavar="SIZE", help="What weights may take, as in 8GiB."),
        click.Option(["--exact", "_exact"], is_flag=True, help="The same bits however many are made at once."),
        click.Option(["--no-cache", "_no_cache"], is_flag=True, help="Make anew what an earlier run has made."),
        click.Option(["--dry-run", "_dry_run"], is_flag=True, help="Placeholders answer instead of models."),
        click.Option(
            ["--on-error", "_on_error"],
            type=click.Choice(["fail", "skip"]),
            default="fail",
            show_default=True,
            help="What a damaged frame of a video does: skip shows the one before it.",
        ),
        click.Option(["--quiet", "_quiet"], is_flag=True, help="No progress, no warnings about the script."),
        click.Option(["--json", "_json"], is_flag=True, help="Print files and results as JSON."),
    ],
    _run,
    help="""Run a flow of the script FILE and write its results.

    The flow's parameters are options: `gflow run FILE --help` lists them. FLOW, right after FILE, is the file's
    last one unless it is named. Images, videos, lists and records come from files: PNG, JPEG, WebP, MP4, MOV, MKV,
    WebM, CSV, JSONL, JSON.

    What models have made is kept, and not made again when the script is edited and run again.

    \b
    gflow run examples/poster.gflow --drafts 4 --out posters
    gflow run examples/catalogue.gflow --rows examples/catalogue.csv
    gflow run examples/poster.gflow --dry-run        placeholders instead of models
    """,
)
