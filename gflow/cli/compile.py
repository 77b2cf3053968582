"""`gflow compile`"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gflow.cli import report

if TYPE_CHECKING:
    from gflow.compiler.compiled import Compiled
    from gflow.runtime.bundle import Manifest


@click.command("compile", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), help="The file to write.")
@click.option("--flow", metavar="NAME", help="Only this flow; all of them without it.")
@click.option("--target", type=click.Choice(["cpu"]), default="cpu", show_default=True, help="Where it will run.")
def command(file: Path, out: Path | None, flow: str | None, target: str) -> None:
    """Compile the script FILE ahead of time into one executable file.

    The file holds the plan, the models and the runtime. It runs with Python, NumPy, ONNX Runtime, tokenizers,
    msgspec and Pillow: neither PyTorch nor gflow itself need be installed there.

    \b
    gflow compile examples/poster.gflow -o poster
    ./poster --idea "a green star" --out posters
    """
    with report.errors():
        import msgspec

        from gflow.cli.progress import shown
        from gflow.compiler import bundle
        from gflow.compiler.compiled import compiled
        from gflow.compiler.passes import Target
        from gflow.compiler.program import load
        from gflow.runtime.costs import load as costs
        from gflow.runtime.errors import InputError

        start = time.monotonic()
        program = load(file)
        report.diagnostics(program.diagnostics)
        flows = program.plan.flows
        if flow is not None and flow not in flows:
            raise InputError(f"{file} has no flow {flow!r}: it has {', '.join(flows)}")
        if not flows:
            raise InputError(f"{file} has no flow to compile")
        kept = frozenset({flow} if flow else (name for name in flows if "." not in name))
        place = out or Path(file.stem)
        if place.is_dir():
            raise InputError(f"{place} is a folder", help="give a file: `-o NAME`")
        with shown(quiet=False) as observer:
            made = compiled(program, Target(flows=kept, costs=costs()), progress=observer.exporting)
        _refuse(made)
        if flow is not None:
            made = replace(made, plan=msgspec.structs.replace(made.plan, main=flow))
        manifest = bundle.write(made, program.file.source.text, place)
        _tell(place, manifest, time.monotonic() - start)


def _refuse(made: Compiled) -> None:
    """Tells which models can't travel, and why. Raises InputError."""
    from gflow.runtime.errors import InputError

    for name, model in made.plan.models.items():
        if name in made.refused:
            raise InputError(
                f"the model `{name}` can't be compiled: {made.refused[name]}",
                help="`gflow run` runs it on PyTorch",
                place=model.place,
            )
        if model.lowered is None and model.args.get("endpoint") is None:
            raise InputError(
                f"the model `{name}` can't be compiled: its files are not on this machine",
                help="run the script once, which downloads them, or give a folder",
                place=model.place,
            )


def _tell(place: Path, manifest: Manifest, seconds: float) -> None:
    weights = sum(entry.size for entry in manifest.entries.values() if entry.digest)
    models = ", ".join(manifest.models) or "no models"
    size = place.stat().st_size
    print(f"{place}: {size / 1e6:.1f} MB, of which {weights / 1e6:.1f} MB weights ({models}), {seconds:.1f} s")
