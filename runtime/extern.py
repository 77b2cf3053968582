"""Python functions that a script declares with `extern op`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from importlib.abc import ExecutionLoader, Loader
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import Any
from zipimport import zipimporter

from gflow.runtime.errors import ExternBroken, ExternFailed, InputError, TimedOut
from gflow.runtime.inputs import from_python
from gflow.runtime.outputs import to_python
from gflow.runtime.plan import Extern


def call(declared: Extern, args: Mapping[str, Any], deadline: float | None) -> Any:
    """Calls the function with PIL images and plain Python values, and checks what it gives against the declared
    type. Raises ExternFailed, ExternBroken where trying again
    would not help, and TimedOut past the deadline (`time.monotonic()`)."""
    plain = {name: to_python(value) for name, value in args.items()}
    result = _within(lambda: _called(_function(declared), plain, declared), deadline)
    try:
        return from_python(declared.result, result, name=f"the result of `{declared.name}`")
    except InputError as error:
        raise ExternBroken(error.message, help=error.help) from error


def _function(declared: Extern) -> Callable[..., Any]:
    try:
        function: Callable[..., Any] = getattr(_module(declared.path), declared.function)
    except (Exception, SystemExit) as error:
        raise ExternBroken(f"`{declared.name}` can't be loaded: {_told(error, declared.path)}") from error
    return function


@cache
def _module(path: str) -> ModuleType:
    """A file, or one in a bundle, run once, under a name of its own, with `sys.path` as it is. The name is known to
    Python, as dataclasses look themselves up by it."""
    name = f"gflow_extern_{hashlib.blake2b(path.encode(), digest_size=8).hexdigest()}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_loader(path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{Path(path).name} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _loader(path: str) -> Loader | None:
    """What reads a file that is inside a bundle; None for any other."""
    bundle = next((parent for parent in Path(path).parents if parent.is_file()), None)
    if bundle is None:
        return None
    text = zipimporter(str(bundle)).get_data(path)

    class Inside(ExecutionLoader):
        def get_filename(self, fullname: str) -> str:
            return path

        def get_source(self, fullname: str) -> str:
            return decode_source(text)

    return Inside()


def _called(function: Callable[..., Any], args: dict[str, Any], declared: Extern) -> Any:
    try:
        return function(**args)
    except (Exception, SystemExit) as error:
        raise ExternFailed(f"`{declared.name}` failed: {_told(error, declared.path)}") from error


def _told(error: BaseException, path: str) -> str:
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
