"""All wording of what can be wrong with a script: one file a family of codes, so that it reads as a list."""

from gflow.grammar.diagnostics.base import Diagnostic, Fix, ScriptError

__all__ = ["Diagnostic", "Fix", "ScriptError"]
