"""The examples in the documentation do what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gflow.compiler.compiled import compiled
from gflow.compiler.passes import Target
from gflow.compiler.program import check, load
from gflow.grammar.diagnostics import ScriptError
from gflow.kernels.op import registry

ERRORS = Path(__file__).parent.parent / "docs" / "errors.md"
SECTIONS = re.split(r"^## ", ERRORS.read_text("utf-8"), flags=re.MULTILINE)[1:]


def example(section: str, kind: str) -> str:
    (found,) = re.findall(rf"^```gflow {kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(found)


def codes(tmp_path: Path, text: str, encoding: str = "utf-8", memory: int | None = None) -> list[str]:
    """memory: the budget that the example is compiled for, where it takes one."""
    script = tmp_path / "example.gflow"
    script.write_bytes(text.encode(encoding))
    if memory is not None:
        try:
            compiled(load(script), Target(memory=memory))
        except ScriptError as error:
            return [diagnostic.code for diagnostic in error.diagnostics]
    return [diagnostic.code for diagnostic in check(script)]


@pytest.mark.parametrize(
    "section", [each for each in SECTIONS if "```console" in each], ids=lambda section: section[:5]
)
def test_examples_of_command_lines(section: str, tmp_path: Path) -> None:
    """Of the codes that tell of a command line, not of a script."""
    examples = dict(re.findall(r"^```console (\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    pytest.importorskip("tensorrt_rtx")
    script = tmp_path / "poster.gflow"
    script.write_text(
        'model j = scorer("starter/judge")\nflow f(i: image) -> float { j.score(i, "a star") }\n', "utf-8"
    )
    for kind, line in examples.items():
        program, *args = line.split()
        done = subprocess.run(
            [sys.executable, "-m", program, *args, "-o", "made"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ERRORS.parent.parent)},
        )
        assert set(re.findall(r"[EW]\d{4}", done.stderr)) == ({section[:5]} if kind == "wrong" else set())
        assert done.returncode == (2 if kind == "wrong" and section.startswith("E") else 0)


@pytest.mark.parametrize(
    "section", [each for each in SECTIONS if "```gflow" in each], ids=lambda section: section[:5]
)
def test_examples_of_errors(section: str, tmp_path: Path) -> None:
    code = section[:5]
    assert re.fullmatch(r"[EW]\d{4} ", section[:6])
    # What is not UTF-8 can't stand in a page that is.
    encoding = "utf-16" if code == "E0108" else "utf-8"
    for name, text in re.findall(r"^```file (\S+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    memory = 16 * 2**20 if code.startswith("E05") else None
    found = codes(tmp_path, example(section, "wrong"), encoding, memory)
    assert code in found
    assert {other for other in found if other.startswith("E")} <= {code}
    right = codes(tmp_path, example(section, "right"), memory=memory)
    assert not [other for other in right if other.startswith("E") or other == code]


def test_every_code_but_one_has_examples() -> None:
    """What it takes to be warned of a loss is a model that is made in `test_quantize`."""
    assert [section[:5] for section in SECTIONS if "```" not in section] == ["W0502"]


def test_every_code_is_documented() -> None:
    folder = ERRORS.parent.parent / "grammar" / "diagnostics"
    declared = {
        code for file in folder.glob("*.py") for code in re.findall(r'] = "([EW]\d{4})"', file.read_text("utf-8"))
    }
    # The docstring of base.py shows an example of a declaration.
    assert declared == {section[:5] for section in SECTIONS}


@pytest.mark.parametrize(("page", "least"), [("language.md", 6), ("video.md", 1)])
def test_the_scripts_of_a_page_are_right(page: str, least: int, tmp_path: Path) -> None:
    text = (ERRORS.parent / page).read_text("utf-8")
    scripts = re.findall(r"^```gflow\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(scripts) >= least
    for script in scripts:
        assert codes(tmp_path, script) == [], script


def test_the_page_on_videos_names_every_op_on_them() -> None:
    page = (ERRORS.parent / "video.md").read_text("utf-8")
    assert [op.name for op in registry().values() if op.family == "video" and f"`{op.name}(" not in page] == []


def called(line: str, folder: Path) -> str:
    """What a command line of a page prints, with the folder's modules known to Python."""
    program, *args = line.split()
    module = [] if program == "python" else ["-m", program]
    paths = [str(folder), str(ERRORS.parent.parent)]
    done = subprocess.run(
        [sys.executable, *module, *args],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_on_adding_an_op(tmp_path: Path) -> None:
    """Its files are those of a package that brings an op along; its commands print what it says."""
    page = (ERRORS.parent / "adding_an_op.md").read_text("utf-8")
    for name, text in re.findall(r"^```(?:python|gflow) (\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        (tmp_path / Path(name).name).write_text(text, "utf-8")
    metadata = tmp_path / "posters-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: posters\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[gflow.ops]\nposters = posters\n")
    commands = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(commands) == 3
    for line, printed in commands:
        assert printed.strip() in called(line, tmp_path), line
    # Names are numbered as they come.
    [loop] = re.findall(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    shown, made = (
        re.sub(r"\b([rtu])\d+\b", r"\1", text).split() for text in (loop, called("python look.py", tmp_path))
    )
    assert shown == made
    assert "1 passed" in called("gflow test poster.gflow", tmp_path)
