"""The shape of the system: who may import whom, and what is in the package."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("kernels", "runtime", "grammar", "compiler")

#: What a part must never import, beside what is above it.
FORBIDDEN = {
    "kernels": {
        "gflow.runtime",
        "gflow.grammar",
        "gflow.compiler",
        "gflow.cli",
        "gflow.api",
        "torch",
        "triton",
        "diffusers",
        "lark",
    },
    "runtime": {
        "gflow.grammar",
        "gflow.compiler",
        "gflow.cli",
        "gflow.api",
        "torch",
        "triton",
        "diffusers",
        "lark",
        "xdsl",
    },
    "grammar": {"gflow.kernels", "gflow.runtime", "gflow.compiler", "gflow.cli", "gflow.api", "torch", "xdsl"},
    "compiler": {"gflow.cli", "gflow.api", "torch", "diffusers", "lark"},
}


def imported(file: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import is another type to a type checker"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_imports_go_downwards(part: str) -> None:
    for file in (ROOT / part).rglob("*.py"):
        forbidden = FORBIDDEN[part]
        if part == "runtime" and file.name.startswith("torch"):
            forbidden = forbidden - {"torch", "diffusers"}
        if file == ROOT / "runtime" / "engines" / "inductor.py":
            forbidden = forbidden - {"torch"}  # It runs what torch compiled, where torch is.
        if file == ROOT / "kernels" / "pixel" / "triton_run.py":
            forbidden = forbidden - {"torch", "triton"}  # Kernels run on a GPU's tensors, when they are asked to.
        if file == ROOT / "kernels" / "pixel" / "triton_prelude.py":
            forbidden = forbidden - {"triton"}  # The beginning of generated modules, which nothing imports.
        if file.parent == ROOT / "compiler" / "models":
            forbidden = forbidden - {"torch", "diffusers"}  # What exports models; checking them takes neither.
        wrong = {name for name in imported(file) if any(name == f or name.startswith(f + ".") for f in forbidden)}
        assert not wrong, f"{file.relative_to(ROOT)} imports {wrong}"


def test_pytorch_and_triton_are_imported_when_they_are_used() -> None:
    lazy = ("kernels/pixel/triton_run.py", "compiler/gpu_kernels.py", "runtime/engines/inductor.py")
    for file in (ROOT / name for name in lazy):
        tops = [node for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.Import)]
        assert not {alias.name for node in tops for alias in node.names} & {"torch", "triton"}
    prelude = "gflow.kernels.pixel.triton_prelude"
    assert not any(prelude in imported(file) for part in PARTS for file in (ROOT / part).rglob("*.py"))


def test_the_folder_that_others_probe_for_has_no_side_effects() -> None:
    tree = ast.parse((ROOT / "kernels" / "__init__.py").read_text("utf-8"))
    assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body)


def test_the_four_folders_are_linked() -> None:
    for part in PARTS:
        link = ROOT / "gflow" / part
        assert link.is_symlink() and link.readlink() == Path("..") / part


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"])
    there = {"gflow", "gflow.bench", "gflow.cli"}
    for part in PARTS:
        folders = {file.parent for file in (ROOT / part).rglob("*.py")}
        there |= {".".join(("gflow", *folder.relative_to(ROOT).parts)) for folder in folders}
    starter = ROOT / "gflow" / "starter"
    folders = {starter} | {file.parent for file in starter.rglob("*.json")}
    there |= {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert listed == there


def test_no_file_names_the_machine_it_was_made_on() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    for name in files or [str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py")]:
        path = ROOT / name
        if name and path.is_file() and not path.is_symlink():
            assert str(ROOT).encode() + b"/" not in path.read_bytes(), name


def test_help_and_the_package_load_nothing_heavy() -> None:
    code = (
        "import sys, gflow, gflow.cli\n"
        "from click.testing import CliRunner\n"
        "assert CliRunner().invoke(gflow.cli.main, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'numpy', 'xdsl', 'lark', 'rich', 'msgspec', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
