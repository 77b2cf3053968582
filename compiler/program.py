"""From a script's path to a checked program and its plan.

    program = load(Path("poster.gflow"))        # raises ScriptError with everything that is wrong
    program.plan, program.module, program.diagnostics

A program that is accepted here does not fail for a reason that the script and the models' files could have told.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Block, Operation

from gflow.compiler import dialect as d
from gflow.compiler import flows
from gflow.compiler.build import build
from gflow.compiler.constants import evaluate
from gflow.compiler.lower import lower
from gflow.compiler.models import resolve, resolve_loras, unknown_provider
from gflow.compiler.module import ExternInfo, ModelInfo, Module
from gflow.compiler.scope import Scope, closest
from gflow.grammar import nodes as n
from gflow.grammar.diagnostics import Diagnostic, ScriptError
from gflow.grammar.diagnostics.names import Duplicate, UnusedLet, UseCycle, UseNotFound
from gflow.grammar.diagnostics.typing import MissingArgument, TooManyArguments, UnknownArgument
from gflow.grammar.parser import parse, read
from gflow.grammar.source import Span
from gflow.kernels.models import Provider, providers
from gflow.kernels.op import REQUIRED
from gflow.runtime.plan import Plan

#: What a text declares, where it can't be parsed.
_DECLARED = re.compile(r"^(?:model|let|record|extern\s+op|flow)\s+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """A script that is right. `diagnostics` holds warnings only; `module` is the IR, `file` the syntax tree."""

    plan: Plan
    module: ModuleOp
    file: n.File
    diagnostics: list[Diagnostic]


def load(path: Path) -> Program:
    """Reads, checks and lowers a script with the files it uses. Raises ScriptError, warnings included."""
    main, ops, found = _build(path)
    if main is None or any(diagnostic.severity == "error" for diagnostic in found):
        raise ScriptError(found)
    module = ModuleOp(ops)
    module.verify()
    last = next(reversed(main.flows), None)
    return Program(lower(module, script=main.file.source.path, main=last), module, main.file, found)


def check(path: Path) -> list[Diagnostic]:
    """Everything there is to tell about a script."""
    return _build(path)[2]


def _build(path: Path) -> tuple[Module | None, list[Operation], list[Diagnostic]]:
    """The script's module (None where it can't be read), its IR, and everything there is to tell."""
    loader = _Loader()
    try:
        main = loader.read(path, "")
    except ScriptError as error:
        return None, [], _sorted(error.diagnostics)
    ops = loader.build()
    found = _sorted(loader.diagnostics)
    if any(diagnostic.code.startswith("E01") for diagnostic in found):
        # What could not be read may well use what looks unused.
        found = [diagnostic for diagnostic in found if diagnostic.severity == "error"]
    return main, ops, found


def _sorted(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=lambda found: (found.span.source.path, found.span.start, found.code))


class _Loader:
    """Reads files, each once, and builds what they declare."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.modules: dict[Path, Module] = {}
        self.reading: list[Path] = []

    # --- reading ---

    def read(self, path: Path, prefix: str) -> Module:
        """A file and what it uses. Raises ScriptError where it can't be read at all."""
        source = read(path)
        file, found = parse(source)
        self.diagnostics += found
        module = Module(file, path, prefix, self.diagnostics)
        if found:
            module.lost = set(_DECLARED.findall(source.text))
        self.reading.append(path.resolve())
        for declaration in file.declarations:
            if isinstance(declaration, n.Use):
                self.use(module, declaration)
        self.reading.pop()
        self.modules[path.resolve()] = module
        module.declare()
        for declaration in file.declarations:
            if isinstance(declaration, n.Model):
                self.model(module, module.models[declaration.name.text], declaration)
        return module

    def use(self, module: Module, node: n.Use) -> None:
        path = (module.path.parent / node.path).resolve()
        if path in self.reading:
            circle = [*self.reading[self.reading.index(path) :], path]
            chain = " uses ".join(file.name for file in circle)
            module.report(UseCycle(node.span, chain))
            module.lost.add(node.name.text)
            return
        if path not in self.modules:
            if not path.is_file():
                module.report(UseNotFound(node.span, node.path, "there is no such file"))
                module.lost.add(node.name.text)
                return
            try:
                self.read(module.path.parent / node.path, f"{module.prefix}{node.name.text}.")
            except ScriptError as error:
                module.report(UseNotFound(node.span, node.path, error.diagnostics[0].text("title")))
                self.diagnostics += error.diagnostics
                module.lost.add(node.name.text)
                return
        module.uses[node.name.text] = self.modules[path]

    # --- models ---

    def model(self, module: Module, info: ModelInfo, node: n.Model) -> None:
        if info.node is not node:
            return
        provider = providers().get(node.provider.text)
        if provider is None:
            module.report(unknown_provider(node.provider.text, node.provider.span))
            return
        known_errors = len(self.diagnostics)
        args = self.model_args(module, provider, node)
        info.provider = provider
        if len(self.diagnostics) == known_errors:
            info.args = args
            span = node.args[0].value.span if node.args else node.span
            info.folder, found = resolve(provider.name, args, span, module.path.parent)
            spans = [arg.value.span for arg in node.args if arg.name is not None and arg.name.text == "loras"]
            info.loras, wrong = resolve_loras(args, next(iter(spans), node.span), module.path.parent)
            for diagnostic in (*found, *wrong):
                module.report(diagnostic)

    def model_args(self, module: Module, provider: Provider, node: n.Model) -> dict[str, Any]:
        signature = provider.signature
        by_name = {param.name: param for param in signature.params}
        positional = list(signature.params)
        args: dict[str, Any] = {}
        for arg in node.args:
            if arg.name is None and positional:
                param = positional.pop(0)
            elif arg.name is None:
                limit = len(signature.params)
                module.report(TooManyArguments(arg.value.span, provider.name, limit, _shown(provider)))
                continue
            elif arg.name.text in by_name:
                param = by_name[arg.name.text]
            else:
                near = closest(arg.name.text, by_name)
                name = arg.name.text
                module.report(UnknownArgument(arg.name.span, provider.name, name, _shown(provider), near))
                continue
            args[param.name] = evaluate(module, arg.value, param.type, f"`{param.name}`")
        for param in signature.params:
            if param.name not in args:
                if param.default is REQUIRED:
                    missing = MissingArgument(
                        node.span, provider.name, param.name, str(param.type), _shown(provider)
                    )
                    module.report(missing)
                else:
                    args[param.name] = param.default
        return args

    # --- building ---

    def build(self) -> list[Operation]:
        """The IR of everything that was read: used files first."""
        modules = list(self.modules.values())
        ops: list[Operation] = []
        for module in modules:
            ops += [_model_op(info) for info in module.models.values() if info.provider is not None]
            for let in module.lets.values():
                block = Block(arg_types=[d.KeyType()])
                build(Scope(module, block, block.args[0], constant=True), let.value)
        for module in modules:
            for flow in module.flows.values():
                flows.declare_params(module, flow)
            for extern in module.externs.values():
                flows.declare_params(module, extern)
            ops += [_extern_op(extern) for extern in module.externs.values()]
        ops += [flows.build_flow(flow) for flow in flows.in_order(modules)]
        for module in modules:
            if module.prefix == "":
                ops += _tests(module)
            _warn_unused(module)
        return ops


