"""`gflow explain`: what is told is what the compiler and the run do, in every format."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gflow.cli import drawing, graphs, main
from gflow.cli.explain import DUMPS
from gflow.compiler.compiled import compiled
from gflow.compiler.dialect import read
from gflow.compiler.passes import Target, passes
from gflow.compiler.program import load
from gflow.runtime.executor import Executor, Observer

EXAMPLES = Path(__file__).parent.parent / "examples"

#: Two names of one model, a loop, a loop over what only a run knows, a model that is nowhere, and texts to escape.
SCRIPT = """
model painter = diffusion("starter/scenes")
model other = diffusion("starter/scenes")
model far = diffusion("nobody/paints")
model writer = language(endpoint: "http://127.0.0.1:9/v1", name: "none")

/// <script>alert("doc")</script> & more
flow two(words: list<text>, n: int = 3, tag: text = "<script>alert(2)</script>") -> list<image> {
  a = for i in 1..n { painter.generate("a ${i} <b>x</b>") }
  b = for w in words { other.generate(w, image: first(a)) }
  c = if n > 2 { far.generate(writer.generate("<i>" + tag)) } else { first(b) }
  flatten([a, b, [c]])
}
flow numbers(n: int) -> int { n + 1 }
test "three" { expect numbers(2) == 3 }
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GFLOW_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "two.gflow"
    path.write_text(SCRIPT, "utf-8")
    return path


def explain(*args: object) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, args)])


