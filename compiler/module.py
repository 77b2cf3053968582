"""One file of a program: what it declares, and what its names stand for."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gflow.compiler import typing
from gflow.compiler.scope import closest
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics import Diagnostic
from gflow.grammar.diagnostics.names import (
    Duplicate,
    ExternNotFound,
    HidesOp,
    UnknownMember,
    UnknownName,
    UnknownOp,
    UnknownType,
)
from gflow.grammar.source import Span
from gflow.kernels import types as t
from gflow.kernels.models import Provider
from gflow.kernels.op import Param, Signature, registry


@dataclass
class ModelInfo:
    """A declared model. `provider` is None where the declaration is wrong and has been reported."""

    qualified: str
    provider: Provider | None
    node: n.Model
    args: dict[str, Any] = field(default_factory=dict)
    folder: str | None = None
    loras: dict[str, float] = field(default_factory=dict)


@dataclass
class FlowInfo:
    """A declared flow. `result` is None until its body was built, unless it is written; `pure` is known by then."""

    qualified: str
    node: n.Flow
    module: Module
    params: tuple[Param, ...] = ()
    ranges: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    result: t.AnyType | None = None
    pure: bool = True

    @property
    def signature(self) -> Signature:
        return Signature(self.params, self.result or t.ANY)


@dataclass
class ExternInfo:
    """A declared extern op, and where its function is."""

    qualified: str
    node: n.Extern
    path: Path
    function: str
    params: tuple[Param, ...] = ()
    ranges: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    result: t.AnyType | None = None

    @property
    def signature(self) -> Signature:
        return Signature(self.params, self.result or t.ANY)


@dataclass
class Module:
    """A file. `prefix` is what its names have before them in the plan: empty for the file that is run,
    `lib.` for one that is used as `lib`."""

    file: n.File
    path: Path
    prefix: str
    diagnostics: list[Diagnostic]
    declared: dict[str, Span] = field(default_factory=dict)
    uses: dict[str, Module] = field(default_factory=dict)
    records: dict[str, n.RecordDecl] = field(default_factory=dict)
    lets: dict[str, n.Let] = field(default_factory=dict)
    models: dict[str, ModelInfo] = field(default_factory=dict)
    externs: dict[str, ExternInfo] = field(default_factory=dict)
    flows: dict[str, FlowInfo] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    # Names whose declarations can't be read or used.
    lost: set[str] = field(default_factory=set)
    _resolving: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Span]:
        """The file's names that an expression may start with: constants, models and used files."""
        return {
            name: span
            for name, span in self.declared.items()
            if name in self.lets or name in self.models or name in self.uses
        }

    def report(self, diagnostic: Diagnostic) -> None:
        """Notes a diagnostic, once; none that only follows from another, which is told already."""
        if isinstance(diagnostic, (UnknownName, UnknownOp, UnknownType)) and diagnostic.name in self.lost:
            return
        if diagnostic not in self.diagnostics:
            self.diagnostics.append(diagnostic)

    def declare(self) -> None:
        """Notes every name of the file (used files are put into `uses` by the loader, before)."""
        for declaration in self.file.declarations:
            if isinstance(declaration, n.Test):
                continue
            name = declaration.name
            if name.text in self.declared:
                place = self.declared[name.text]
                self.report(Duplicate(name.span, name.text, other=(place, "declared here first")))
                continue
            self.declared[name.text] = name.span
            match declaration:
                case n.RecordDecl():
                    self.records[name.text] = declaration
                case n.Let():
                    self.lets[name.text] = declaration
                case n.Model():
                    self.models[name.text] = ModelInfo(self.prefix + name.text, None, declaration)
                case n.Flow():
                    self._warn_hidden(name)
                    self.flows[name.text] = FlowInfo(self.prefix + name.text, declaration, self)
                case n.Extern():
                    self._warn_hidden(name)
        for declaration in self.file.declarations:
            if isinstance(declaration, n.Extern) and self.declared[declaration.name.text] == declaration.name.span:
                self.externs[declaration.name.text] = self._extern(declaration)
            elif isinstance(declaration, n.RecordDecl):
                self.type_of(declaration.type)

    def type_of(self, node: n.TypeNode) -> t.AnyType:
        """The type that a node writes; unknown names are reported."""
        return typing.resolve(node, self._named)

    def _named(self, node: n.NamedType) -> t.AnyType:
        alias, _, name = node.name.rpartition(".")
        if alias:
            if alias not in self.uses:
                self.report(UnknownType(node.span, node.name, closest(alias, self.uses)))
                return t.ANY
            self.used.add(alias)
            other = self.uses[alias]
            if name not in other.records:
                self.report(UnknownMember(node.span, alias, name, closest(name, other.records)))
                return t.ANY
            return other.type_of(other.records[name].type)
        if name in t.NAMED:
            return t.NAMED[name]
        if name not in self.records or name in self._resolving:
            self.report(UnknownType(node.span, name, closest(name, [*t.NAMED, *self.records])))
            return t.ANY
        self.used.add(name)
        self._resolving.append(name)
        try:
            return self.type_of(self.records[name].type)
        finally:
            self._resolving.pop()

    def _warn_hidden(self, name: n.Name) -> None:
        if name.text in registry():
            self.report(HidesOp(name.span, name.text))

    def _extern(self, node: n.Extern) -> ExternInfo:
        file_name, _, function = node.target.rpartition(":")
        path = (self.path.parent / file_name).resolve()
        reason = _missing_function(path, function) if file_name and function else "this names no file and function"
        if reason:
            self.report(ExternNotFound(node.span, node.target, reason))
        return ExternInfo(self.prefix + node.name.text, node, path, function)


def _missing_function(path: Path, function: str) -> str:
    """Why a Python file does not hold a function, found without running it; empty where it does."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        return f"{path.name}: {(error.strerror or str(error)).lower()}"
    except (SyntaxError, ValueError) as error:
        return f"{path.name} is not valid Python: {error}"
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return "" if function in names | assigned else f"{path.name} defines no function `{function}`"
