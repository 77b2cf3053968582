"""What a diagnostic is. Each one is a frozen record whose wording stands in templates, apart from the code
that finds it: the class says what is shown, its fields fill the templates.

    class UnknownName(Diagnostic, frozen=True):
        code: ClassVar[str] = "E0202"
        title: ClassVar[str] = "there is no model or value called `{name}`"
        label: ClassVar[str] = "did you mean `{suggestion}`?"
        name: str
        suggestion: str | None = None

A template that mentions a field that is None is left out.
"""

from __future__ import annotations

import string
from typing import ClassVar

import msgspec

from gflow.grammar.source import Span


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """A replacement that would mend it: an editor can apply it."""

    span: Span
    text: str


class _Beside(msgspec.Struct, frozen=True, kw_only=True):
    # A second place that matters, and the words beside it ("first declared here").
    other: tuple[Span, str] | None = None
    fix: Fix | None = None


class Diagnostic(_Beside, frozen=True):
    """Something to tell about a script. Codes: `E....` an error, `W....` a warning.

    title: one line, what is wrong. label: a few words beside the underlined place. note: what explains it.
    help: what to do. All are templates over the fields of the class.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    label: ClassVar[str] = ""
    note: ClassVar[str] = ""
    help: ClassVar[str] = ""

    span: Span

    @property
    def severity(self) -> str:
        return "warning" if self.code.startswith("W") else "error"

    def text(self, part: str) -> str:
        """The wording of `title`, `label`, `note` or `help`, filled in; empty where there is none."""
        template: str = getattr(self, part)
        names = [name.split(".")[0] for _, name, _, _ in string.Formatter().parse(template) if name]
        if any(getattr(self, name) is None for name in names):
            return ""
        return template.format(**{name: getattr(self, name) for name in names})


class ScriptError(Exception):
    """A script that can't be used; carries everything found in it, warnings included."""

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        super().__init__(diagnostics[0].text("title") if diagnostics else "")
        self.diagnostics = diagnostics