def told(*args: object) -> Any:
    result = explain(*args, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_text_says_what_was_done_and_what_it_saves(script: Path) -> None:
    result = explain(script)
    assert result.exit_code == 0 and result.stderr == ""
    assert "\x1b" not in result.stdout, "colour goes to a terminal alone"
    assert not [line for line in result.stdout.splitlines() if line != line.rstrip()]
    for part in (
        "`other` is the same model as `painter`",
        "= saves 3 loads, 27.6 MB to load",
        "its files are not on this machine yet",
        "a server answers its calls",
        "Flow two(words: list<text>, n: int, tag: text) -> list<image>",
        'Told for n = 3, tag = "<script>',
        "3 calls: 2 + 1",
        "* What `words` will be, only a run knows.",
        "was taken to have 4 items",
        "Which branch is taken",
        "Nothing was measured on this machine yet",
        "It calls no model",
    ):
        assert part in " ".join(result.stdout.split()), part
    assert "Flow two" not in explain(script, "--flow", "numbers").stdout


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.gflow")), ids=lambda path: path.stem)
def test_what_passes_save_adds_up(example: Path) -> None:
    found = told(example)
    assert [change["name"] for change in found["passes"]] == [each.name for each in passes()]
    for key in ("loads", "bytes", "calls", "seconds"):
        written = sum(flow["written"][key] for flow in found["flows"])
        left = sum(flow["compiled"][key] for flow in found["flows"])
        assert written - left == pytest.approx(sum(change["saves"][key] for change in found["passes"]))
    for flow in found["flows"]:
        assert flow["compiled"]["calls"] == sum(
            len(step["calls"]["batches"]) for step in flow["steps"] if not step["again"]
        )
        assert flow["compiled"]["loads"] == sum(len(step["loads"]) for step in flow["steps"])
        assert flow["compiled"]["peak"] >= max((step["held"] for step in flow["steps"]), default=0)


class Seen(Observer):
    def __init__(self) -> None:
        self.loads: list[int] = []
        self.batches: list[tuple[str, int]] = []

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        self.loads.append(bytes)

    def batch(self, label: str, size: int, used: int) -> None:
        self.batches.append((label, size))


@pytest.mark.parametrize("memory", [None, "24MB"])
def test_what_is_told_is_what_a_run_does(script: Path, memory: str | None) -> None:
    script.write_text(
        """
        model painter = diffusion("starter/scenes")
        model judge = scorer("starter/judge")
        flow f(n: int = 9) -> list<float> {
          images = for i in 1..n { painter.generate("a", steps: 2) }
          for image in images { judge.score(image, "a red circle") }
        }
        """
    )
    [flow] = told(script, *(["--memory", memory] if memory else []))["flows"]
    limit = 24_000_000 if memory else None
    run = Seen()
    plan = compiled(load(script), Target(flows=frozenset("f"), memory=limit)).plan
    Executor(plan, observer=run, memory=limit).run("f", {})
    loads = [load for step in flow["steps"] for load in step["loads"]]
    assert sorted(each["bytes"] for each in loads) == sorted(run.loads)
    batched = {label for label, _ in run.batches}
    steps = [step["calls"] for step in flow["steps"] if not step["again"]]
    expected = [(each["label"], size) for each in steps if each["label"] in batched for size in each["batches"]]
    assert sorted(expected) == sorted(run.batches)
    assert (
        any(load["evicts"] for load in loads)
        == any(step["again"] for step in flow["steps"])
        == (memory is not None)
    )


def test_a_loop_that_reloads_says_so(script: Path) -> None:
    text = explain(script, "--flow", "two", "--memory", "24MB").stdout
    assert re.search(r"painter\.network 21\.2 MB", text) and "- painter.network" in text
    assert "the budget of --memory" in text
    small = explain(script, "--memory", "20MB")
    assert small.exit_code == 2 and "error[E0501]" in small.stderr and "two.gflow:2" in small.stderr


def test_times_are_shares_until_they_are_measured(script: Path, tmp_path: Path) -> None:
    assert re.search(r"time in them +100 % +\d+ %", explain(script).stdout)
    (tmp_path / "cache").mkdir(exist_ok=True)
    costs = {"seconds": {"diffusion.denoise": {"1": 2.0, "8": 8.0}}, "machine": "a toaster"}
    (tmp_path / "cache" / "costs.json").write_text(json.dumps(costs))
    text = explain(script).stdout
    assert re.search(r"time in them +[\d.]+ s +[\d.]+ s", text) and "(a toaster)" in text
    assert "Never measured, so guessed: far.generate, painter.decode" in " ".join(text.split())


def test_the_ir_after_each_pass(script: Path) -> None:
    assert ("parsed", *(each.name for each in passes()), "all") == DUMPS
    assert ", ".join(DUMPS[:4]) in " ".join(explain("--help").stdout.split())
    parsed = explain(EXAMPLES / "poster.gflow", "--dump-ir", "parsed").stdout
    assert str(read(parsed)).count("gflow.map") == 2 and "painter.generate" in parsed
    fused = explain(EXAMPLES / "poster.gflow", "--dump-ir", "fuse").stdout
    assert str(read(fused)).count("gflow.fused") == 1 and "painter.denoise" in fused
    every = explain(EXAMPLES / "hello.gflow", "--dump-ir", "all").stdout
    heads = re.findall(r"^// (\w+)(: nothing changed)?$", every, re.MULTILINE)
    assert [name for name, _ in heads] == [*DUMPS[:-1]]
    assert ("inline", ": nothing changed") in heads and ("expand", "") in heads


def test_graphs_for_other_tools(script: Path) -> None:
    mermaid = explain(script, "--format", "mermaid").stdout
    assert mermaid.startswith("flowchart TD") and mermaid.count("subgraph") == mermaid.count("  end\n")
    assert "painter.denoise" in mermaid and "in batches of up to" in mermaid and "<script>" not in mermaid
    dot = explain(script, "--format", "dot").stdout
    assert dot.startswith("digraph") and dot.count("{") == dot.count("}")
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot, text=True, check=True, capture_output=True)


