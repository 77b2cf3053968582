"""Numbers and their units."""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from typing import Any

from gflow.grammar.diagnostics import Diagnostic, syntax
from gflow.grammar.source import Span

#: Seconds in a unit of time.
SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
#: Bytes in a unit of memory.
BYTES = {
    **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", 1)},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGT", 1)},
}
#: What a unit of a plain number multiplies it with.
FACTORS = {"%": 0.01, "fps": 1.0, "x": 1.0}

# What people write for the units above.
_ALIASES = {
    **dict.fromkeys(["sec", "secs", "second", "seconds", "S"], "s"),
    **dict.fromkeys(["msec", "msecs", "millis", "milliseconds", "millisecond", "MS", "Ms"], "ms"),
    **dict.fromkeys(["m", "mins", "minute", "minutes"], "min"),
    **dict.fromkeys(["hr", "hrs", "hour", "hours", "H"], "h"),
    **dict.fromkeys(["FPS", "hz", "Hz"], "fps"),
    **dict.fromkeys(["k", "K", "kb", "kB", "Kb"], "KB"),
    **dict.fromkeys(["M", "mb", "Mb"], "MB"),
    **dict.fromkeys(["G", "g", "gb", "Gb"], "GB"),
    **dict.fromkeys(["kib", "kiB", "Ki"], "KiB"),
    **dict.fromkeys(["mib", "Mi"], "MiB"),
    **dict.fromkeys(["gib", "Gi"], "GiB"),
    **dict.fromkeys(["percent", "pct"], "%"),
    **dict.fromkeys(["X", "times"], "x"),
}
_PARTS = re.compile(r"(?P<digits>\d[\d_]*(?P<float>(?:\.\d[\d_]*)?(?:[eE][-+]?\d[\d_]*)?))(?P<unit>.*)", re.DOTALL)
_HEIGHT = re.compile(r"x(\d[\d_]*)")
# More digits than this are a mistake (Python itself refuses to read more than 4300).
_MAX_DIGITS = 300


def number(span: Span) -> tuple[str, Any] | Diagnostic:
    """Kind and value of a number (see `nodes.Literal`), or what is wrong with it."""
    match = _PARTS.match(span.text)
    assert match is not None
    digits, unit = match["digits"].replace("_", ""), match["unit"]
    if len(span.text) > _MAX_DIGITS or math.isinf(float(digits)):
        return syntax.NumberTooLarge(span)
    value: int | float = float(digits) if match["float"] else int(digits)
    if not unit:
        return ("float" if match["float"] else "int"), value
    if unit in SECONDS:
        return "duration", value * SECONDS[unit]
    if unit == "%":
        return "float", value / 100
    if unit in FACTORS:
        return "float", value * FACTORS[unit]
    if unit in BYTES:
        return "int", round(value * BYTES[unit])
    height = _HEIGHT.fullmatch(unit)
    if height is not None and not match["float"]:
        return "size", (int(digits), int(height[1].replace("_", "")))
    return _unknown(span, match["digits"], unit)


def _unknown(span: Span, digits: str, unit: str) -> Diagnostic:
    known = [*SECONDS, *FACTORS, *BYTES]
    close = get_close_matches(unit, known, n=1, cutoff=0.6)
    suggestion = _ALIASES.get(unit) or (close[0] if close else None)
    return syntax.unknown_unit(span, unit, digits + suggestion if suggestion else None)
