"""The command line, as people use it: real processes where the process matters, click's runner elsewhere."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from gflow.cli import COMMANDS, main

EXAMPLES = Path(__file__).parent.parent / "examples"
GFLOW = [sys.executable, "-m", "gflow"]

PICTURES = """
model painter = diffusion("nobody/paints")

/// Some pictures.
flow pictures(
  /// What to paint.
  idea: text,
  count: int in 1..9 = 2,
  large: bool = false,
  kind: "red" | "blue" = "red",
  seed: int? = none,
) -> { cover: image, all: list<image>, note: text } {
  size = if large { 32x32 } else { 16x16 }
  all = for i in 1..count { painter.generate("${kind} ${idea}", size: size, seed: seed) }
  { cover: first(all), all: all, note: "${count} of ${idea}" }
}

flow words(line: text) -> list<text> { split(line, " ") }

test "good" { expect count(words("a b")) == 2 }
test "bad" { expect count(words("a b")) == 3 }
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.gflow"
    path.write_text(PICTURES, "utf-8")
    return path


def gflow(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def child(*args: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GFLOW, *map(str, args)], capture_output=True, text=True, timeout=120, **more)  # type: ignore[call-overload,no-any-return]


def test_help_names_every_command() -> None:
    result = gflow("-h")
    assert result.exit_code == 0
    assert all(re.search(rf"^  {name} ", result.output, re.MULTILINE) for name in COMMANDS)
    for name in COMMANDS:
        assert gflow(name, "--help").exit_code == 0


def test_a_misspelt_command_is_told() -> None:
    result = gflow("rum")
    assert result.exit_code == 2 and "Did you mean 'run'?" in result.output


def test_parameters_are_options(script: Path) -> None:
    result = gflow("run", script, "pictures", "--help")
    assert result.exit_code == 0
    for part in (
        "Some pictures.",
        "--idea",
        "What to paint.",
        "[1..9]",
        "--large / --no-large",
        "--param-seed",
        "--seed",
    ):
        assert part in result.output, part