class Page(HTMLParser):
    """Checks that tags close, and keeps attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""


def test_the_page_stands_alone(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = explain(script, "--format", "html", "--memory", "24MB", "-o", out)
    assert result.exit_code == 0 and result.stdout == ""
    page = out.read_text("utf-8")
    found = Page(page)
    # Nothing from outside, nothing that runs, nothing of the script's texts as HTML.
    assert not {"script", "link", "img", "iframe", "b", "object"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name in ("src", "href") or name.startswith("on")]
    assert "http" not in page.replace("http://127.0.0.1:9/v1", "").replace("http-equiv", "")
    assert '<script>alert("doc")</script> & more' in found.text and "@import" not in page and "$" not in page
    # A graph before and after, with the stages in the second one alone; a chart; a frame a batch.
    before, after = (
        ET.fromstring(part) for part in re.findall(r'<svg class="graph".*?</svg>', page, re.DOTALL)[:2]
    )
    words = ["".join(picture.itertext()) for picture in (before, after)]
    assert "painter.generate" in words[0] and "painter.denoise" not in words[0]
    assert "painter.denoise" in words[1] and "other" not in words[1]
    [chart] = [ET.fromstring(part) for part in re.findall(r"<svg viewBox.*?</svg>", page, re.DOTALL)]
    [flow] = [flow for flow in told(script, "--memory", "24MB")["flows"] if flow["name"] == "two"]
    bars = [bar for bar in chart.iter("rect") if "bar" in bar.get("class", "")]
    assert len(bars) == flow["compiled"]["loads"] and "--memory 24.0 MB" in "".join(chart.itertext())
    assert page.count('class="batch"') == flow["compiled"]["calls"]
    assert "prefers-color-scheme: dark" in page


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.gflow")), ids=lambda path: path.stem)
def test_nodes_of_a_drawing_do_not_overlap(example: Path) -> None:
    for flow in compiled(load(example), Target()).plan.flows.values():
        made = graphs.graph([flow])
        picture = drawing.svg(made)
        assert picture is not None
        root = ET.fromstring(picture)
        width, height = float(root.get("width", "")), float(root.get("height", ""))
        boxes = []
        for node in root.iter("g"):
            [rect] = node.findall("rect")
            x, y, w, h = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
            assert x >= 0 and x + w <= width and y >= 0 and y + h <= height
            boxes.append((x, y, w, h))
        assert len([each for each in root.iter("path") if each.get("class") == "edge"]) == len(made.edges)
        for number, (x, y, w, h) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[:number]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_a_graph_that_is_too_large_is_not_drawn(script: Path) -> None:
    calls = "\n".join(f'a{n} = note_{n % 2}(a{n - 1})' for n in range(1, drawing.MOST + 2))  # fmt: skip
    ops = "\n".join(f'extern op note_{n}(x: int) -> int from "py.py:note"' for n in (0, 1))
    script.write_text(f"{ops}\nflow f(a0: int) -> int {{\n{calls}\na{drawing.MOST + 1}\n}}")
    (script.parent / "py.py").write_text("def note(x):\n    return x\n")
    page = explain(script, "--format", "html").stdout
    assert "Too large to be drawn" in page and "<svg" not in page


def test_bundles_are_explained_without_their_passes(tmp_path: Path) -> None:
    bundle = tmp_path / "hello"
    made = CliRunner().invoke(main, ["compile", str(EXAMPLES / "hello.gflow"), "-o", str(bundle)])
    assert made.exit_code == 0, made.output
    of_script, of_bundle = told(EXAMPLES / "hello.gflow"), told(bundle)
    assert of_bundle["bundle"] and of_bundle["passes"] == [] and of_bundle["flows"][0]["written"] is None
    assert of_bundle["flows"][0]["compiled"] == of_script["flows"][0]["compiled"]
    text = explain(bundle).stdout
    assert re.search(r"painter.denoise +9 ", text) and "What the compiler did" not in text
    assert explain(bundle, "--format", "html").stdout.count("<svg") == 2
    for wrong, why in (
        (["--dump-ir", "cse"], "holds the plan"),
        (["--memory", "9MB"], "its network `network` alone takes 21.2 MB"),
    ):
        result = explain(bundle, *wrong)
        assert result.exit_code == 2 and why in result.stderr


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--flow", "nothing"], "has no flow 'nothing': it has two, numbers"),
        (["--memory", "many"], "no amount of memory"),
        (["--dump-ir", "none"], "is not one of 'parsed'"),
        (["--dump-ir", "cse", "--format", "html"], "--dump-ir prints text"),
        (["--format", "svg"], "is not one of 'text'"),
        (["-o", "nowhere/page.html"], "nowhere/page.html: no such file"),
    ],
)
def test_what_can_not_be_asked(script: Path, args: list[str], why: str) -> None:
    result = explain(script, *args)
    assert result.exit_code == 2 and why in result.stderr and "Traceback" not in result.output


def test_a_file_without_flows(script: Path) -> None:
    script.write_text("let a = 1\n")
    result = explain(script)
    assert result.exit_code == 2 and "has no flow to explain" in result.stderr
