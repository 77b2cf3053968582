"""The chain of ops on a 4K frame that is in the GPU's memory and stays there, by the functions of `gpu_kernels.py`:
checked, then timed beside PyTorch and a copy. Without a GPU it is checked alone, in Triton's interpreter.

    gpu_pixels.py JOB       see `gpu_measure.py`
"""

from __future__ import annotations

import secrets

import gpu_kernels
from gpu_cases import CASES
from gpu_measure import Answer, Job, answered

#: Runs of which each time is the median.
RUNS = 50


def main(job: Job, answer: Answer) -> None:
    [case] = [case for case in CASES if case.name == "chain"]
    size = gpu_kernels.CHECKED if gpu_kernels.GPU else gpu_kernels.SMALL
    row = gpu_kernels.Row(case.name, gpu_kernels.checked(case, size, secrets.randbits(32)))
    answer.put(error=row.error)
    if gpu_kernels.GPU:
        gpu_kernels.measured(case, row, RUNS)
        times = {"gflow": row.gflow, "copy": row.copy, "eager": row.eager, "compiled": row.compiled}
        answer.put(bytes=row.bytes, runs=RUNS, microseconds=times)


if __name__ == "__main__":
    answered(main)
