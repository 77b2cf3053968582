"""A report as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gflow.bench.compare import Measured, Report, spread
from gflow.bench.shown import HEAD, batches, summary

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --line: #d5dbe3; --call: #3b7ddd; --load: #d98324;
  --op: #3f9d6b; --soft: #66707d; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --paper: #14181d; --line: #333b45; --soft: #9aa5b1; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .9rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid var(--line); }
svg { width: 100%; height: auto; } .soft { color: var(--soft); }
.call { fill: var(--call); } .load { fill: var(--load); } .op { fill: var(--op); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
i { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
"""


def page(report: Report) -> str:
    """The page."""
    title = escape(f"{report.file} {report.flow}")
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>gflow bench: {title}</title>",
        f"<style>{_STYLE}</style><h1>{title}</h1>",
        f"<p class=soft>{report.rounds} rounds, in each one process of each kind, which runs it {1 + report.runs} "
        f"times. {escape(report.machine)}.</p>",
        _table(HEAD, summary(report)),
        "<p class=soft>× tells how many times as much it is as for what is compiled.</p>",
    ]
    for measured in report.variants:
        if measured.events:
            parts += [f"<h2>{escape(measured.label)}</h2>", _timeline(measured), _steps(measured)]
    return "\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{escape(name)}" for name in head)]
    lines += ["<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows]
    return "\n".join(lines) + "</table>"


def _timeline(measured: Measured) -> str:
    """The first run: loads, calls and ops over time."""
    events = [event for event in measured.events if event.run == 0 and event.kind != "evict"]
    if not events:
        return ""
    begin, end = min(e.begin for e in events), max(e.begin + e.seconds for e in events)
    scale = 900 / ((end - begin) or 1.0)
    rows = {"load": 0, "call": 1, "op": 2}
    lines = [f'<svg viewBox="0 0 1000 130" role=img aria-label="the first run of {escape(measured.label)}">']
    for name, row in rows.items():
        lines.append(f'<text x="0" y="{row * 34 + 26}">{name}s</text>')
    for event in events:
        x, width = 90 + (event.begin - begin) * scale, max(1.0, event.seconds * scale)
        size = f", a batch of {event.size}" if event.size > 1 else ""
        told = escape(f"{event.label}{size}: {1000 * event.seconds:.1f} ms {event.place}")
        lines.append(
            f'<rect class={event.kind} x="{x:.1f}" y="{rows[event.kind] * 34 + 10}" width="{width:.1f}" '
            f'height="24" opacity=".8"><title>{told}</title></rect>'
        )
    lines.append(f'<text x="90" y="125">0</text><text x="940" y="125">{end - begin:.2f} s</text></svg>')
    return "\n".join(lines) + f"<p class=soft>The first run. Batches: {escape('; '.join(batches(measured)))}</p>"


def _steps(measured: Measured) -> str:
    steps = measured.steps()
    total = sum(seconds for *_, seconds in steps) or 1.0
    rows = [
        [label, place, f"{1000 * seconds:.1f} ms", f"{seconds / total:.0%}"] for _, label, place, seconds in steps
    ]
    first = f"{spread(measured.first)[0]:.2f} s"
    return f"<p>Start to results {first}.</p>" + _table(["step", "place", "a run", "share"], rows)
