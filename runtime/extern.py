"""Python functions that a script declares with `extern op`."""

from __future__ import annotations

import importlib.util
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gflow.runtime.errors import ExternFailed, InputError, TimedOut
from gflow.runtime.inputs import from_python
from gflow.runtime.outputs import to_python
from gflow.runtime.plan import Extern


def call(declared: Extern, args: Mapping[str, Any], deadline: float | None) -> Any:
    """Calls the function with PIL images and plain Python values, and checks what it gives against the declared
    type. Raises ExternFailed, or TimedOut past the deadline (`time.monotonic()`)."""
    function = _function(declared.path, declared.function, declared.name)
    plain = {name: to_python(value) for name, value in args.items()}
    result = _within(lambda: _called(function, plain, declared), deadline)
    try:
        return from_python(declared.result, result, name=f"the result of `{declared.name}`")
    except InputError as error:
        raise ExternFailed(error.message, help=error.help) from error


@cache
def _function(path: str, name: str, extern: str) -> Callable[..., Any]:
    """The function of a file, which is run once, under a name of its own, with `sys.path` as it is."""
    spec = importlib.util.spec_from_file_location(f"gflow_extern_{Path(path).stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        function: Callable[..., Any] = getattr(module, name)
    except Exception as error:
        raise ExternFailed(f"`{extern}` can't be loaded: {_told(error, path)}") from error
    return function


def _called(function: Callable[..., Any], args: dict[str, Any], declared: Extern) -> Any:
    try:
        return function(**args)
    except Exception as error:
        raise ExternFailed(f"`{declared.name}` failed: {_told(error, declared.path)}") from error


def _told(error: Exception, path: str) -> str:
    """An exception in one line, with the line of the user's file it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    place = f" ({Path(path).name}:{lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {error}{place}"


def _within(work: Callable[[], Any], deadline: float | None) -> Any:
    """The result of some work, or TimedOut. Python can't stop a running function: one that is late goes on in
    its thread, and nobody waits for it."""
    if deadline is None:
        return work()
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if thread.is_alive():
        raise TimedOut("the time given by `timeout` ran out")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]
