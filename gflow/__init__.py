"""gflow: generative workflows as programs.

    import gflow
    picture = gflow.load("poster.gflow").poster(idea="a red circle above a blue square")

Names are imported when they are first used: `import gflow` itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gflow.api import Script, check, load
    from gflow.grammar.diagnostics import ScriptError
    from gflow.runtime.errors import InputError, RunError
    from gflow.runtime.video import Video

__version__ = "0.1.0"
__all__ = ["InputError", "RunError", "Script", "ScriptError", "Video", "__version__", "check", "load"]

_HOMES = {
    "Script": "gflow.api",
    "check": "gflow.api",
    "load": "gflow.api",
    "ScriptError": "gflow.grammar.diagnostics",
    "InputError": "gflow.runtime.errors",
    "RunError": "gflow.runtime.errors",
    "Video": "gflow.runtime.video",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gflow' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
