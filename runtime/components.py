"""Networks of lowered models, each loaded once whatever models it belongs to.

A component is known by its identity, the hash of its graph and weights: two pipelines that share a text encoder
share one session. Weights are mapped from their files and converted at most once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gflow.kernels.types import Array
from gflow.runtime import weights
from gflow.runtime.errors import EngineFailed, OutOfMemory
from gflow.runtime.lowered import Component


class Network:
    """A component that is ready to run."""

    def __init__(self, session: Any, held: int) -> None:
        self._session = session
        self.held = held
        self.inputs = {value.name for value in session.get_inputs()}
        self.outputs = [value.name for value in session.get_outputs()]

    def run(self, feeds: Mapping[str, Any], outputs: Sequence[str] | None = None) -> list[Array]:
        """The outputs (all of them unless named), in order. Inputs that the graph does not have are left out.

        Raises OutOfMemory and EngineFailed."""
        known = {name: value for name, value in feeds.items() if name in self.inputs}
        try:
            found: list[Array] = self._session.run(outputs, known)
        except Exception as error:  # ONNX Runtime's errors have no common class.
            text = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            if "allocat" in text.lower() or "memory" in text.lower():
                raise OutOfMemory(f"there is not enough memory: {text}", help="ask for a smaller size") from error
            raise EngineFailed(f"ONNX Runtime failed: {text}") from error
        return found


@cache
def _share_threads() -> None:
    """One pool of threads for all networks: pools of their own spin against each other (three times slower, with
    two networks in turn on two cores)."""
    import onnxruntime as ort

    ort.set_global_thread_pool_sizes(len(os.sched_getaffinity(0)), 1)


@dataclass
class Components:
    """The networks that are loaded. Safe to use from several threads.

    loads, bytes_read: what loading has cost so far.
    """

    loads: int = 0
    bytes_read: int = 0
    _networks: dict[str, Future[Network]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def network(self, folder: Path, component: Component) -> Network:
        """The network of a component, loaded if it is not. `folder` is where its `lowered.json` is.

        Raises ModelMissing where its files are not what they should be."""
        future, fresh = self._future(component)
        if fresh:
            self._fill(future, folder, component)
        return future.result()

    def prefetch(self, folder: Path, component: Component) -> None:
        """Begins to load a network that will be needed, in a thread of its own."""
        future, fresh = self._future(component)
        if fresh:
            threading.Thread(target=self._fill, args=(future, folder, component), daemon=True).start()

    def release(self, identity: str) -> None:
        """Forgets a network; its memory is free once nobody runs it."""
        with self._lock:
            self._networks.pop(identity, None)

    def held(self) -> int:
        """Bytes of the weights that are loaded."""
        with self._lock:
            ready = [future for future in self._networks.values() if future.done() and not future.exception()]
            return sum(future.result().held for future in ready)

    def _future(self, component: Component) -> tuple[Future[Network], bool]:
        """The future of a network, and whether the caller is to fill it."""
        with self._lock:
            known = self._networks.get(component.identity)
            if known is not None:
                return known, False
            future = self._networks[component.identity] = Future()
            return future, True

    def _fill(self, future: Future[Network], folder: Path, component: Component) -> None:
        try:
            future.set_result(self._load(folder, component))
        except BaseException as error:
            self.release(component.identity)  # The next one who asks tries again.
            future.set_exception(error)

    def _load(self, folder: Path, component: Component) -> Network:
        import onnxruntime as ort

        _share_threads()
        options = ort.SessionOptions()
        options.use_per_session_threads = False
        options.log_severity_level = 3
        names, values = [], []
        for name, tensor in weights.read(folder, component):
            names.append(name)
            values.append(ort.OrtValue.ortvalue_from_numpy(tensor))
        options.add_external_initializers(names, values)
        graph = weights.placed((folder / component.graph).read_bytes(), [("", 0)] * len(names))
        session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        with self._lock:
            self.loads += 1
            self.bytes_read += component.bytes
        return Network(session, component.bytes)
