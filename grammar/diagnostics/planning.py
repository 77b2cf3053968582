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
