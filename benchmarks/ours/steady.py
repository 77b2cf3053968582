"""Calls a flow of a bundle for each line of standard input, in one process. Tells the seconds that took, and how
far its last loop came.

    steady.py BUNDLE FLOW
"""

from __future__ import annotations

import json
import sys
import time

import gflow
from gflow.runtime.executor import Observer


class Loops(Observer):
    """How many items of a map, or attempts of a refine, the last loop took."""

    done = 0

    def loop(self, path: str, done: int, total: int) -> None:
        self.done = done


def main(bundle: str, flow: str) -> None:
    loops = Loops()
    call = getattr(gflow.load(bundle, observer=loops), flow)
    takes = call.__signature__.parameters
    for line in sys.stdin:
        asked = json.loads(line)
        arguments = {name: value for name, value in asked.items() if name in takes}
        start = time.perf_counter()
        picture = call(**arguments)
        seconds = time.perf_counter() - start
        picture.save(asked["out"])
        print(seconds, loops.done, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
