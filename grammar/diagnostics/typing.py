"""E03xx: types."""

from __future__ import annotations

from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic


class Mismatch(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0301"
    title: ClassVar[str] = "{what} must be `{expected}`, but this is `{found}`"
    label: ClassVar[str] = "this is `{found}`"
    help: ClassVar[str] = "{hint}"
    what: str
    expected: str
    found: str
    hint: str | None = None


class MissingArgument(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0302"
    title: ClassVar[str] = "`{callee}` needs `{name}`"
    label: ClassVar[str] = "`{name}: {type}` is missing"
    note: ClassVar[str] = "its signature is {callee}{signature}"
    callee: str
    name: str
    type: str
    signature: str


class UnknownArgument(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0303"
    title: ClassVar[str] = "`{callee}` has no parameter `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    note: ClassVar[str] = "its signature is {callee}{signature}"
    callee: str
    name: str
    signature: str
    suggestion: str | None = None


class TooManyArguments(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0304"
    title: ClassVar[str] = "`{callee}` takes {limit} arguments"
    label: ClassVar[str] = "this one is too many"
    note: ClassVar[str] = "its signature is {callee}{signature}"
    callee: str
    limit: int
    signature: str


class NotExhaustive(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0305"
    title: ClassVar[str] = "this `match` does not say what to do with {missing}"
    label: ClassVar[str] = "this is `{subject}`"
    help: ClassVar[str] = "add the missing cases, or `_ => …` for everything else"
    missing: str
    subject: str


class Recursion(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0306"
    title: ClassVar[str] = "`{name}` calls itself"
    label: ClassVar[str] = "{chain}"
    help: ClassVar[str] = "flows do not recurse; repeat with `for` or `refine … up to`"
    name: str
    chain: str


class NoOperator(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0307"
    title: ClassVar[str] = "`{op}` does not work on {operands}"
    label: ClassVar[str] = "{hint}"
    op: str
    operands: str
    hint: str | None = None


class NotCallable(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0308"
    title: ClassVar[str] = "`{callee}` can't be called"
    label: ClassVar[str] = "{hint}"
    callee: str
    hint: str


class NoField(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0309"
    title: ClassVar[str] = "`{type}` has no field `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "{hint}"
    type: str
    name: str
    suggestion: str | None = None
    hint: str | None = None


class BranchesDiffer(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0310"
    title: ClassVar[str] = "{what} must have one type, but these are `{left}` and `{right}`"
    label: ClassVar[str] = "this is `{right}`"
    what: str
    left: str
    right: str


class ArgumentTwice(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0311"
    title: ClassVar[str] = "`{name}` is given twice"
    label: ClassVar[str] = "given here again"
    name: str


class BadRange(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0312"
    title: ClassVar[str] = "{what}"
    label: ClassVar[str] = "{hint}"
    what: str
    hint: str


class MisplacedLambda(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0313"
    title: ClassVar[str] = "a lambda can't stand here"
    label: ClassVar[str] = "only where an op takes one, as in `best(by: img => …)`"


class LambdaNeeded(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0314"
    title: ClassVar[str] = "`{name}` of `{callee}` takes a lambda"
    label: ClassVar[str] = "write it as `{name}: item => …`"
    callee: str
    name: str


class NoValue(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0315"
    title: ClassVar[str] = "{what} gives no value"
    label: ClassVar[str] = "a block's value is its last line, which must be an expression"
    what: str


class BadPattern(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0316"
    title: ClassVar[str] = "this case can never be reached"
    label: ClassVar[str] = "{reason}"
    reason: str


class NotTyped(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0317"
    title: ClassVar[str] = "`{callee}` does not take this `as:`"
    label: ClassVar[str] = "{reason}"
    callee: str
    reason: str


class UnusedValue(Diagnostic, frozen=True):
    code: ClassVar[str] = "W0301"
    title: ClassVar[str] = "this value is never used, so it is never computed"
    label: ClassVar[str] = "bind it to a name, or remove the line"
