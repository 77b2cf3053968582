"""A plan as one self-contained page: `gflow explain --format html`. It loads nothing from anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from string import Template

from msgspec.structs import astuple

from gflow.cli import drawing, graphs, plan_text
from gflow.cli.explained import Explained, FlowPlan, Step, Told
from gflow.runtime import plan as p

#: Calls of a step that are drawn one by one.
_DRAWN = 64
#: The chart of residency: what a step takes at least, and all of them together; names; a row; the curve below.
_LEAST, _WHOLE, _NAMES, _ROW, _CURVE = 34, 760, 190, 24, 90


def page(found: Explained) -> str:
    """The page's HTML."""
    told = found.told
    body = [f"<h1>{escape(told.file)}</h1>", '<p class="soft">What a run will take, told before anything runs.</p>']
    for flow in told.flows:
        body += _flow(flow, told)
        body += _graphs(found, flow.name)
    if told.passes:
        body += ["<h2>What the compiler did</h2>", *_passes(told)]
    if told.models:
        body += ["<h2>Models</h2>", *_models(told)]
    template = resources.files("gflow.cli").joinpath("plan_page.html").read_text("utf-8")
    return Template(template).substitute(title=escape(f"{told.file} · gflow explain"), body="\n".join(body))


def _table(heads: list[str], rows: Iterable[list[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table of HTML cells; `numbers` are columns that align to the right."""

    def line(tag: str, cells: list[str]) -> str:
        kinds = [' class="number"' if place in numbers else "" for place in range(len(cells))]
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    lines = "\n".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{line("th", heads)}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _marked(text: str) -> str:
    """Text as HTML, what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _flow(flow: FlowPlan, told: Told) -> Iterator[str]:
    yield f"<h2>Flow {escape(flow.name)}</h2>"
    yield f"<p><code>{escape(flow.signature)}</code></p>"
    if flow.doc:
        yield f"<p>{escape(flow.doc)}</p>"
    if flow.taken:
        given = ", ".join(f"{name} = {value}" for name, value in flow.taken.items())
        yield f'<p class="soft">Told for {escape(given)}.</p>'
    if not flow.steps:
        yield "<p>It calls no model: nothing is loaded, and there is nothing to batch.</p>"
        return
    columns = [flow.compiled] if flow.written is None else [flow.written, flow.compiled]
    heads = ["", "one run"] if flow.written is None else ["", "as written", "compiled"]
    rows = [[escape(what), *map(escape, values)] for what, values in plan_text.rows(columns, told.measured)]
    if flow.written is not None:
        pairs = zip(astuple(flow.written), astuple(flow.compiled), strict=True)
        for row, (before, after) in zip(rows, pairs, strict=True):
            if after < before:
                row[-1] = f'<span class="better">{row[-1]}</span>'
    yield _table(heads, rows, frozenset({1, 2}))
    yield "<h3>The run, step by step</h3>"
    yield _steps(flow, told)
    if any(step.loads for step in flow.steps):
        yield "<h3>What is held in memory, over time</h3>"
        yield f'<div class="panel">{_residency(flow, told)}</div>'
    yield "<ul>"
    yield from (f"<li>{_marked(note)}</li>" for note in plan_text.notes(flow, told))
    yield "</ul>"


def _colours(told: Told) -> dict[str, str]:
    """A class for each model."""
    return {model.name: f"m{number % 6}" for number, model in enumerate(told.models)}


def _steps(flow: FlowPlan, told: Told) -> str:
    colours = _colours(told)
    rows = []
    for number, step in enumerate(flow.steps, 1):
        calls = step.calls
        again = " again" if step.again else ""
        time = "" if step.again else plan_text.seconds(calls.seconds, flow.compiled.seconds, told.measured)
        drawn = "" if step.again else _batches(step, colours[calls.label.rpartition(".")[0]])
        counted = "" if step.again else escape(plan_text.batches(calls.calls, calls.batches))
        rows.append(
            [
                str(number),
                f"<code>{escape(plan_text.title(step, flow))}</code>{again}",
                escape(plan_text.line(calls.place, told.script)),
                counted,
                drawn,
                time,
                plan_text.size(step.held) if step.held else "",
                escape(plan_text.loads(step)),
            ]
        )
    heads = ["", "step", "line", "calls", "a frame is a batch", "time", "held", "loaded for it"]
    return f'<div class="steps">{_table(heads, rows, frozenset({0, 2, 5, 6}))}</div>'


def _batches(step: Step, colour: str) -> str:
    """Each call a cell, each batch a frame; a batch that is not full has empty cells."""
    left, drawn, frames = step.calls.calls, 0, []
    for size in step.calls.batches:
        if drawn >= _DRAWN:
            break
        full = min(size, left)
        cells = "<i></i>" * full + '<i class="empty"></i>' * (size - full)
        frames.append(f'<span class="batch">{cells}</span>')
        left, drawn = left - full, drawn + size
    more = f'<span class="soft">and {left:,} more</span>' if left > 0 else ""
    return f'<div class="cells {colour}">{"".join(frames)}{more}</div>'


def _residency(flow: FlowPlan, told: Told) -> str:
    """A bar for each network from its loading to its eviction, and what they hold together."""
    widths = [
        _LEAST + (0 if step.again else (_WHOLE * step.calls.seconds / (flow.compiled.seconds or 1)))
        for step in flow.steps
    ]
    edges = [_NAMES + sum(widths[:number]) for number in range(len(widths) + 1)]
    bars = _bars(flow.steps)
    names = list(dict.fromkeys(name for name, _, _, _ in bars))
    colours = _colours(told)
    floor = 26 + _ROW * len(names) + 14
    bottom = floor + _CURVE
    right = edges[-1]
    wide, high = f"{right + 160:.0f}", bottom + 26
    parts = [f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">']
    for number, (x, width) in enumerate(zip(edges, widths, strict=False), 1):
        label = escape(plan_text.title(flow.steps[number - 1], flow))
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text x="{x + width / 2:.1f}" y="14" text-anchor="middle"><title>{label}</title>{number}</text>'
        )
    for row, name in enumerate(names):
        parts.append(f'<text x="0" y="{26 + _ROW * row + 15}">{escape(name)}</text>')
    for name, begin, end, bytes in bars:
        y = 26 + _ROW * names.index(name)
        x, width = edges[begin], edges[end] - edges[begin]
        title = escape(f"{name}, {plan_text.size(bytes)}")
        colour = colours[name.rpartition(".")[0]]
        parts.append(
            f'<rect class="bar {colour}" x="{x + 1:.1f}" y="{y + 2}" width="{width - 2:.1f}" height="{_ROW - 6}" '
            f'rx="3"><title>{title}</title></rect>'
        )
        if end == len(flow.steps):
            parts.append(f'<text class="soft" x="{right + 6:.1f}" y="{y + 15}">{plan_text.size(bytes)}</text>')
    parts += _curve(flow.steps, edges, floor, bottom, told.memory)
    parts.append(
        f'<text class="soft" x="{_NAMES}" y="{bottom + 18}">steps, as numbered above; wide ones take long</text>'
    )
    return "\n".join([*parts, "</svg>"])


def _bars(steps: list[Step]) -> list[tuple[str, int, int, int]]:
    """Networks, with the steps from and up to which each is held, and its bytes."""
    begun: dict[str, tuple[int, int]] = {}
    bars = []
    for number, step in enumerate(steps):
        for load in step.loads:
            for gone in load.evicts:
                begin, bytes = begun.pop(gone)
                bars.append((gone, begin, number, bytes))
            begun[f"{load.model}.{load.network}"] = number, load.bytes
    return [*bars, *((name, begin, len(steps), bytes) for name, (begin, bytes) in begun.items())]


def _curve(steps: list[Step], edges: list[float], floor: int, bottom: int, memory: int | None) -> Iterator[str]:
    """What all networks hold together, step by step, and the budget."""
    most = max([*(step.held for step in steps), memory or 0]) or 1
    scale = (bottom - floor - 16) / most
    points = [f"{edges[0]:.1f},{bottom}"]
    for number, step in enumerate(steps):
        y = bottom - step.held * scale
        points += [f"{edges[number]:.1f},{y:.1f}", f"{edges[number + 1]:.1f},{y:.1f}"]
    points.append(f"{edges[-1]:.1f},{bottom}")
    yield f'<polygon class="held" points="{" ".join(points)}"/>'
    yield f'<text x="0" y="{bottom - 4}">all together</text>'
    peak = max(range(len(steps)), key=lambda number: steps[number].held)
    held = steps[peak].held
    y = bottom - held * scale
    middle = (edges[peak] + edges[peak + 1]) / 2
    yield f'<text x="{middle:.1f}" y="{y - 3:.1f}" text-anchor="middle">{plan_text.size(held)}</text>'
    if memory is not None:
        y = bottom - memory * scale
        yield f'<line class="limit" x1="{edges[0]:.1f}" y1="{y:.1f}" x2="{edges[-1]:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="soft" x="{edges[-1] + 6:.1f}" y="{y + 4:.1f}">--memory {plan_text.size(memory)}</text>'


def _graphs(found: Explained, name: str) -> Iterator[str]:
    """The flow as it is written and as it runs."""
    yield "<h3>The graph</h3>"
    yield '<div class="graphs">'
    if found.before is not None:
        yield _panel("as written", found.before.flows[name])
    yield _panel("▶ compiled", found.after.flows[name])
    yield "</div>"


def _panel(title: str, flow: p.Flow) -> str:
    picture = drawing.svg(graphs.graph([flow]))
    if picture is None:
        picture = "<p>Too large to be drawn here; <code>--format dot</code> gives it to Graphviz.</p>"
    return f'<div class="panel"><h4>{escape(title)}</h4>{picture}</div>'


def _passes(told: Told) -> Iterator[str]:
    rows = []
    for change in told.passes:
        notes = "".join(f"<li>{_marked(note)}</li>" for note in change.notes)
        saved = escape(plan_text.saving(change.saves, told)).removeprefix("saves ")
        rows.append(
            [
                f"<code>{escape(change.name)}</code>",
                escape(change.does),
                f"<ul>{notes}</ul>" if notes else '<span class="soft">nothing to do</span>',
                saved,
                f"{change.before:,} → {change.after:,}",
            ]
        )
    yield _table(["pass", "what it does", "what it changed", "a run saves", "ops"], rows, frozenset({4}))


def _models(told: Told) -> Iterator[str]:
    rows = []
    for model in told.models:
        sizes = ", ".join(f"{name} {plan_text.size(bytes)}" for name, bytes in model.networks.items())
        source = f'{model.provider}("{model.source}")'
        rows.append(
            [
                f"<code>{escape(model.name)}</code>",
                f"<code>{escape(source)}</code>",
                escape(sizes or model.note),
                plan_text.size(sum(model.networks.values())) if sizes else "",
            ]
        )
    yield _table(["model", "from", "networks", "together"], rows, frozenset({3}))
