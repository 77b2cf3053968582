"""`gflow inspect`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gflow.cli import report

if TYPE_CHECKING:
    from gflow.runtime.bundle import Bundle


@click.command("inspect", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--script", is_flag=True, help="Print the script that it was compiled from.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(file: Path, script: bool, as_json: bool) -> None:
    """Show what is inside the bundle FILE, after checking all of it.

    \b
    gflow inspect poster
    gflow inspect poster --script
    """
    with report.errors(as_json=as_json):
        import msgspec

        from gflow.runtime.bundle import Bundle, is_bundle
        from gflow.runtime.errors import InputError

        if file.is_file() and not is_bundle(file):
            raise InputError(f"{file} is no bundle", help="`gflow compile` makes bundles of scripts")
        bundle = Bundle(file)
        bundle.check_all()
        manifest = bundle.manifest
        if script:
            print(manifest.source, end="")
        elif as_json:
            print(json.dumps(msgspec.to_builtins(manifest), indent=2, ensure_ascii=False))
        else:
            _print(file, bundle)


def _print(file: Path, bundle: Bundle) -> None:
    manifest, plan = bundle.manifest, bundle.plan
    print(f"{file}: {manifest.script}, compiled by gflow {manifest.gflow}, whole and unchanged")
    print("\nflows:")
    for name, flow in plan.flows.items():
        params = ", ".join(f"{param.name}: {param.type}" for param in flow.params)
        print(f"  {name}({params}) -> {flow.result}")
    print("\nmodels:")
    for name, origin in manifest.models.items():
        print(f"  {name}  {origin.source}")
        for lora, digest in origin.loras.items():
            print(f"    {digest[:16]}  LoRA {lora}")
        for part, identity in origin.components.items():
            told = manifest.targets[0].tolerances.get(f"{name}.{part}", 0.0)
            print(f"    {identity[:16]}  {part:<16} within {told:g} of PyTorch")
    sizes: dict[str, int] = {}
    for name, entry in manifest.entries.items():
        kind = "runtime" if name.startswith(("gflow/", "__main__")) else name.partition("/")[0]
        sizes[kind] = sizes.get(kind, 0) + entry.size
    print("\nbytes:")
    for kind, size in sorted(sizes.items(), key=lambda pair: -pair[1]):
        print(f"  {kind:<16} {size:>13,}")
    if manifest.quantization is not None:
        print(f"\nin 8 bits ({manifest.quantization.scheme}), beside float32:")
        for quality in manifest.quantization.quality:
            print(f"  {f'{quality.model} on {quality.target}':<26} {quality.told}")
    print("\ntargets:")
    for target in manifest.targets:
        kernels = f"  {target.kernels} kernels" if target.kernels else ""
        print(f"  {target.name}{kernels}")
        for label, how in target.runs.items():
            print(f"    {label:<24} {how}, within {target.tolerances[label]:g} of PyTorch")
