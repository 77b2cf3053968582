"""A report as text, as JSON, and as a trace that https://ui.perfetto.dev opens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gflow.bench.compare import Measured, Report, ratios, spread

if TYPE_CHECKING:
    from rich.table import Table

    from gflow.runtime.schedule import Foreseen


#: The columns of the table. Ratios tell how many times as much it is as for what is compiled.
HEAD = ["", "start to results", "×", "steady run", "×", "runs a minute", "memory", "×", "loads", "weights", "calls"]


def compiled(report: Report) -> Measured:
    """What the others are compared with."""
    return next((each for each in report.variants if each.label == "compiled"), report.variants[0])


def summary(report: Report) -> list[list[str]]:
    """The rows of the table, one a variant: medians, with quartiles where there are more rounds than one."""
    base = compiled(report)
    return [
        [
            each.label,
            _seconds(each.first),
            _ratio(each.first, base.first),
            _seconds(_steady(each)),
            _ratio(_steady(each), _steady(base)),
            _rate(_steady(each)),
            _megabytes(spread(each.peak)[0]),
            _ratio(each.peak, base.peak),
            _count(each, len(each.loads)),
            _megabytes(sum(load.bytes for load in each.loads)) if each.events else "",
            _count(each, len(each.calls(0))),
        ]
        for each in report.variants
    ]


def batches(measured: Measured) -> list[str]:
    """What was called in which batches, in the first run: `painter.denoise 1 × 8`."""
    found: dict[str, Counter[int]] = {}
    for event in measured.calls(0):
        found.setdefault(event.label, Counter())[event.size] += 1
    return [
        f"{label}  " + ", ".join(f"{count} × {size}" for size, count in sorted(sizes.items(), reverse=True))
        for label, sizes in found.items()
    ]


def tables(report: Report, foreseen: Foreseen | None) -> list[Table | str]:
    """What is printed, in order."""
    parts: list[Table | str] = [
        f"{report.file} {report.flow}: {report.rounds} rounds, in each one process a row, "
        f"which runs it {1 + report.runs} times\n{report.machine}"
    ]
    if report.disturbed:
        parts.append(f"others used the machine in {report.disturbed} of {report.rounds} rounds: take care")
    parts.append(_table(HEAD, summary(report)))
    if report.difference is not None:
        mean, most = report.difference
        parts.append(
            f"the first two give pictures that differ by {mean:.2g} of 255 levels on average, {most} at most"
        )
    chosen = compiled(report)
    if chosen.events:
        parts.append(f"in batches, {chosen.label}: " + "; ".join(batches(chosen)))
        parts.append(_steps(chosen))
    if foreseen is not None:
        parts.append(_foreseen(foreseen, chosen))
    return parts


def _steps(measured: Measured) -> Table:
    steps = measured.steps()
    total = sum(seconds for *_, seconds in steps) or 1.0
    rows = [
        [label, place, f"{1000 * seconds:.1f} ms", f"{seconds / total:.0%}"] for _, label, place, seconds in steps
    ]
    return _table([f"time by step, {measured.label}", "", "a run", ""], rows)


def _foreseen(foreseen: Foreseen, measured: Measured) -> Table:
    took = dict.fromkeys(dict.fromkeys(each.label for each in foreseen.calls), 0.0)
    told = dict(took)
    for kind, label, _, seconds in measured.steps():
        if kind == "call" and label in took:
            took[label] += seconds
    for each in foreseen.calls:
        told[each.label] += each.seconds
    # Without a measured table, costs are relative: only their shares can be compared.
    whole = sum(took.values()) / (sum(told.values()) or 1.0)
    scale, head = (1.0, "foreseen") if foreseen.measured else (whole, "foreseen (shares)")
    rows = [[label, f"{1000 * scale * told[label]:.1f} ms", f"{1000 * took[label]:.1f} ms"] for label in took]
    made, loads = sum(len(each.batches) for each in foreseen.calls), len(foreseen.loads)
    rows.append(["calls of engines", str(made), str(len(measured.calls(0)))])
    rows.append(["loads of models", str(loads), str(sum(load.run == 0 for load in measured.loads))])
    rows.append(["peak memory", _megabytes(foreseen.resident), _megabytes(spread(measured.peak)[0])])
    return _table(["", head, "measured"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, name in enumerate(head):
        table.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in rows:
        table.add_row(*row)
    return table


def _steady(measured: Measured) -> list[float]:
    return [spread(times)[0] for times in measured.steady if times]


def _seconds(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle, low, high = spread(values)
    unit, factor = ("s", 1.0) if middle >= 1 else ("ms", 1000.0)
    digits = 2 if unit == "s" else 0
    spread_ = f" ({factor * low:.{digits}f}–{factor * high:.{digits}f})" if len(values) > 1 else ""
    return f"{factor * middle:.{digits}f} {unit}{spread_}"


def _ratio(one: Sequence[float], other: Sequence[float]) -> str:
    pairs = ratios(one, other)
    return f"{spread(pairs)[0]:.2f}" if pairs else ""


def _rate(values: Sequence[float]) -> str:
    return f"{60 / spread(values)[0]:.1f}" if values else ""


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.0f} MB"


def _count(measured: Measured, count: int) -> str:
    return str(count) if measured.events else ""


def as_json(report: Report, foreseen: Foreseen | None) -> str:
    """Everything as data."""
    data = msgspec.to_builtins(report)
    for each, measured in zip(data["variants"], report.variants, strict=True):
        each["steps"] = [
            {"kind": kind, "label": label, "place": place, "seconds": seconds}
            for kind, label, place, seconds in measured.steps()
        ]
    data["foreseen"] = msgspec.to_builtins(foreseen)
    return json.dumps(data, ensure_ascii=False, indent=2)


def trace(report: Report) -> str:
    """Every variant's last round as a trace: one process each, one track a thread, loads and calls as slices."""
    found: list[dict[str, Any]] = []
    for process, measured in enumerate(report.variants, 1):
        if not measured.events:
            continue
        begin = min(event.begin for event in measured.events)
        found.append({"name": "process_name", "ph": "M", "pid": process, "args": {"name": measured.label}})
        lanes: dict[object, int] = {}
        for event in sorted(measured.events, key=lambda event: event.begin):
            # Ops may overlap: each has the first track of theirs that is free.
            lane = lanes.setdefault((event.kind == "op", event.lane), len(lanes) + 1)
            args = {"place": event.place, "run": event.run, "batch": event.size, "asked for": event.used}
            found.append(
                {
                    "name": event.label,
                    "cat": event.kind,
                    "ph": "X",
                    "pid": process,
                    "tid": lane,
                    "ts": 1e6 * (event.begin - begin),
                    "dur": 1e6 * event.seconds,
                    "args": args | ({"bytes": event.bytes} if event.kind == "load" else {}),
                }
            )
    return json.dumps({"traceEvents": found, "displayTimeUnit": "ms"})
