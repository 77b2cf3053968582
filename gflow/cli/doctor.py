"""`gflow doctor`"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

import gflow
from gflow.cli import report

#: What each extra of the package is for, and its packages.
EXTRAS = {
    "models": (
        "models on PyTorch, and their export",
        ("torch", "diffusers", "transformers", "accelerate", "peft", "onnx", "onnxscript"),
    ),
    "media": ("video and audio", ("av", "soundfile")),
    "gpu": ("NVIDIA GPUs", ("onnxruntime-gpu", "tensorrt", "tensorrt-rtx", "triton")),
    "cc": ("a C compiler, where the machine has none", ("ziglang",)),
    "ray": ("many machines", ("ray",)),
    "serve": ("a local server of language models, `transformers serve`", ("fastapi", "uvicorn", "openai")),
}


@click.command("doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(as_json: bool) -> None:
    """Tell what this machine has: engines, compilers, GPU, and how to install what is missing."""
    with report.errors():
        found = findings()
        if as_json:
            print(json.dumps(found, indent=2))
            return
        print(f"gflow {found['gflow']} on Python {found['python']}, {found['machine']}, {found['cores']} cores")
        for part in ("engines", "tools", "targets"):
            print(f"\n{part}:")
            for name, state in found[part].items():
                print(f"  {name:<13} {state}")
        print("\nextras:")
        for name, extra in found["extras"].items():
            _print_extra(name, extra)


def _print_extra(name: str, extra: dict[str, Any]) -> None:
    missing = [package for package, installed in extra["packages"].items() if installed is None]
    state = "complete" if not missing else f"missing {', '.join(missing)}"
    print(f"  {name:<13} {extra['for']}: {state}")
    there = [f"{package} {installed}" for package, installed in extra["packages"].items() if installed is not None]
    if there:
        print(f"  {'':<13} {', '.join(there)}")
    if missing:
        print(f"  {'':<13} install with: {extra['install']}")


def findings() -> dict[str, Any]:
    """Everything that is told, as data. Imports nothing heavy."""
    return {
        "gflow": gflow.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "engines": _engines(),
        "tools": {"C compiler": _compiler(), "GPU": _gpu()},
        "targets": _targets(),
        "extras": {
            name: {
                "for": purpose,
                "packages": {package: _version(package) for package in packages},
                "install": f"pip install 'gflow[{name}]'",
            }
            for name, (purpose, packages) in EXTRAS.items()
        },
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _engines() -> dict[str, str]:
    torch, diffusers, transformers = (_version(name) for name in ("torch", "diffusers", "transformers"))
    needed = {"torch": torch, "diffusers": diffusers, "transformers": transformers}
    missing = [name for name, found in needed.items() if found is None]
    state = f"ready (torch {torch})" if not missing else f"not ready: {', '.join(missing)} not installed"
    return {
        "onnx": _onnxruntime(),
        "torch": state,
        "inductor": _inductor(torch),
        "openai": "ready, for servers with an OpenAI-compatible interface",
        "stand-in": "ready",
    }


def _inductor(torch: str | None) -> str:
    """Whose packages run here, and for what they can be compiled."""
    from gflow.compiler import inductor
    from gflow.compiler.targets import CPU
    from gflow.compiler.tensorrt import NotBuilt
    from gflow.runtime import cuda

    found = []
    try:
        inductor.usable(CPU)
        found.append("compiled here for this CPU")
        inductor.usable(f"cuda:{cuda.gpu().capability}")
        found.append("and for this GPU")
    except (NotBuilt, cuda.NoCuda) as error:
        if not found:
            return (
                f"ready for packages of torch {torch}, not to compile: {error}" if torch else f"not ready: {error}"
            )
    return f"ready (packages of torch {torch}, {' '.join(found)})"


def _onnxruntime() -> str:
    """Its list of providers names those whose libraries are missing, too; a session names what it has."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        return f"not ready: {error}"
    from gflow.runtime.targets import usable

    listed = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    found = [name for name in listed if name != "Azure" and usable(name)]  # Azure's is a client of a server.
    return f"ready (ONNX Runtime {ort.__version__} on {', '.join(found)})"


def _targets() -> dict[str, str]:
    """What can be compiled for here, and what of it would run here, and why not."""
    from gflow.compiler import targets

    found = {targets.CPU: "runs here"}
    for target in list(targets.TARGETS)[1:]:
        found[target] = f"{targets.TARGETS[target]}: {_builds(target)}; {_runs(target)}"
    return found


def _builds(target: str) -> str:
    from gflow.compiler import targets, tensorrt

    try:
        return f"engines are built by {tensorrt.flavour(targets.capability(target)).called}"
    except tensorrt.NotBuilt as error:
        return f"no engines: {error}"


def _runs(target: str) -> str:
    from gflow.compiler.targets import capability
    from gflow.runtime import cuda
    from gflow.runtime.targets import usable

    try:
        gpu = cuda.gpu()
    except cuda.NoCuda as error:
        return f"does not run here: {error}"
    if capability(target) != gpu.capability:
        return f"does not run here: this is {gpu.told}"
    return "runs here" if usable("CUDA") else "does not run here: ONNX Runtime can't use CUDA"


def _compiler() -> str:
    """What compiles kernels for the ops on pixels, tried."""
    from gflow.kernels.pixel import c_compiler

    found = c_compiler.command()
    if found is None:
        return "none, so ops on pixels run in NumPy; pip install 'gflow[cc]'"
    try:
        c_compiler.compiled("int gflow_kernel(void) { return 0; }\n")
    except c_compiler.NoCompiler as error:
        return f"not ready: {error}"
    return f"ziglang {_version('ziglang')}" if "ziglang" in found else " ".join(found)


def _gpu() -> str:
    """What the driver says: a package that is installed says nothing about a card."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none found"
    query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "none found (nvidia-smi does not answer)"
    return "; ".join(answer.stdout.strip().splitlines()) or "none found"
