"""A plan as text: what `gflow explain` prints."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from gflow.cli import report
from gflow.cli.explained import FlowPlan, ModelPlan, Step, Told, Totals
from gflow.kernels.models import providers


def show(told: Told) -> str:
    """The text; headings are bold on a terminal."""
    colour = report.colour(sys.stdout)
    bold, plain = ("\x1b[1m", "\x1b[0m") if colour else ("", "")
    width = min(shutil.get_terminal_size((100, 24)).columns, 110) if colour else 100
    lines = [line.rstrip() for line in _lines(told, width)]
    return "\n".join(f"{bold}{line}{plain}" if line and not line.startswith(" ") else line for line in lines)


def _lines(told: Told, width: int) -> Iterator[str]:
    yield f"{told.file}: what a run will take"
    if told.models:
        yield ""
        yield "Models"
        yield from _models(told.models, width)
    if not told.bundle:
        yield ""
        yield "What the compiler did (= what a run saves by it)"
        yield from _passes(told, width)
    for flow in told.flows:
        yield ""
        yield from _hanging("Flow ", flow.signature, width)
        yield from _flow(flow, told, width)


def _models(models: list[ModelPlan], width: int) -> Iterator[str]:
    rows = []
    for model in models:
        sizes = ", ".join(f"{name} {size(bytes)}" for name, bytes in model.networks.items())
        total = size(sum(model.networks.values()))
        rows.append(
            (model.name, f'{model.provider}("{model.source}")', f"{total}: {sizes}" if sizes else model.note)
        )
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for name, source, what in rows:
        yield from _hanging(f"  {name:<{first}}  {source:<{second}}  ", what, width)


def _passes(told: Told, width: int) -> Iterator[str]:
    idle = [change.name for change in told.passes if not change.notes and change.saves == Totals()]
    for change in told.passes:
        if change.name in idle or change.name == "schedule":
            continue
        yield from _hanging(f"  {change.name:<8} ", change.does, width)
        for note in change.notes:
            yield from _hanging("           - ", note, width)
        saved = saving(change.saves, told)
        if saved:
            yield from _hanging("           = ", saved, width)
    if idle:
        yield from _hanging("  ", f"({', '.join(idle)}: nothing to do)", width)


def saving(saves: Totals, told: Told) -> str:
    """What a pass saves, in words; empty where that is nothing."""
    parts: list[tuple[float, str]] = [
        (saves.loads, counted(abs(saves.loads), "load")),
        (saves.bytes, f"{size(abs(saves.bytes))} to load"),
        (saves.calls, counted(abs(saves.calls), "call")),
    ]
    written = sum(flow.written.seconds for flow in told.flows if flow.written is not None)
    share = saves.seconds / written if written else 0
    parts.append((round(share, 3), f"{seconds(abs(saves.seconds), written, told.measured)} of the models' time"))
    less = ", ".join(text for value, text in parts if value > 0)
    more = ", ".join(text for value, text in parts if value < 0)
    return "; ".join(f"{word} {text}" for word, text in (("saves", less), ("costs", more)) if text)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size(bytes: int) -> str:
    """Megabytes, as the rest of the command line tells them."""
    return f"{bytes / 1e6:,.1f} MB"


def seconds(value: float, whole: float, measured: bool) -> str:
    """Seconds where they were measured, else a share of a whole."""
    if measured:
        return f"{value:,.2f} s"
    share = value / whole if whole else 0.0
    return "< 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def _flow(flow: FlowPlan, told: Told, width: int) -> Iterator[str]:
    if flow.doc:
        yield from _hanging("  ", flow.doc, width)
    if flow.taken:
        yield from _hanging(
            "  ", f"Told for {', '.join(f'{name} = {value}' for name, value in flow.taken.items())}.", width
        )
    if not flow.steps:
        yield "  It calls no model: nothing is loaded, and there is nothing to batch."
        return
    yield ""
    yield from _totals(flow, told)
    yield ""
    yield from _steps(flow, told)
    yield ""
    for note in notes(flow, told):
        yield from _hanging("  * ", note, width)


def _totals(flow: FlowPlan, told: Told) -> Iterator[str]:
    columns = [flow.compiled] if flow.written is None else [flow.written, flow.compiled]
    heads = ["one run"] if flow.written is None else ["as written", "compiled"]
    yield f"  {'':<32}{''.join(f'{head:>14}' for head in heads)}"
    for what, values in rows(columns, told.measured):
        yield f"  {what:<32}{''.join(f'{value:>14}' for value in values)}"
    if told.memory is not None:
        yield f"  {'the budget of --memory':<32}{'':>{14 * len(columns) - 14}}{size(told.memory):>14}"


def rows(columns: list[Totals], measured: bool) -> list[tuple[str, list[str]]]:
    """The lines of a comparison: a title, and what each column has there."""
    first = columns[0].seconds
    found = [
        ("networks loaded", [f"{each.loads:,}" for each in columns]),
        ("weights loaded", [size(each.bytes) for each in columns]),
        ("weights held at once, at most", [size(each.peak) for each in columns]),
        ("calls of networks (or batches)", [f"{each.calls:,}" for each in columns]),
    ]
    if measured or len(columns) > 1:
        found.append(("time in them", [seconds(each.seconds, first, measured) for each in columns]))
    return found


def _steps(flow: FlowPlan, told: Told) -> Iterator[str]:
    table = [("", "step", "line", "calls", "time", "held", "loaded for it")]
    for number, step in enumerate(flow.steps, 1):
        calls = step.calls
        time = "" if step.again else seconds(calls.seconds, flow.compiled.seconds, told.measured)
        name = f"{title(step, flow)} again" if step.again else title(step, flow)
        batched = "" if step.again else batches(calls.calls, calls.batches)
        held = size(step.held) if step.held else "-"
        table.append((str(number), name, line(calls.place, told.script), batched, time, held, loads(step)))
    widths = [max(len(row[column]) for row in table) for column in range(7)]
    for row in table:
        cells = [
            f"{cell:>{width}}" if place in (0, 4, 5) else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  " + "  ".join(cells)


def title(step: Step, flow: FlowPlan) -> str:
    """A step's name; with its networks, where another step of that name runs others."""
    label, own = step.calls.label, step.calls.networks
    alone = all(other.calls.networks == own for other in flow.steps if other.calls.label == label)
    return label if alone else f"{label} ({', '.join(own)})"


