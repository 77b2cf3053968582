"""The kernel of a denoise step on a GPU: which there are, and what each takes.

One kernel a step does guidance, the recurrence of `gflow.runtime.denoise` and the blend of inpainting, and writes
what the network reads next. `triton_denoise` has its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gflow.runtime.denoise import Schedule, Schedules, Step

#: Numbers that a program makes.
BLOCK = 1024


class Update(NamedTuple):
    """What decides the code of a step. states, draws: how many arrays are read beside the network's output; rows:
    how many are made. guided: the network reads each sample twice and gave two outputs, without and with the
    prompt. blended: a mask keeps a picture."""

    states: int
    draws: int
    rows: int
    guided: bool
    blended: bool

    @property
    def name(self) -> str:
        marks = ("guided" if self.guided else "plain") + ("_blended" if self.blended else "")
        return f"gf_step_{self.states}_{self.draws}_{self.rows}_{marks}"

    @property
    def reads(self) -> list[str]:
        """What the network reads next, one or two copies."""
        return ["reads", "reads_again"] if self.guided else ["reads"]

    @property
    def outputs(self) -> list[str]:
        """What the network gave."""
        return ["without", "guided"] if self.guided else ["output"]

    @property
    def arrays(self) -> list[str]:
        """The addresses that the kernel takes first: of what it makes, then of what it reads."""
        made = [f"into{row}" for row in range(self.rows)]
        blend = ["mask", "picture", "added"] if self.blended else []
        return [*made, *self.reads, *self._parts(self.outputs), *blend]

    def _parts(self, network: Sequence[str]) -> list[str]:
        states = [f"state{number}" for number in range(self.states)]
        return [*states, *network, *(f"draw{number}" for number in range(self.draws))]

    @property
    def parts(self) -> list[str]:
        """The columns of a step's matrix."""
        return self._parts(["output"])

    @property
    def numbers(self) -> list[str]:
        """The numbers that it takes behind the count: the matrix row by row, what the network reads is multiplied
        by, the guidance, the blend."""
        matrix = [f"c{row}_{part}" for row in range(self.rows) for part in self.parts]
        guidance, blend = ["guidance"] if self.guided else [], ["keep", "noisy"] if self.blended else []
        return [*matrix, "scale", *guidance, *blend]

    @property
    def sizes(self) -> list[str]:
        """How many numbers an array has, which the kernel takes before the numbers; and behind those, how many a
        sample has, in the arrays and as the network reads it, and a channel."""
        return ["count", "sample", "room", "plane"]

    def types(self, network: str = "fp32") -> list[str]:
        """The types of all that it takes, by Triton's names. network: of what the network gives."""
        arrays = [f"*{network}" if name in self.outputs else "*fp32" for name in self.arrays]
        return [*arrays, "i32", *["fp32"] * len(self.numbers), *["i32"] * (len(self.sizes) - 1)]

    @property
    def aligned(self) -> range:
        """Places of what its faster form needs to be multiples of 16: addresses, and the count."""
        return range(len(self.arrays) + 1)

    def values(
        self, step: Step, shape: Sequence[int], *, scale: float, guidance: float, channels: int
    ) -> list[float]:
        """What it takes behind the addresses. shape: of the arrays, (batch, channels, height, width). scale: what
        the network reads next is multiplied by; channels: how many it reads."""
        count, plane = shape[0] * shape[1] * shape[2] * shape[3], shape[2] * shape[3]
        numbers = [float(coefficient) for row in step.rows for coefficient in row]
        numbers += [float(scale), *([float(guidance)] if self.guided else [])]
        numbers += map(float, step.mix) if self.blended else ()
        return [count, *numbers, shape[1] * plane, channels * plane, plane]


def update(step: Step, states: int, *, guided: bool, blended: bool) -> Update:
    """What a step is computed by, from a state of so many arrays."""
    return Update(states, step.draws, len(step.rows), guided, blended)


def updates(schedule: Schedule, *, guided: bool, blended: bool = False) -> list[Update]:
    """What a loop's steps are computed by, each once."""
    found, states = {}, 1
    for step in schedule.steps:
        found[update(step, states, guided=guided, blended=blended)] = True
        states = len(step.rows)
    return list(found)


def all_updates(schedules: Schedules, guided: Sequence[bool], blended: Sequence[bool]) -> list[Update]:
    """What a model's loops are computed by, each once: with guidance, without, or both; so with masks."""
    found: dict[Update, bool] = {}
    for schedule in schedules.all():
        for with_guidance in guided:
            for with_mask in blended:
                found |= dict.fromkeys(updates(schedule, guided=with_guidance, blended=with_mask), True)
    return list(found)
