"""What `gpu.py` tells: a line a figure, with what it is compared with and the goals, from the programs' answers."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import gpu_models
from telling import shown

CASES = ("models", "bundles", "sdxl", "flux", "poster", "cold", "memory", "pixels")
CALLED = {"sdxl": "SDXL-shaped", "flux": "Flux-shaped"}

#: Of gflow's engines, whose figures have goals.
ENGINES = ("tensorrt", "ort-tensorrt", "ort-cuda", "inductor", "cpu")

#: The least ratio of a peer's figure to gflow's, by case and peer.
GOALS = {
    ("sdxl", "eager"): 2.0,
    ("sdxl", "compiled"): 1.15,
    ("poster", "eager"): 4.0,
    ("cold", "diffusers"): 5.0,
    ("memory", "three"): 1 / 0.4,
}
#: The most times as long as the limit that SDXL may take, and the least share of a copy's bandwidth.
OVER_LIMIT, OF_COPY = 2.2, 0.8


@dataclass(frozen=True)
class Ratio:
    """beside: what a figure is compared with. goal: None where there is none; what `value` must be at least, or at
    most. As memory is told as a share of the peer's, so is its goal."""

    beside: str
    value: float
    goal: float | None = None
    at_most: bool = False

    @property
    def held(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def told(self, judged: bool) -> str:
        """judged: with whether the goal was held, which is one for a GPU."""
        text = f"{self.beside} {self.value:.2f} x"
        if self.goal is None:
            return text
        verdict = (": held" if self.held else ": missed") if judged else ""
        return f"{text} (goal {'≤' if self.at_most else '≥'} {self.goal:g}{verdict})"


@dataclass
class Row:
    """values: of all rounds that count, in `unit`. failed: why there are none, or fewer than were asked for."""

    case: str
    program: str
    what: str
    unit: str = "s"
    values: list[float] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: str = ""


Answers = Mapping[str, Mapping[str, Any]]


def rows(answers: Answers, side: int, steps: Mapping[str, int]) -> list[Row]:
    """All figures, in order. answers: by "case/program"."""
    found: list[Row] = []
    for family in ("sdxl", "flux"):
        what = f"{CALLED[family]}, {side}x{side}, {steps[family]} steps"
        found += _pictures(answers, family, what, steps[family])
    found += _poster(answers)
    found += _cold(answers)
    found += _memory(answers)
    found += _pixels(answers)
    made = [name for name in answers if name.startswith(("models/", "bundles/"))]
    for row in found:
        if held := answers.get(f"{row.case}/{row.program}", {}).get("others"):
            row.notes.append(f"others held {held / 1e6:.0f} MB of the GPU")
    return [_failed(answers[name], *name.split("/")) for name in made if "failed" in answers[name]] + found


def _failed(answer: Mapping[str, Any], case: str, program: str, what: str = "") -> Row:
    return Row(case, program, what, failed=str(answer["failed"]))


def _programs(answers: Answers, case: str) -> dict[str, Mapping[str, Any]]:
    return {name.partition("/")[2]: answer for name, answer in answers.items() if name.startswith(f"{case}/")}


# --- pictures --------------------------------------------------------------------------------------


def limit(answer: Mapping[str, Any], steps: int, batch: int) -> float | None:
    """The seconds that a batch's matrix products and convolutions take at the rate that was measured."""
    if "operations" not in answer or "matrix" not in answer:
        return None
    parts = answer["operations"]
    count = batch * (steps * parts["network"] + parts["decoder"]) + parts["texts"]
    return float(count / answer["matrix"]["rate"])


def _pictures(answers: Answers, family: str, what: str, steps: int) -> list[Row]:
    found, programs = [], _programs(answers, family)
    least = programs.pop("limit", {})
    if "failed" in least:
        found.append(_failed(least, family, "limit", what))
    batches = sorted({int(each) for answer in programs.values() for each in answer.get("batches", {})})
    for batch in batches:
        whole = f"{what}, batch {batch}"
        if (seconds := limit(least, steps, batch)) is not None:
            note = f"at {least['matrix']['rate'] / 1e12:.3g} TFLOP/s"
            found.append(Row(family, "limit", whole, values=[seconds], notes=[note]))
        for name, answer in programs.items():
            if str(batch) in answer.get("batches", {}):
                found.append(_batch(programs, family, name, whole, str(batch), seconds))
    for name, answer in programs.items():
        if "failed" in answer:
            found.append(_failed(answer, family, name, what))
    return found


def _batch(
    programs: Mapping[str, Mapping[str, Any]], family: str, name: str, what: str, batch: str, least: float | None
) -> Row:
    answer = programs[name]
    figure = answer["batches"][batch]
    if "failed" in figure:
        return _failed(figure, family, name, what)
    row = _timed(family, name, what, figure)
    ours, goals = name in ENGINES, batch == "1"
    row.notes.insert(0, f"step off by {answer['error']:.1e}" if "error" in answer else "step not checked")
    if "levels" in answer and batch == "1":
        row.notes.append(f"picture {answer['levels']:.1f} levels from eager's")
    for peer in ("eager", "compiled") if ours else ():
        other = programs.get(peer, {}).get("batches", {}).get(batch, {})
        if "seconds" in other:
            row.ratios.append(_beside(row, other["seconds"], peer, goals))
    if least is not None:
        goal = OVER_LIMIT if ours and goals and family == "sdxl" else None
        row.ratios.append(Ratio("over the limit", median(row.values) / least, goal, at_most=True))
    return row


def _timed(case: str, program: str, what: str, figure: Mapping[str, Any]) -> Row:
    row = Row(case, program, what, values=list(figure["seconds"]))
    if figure["disturbed"]:
        row.notes.append(f"{figure['disturbed']} of {len(row.values)} rounds disturbed")
    return row


def _beside(row: Row, values: list[float], peer: str, goals: bool = True) -> Ratio:
    goal = GOALS.get((row.case, peer)) if goals else None
    return Ratio(f"beside {peer}", median(values) / median(row.values), goal)


# --- the others ------------------------------------------------------------------------------------


def _poster(answers: Answers) -> list[Row]:
    return _compared(answers, "poster", "eight drafts, scored, the best finished", ("eager", "compiled"))


def _cold(answers: Answers) -> list[Row]:
    return _compared(answers, "cold", "from process start to the first picture", ("diffusers",))


def _compared(answers: Answers, case: str, what: str, peers: tuple[str, ...]) -> list[Row]:
    found, programs = [], _programs(answers, case)
    for name, answer in programs.items():
        if "failed" in answer:
            found.append(_failed(answer, case, name, what))
            continue
        row = _timed(case, name, what, answer[case])
        for peer in peers:
            if name not in peers and case in programs.get(peer, {}):
                row.ratios.append(_beside(row, programs[peer][case]["seconds"], peer))
        found.append(row)
    return found


def _memory(answers: Answers) -> list[Row]:
    found, programs = [], _programs(answers, "memory")
    what = "text to image, image to image, inpainting: "
    for name, answer in programs.items():
        if "failed" in answer:
            found.append(_failed(answer, "memory", name, what + "memory"))
            continue
        row = Row("memory", name, what + answer["of"], "MB", [each / 1e6 for each in answer["memory"]])
        for peer in ("three", "share") if name == "gflow" else ():
            if "memory" in programs.get(peer, {}):
                share = median(answer["memory"]) / median(programs[peer]["memory"])
                least = GOALS.get(("memory", peer))
                row.ratios.append(Ratio(f"of {peer}", share, 1 / least if least else None, at_most=True))
        found.append(row)
    return found


def _pixels(answers: Answers) -> list[Row]:
    found, what = [], "ops on 3840x2160, from the GPU's memory to it"
    for name, answer in _programs(answers, "pixels").items():
        if "failed" in answer:
            found.append(_failed(answer, "pixels", name, what))
            continue
        row = Row("pixels", name, what, "ms", notes=[f"off by {answer['error']:.1e}"])
        if "microseconds" in answer:
            times = answer["microseconds"]
            row.values = [times["gflow"] / 1000]
            row.ratios.append(Ratio("of a copy's bandwidth", times["copy"] / times["gflow"], OF_COPY))
            row.ratios += [Ratio(f"beside {each}", times[each] / times["gflow"]) for each in ("eager", "compiled")]
        else:
            row.notes.append("in Triton's interpreter; not timed")
        found.append(row)
    return found


# --- telling ---------------------------------------------------------------------------------------


def table(found: list[Row], answers: Answers, options: argparse.Namespace, *, judged: bool) -> str:
    """judged: whether goals are; they are those of models of full size on a GPU."""
    lines = [f"medians (quartiles) of {options.rounds} rounds, models of the {options.size} size"]
    if options.flux_depth != 1:
        shares = zip(
            *(gpu_models.flux_depth(options.size, share) for share in (options.flux_depth, 1)), strict=True
        )
        double, single, text = (f"{some} of {whole}" for some, whole in shares)
        lines.append(f"Flux is cut in depth: {double} double blocks, {single} single blocks, {text} layers of T5")
    before = ""
    for row in found:
        if f"{row.case}: {row.what}" != before:
            before = f"{row.case}: {row.what}"
            lines += ["", before]
        lines.append(line(row, judged))
    took = [f"{name} {answer['took']:.0f} s" for name, answer in answers.items()]
    return "\n".join([*lines, "", "what each took: " + ", ".join(took)])


def line(row: Row, judged: bool) -> str:
    if row.failed:
        return f"  {row.program:<14} failed: {row.failed}"
    value = shown(row.values, row.unit) if row.values else ""
    told = ", ".join([*(ratio.told(judged) for ratio in row.ratios), *row.notes])
    return f"  {row.program:<14} {value:>24}  {told}".rstrip()
