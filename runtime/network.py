"""A loaded network, and how its batches are spread over the cores.

ONNX Runtime spreads each operator over threads that wait for each other after it. Where a batch can be cut into
equal parts, a part a core, nobody waits before the end: that is 1.1 to 1.4 times as fast on two cores, for small
networks most of all. Parts are equal, so that what is computed of a sample does not depend on its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from gflow.kernels.threads import at_once, cores
from gflow.kernels.types import Array
from gflow.runtime.cuda import NoCuda
from gflow.runtime.errors import EngineFailed, OutOfMemory, RunError

#: What the batch axis of a graph is called.
BATCH = "batch"


def parts(batch: int) -> int:
    """How many equal parts a batch is run in: 1 where that would leave half of the cores idle."""
    most = next(count for count in range(min(batch, cores()), 0, -1) if batch % count == 0)
    return most if 2 * most > cores() else 1


def options(*, split: bool) -> Any:
    """How a session runs: on one core, for parts of batches (`split`), or on all."""
    import onnxruntime as ort

    made = ort.SessionOptions()
    made.intra_op_num_threads = 1 if split else cores()
    made.log_severity_level = 3
    # Without it, sums of two products of 8 bits are cut off at 16 bits on processors without VNNI.
    made.add_session_config_entry("session.x64quantprecision", "1")
    # Threads that spin for longer than operators are apart take the cores from whoever is next.
    made.add_session_config_entry("session.intra_op.spin_duration_us", "50")
    made.add_session_config_entry("session.force_spinning_stop", "1")
    return made


def failed(error: Exception, library: str = "ONNX Runtime") -> EngineFailed:
    """An error of a library, or of the GPU, as ours."""
    if isinstance(error, NoCuda) and not error.out_of_memory:
        return EngineFailed(f"the GPU failed: {error}")
    text = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    full = isinstance(error, NoCuda | MemoryError) or "allocat" in text.lower() or "memory" in text.lower()
    if full:
        return OutOfMemory(f"there is not enough memory: {text}", help="ask for a smaller size")
    return EngineFailed(f"{library} failed: {text}")


class Network:
    """A component that is ready to run.

    load: makes a session, for parts of batches or for all cores. least: as small a batch as will be run, which
    decides between the two. Where a smaller one comes after all, the session is replaced once. library: whose
    sessions they are.
    """

    library = "ONNX Runtime"

    def __init__(self, load: Callable[[bool], Any], least: int) -> None:
        self._load = load
        self._split = parts(least) > 1
        self._session = load(self._split)
        ends = (*self._session.get_inputs(), *self._session.get_outputs())
        self._batches = all(value.shape[:1] == [BATCH] for value in ends)
        self.inputs = {value.name for value in self._session.get_inputs()}
        self.outputs = [value.name for value in self._session.get_outputs()]
        self.running = 0

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> list[Array]:
        """The outputs (all of them unless named), in order. Inputs that the graph does not have are left out.

        Raises OutOfMemory and EngineFailed."""
        known = {name: value for name, value in feeds.items() if name in self.inputs}
        with self.telling():
            count = parts(len(next(iter(known.values())))) if self._batches else 1
            if self._split and count == 1 and cores() > 1:
                self._split, self._session = False, None
                self._session = self._load(False)
            found: list[Array]
            found = self._spread(known, outputs, count) if self._split else self._whole(known, outputs)
            return found

    def _whole(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None) -> list[Array]:
        """In one call of the session."""
        found: list[Array] = self._session.run(outputs, feeds)
        return found

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Says that the network is at work, and what goes wrong by our errors."""
        self.running += 1
        try:
            yield
        except RunError:
            raise
        except Exception as error:  # Neither ONNX Runtime's errors nor torch's have a common class.
            raise failed(error, self.library) from error
        finally:
            self.running -= 1

    def _spread(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None, count: int) -> list[Array]:
        """In equal parts, side by side."""
        columns = zip(*(np.split(value, count) for value in feeds.values()), strict=True)
        cut = [dict(zip(feeds, column, strict=True)) for column in columns]
        made = at_once([partial(self._session.run, outputs, part) for part in cut], "network")
        return [np.concatenate(each) for each in zip(*made, strict=True)]
