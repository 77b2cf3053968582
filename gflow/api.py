"""gflow from Python: a script's flows as functions."""

from __future__ import annotations

import difflib
import inspect
import keyword
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gflow.opened import opened
from gflow.runtime import plan as p
from gflow.runtime.bundle import Bundle
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.inputs import check_range, from_python
from gflow.runtime.outputs import to_python

if TYPE_CHECKING:
    from gflow.grammar.diagnostics import Diagnostic


def load(
    path: str | os.PathLike[str],
    *,
    stand_ins: bool = False,
    on_error: str = "fail",
    observer: Observer | None = None,
) -> Script:
    """A script, checked and compiled, or a bundle. `stand_ins`: placeholders answer instead of models. `on_error`:
    what a damaged frame of a video does, "fail" or "skip", which shows the one before it.

    Raises gflow.ScriptError, which carries everything that is wrong with a script, and gflow.InputError for a
    bundle that is damaged."""
    program = opened(Path(path))
    plan = program.runnable(lowers=not stand_ins)
    return Script(plan, stand_ins=stand_ins, on_error=on_error, observer=observer, bundle=program.bundle)


def check(path: str | os.PathLike[str]) -> list[Diagnostic]:
    """Everything there is to tell about a script, errors and warnings."""
    from gflow.compiler.program import check as check_program

    return check_program(Path(path))


class Script:
    """The flows of a script as methods: `script.poster(idea="…", seed=0)`.

    Arguments are Python values: str, int, PIL images or paths, lists, dicts, `(width, height)`. Results are PIL
    images, gflow.Video and plain Python values. `seed` is what all randomness is derived from. A parameter whose
    name means something else in Python has an underscore after it: `class_`, `seed_`. Models are loaded when they
    are first called, and stay; calls from several threads take turns.

    A call raises TypeError for arguments that do not fit the flow's parameters, gflow.RunError where the run fails
    and gflow.InputError, which is one, for values that can't be used.
    """

    def __init__(
        self,
        plan: p.Plan,
        *,
        stand_ins: bool = False,
        on_error: str = "fail",
        observer: Observer | None = None,
        bundle: Bundle | None = None,
    ) -> None:
        self._plan, self._on_error = plan, on_error
        self._executor = Executor(plan, stand_ins=stand_ins, observer=observer, bundle=bundle)
        self._turn = threading.RLock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if "_plan" not in vars(self):
            raise AttributeError(name)  # Asked before `__init__`, as by `copy`.
        flow = self._plan.flows.get(name)
        if flow is None:
            near = difflib.get_close_matches(name, self._plan.flows, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"the script has no flow {name!r}{hint}")
        return _function(self._executor, self._turn, flow, self._on_error)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._plan.flows]

    def __repr__(self) -> str:
        return f"<gflow script {self._plan.script}: {', '.join(self._plan.flows)}>"


def _function(executor: Executor, turn: threading.RLock, flow: p.Flow, on_error: str) -> Callable[..., Any]:
    signature = _signature(flow)

    def call(*args: Any, **named: Any) -> Any:
        bound = _bind(flow, signature, args, named)
        seed = bound.pop("seed", 0)
        if not isinstance(seed, int):
            raise TypeError(f"{flow.name}(): seed is an int, not {type(seed).__name__}")
        values = {}
        for param in flow.params:
            name = _name(param)
            if name in bound:
                place = f"{flow.name}({name}=…)"
                values[param.name] = from_python(param.type, bound[name], name=place, on_error=on_error)
                check_range(param, values[param.name], option=place)
        with turn:
            executor.seed = seed
            return to_python(executor.run(flow.name, values))

    call.__name__ = call.__qualname__ = flow.name
    call.__doc__ = flow.doc
    call.__signature__ = signature  # type: ignore[attr-defined]
    return call


def _bind(
    flow: p.Flow, signature: inspect.Signature, args: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """The arguments by name. Raises TypeError."""
    for name in named:
        if name not in signature.parameters:
            near = difflib.get_close_matches(name, signature.parameters, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{flow.name}() has no parameter {name!r}{hint}")
    try:
        bound = signature.bind_partial(*args, **named).arguments
    except TypeError as error:
        raise TypeError(f"{flow.name}(): {error}") from None
    missing = [repr(_name(param)) for param in flow.params if param.required and _name(param) not in bound]
    if missing:
        raise TypeError(f"{flow.name}() needs {', '.join(missing)}")
    return bound


def _name(param: p.Param) -> str:
    return f"{param.name}_" if keyword.iskeyword(param.name) or param.name == "seed" else param.name


def _signature(flow: p.Flow) -> inspect.Signature:
    """What Python's `help` and editors show. In Python, what must be given can't follow what need not by place:
    such parameters are given by name."""
    by_place, by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    optional_before = named_before = False
    shown = []
    for param in flow.params:
        named_before |= param.required and optional_before
        optional_before |= not param.required
        kind = by_name if named_before else by_place
        default = inspect.Parameter.empty if param.required else to_python(p.decode(param.type, param.default))
        shown.append(inspect.Parameter(_name(param), kind, default=default, annotation=str(param.type)))
    shown.append(inspect.Parameter("seed", by_name, default=0, annotation="int"))
    return inspect.Signature(shown)
