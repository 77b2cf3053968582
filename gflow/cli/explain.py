"""`gflow explain`"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gflow.cli import report

if TYPE_CHECKING:
    from gflow.cli.explained import Explained
    from gflow.compiler.passes import Target
    from gflow.opened import Opened

#: Where `--dump-ir` can stop: before any pass, after one of them, or everywhere.
DUMPS = ("parsed", "inline", "dedup", "expand", "fold", "hoist", "cse", "dce", "fuse", "batch", "schedule", "all")
FORMATS = ("text", "json", "mermaid", "dot", "html")


@click.command("explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--flow", "name", metavar="NAME", help="Only this flow; all of them without it.")
@click.option("--memory", metavar="SIZE", help="What weights may take, as in 512MiB: the plan evicts what is more.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="html is one page with graphs and charts; mermaid and dot are the compiled graph alone.",
)
@click.option(
    "--dump-ir",
    "dump",
    type=click.Choice(DUMPS),
    metavar="PASS",
    help=f"Print the IR after a pass instead: {', '.join(DUMPS)}.",
)
@click.option("--out", "-o", type=click.Path(path_type=Path), help="Write to this file instead of printing.")
def command(
    file: Path, name: str | None, memory: str | None, form: str, dump: str | None, out: Path | None
) -> None:
    """Show what running FILE will take, before anything runs.

    FILE is a script or a bundle. Shown are the passes of the compiler, what each changed and saves; and of a run of
    each flow: which networks are loaded, in which order, what they hold, the calls and their batches, and the time.

    \b
    gflow explain examples/poster.gflow
    gflow explain examples/poster.gflow --memory 32MiB
    gflow explain examples/poster.gflow --format html -o poster.html
    gflow explain examples/poster.gflow --format dot | dot -Tsvg > poster.svg
    gflow explain examples/poster.gflow --dump-ir hoist
    """
    with report.errors(as_json=form == "json"):
        from gflow.compiler.passes import Target
        from gflow.opened import opened
        from gflow.runtime.costs import load
        from gflow.runtime.errors import InputError
        from gflow.runtime.inputs import read_memory

        if dump is not None and form != "text":
            raise InputError(f"--dump-ir prints text: it goes without --format {form}")
        program = opened(file)
        report.diagnostics(program.warnings)
        flows = _chosen(file, program, name)
        budget = None if memory is None else read_memory(memory, option="--memory")
        target = Target(flows=flows, memory=budget, costs=load())
        _put(_dumped(program, target, dump) if dump else _shown(_explained(file, program, target), form), out)


def _chosen(file: Path, program: Opened, name: str | None) -> frozenset[str]:
    """The flows to explain: the file's own, or the one that is asked for."""
    from gflow.runtime.errors import InputError

    flows = program.plan.flows
    if name is not None and name not in flows:
        raise InputError(f"{file} has no flow {name!r}: it has {', '.join(flows) or 'none'}")
    found = frozenset([name] if name else (key for key in flows if "." not in key))
    if not found:
        raise InputError(f"{file} has no flow to explain")
    return found


def _explained(file: Path, program: Opened, target: Target) -> Explained:
    from gflow.cli import explained
    from gflow.cli.progress import shown

    assert target.flows is not None
    if program.bundle is not None:
        return explained.bundle(
            program.bundle, [flow for flow in program.plan.flows if flow in target.flows], target
        )
    assert program.program is not None
    with shown(quiet=False) as observer:
        return explained.script(program.program, target, file, observer.exporting)


def _shown(found: Explained, form: str) -> str:
    """What was found, in one of the formats."""
    if form == "json":
        import msgspec

        return msgspec.json.format(msgspec.json.encode(found.told), indent=2).decode()
    if form == "html":
        from gflow.cli import plan_page

        return plan_page.page(found)
    if form == "text":
        from gflow.cli import plan_text

        return plan_text.show(found.told)
    from gflow.cli import graphs

    return (graphs.mermaid if form == "mermaid" else graphs.dot)([found.after.flows[name] for name in found.flows])


def _dumped(program: Opened, target: Target, dump: str) -> str:
    """The IR after a pass; after each one that changed it, under a comment each."""
    from gflow.cli import explained
    from gflow.runtime.errors import InputError

    if program.program is None:
        raise InputError(
            "a bundle holds the plan, not the IR", help="explain its script, which `gflow inspect --script` prints"
        )
    from gflow.cli.progress import shown

    with shown(quiet=False) as observer:
        found = explained.dumps(program.program, target, observer.exporting)
    if dump != "all":
        return found[dump]
    names = list(found)
    same = {name for before, name in pairwise(names) if found[name] == found[before]}
    return "\n\n".join(
        f"// {name}: nothing changed" if name in same else f"// {name}\n{found[name]}" for name in names
    )


def _put(text: str, out: Path | None) -> None:
    """Prints the text, or writes the file, whole or not at all. Raises OSError."""
    if out is None:
        print(text)
        return
    from gflow.kernels.files import whole

    whole(out, lambda part: part.write_text(text + "\n", encoding="utf-8"))
