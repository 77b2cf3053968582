"""Work on a GPU, recorded once and started again as one (CUDA graphs): the host's time for each kernel of a network
is what limits small batches.

What is recorded reads and writes fixed addresses, so it is known by them and by the shapes.
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from gflow.runtime import cuda

#: How many are kept: a few sizes, and two sets of arrays each.
_MOST = 8

#: Only this thread's calls are recorded (`CUstreamCaptureMode`).
_THIS_THREAD = 1


class Graphs:
    """Recorded work of one stream; not for several threads at once."""

    def __init__(self, stream: int) -> None:
        self.stream = ctypes.c_void_p(stream)
        self._known: OrderedDict[Hashable, ctypes.c_void_p | None] = OrderedDict()

    def run(self, key: Hashable, enqueue: Callable[[], Any]) -> None:
        """Gives the stream some work. The first time `enqueue` does it, as what is set up then can't be recorded;
        the second time it is recorded, and from then on only started. Raises NoCuda."""
        cuda.current()
        if key not in self._known:
            enqueue()
            self._keep(key, None)
            return
        self._known.move_to_end(key)
        recorded = self._known[key]
        if recorded is None:
            recorded = self._recorded(enqueue)
            self._keep(key, recorded)
        cuda.called("cuGraphLaunch", recorded, self.stream)

    def _recorded(self, enqueue: Callable[[], Any]) -> ctypes.c_void_p:
        graph, found = ctypes.c_void_p(), ctypes.c_void_p()
        cuda.called("cuStreamBeginCapture_v2", self.stream, _THIS_THREAD)
        try:
            enqueue()
        finally:
            cuda.called("cuStreamEndCapture", self.stream, ctypes.byref(graph))
        cuda.called("cuGraphInstantiateWithFlags", ctypes.byref(found), graph, ctypes.c_uint64(0))
        cuda.called("cuGraphDestroy", graph)
        return found

    def _keep(self, key: Hashable, recorded: ctypes.c_void_p | None) -> None:
        self._known[key] = recorded
        while len(self._known) > _MOST:
            _, gone = self._known.popitem(last=False)
            if gone is not None:
                cuda.called("cuGraphExecDestroy", gone)
