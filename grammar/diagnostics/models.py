"""E04xx: models, their sources and their methods."""

from __future__ import annotations

from typing import ClassVar

from gflow.grammar.diagnostics.base import Diagnostic


class UnknownProvider(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0401"
    title: ClassVar[str] = "there is no kind of model called `{name}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "kinds of models: {known}"
    name: str
    known: str
    suggestion: str | None = None


class SourceNotFound(Diagnostic, frozen=True):
    """`source` is neither a model that comes with gflow, nor files on this machine, nor a hub's `org/name`."""

    code: ClassVar[str] = "E0402"
    title: ClassVar[str] = "there is no model at `{source}`"
    label: ClassVar[str] = 'did you mean "{suggestion}"?'
    note: ClassVar[str] = "looked in {places}"
    help: ClassVar[str] = 'give "starter/NAME", a folder, a `.safetensors` file, or a hub\'s "org/name"'
    source: str
    places: str
    suggestion: str | None = None


class UnknownMethod(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0403"
    title: ClassVar[str] = "`{model}` is a {provider} model, which has no method `{method}`"
    label: ClassVar[str] = "did you mean `{suggestion}`?"
    help: ClassVar[str] = "a {provider} model has {known}"
    model: str
    provider: str
    method: str
    known: str
    suggestion: str | None = None


class PickledWeights(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0404"
    title: ClassVar[str] = "`{source}` holds pickled weights only, and those are never loaded"
    label: ClassVar[str] = "found {file}"
    note: ClassVar[str] = "a pickle can run any code when it is opened"
    help: ClassVar[str] = (
        "if you trust it, load it once with its own library and save it as safetensors: "
        "`save_pretrained(folder, safe_serialization=True)`"
    )
    source: str
    file: str


class WrongModel(Diagnostic, frozen=True):
    code: ClassVar[str] = "E0405"
    title: ClassVar[str] = "`{source}` is not a model for `{provider}`"
    label: ClassVar[str] = "this is {found}"
    help: ClassVar[str] = "`{provider}` takes {needed}"
    source: str
    provider: str
    found: str
    needed: str


class DamagedModel(Diagnostic, frozen=True):
    """The files can't be all that was saved: copy or download them again."""

    code: ClassVar[str] = "E0406"
    title: ClassVar[str] = "the files of `{source}` are damaged or incomplete"
    label: ClassVar[str] = "{file}: {problem}"
    help: ClassVar[str] = "copy or download the model again"
    source: str
    file: str
    problem: str


class UnclearSource(Diagnostic, frozen=True):
    """`language(...)` with neither or both of its two forms."""

    code: ClassVar[str] = "E0407"
    title: ClassVar[str] = "this `{provider}` model {problem}"
    help: ClassVar[str] = (
        'give a source, `{provider}("starter/writer")`, or a server, '
        '`{provider}(endpoint: "http://127.0.0.1:8000/v1", name: "llama")`'
    )
    provider: str
    problem: str