def test_run_writes_files_and_prints_their_paths(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = gflow("run", script, "pictures", "--idea", "fox", "--large", "--count", 3, "--dry-run", "--out", out)
    assert result.exit_code == 0, result.output
    expected = ["cover.png", "all/000.png", "all/001.png", "all/002.png", "note.txt"]
    assert result.stdout.split() == [str(out / name) for name in expected]
    assert Image.open(out / "cover.png").size == (32, 32)
    assert (out / "note.txt").read_text() == "3 of fox\n"
    provenance = json.loads(Image.open(out / "cover.png").text["gflow"])  # type: ignore[attr-defined]
    assert provenance["parameters"]["idea"] == "fox" and provenance["script"] == PICTURES


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(script: Path, tmp_path: Path) -> None:
    bytes_of = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = child(
            "run", script, "pictures", "--idea", "x", "--seed", seed, "--dry-run", "--out", tmp_path / name
        )
        assert done.returncode == 0, done.stderr
        bytes_of[name] = np.asarray(Image.open(tmp_path / name / "cover.png"))
    assert (tmp_path / "a/cover.png").read_bytes() == (tmp_path / "b/cover.png").read_bytes()
    assert not np.array_equal(bytes_of["a"], bytes_of["c"])


def test_json_is_all_there_is_on_stdout(script: Path, tmp_path: Path) -> None:
    result = gflow("run", script, "--line", "a b c", "--json", "--out", tmp_path / "out")
    assert json.loads(result.stdout)["files"] == [
        str(tmp_path / "out/words.json"),
        str(tmp_path / "out/words.gflow.json"),
    ]
    assert json.loads((tmp_path / "out/words.json").read_text()) == ["a", "b", "c"]


def test_check_fmt_and_their_exit_statuses(script: Path, tmp_path: Path) -> None:
    assert gflow("check", script).exit_code == 0
    bad = tmp_path / "bad.gflow"
    bad.write_text("flow f(n: int) -> text { n }\n")
    result = gflow("check", "--json", bad)
    assert result.exit_code == 2
    assert [found["code"] for found in json.loads(result.stdout)["diagnostics"]] == ["E0301"]
    ugly = tmp_path / "ugly.gflow"
    ugly.write_text("flow  f( n:int )->int{n}\n")
    assert gflow("fmt", "--check", ugly).exit_code == 1
    assert "+flow f(n: int) -> int {\n+  n\n+}" in gflow("fmt", "--diff", ugly).output
    assert gflow("fmt", ugly).exit_code == 0
    assert gflow("fmt", "--check", ugly).exit_code == 0
    broken = tmp_path / "broken.gflow"
    broken.write_text("flow f( {")
    assert gflow("fmt", broken).exit_code == 2
    assert broken.read_text() == "flow f( {"
    piped = CliRunner().invoke(main, ["fmt", "-"], input="let  a=1\n")
    assert piped.stdout == "let a = 1\n"


def test_test_runs_test_blocks(script: Path) -> None:
    result = gflow("test", script)
    assert result.exit_code == 1
    assert "✓ good" in result.output and "✗ bad" in result.output and "1 passed, 1 failed" in result.output
    assert 'count(words("a b")) is 2' in result.output
    assert gflow("test", script, "-k", "good").exit_code == 0


def test_ops_and_doctor() -> None:
    assert "resize(image: image | mask | video, size: size" in gflow("ops").output
    assert "Raises OpError for an empty list" in gflow("ops", "best").output
    misspelt = gflow("ops", "bset")
    assert misspelt.exit_code == 2 and "did you mean best?" in misspelt.output
    names = {entry["name"] for entry in json.loads(gflow("ops", "--json").stdout)}
    assert {"grade", "diffusion.generate", "scorer.embed"} <= names and "+" not in names
    found = json.loads(gflow("doctor", "--json").stdout)
    assert set(found["extras"]) == {"models", "media", "gpu", "cc", "ray", "serve"}


def test_a_pipe_that_closes_early_is_no_error() -> None:
    line = f"{sys.executable} -m gflow ops | head -n 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and len(done.stdout.splitlines()) == 1


def test_nothing_is_coloured_that_is_no_terminal(tmp_path: Path) -> None:
    bad = tmp_path / "bad.gflow"
    bad.write_text("flow f(n: int) -> text { n }\n")
    assert "\x1b" not in child("check", bad).stderr
    assert "\x1b" in on_terminal("check", bad)
    assert "\x1b" not in on_terminal("check", bad, NO_COLOR="1")


def on_terminal(*args: object, **environment: str) -> str:
    """What a command shows on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*GFLOW, *map(str, args)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:
        pass  # The other end was closed.
    process.wait(60)
    os.close(master)
    return shown.decode()


SLOW = """
extern op slow(n: int) -> int from "slow.py:slow"
flow wait(n: int = 3) -> list<int> { for i in 1..n { slow(i) } }
"""


def test_progress_is_drawn_on_a_terminal_only(tmp_path: Path) -> None:
    (tmp_path / "wait.gflow").write_text(SLOW)
    (tmp_path / "slow.py").write_text("import time\ndef slow(n):\n    time.sleep(0.2)\n    return n\n")
    assert "/3" in on_terminal("run", tmp_path / "wait.gflow", "--out", tmp_path / "o")
    assert "/3" not in on_terminal("run", tmp_path / "wait.gflow", "--out", tmp_path / "o", "--quiet")
    assert child("run", tmp_path / "wait.gflow", "--out", tmp_path / "o").stderr == ""


def test_ctrl_c_is_clean(tmp_path: Path) -> None:
    (tmp_path / "wait.gflow").write_text(SLOW)
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def slow(n):\n"
        "    pathlib.Path(__file__).with_name('started').touch()\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [*GFLOW, "run", str(tmp_path / "wait.gflow"), "--out", str(tmp_path / "o")],
        stderr=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores interrupts, tests and their children, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    limit = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert "interrupted" in told and "Traceback" not in told
    assert list((tmp_path / "o").iterdir()) == []