def batches(calls: int, sizes: list[int]) -> str:
    """`1 call`, `8 calls at once`, `20 calls: 8 + 8 + 4`."""
    if max(sizes, default=1) == 1:
        return counted(calls, "call") + (", one by one" if calls > 1 else "")
    if len(sizes) == 1:
        padded = "" if sizes[0] == calls else f" (a batch of {sizes[0]})"
        return f"{counted(calls, 'call')} at once{padded}"
    shown = " + ".join(map(str, sizes[:4])) + (" + …" if len(sizes) > 4 else "")
    return f"{counted(calls, 'call')}: {shown}"


def loads(step: Step) -> str:
    """What is loaded before a step, and what goes for it."""
    gone = [name for load in step.loads for name in load.evicts]
    come = [f"+ {load.model}.{load.network} {size(load.bytes)}" for load in step.loads]
    return "  ".join([*(f"- {name}" for name in gone), *come])


def line(place: str, script: str) -> str:
    """Where in the script: its line, with the file's name where that is another one."""
    parts = place.rsplit(":", 2)
    if len(parts) < 3:
        return place
    path, number, _ = parts
    return number if Path(path).name == Path(script).name or not path else f"{Path(path).name}:{number}"


def notes(flow: FlowPlan, told: Told) -> list[str]:
    """What to know of the steps: what stages do that no script names, and what was assumed."""
    kinds = {model.name: model.provider for model in told.models}
    seen: dict[str, str] = {}
    for step in flow.steps:
        model, _, method = step.calls.label.rpartition(".")
        if providers()[kinds[model]].method(method).stage:
            seen[method] = _STAGES.get(method, "a part of a model's method")
    words = "; ".join(f"{method}: {does}" for method, does in seen.items())
    return [*([f"{words}."] if words else []), *flow.assumptions]


#: What stages do, in a few words.
_STAGES = {
    "encode_text": "the model reads a text",
    "encode_image": "the model reads a picture",
    "denoise": "it paints, in steps, from noise",
    "decode": "what it painted becomes pixels",
    "embed": "the scorer reads a picture or a text",
}


def _hanging(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * len(head)) or [head]
