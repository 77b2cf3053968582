"""E05xx: what can't be planned for the machine that was asked for."""

from __future__ import annotations

from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic


class OverBudget(Diagnostic, frozen=True):
    """A network alone takes more than all networks together may."""

    code: ClassVar[str] = "E0501"
    title: ClassVar[str] = "`{model}` does not fit into {memory}"
    label: ClassVar[str] = "its network `{network}` alone takes {needed}"
    help: ClassVar[str] = "give it more: `--memory {least}`"
    model: str
    network: str
    memory: str
    needed: str
    least: str


class UnknownTarget(Diagnostic, frozen=True):
    """A target that `gflow compile` was asked for. Its place is the command line."""

    code: ClassVar[str] = "E0502"
    title: ClassVar[str] = "there is no target called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "targets: {known}"
    name: str
    known: str
    suggestion: str | None = None


class NotQuantizable(Diagnostic, frozen=True):
    """Numbers that a machine does not compute with. Its place is the command line."""

    code: ClassVar[str] = "E0503"
    title: ClassVar[str] = "{where} can't compute with float8"
    label: ClassVar[str] = "only GPUs from sm_89 on (RTX 40, L4, H100) can"
    help: ClassVar[str] = "use `--quantize {instead}`, or only targets that can, such as `--target cuda:sm_89`"
    name: str
    where: str
    instead: str


class NoEngine(Diagnostic, frozen=True):
    """Something that a target could have has not been made for it. `parts` are networks, `painter.network`."""

    code: ClassVar[str] = "W0501"
    title: ClassVar[str] = "{parts}: not built for {target}"
    label: ClassVar[str] = "this model"
    note: ClassVar[str] = "{reason}"
    help: ClassVar[str] = "{instead}"
    parts: str
    target: str
    reason: str
    instead: str


class PoorQuality(Diagnostic, frozen=True):
    """What a model gives in 8 bits has little to do with what it gave. `found` says how little, and where."""

    code: ClassVar[str] = "W0502"
    title: ClassVar[str] = "`{model}` loses much in {scheme} on {target}"
    label: ClassVar[str] = "this model"
    note: ClassVar[str] = "{found}"
    help: ClassVar[str] = "{instead}"
    model: str
    scheme: str
    target: str
    found: str
    instead: str
