"""gflow from Python: a script's flows as functions."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gflow.runtime import plan as p
from gflow.runtime.errors import InputError
from gflow.runtime.executor import Executor, Observer
from gflow.runtime.inputs import check_range, from_python
from gflow.runtime.outputs import to_python

if TYPE_CHECKING:
    from gflow.grammar.diagnostics import Diagnostic


def load(path: str | os.PathLike[str], *, stand_ins: bool = False, observer: Observer | None = None) -> Script:
    """A script, checked and ready. `stand_ins`: placeholders answer instead of models.

    Raises gflow.ScriptError, which carries everything that is wrong."""
    from gflow.compiler.program import load as load_program

    return Script(load_program(Path(path)).plan, stand_ins=stand_ins, observer=observer)


def check(path: str | os.PathLike[str]) -> list[Diagnostic]:
    """Everything there is to tell about a script, errors and warnings."""
    from gflow.compiler.program import check as check_program

    return check_program(Path(path))


class Script:
    """The flows of a script as methods: `script.poster(idea="…", seed=0)`.

    Arguments are Python values: str, int, PIL images or paths, lists, dicts, `(width, height)`. Results are PIL
    images and plain Python values. `seed` is what all randomness is derived from. Models are loaded when they
    are first called, and stay.
    """

    def __init__(self, plan: p.Plan, *, stand_ins: bool = False, observer: Observer | None = None) -> None:
        self._plan = plan
        self._executor = Executor(plan, stand_ins=stand_ins, observer=observer)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        flow = self._plan.flows.get(name)
        if flow is None:
            near = difflib.get_close_matches(name, self._plan.flows, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise AttributeError(f"the script has no flow {name!r}{hint}")
        return _function(self._executor, flow)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._plan.flows]

    def __repr__(self) -> str:
        return f"<gflow script {self._plan.script}: {', '.join(self._plan.flows)}>"


def _function(executor: Executor, flow: p.Flow) -> Callable[..., Any]:
    params = {param.name: param for param in flow.params}
    positions = list(params)

    def call(*args: Any, seed: int = 0, **named: Any) -> Any:
        if len(args) > len(positions):
            raise TypeError(f"{flow.name}() takes {len(positions)} arguments, but {len(args)} were given")
        given = dict(zip(positions, args, strict=False))
        for name, value in named.items():
            if name not in params:
                near = difflib.get_close_matches(name, params, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise TypeError(f"{flow.name}() has no parameter {name!r}{hint}")
            if name in given:
                raise TypeError(f"{flow.name}() got {name!r} twice")
            given[name] = value
        missing = [name for name, param in params.items() if param.required and name not in given]
        if missing:
            raise TypeError(f"{flow.name}() needs {', '.join(map(repr, missing))}")
        values = {}
        for name, value in given.items():
            values[name] = from_python(params[name].type, value, name=f"{flow.name}({name}=…)")
            check_range(params[name], values[name], option=f"{flow.name}({name}=…)")
        executor.seed = seed
        return to_python(executor.run(flow.name, values))

    call.__name__ = call.__qualname__ = flow.name
    call.__doc__ = flow.doc
    keyword = inspect.Parameter("seed", inspect.Parameter.KEYWORD_ONLY, default=0)
    call.__signature__ = inspect.Signature([*map(_parameter, flow.params), keyword])  # type: ignore[attr-defined]
    return call


def _parameter(param: p.Param) -> inspect.Parameter:
    default = inspect.Parameter.empty if param.required else p.decode(param.type, param.default)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter(param.name, kind, default=default, annotation=str(param.type))


__all__ = ["InputError", "Script", "check", "load"]