def _tests(module: Module) -> list[Operation]:
    built: list[Operation] = []
    titles: dict[str, Span] = {}
    for node in module.file.declarations:
        if isinstance(node, n.Test):
            if node.title in titles:
                module.report(Duplicate(node.span, node.title, other=(titles[node.title], "declared here first")))
                continue
            titles[node.title] = node.span
            built.append(flows.build_test(module, node))
    return built


def _warn_unused(module: Module) -> None:
    for name, let in module.lets.items():
        # What a used file offers need not be used by itself.
        if name not in module.used and not name.startswith("_") and module.prefix == "":
            module.report(UnusedLet(let.name.span, name))


def _model_op(info: ModelInfo) -> d.ModelOp:
    assert info.provider is not None
    op = d.ModelOp(
        properties={
            "sym_name": StringAttr(info.qualified),
            "provider": StringAttr(info.provider.name),
            "args": StringAttr(json.dumps(info.args, ensure_ascii=False)),
            "folder": None if info.folder is None else StringAttr(info.folder),
            "loras": StringAttr(json.dumps(info.loras, ensure_ascii=False)) if info.loras else None,
        }
    )
    return d.located(op, info.node.span)


def _extern_op(info: ExternInfo) -> d.ExternOp:
    op = d.ExternOp(
        properties={
            "sym_name": StringAttr(info.qualified),
            "path": StringAttr(str(info.path)),
            "function": StringAttr(info.function),
            "result_type": d.ValueType(info.signature.result),
            "pure": StringAttr("false" if info.node.impure else "true"),
        }
    )
    return d.located(op, info.node.span)


def _shown(provider: Provider) -> str:
    return str(provider.signature).removesuffix(" -> any")
