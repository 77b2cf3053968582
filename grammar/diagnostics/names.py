"""E02xx and W02xx: names."""

from __future__ import annotations

from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic


class Duplicate(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0201"
    title: ClassVar[str] = "`{name}` is bound twice"
    label: ClassVar[str] = "bound here again"
    help: ClassVar[str] = "a name is bound once; give one of the two another name"
    name: str


class UnknownName(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0202"
    title: ClassVar[str] = "there is no model or value called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    name: str
    suggestion: str | None = None


class UnknownOp(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0203"
    title: ClassVar[str] = "there is no op or flow called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "`gflow ops` lists every op there is"
    name: str
    suggestion: str | None = None


class UnknownType(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0204"
    title: ClassVar[str] = "there is no type called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = (
        "types are text, int, float, bool, size, duration, image, mask, video, audio, latent, list<T>, "
        "records, and the file's `record` names"
    )
    name: str
    suggestion: str | None = None


class UseNotFound(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0205"
    title: ClassVar[str] = "can't read the file `{path}`"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[str] = "paths are relative to the file that says `use`"
    path: str
    reason: str


class UseCycle(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0206"
    title: ClassVar[str] = "files use each other in a circle"
    label: ClassVar[str] = "{chain}"
    help: ClassVar[str] = "move what both need into a third file"
    chain: str


class UnknownMember(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0207"
    title: ClassVar[str] = "`{file}` has no `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    file: str
    name: str
    suggestion: str | None = None


class NotAValue(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0208"
    title: ClassVar[str] = "`{name}` is {what}, not a value"
    label: ClassVar[str] = "{hint}"
    name: str
    what: str
    hint: str


class ModelInConstant(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0209"
    title: ClassVar[str] = "a constant can't call a model, a flow or an extern op"
    label: ClassVar[str] = "`{name}` is called here"
    help: ClassVar[str] = "move the call into a flow"
    name: str


class ConstantFails(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0210"
    title: ClassVar[str] = "this constant can't be computed"
    label: ClassVar[str] = "{reason}"
    reason: str


class ExternNotFound(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0211"
    title: ClassVar[str] = "can't find the function `{target}`"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[str] = 'write `from "file.py:function"`, with a path relative to this file'
    target: str
    reason: str


class FileNotUsable(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0212"
    title: ClassVar[str] = "can't use the file `{path}`"
    label: ClassVar[str] = "{reason}"
    help: ClassVar[str] = "a path that is written in a script is relative to the script"
    path: str
    reason: str


class UnusedLet(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0201"
    title: ClassVar[str] = "`{name}` is never used"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str


class UnusedParameter(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0202"
    title: ClassVar[str] = "the parameter `{name}` is never used"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str


class HidesOp(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0203"
    title: ClassVar[str] = "`{name}` hides the op of the same name"
    label: ClassVar[str] = "in this file, `{name}(…)` now means this"
    name: str


class UnusedBinding(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0204"
    title: ClassVar[str] = "`{name}` is never used, so it is never computed"
    label: ClassVar[str] = "start its name with `_` to keep it"
    name: str
