"""`gflow explain`"""

from __future__ import annotations

from pathlib import Path

import click

from gflow.cli import report


@click.command("explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True)
@click.option("--flow", "name", metavar="NAME", help="Only this flow.")
def command(file: Path, form: str, name: str | None) -> None:
    """Show what the script FILE was compiled to: the typed IR as text, or its graph.

    \b
    gflow explain examples/poster.gflow
    gflow explain examples/poster.gflow --format mermaid
    gflow explain examples/poster.gflow --format dot | dot -Tsvg > poster.svg
    """
    with report.errors():
        from gflow.compiler.program import load
        from gflow.runtime.errors import InputError

        program = load(file)
        flows = program.plan.flows
        if name is not None and name not in flows:
            raise InputError(f"{file} has no flow {name!r}: it has {', '.join(flows)}")
        chosen = [flow for key, flow in flows.items() if name in (None, key)]
        if form == "text":
            from gflow.compiler.dialect import FlowOp

            others = {key for key in flows if name not in (None, key)}
            for op in program.module.ops:
                if not (isinstance(op, FlowOp) and op.sym_name.data in others):
                    print(op)
        else:
            from gflow.cli import graphs

            print((graphs.mermaid if form == "mermaid" else graphs.dot)(chosen))
