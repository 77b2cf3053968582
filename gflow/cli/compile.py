"""`gflow compile`"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gflow.cli import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from gflow.compiler.compiled import Compiled
    from gflow.compiler.gpu_target import Part
    from gflow.compiler.quality import InEightBits
    from gflow.compiler.quantize import Scheme
    from gflow.compiler.quantized import Measured
    from gflow.grammar.diagnostics import Diagnostic
    from gflow.kernels.pixel.shipped import Index
    from gflow.runtime.bundle import Manifest


@click.command("compile", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", "-o", type=click.Path(path_type=Path), help="The file to write.")
@click.option("--flow", metavar="NAME", help="Only this flow; all of them without it.")
@click.option(
    "--target",
    "targets",
    metavar="NAME",
    multiple=True,
    help="Where it will run, beside any CPU: cuda:sm_80, cuda:sm_89, cuda:sm_90, …; may be given several times.",
)
@click.option(
    "--target-cpu",
    metavar="LEVEL",
    default="native",
    show_default=True,
    help="The processor that kernels are compiled for: this one, or x86-64-v2, -v3 or -v4 for a fleet.",
)
@click.option(
    "--engine",
    type=click.Choice(["onnx", "inductor"]),
    default="onnx",
    show_default=True,
    help="What runs networks: ONNX Runtime, or where torch is, too, packages that AOTInductor compiles now.",
)
@click.option(
    "--quantize",
    type=click.Choice(["int8", "int8-weights", "fp8", "fp8-weights"]),
    help="Networks in 8 bits: their weights and what those are multiplied with, or weights alone. int8 is for CPUs "
    "and GPUs, fp8 for GPUs from sm_89 on. What it costs in quality is told.",
)
def command(
    file: Path,
    out: Path | None,
    flow: str | None,
    targets: tuple[str, ...],
    target_cpu: str,
    engine: str,
    quantize: str | None,
) -> None:
    """Compile the script FILE ahead of time into one executable file.

    The file holds the plan, the models and the runtime. It runs with Python, NumPy, ONNX Runtime, tokenizers,
    msgspec and Pillow: neither PyTorch nor gflow itself need be installed there.

    \b
    gflow compile examples/poster.gflow -o poster
    ./poster --idea "a green star" --out posters
    gflow compile examples/poster.gflow -o poster --target cuda:sm_89 --target cuda:sm_90
    """
    with report.errors():
        from tempfile import TemporaryDirectory

        from gflow.cli.progress import shown
        from gflow.compiler import bundle
        from gflow.compiler import targets as known
        from gflow.compiler.compiled import compiled
        from gflow.compiler.passes import Target
        from gflow.compiler.program import load
        from gflow.runtime.costs import load as costs
        from gflow.runtime.errors import InputError

        start = time.monotonic()
        wanted = known.read(targets)
        if quantize and engine == "inductor":
            raise InputError(
                "--quantize is for `--engine onnx`: packages of AOTInductor keep their weights as they are"
            )
        scheme = _scheme(quantize, wanted)
        program = load(file)
        report.diagnostics(program.diagnostics)
        flows = program.plan.flows
        if flow is not None and flow not in flows:
            raise InputError(f"{file} has no flow {flow!r}: it has {', '.join(flows)}")
        main = flow or program.plan.main
        if main is None:
            raise InputError(f"{file} has no flow to compile")
        kept = frozenset({flow} if flow else (name for name in flows if "." not in name))
        place = out or Path(file.stem)
        _check_place(place)
        with TemporaryDirectory(prefix="gflow-") as folder:
            with shown(quiet=False) as observer:
                made = compiled(program, Target(flows=kept, costs=costs()), progress=observer.exporting)
                _refuse(made)
                small = _in_8_bits(made, scheme, Path(folder), lambda what: observer.say(f"trying {what} …"))
                gpus = [target for target in wanted if target != known.CPU]
                parts = _for_gpus(made, gpus, observer.exporting, small.measured if small else None)
                cost = small.quality(parts) if small else None
                if engine == "inductor":
                    parts += [_packages(made, target, target_cpu, parts, observer.exporting) for target in wanted]
            report.diagnostics([told for part in parts for told in _not_made(made, part)])
            if cost is not None:
                from gflow.compiler.quality import poor

                report.diagnostics(poor(made.plan, cost))
            manifest = bundle.write(
                small.compiled if small else made,
                program.file.source.text,
                place,
                main=main,
                kernels=_kernels(made, target_cpu),
                parts=parts,
                quantization=cost,
            )
        _tell(place, manifest, time.monotonic() - start)


def _scheme(name: str | None, targets: list[str]) -> Scheme | None:
    if name is None:
        return None
    from gflow.compiler import quantize

    return quantize.scheme(name, targets)


def _in_8_bits(
    made: Compiled, scheme: Scheme | None, folder: Path, progress: Callable[[str], None]
) -> InEightBits | None:
    """The program with networks in 8 bits, where that is asked for. Raises InputError where what makes them is not
    installed."""
    if scheme is None:
        return None
    from gflow.compiler.quality import InEightBits
    from gflow.runtime.errors import InputError

    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"`--quantize` needs {error.name}, which is not installed", help="pip install 'gflow[models]'"
        ) from error
    return InEightBits.of(made, scheme, folder, progress)


def _for_gpus(
    made: Compiled, targets: list[str], progress: Callable[[str], None], measured: Measured | None = None
) -> list[Part]:
    """What the bundle holds for GPUs. Raises InputError where what makes it is not installed."""
    from gflow.compiler import bundle, gpu_target
    from gflow.runtime.errors import InputError

    try:
        return gpu_target.parts(made.plan, bundle.sources(made), targets, progress, measured)
    except ImportError as error:
        raise InputError(
            f"compiling for {targets[0]} needs {error.name}, which is not installed",
            help="pip install 'gflow[gpu]'",
        ) from error


def _packages(
    made: Compiled, target: str, target_cpu: str, parts: list[Part], progress: Callable[[str], None]
) -> Part:
    """What AOTInductor compiles for a target, beside what its part has."""
    from gflow.compiler import bundle, inductor

    beside = next((part for part in parts if part.target == target), None)
    return inductor.part(made.plan, bundle.sources(made), target, target_cpu, beside, progress)


def _not_made(made: Compiled, part: Part) -> list[Diagnostic]:
    """What could not be built for a target, the same reason once."""
    from gflow.compiler.compiled import span_of
    from gflow.grammar.diagnostics.planning import NoEngine

    models = made.plan.models
    reasons: dict[str, list[str]] = {}
    for label, reason in part.refused.items():
        reasons.setdefault(reason, []).append(label)
    found: list[Diagnostic] = []
    for reason, labels in reasons.items():
        networks = [label for label in labels if label.partition(".")[0] in models]
        about = models[networks[0].partition(".")[0]] if networks else next(iter(models.values()), None)
        runtime = "ONNX Runtime" if part.target == "cpu" else "ONNX Runtime's CUDA"
        instead = f"they run on {runtime} there" if networks else "they run on the CPU there"
        if about is not None:
            parts = ", ".join(f"`{label}`" for label in labels)
            found.append(NoEngine(span_of(about.place), parts, part.target, reason, instead))
    return found


def _kernels(made: Compiled, target_cpu: str) -> tuple[Index, dict[str, bytes]] | None:
    """The kernels for the ops on pixels; none, and a word about it, where there is no C compiler."""
    from gflow.compiler.pixel_kernels import kernels
    from gflow.kernels.pixel.c_compiler import NoCompiler
    from gflow.runtime.errors import InputError

    try:
        return kernels(made.plan, target_cpu)
    except NoCompiler as error:
        if target_cpu != "native":
            raise InputError(f"kernels can't be compiled for {target_cpu}: {error}") from error
        print(f"warning: {error}: ops on pixels will run in NumPy (pip install 'gflow[cc]')", file=sys.stderr)
        return None


def _check_place(place: Path) -> None:
    """Refuses to write over what is no bundle: a script without an ending, above all."""
    from gflow.runtime.bundle import is_bundle
    from gflow.runtime.errors import InputError

    if place.is_dir():
        raise InputError(f"{place} is a folder", help="give a file: `-o NAME`")
    if place.exists() and not is_bundle(place) and (not place.is_file() or place.stat().st_size):
        raise InputError(f"{place} is there already, and no bundle", help="give another name: `-o NAME`")


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
    weights = sum(entry.size for name, entry in manifest.entries.items() if name.startswith("weights/"))
    models = ", ".join(manifest.models) or "no models"
    size = place.stat().st_size
    print(f"{place}: {size / 1e6:.1f} MB, of which {weights / 1e6:.1f} MB weights ({models}), {seconds:.1f} s")
    for quality in manifest.quantization.quality if manifest.quantization else ():
        print(f"  {quality.model} on {quality.target}: {quality.told}")
