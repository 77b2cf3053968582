"""Results kept from run to run: what is computed again, damaged entries, many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gflow.kernels.noise import root
from gflow.kernels.types import Size
from gflow.opened import opened
from gflow.runtime.cache import Damaged, Results, call_key
from gflow.runtime.engines.stages import Encoded, Latents
from gflow.runtime.executor import Executor, Observer

SCRIPT = """
model painter = diffusion("starter/scenes")
model judge = scorer("starter/judge")

flow pick(prompt: text = "a red circle", drafts: int = 3) -> {{ picture: image, score: float }} {{
  images = for i in 1..drafts {{ painter.generate(prompt, size: 64x64, steps: 2) }}
  best = images |> best(by: img => judge.score(img, prompt))
  {{ picture: best |> {last}, score: judge.score(best, prompt) }}
}}
"""


class Seen(Observer):
    def __init__(self) -> None:
        self.made: list[str] = []
        self.from_before: list[str] = []
        self.warnings: list[str] = []
        self.networks: list[str] = []

    def started(self, label: str, place: str, path: str) -> None:
        self.made.append(label)

    def kept(self, label: str) -> None:
        self.from_before.append(label)

    def warning(self, message: str, place: str) -> None:
        self.warnings.append(message)

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        self.networks.append(label)


def ran(folder: Path, last: str = "grade(contrast: 1.1)", **args: Any) -> tuple[dict[str, Any], Seen]:
    """The result of a run of its own, with the results that are kept in a folder."""
    script = folder / "pick.gflow"
    script.write_text(SCRIPT.format(last=last))
    seen = Seen()
    executor = Executor(opened(script).runnable(), observer=seen, results=Results(folder / "results"))
    return executor.run("pick", args), seen


def test_a_script_whose_last_step_was_edited_recomputes_that_alone(tmp_path: Path) -> None:
    before, first = ran(tmp_path)
    assert first.made and "painter.decode" not in first.from_before
    after, again = ran(tmp_path, "grade(contrast: 1.5)")
    assert again.made == [] and again.networks == []
    assert after["score"] == before["score"] and not np.array_equal(after["picture"], before["picture"])
    same, _ = ran(tmp_path)
    assert np.array_equal(same["picture"], before["picture"])


def test_what_is_new_is_made_and_no_more(tmp_path: Path) -> None:
    ran(tmp_path, drafts=2)
    _, more = ran(tmp_path, drafts=3)
    assert more.from_before.count("painter.decode") == 2 and more.made.count("painter.decode") == 1
    _, other = ran(tmp_path, prompt="a blue square")
    assert "painter.decode" not in other.from_before


def test_a_damaged_entry_is_computed_again_with_a_warning(tmp_path: Path) -> None:
    before, _ = ran(tmp_path)
    entries = list(Results(tmp_path / "results").entries())
    for _, size, path in entries:
        data = bytearray(path.read_bytes())
        data[size // 2] ^= 1
        path.write_bytes(data)
    again, seen = ran(tmp_path)
    assert np.array_equal(again["picture"], before["picture"])
    assert len(seen.warnings) == len(entries) > 0 and "damaged" in seen.warnings[0]
    assert "painter.denoise" in seen.made
    _, third = ran(tmp_path)
    assert third.made == [] and third.warnings == []


def test_stand_ins_neither_read_nor_leave_anything(tmp_path: Path) -> None:
    script = tmp_path / "pick.gflow"
    script.write_text(SCRIPT.format(last="grade()"))
    plan = opened(script).runnable(lowers=False)
    Executor(plan, stand_ins=True, results=Results(tmp_path / "results")).run("pick", {})
    assert not (tmp_path / "results").exists()


VALUES: list[Any] = [
    None, True, 3, 0.1, "text", [1, [2.5]], {"a": None, "b": [True]}, Size(3, 4),
    np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
    Latents(np.ones((2, 3, 4), np.float32), Size(8, 6)),
    Encoded(np.zeros((2, 2, 3), np.float32), np.ones((1, 2, 2), np.float32), None, (np.zeros(3, np.float32), None)),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back_as_they_were(tmp_path: Path, value: Any) -> None:
    results = Results(tmp_path)
    results.put("ab12", value)
    found = results.get("ab12")
    assert type(found) is type(value)
    np.testing.assert_equal(
        vars(found) if hasattr(found, "__dict__") else found,
        vars(value) if hasattr(value, "__dict__") else value,
    )


def test_what_cannot_be_kept_is_left_out(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put("ab12", object())
    with pytest.raises(KeyError):
        results.get("ab12")
    assert call_key("m", "generate", {"image": object()}, None, ()) is None


def test_an_entry_under_another_name_is_not_believed(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.put("ab12", 1)
    (tmp_path / "ab" / "12").rename(tmp_path / "ab" / "13")
    with pytest.raises(Damaged):
        results.get("ab13")
    with pytest.raises(KeyError):
        results.get("ab13")


def test_keys_tell_apart_what_may_differ() -> None:
    image = np.zeros((4, 4, 3), np.float32)
    keys = {
        call_key(*call)
        for call in [
            ("m", "f", {"x": 1}, None, ()),
            ("n", "f", {"x": 1}, None, ()),
            ("m", "g", {"x": 1}, None, ()),
            ("m", "f", {"x": 1.0}, None, ()),
            ("m", "f", {"x": True}, None, ()),
            ("m", "f", {"x": 1}, root(0), ()),
            ("m", "f", {"x": 1}, root(1), ()),
            ("m", "f", {"x": 1}, None, (True,)),
            ("m", "f", {"x": image}, None, ()),
            ("m", "f", {"x": image.reshape(4, 12)}, None, ()),
            ("m", "f", {"x": [1]}, None, ()),
            ("m", "f", {"x": (1,)}, None, ()),
        ]
    }
    assert len(keys) == 12


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for number in range(10):
        results.put(f"ab{number}", "x" * 1000)
        os.utime(tmp_path / "ab" / str(number), (number, number))
    results.get("ab0")
    results.trim(limit=5500)
    left = {path.name for _, _, path in results.entries()}
    assert left == {"0", "6", "7", "8", "9"}


WORKER = """
import sys, numpy as np
from pathlib import Path
from gflow.runtime.cache import Damaged, Results
results = Results(Path(sys.argv[1]))
for number in range(300):
    key = f"{number % 7:02d}key"
    value = np.full((50, 50), number % 7, np.float32)
    try:
        assert np.array_equal(results.get(key), value)
    except KeyError:
        results.put(key, value)
    if number % 50 == 0:
        results.trim(limit=30_000)
"""


def test_eight_processes_share_a_folder(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    told = [worker.communicate(timeout=120)[1] for worker in workers]
    assert told == [""] * 8 and all(worker.returncode == 0 for worker in workers)
    assert not list(tmp_path.rglob(".*"))


def test_a_run_on_the_command_line_uses_what_is_there(tmp_path: Path) -> None:
    script = tmp_path / "pick.gflow"
    places = {**os.environ, "GFLOW_CACHE": str(tmp_path / "cache")}

    def run(last: str, *options: str) -> str:
        script.write_text(SCRIPT.format(last=last))
        command = [sys.executable, "-m", "gflow", "run", script, "--json", "--out", tmp_path / "out", *options]
        done = subprocess.run(command, env=places, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def changed() -> dict[Path, int]:
        return {path: path.stat().st_ino for _, _, path in Results(tmp_path / "cache" / "results").entries()}

    run("grade()", "--no-cache")
    assert changed() == {}
    first = run("grade()")
    kept = changed()
    assert kept and run("grade(contrast: 1.2)") == first  # The same files, the same score.
    assert changed() == kept
