"""E02xx and W02xx: names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic


@dataclass(frozen=True)
class Duplicate(Diagnostic):
    code: ClassVar[str] = "E0201"
    title: ClassVar[str] = "`{name}` is bound twice"
    label: ClassVar[str] = "bound here again"
    help: ClassVar[str] = "a name is bound once; give one of the two another name"
    name: str


@dataclass(frozen=True)
class UnknownName(Diagnostic):
    code: ClassVar[str] = "E0202"
    title: ClassVar[str] = "there is no model or value called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    name: str
    suggestion: str | None = None


@dataclass(frozen=True)
class UnknownOp(Diagnostic):
    code: ClassVar[str] = "E0203"
    title: ClassVar[str] = "there is no op or flow called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "`gflow ops` lists every op there is"
    name: str
    suggestion: str | None = None


@dataclass(frozen=True)
class UnknownType(Diagnostic):
    code: ClassVar[str] = "E0204"
    title: ClassVar[str] = "there is no type called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = (
        "types are text, int, float, bool, size, duration, image, mask, video, audio, latent, list<T>, "
        "records, and the file's `record` names"
    )
    name: str
    suggestion: str | None = None


@dataclass(frozen=True)
class UseNotFound(Diagnostic):
    code: ClassVar[str] = "E0205"
    title: ClassVar[str] = "can't read the file `{path}`"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[str] = "paths are relative to the file that says `use`"
    path: str
    reason: str


@dataclass(frozen=True)
class UseCycle(Diagnostic):
    code: ClassVar[str] = "E0206"
    title: ClassVar[str] = "files use each other in a circle"
    label: ClassVar[str] = "{chain}"
    help: ClassVar[str] = "move what both need into a third file"
    chain: str


@dataclass(frozen=True)
class UnknownMember(Diagnostic):
    code: ClassVar[str] = "E0207"
    title: ClassVar[str] = "`{file}` has no `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    file: str
    name: str
    suggestion: str | None = None


@dataclass(frozen=True)
class NotAValue(Diagnostic):
    code: ClassVar[str] = "E0208"
    title: ClassVar[str] = "`{name}` is {what}, not a value"
    label: ClassVar[str] = "{hint}"
    name: str
    what: str
    hint: str


@dataclass(frozen=True)
class ModelInConstant(Diagnostic):
    code: ClassVar[str] = "E0209"
    title: ClassVar[str] = "a constant can't call a model, a flow or an extern op"
    label: ClassVar[str] = "`{name}` is called here"
    help: ClassVar[str] = "move the call into a flow"
    name: str


@dataclass(frozen=True)
class ConstantFails(Diagnostic):
    code: ClassVar[str] = "E0210"
    title: ClassVar[str] = "this constant can't be computed"
    label: ClassVar[str] = "{reason}"
    reason: str


@dataclass(frozen=True)
class ExternNotFound(Diagnostic):
    code: ClassVar[str] = "E0211"
    title: ClassVar[str] = "can't find the function `{target}`"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[str] = 'write `from "file.py:function"`, with a path relative to this file'
    target: str
    reason: str


@dataclass(frozen=True)
class UnusedLet(Diagnostic):
    code: ClassVar[str] = "W0201"
    title: ClassVar[str] = "`{name}` is never used"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str


@dataclass(frozen=True)
class UnusedParameter(Diagnostic):
    code: ClassVar[str] = "W0202"
    title: ClassVar[str] = "the parameter `{name}` is never used"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str


@dataclass(frozen=True)
class HidesOp(Diagnostic):
    code: ClassVar[str] = "W0203"
    title: ClassVar[str] = "`{name}` hides the op of the same name"
    label: ClassVar[str] = "in this file, `{name}(…)` now means this"
    name: str


@dataclass(frozen=True)
class UnusedBinding(Diagnostic):
    code: ClassVar[str] = "W0204"
    title: ClassVar[str] = "`{name}` is never used, so it is never computed"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str
