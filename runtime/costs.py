"""What calls cost on this machine: the table that batches are sized by."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gflow.kernels.files import whole
from gflow.runtime.cache import folder

#: How many calls may run as one, unless a table says more.
SIZES = (1, 2, 4, 8)


#: What one call costs where nothing was measured, in denoise loops.
SINGLE = {
    "diffusion.encode_text": 0.02,
    "diffusion.encode_image": 0.1,
    "diffusion.decode": 0.1,
    "scorer.score": 0.05,
    "scorer.embed": 0.03,
    "scorer.compare": 0.0,
}


class Costs(msgspec.Struct, frozen=True):
    """seconds: by "provider.stage" and batch size, what a batch takes on this machine. Without an entry, a
    batch of n is taken to cost what `relative` says, in calls one by one."""

    seconds: dict[str, dict[int, float]] = {}
    machine: str = ""

    def batch(self, stage: str, size: int) -> float:
        """The cost of a batch, in seconds where it was measured, else relative to one denoise loop."""
        known = self.seconds.get(stage) or {}
        if size in known:
            return known[size]
        below = max((each for each in known if each < size), default=0)
        above = min((each for each in known if each > size), default=0)
        if below and above:
            share = (size - below) / (above - below)
            return known[below] + share * (known[above] - known[below])
        # On a CPU a call of a batch of 8 costs some 0.7 of a call alone, on a GPU less.
        measured = below or above or 1
        single = known.get(measured, SINGLE.get(stage, 1.0))
        return single * _relative(size) / _relative(measured)

    def sizes(self, stage: str, count: int, allowed: tuple[int, ...]) -> list[int]:
        """The batches, of allowed sizes, that run `count` calls at the least cost; the last may be padded."""
        price = {size: self.batch(stage, size) for size in allowed}
        # The cost of so many calls, how many batches they are, and the last batch.
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for total in range(1, count + 1):
            options = [(total - size if total > size else 0, size) for size in allowed]
            best.append(
                min((round(best[rest][0] + price[size], 9), best[rest][1] + 1, size) for rest, size in options)
            )
        found, left = [], count
        while left > 0:
            found.append(best[left][2])
            left -= best[left][2]
        return sorted(found, reverse=True)


def _relative(size: int) -> float:
    """A batch's cost in single calls, where nothing was measured."""
    return 0.3 + 0.7 * size if size > 1 else 1.0


def file() -> Path:
    """Where the measured table is."""
    return folder() / "costs.json"


def load() -> Costs:
    """The table of this machine; the default where none was measured."""
    try:
        return msgspec.json.decode(file().read_bytes(), type=Costs)
    except (OSError, msgspec.MsgspecError):
        return Costs()


def write(costs: Costs) -> None:
    """Keeps the table of this machine; the file is whole at any instant. Raises OSError."""
    place = file()
    place.parent.mkdir(parents=True, exist_ok=True)
    whole(place, lambda part: part.write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=1)))
