"""The kinds of machines that a bundle can be made for, by name: "cpu", "cuda:sm_90"."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from gflow.grammar.diagnostics import Diagnostic, ScriptError
from gflow.grammar.diagnostics.planning import UnknownTarget
from gflow.grammar.source import Source, Span

#: The GPUs that each capability stands for.
GPUS = {
    "sm_80": "A100, A30",
    "sm_86": "RTX 30, A10, A40",
    "sm_89": "RTX 40, L4, L40",
    "sm_90": "H100, H200",
    "sm_100": "B200",
    "sm_120": "RTX 50, RTX PRO Blackwell",
}

CPU = "cpu"

#: Every target by name, and the machines that it is for.
TARGETS = {CPU: "any machine"} | {f"cuda:{name}": cards for name, cards in GPUS.items()}


def read(names: Sequence[str]) -> list[str]:
    """The targets that were asked for, each once, "cpu" first, which is always among them: a bundle runs
    everywhere. Raises ScriptError with E0502 for each name that is none."""
    wrong = [_unknown(name) for name in names if name not in TARGETS]
    if wrong:
        raise ScriptError(wrong)
    return list(dict.fromkeys([CPU, *names]))


def capability(target: str) -> str:
    """`sm_90` of `cuda:sm_90`."""
    return target.partition(":")[2]


def _unknown(name: str) -> Diagnostic:
    # Cards are called by many names: the digits say what was meant.
    meant = [target for target in TARGETS if name and name in (capability(target), capability(target)[3:])]
    near = meant or get_close_matches(name, TARGETS, n=1, cutoff=0.5)
    option = f"--target {name}"
    span = Span(Source("command line", option), option.index(" ") + 1, len(option))
    return UnknownTarget(span, name, ", ".join(TARGETS), near[0] if near else None)
