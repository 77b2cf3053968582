"""`gflow ops`"""

from __future__ import annotations

import difflib
import json
from typing import Any

import click

from gflow.cli import report


@click.command("ops", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print signatures and docs as JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List every op and model method with its signature, or explain the one called NAME.

    \b
    gflow ops
    gflow ops resize
    gflow ops diffusion.generate
    """
    with report.errors():
        entries = _entries()
        if name is not None:
            _one(entries, name, as_json)
        elif as_json:
            print(json.dumps(list(entries.values()), ensure_ascii=False, indent=2))
        else:
            _all(entries)


def _entries() -> dict[str, dict[str, Any]]:
    """What can be called, by name: ops, then providers and their methods."""
    from gflow.kernels.models import providers
    from gflow.kernels.op import registry

    entries: dict[str, dict[str, Any]] = {}
    for op in sorted(registry().values(), key=lambda op: op.family):
        # Names that no script can write are the syntax's own.
        if op.name.isidentifier() and op.family != "core":
            entries[op.name] = _entry(op.name, f"{op.name}{op.signature}", op.doc, op.family)
    for provider in providers().values():
        given = str(provider.signature).removesuffix(" -> any")
        entries[provider.name] = _entry(provider.name, f"model … = {provider.name}{given}", provider.doc, "models")
        for method in provider.methods.values():
            name = f"{provider.name}.{method.name}"
            entries[name] = _entry(name, f"{name}{method.signature}", method.doc, "models")
    return entries


def _entry(name: str, signature: str, doc: str, family: str) -> dict[str, Any]:
    return {"name": name, "signature": signature, "doc": doc, "family": family}


def _all(entries: dict[str, dict[str, Any]]) -> None:
    family = None
    for entry in entries.values():
        if entry["family"] != family:
            family = entry["family"]
            print(f"{family}:")
        summary = " ".join(entry["doc"].split("\n\n")[0].split())
        print(f"  {entry['signature']}\n      {summary}")


def _one(entries: dict[str, dict[str, Any]], name: str, as_json: bool) -> None:
    if name not in entries:
        from gflow.runtime.errors import InputError

        near = difflib.get_close_matches(name, entries, n=1)
        raise InputError(f"there is no op called {name!r}", help=f"did you mean {near[0]}?" if near else "")
    entry = entries[name]
    if as_json:
        print(json.dumps(entry, ensure_ascii=False, indent=2))
    else:
        print(f"{entry['signature']}\n\n{entry['doc']}")
