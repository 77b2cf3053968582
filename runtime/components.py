"""Networks of lowered models, each loaded once whatever models it belongs to.

A component is known by its identity, the hash of its graph and weights: two pipelines that share a text encoder
share one session. Weights are mapped from their files and converted at most once. Within a budget of memory,
those that are needed last are let go first (Belady, "A study of replacement algorithms", 1966); what is to come
is known from the plan.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Any

from gflow.kernels.threads import cores
from gflow.runtime.bundle import Bundle, Folder
from gflow.runtime.coming import Coming
from gflow.runtime.device import from_folder, on_device
from gflow.runtime.errors import OutOfMemory, OverBudget
from gflow.runtime.lowered import Component
from gflow.runtime.network import Network
from gflow.runtime.sessions import session
from gflow.runtime.targets import CPU, Place


@dataclass
class _Held:
    """A network that is loaded, or being loaded."""

    component: Component
    network: Future[Network]

    @property
    def idle(self) -> bool:
        """Whether it can be let go."""
        done = self.network.done() and self.network.exception() is None
        return done and not self.network.result().running


@dataclass
class Components:
    """The networks that are loaded. Safe to use from several threads.

    bundle: where the models are, if in one. memory: bytes that weights may take; None for no limit. coming: what
    of the plan is still to come; known: where each of its networks is, by identity. place: where they run. told: of
    a network that something slower than was planned runs it, and why. loaded, evicted: told the network, its bytes,
    and the seconds it took. loads, bytes_read: what loading has cost so far.
    """

    bundle: Bundle | None = None
    memory: int | None = None
    coming: Coming = field(default_factory=Coming)
    known: dict[str, tuple[Folder, Component]] = field(default_factory=dict)
    place: Place = CPU
    told: Callable[[str], None] = lambda why: None
    loaded: Callable[[str, int, float], None] = lambda label, bytes, seconds: None
    evicted: Callable[[str], None] = lambda label: None
    loads: int = 0
    bytes_read: int = 0
    _held: dict[str, _Held] = field(default_factory=dict)
    #: Those for which a device had no room ahead of time, until it has more.
    _waiting: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def network(self, folder: Folder, component: Component) -> Network:
        """The network of a component, loaded if it is not. `folder` is where its `lowered.json` is.

        Raises ModelMissing where its files are not what they should be, and OverBudget where the budget can't
        hold it."""
        while True:
            with self._lock:
                held = self._held.get(component.identity)
                fresh = held is None
                if held is None:
                    held = _Held(component, Future())
                    self._held[component.identity] = held
                else:
                    # The dict is in the order of last use.
                    self._held[component.identity] = self._held.pop(component.identity)
                self.coming.used(component.identity)
            if fresh:
                self._fill(held, folder, fits=False)
            try:
                found = held.network.result()
                self._load_next(held)
                return found
            except OutOfMemory:
                if fresh:
                    raise  # Else it was to be there ahead of time, which nothing was let go for.

    def prefetch(self, wanted: Sequence[tuple[Folder, Component]]) -> None:
        """Begins to load networks that will be needed, in this order, on all cores; not where the budget can't hold
        all that the plan needs, as they would only be in the way."""
        left = deque(wanted)

        def fill() -> None:
            while True:
                with self._lock:
                    if not left:
                        return
                    folder, component = left.popleft()
                    if component.identity in self._held or not self._fits(component):
                        continue
                    held = self._held[component.identity] = _Held(component, Future())
                self._fill(held, folder, fits=True)

        for _ in range(min(len(wanted), cores())):
            threading.Thread(target=fill, daemon=True).start()

    def _load_next(self, using: _Held) -> None:
        """Begins to load what the plan needs next, beside what runs now, where memory is limited: else everything
        is there soon. Only networks are let go for it that would have to go when it is needed."""
        if self.memory is None and self.place.device == "cpu":
            return
        with self._lock:
            wanted = next((each for each in self.coming.soon() if each not in self._held), None)
            if wanted is None or wanted not in self.known or wanted in self._waiting:
                return
            folder, component = self.known[wanted]
            gone, left = list[_Held](), dict(self._held)
            size = self.place.bytes(component)
            while self.memory is not None and size + self._bytes(left) > self.memory:
                victim = left.pop(self.coming.last([*left, wanted]) or "", None)
                if victim is None or victim is using or not victim.idle:
                    return
                gone.append(victim)
            for each in gone:
                self._drop(each)
            held = self._held[wanted] = _Held(component, Future())
        threading.Thread(target=self._fill, args=(held, folder, True), daemon=True).start()

    def release(self, identity: str) -> None:
        """Forgets a network; its memory is free once nobody runs it."""
        with self._lock:
            self._held.pop(identity, None)

    def held(self) -> int:
        """Bytes of the weights that are loaded, or being loaded."""
        with self._lock:
            return self._bytes(self._held)

    def _bytes(self, held: Mapping[str, _Held]) -> int:
        return sum(self.place.bytes(each.component) for each in held.values())

    def _fits(self, component: Component) -> bool:
        needed = max(self.coming.bytes, self.held() + self.place.bytes(component))
        return self.memory is None or needed <= self.memory

    def _fill(self, held: _Held, folder: Folder, fits: bool) -> None:
        try:
            if not fits:
                self._make_room(held)
            load = self._load if fits else self._load_or_let_go
            held.network.set_result(load(folder, held.component))
        except BaseException as error:
            if fits and isinstance(error, OutOfMemory):
                self._waiting.add(held.component.identity)
            self.release(held.component.identity)  # The next one who asks tries again.
            held.network.set_exception(error)

    def _load_or_let_go(self, folder: Folder, component: Component) -> Network:
        """Loads a network; where a device has no memory for it, others are let go."""
        while True:
            try:
                return self._load(folder, component)
            except OutOfMemory:
                if not self._let_go(component):
                    raise

    def _let_go(self, wanted: Component) -> bool:
        """Lets go of the idle network that is needed last. False where there is none."""
        with self._lock:
            idle = [each for each in self._held.values() if each.component is not wanted and each.idle]
            victim = self.coming.last([each.component.identity for each in idle])
            if victim is None:
                return False
            self._drop(self._held[victim])
        return True

    def _drop(self, held: _Held) -> None:
        """Lets a network go. Where the plan needs it again, a GPU's is kept in pinned memory."""
        component, pinned = held.component, self.place.pinned
        self._waiting.clear()
        self.release(component.identity)
        self.evicted(_label(component))
        form = self.place.forms.get(component.identity)
        if pinned is not None and form is not None and component.identity in self.coming.soon():
            threading.Thread(target=pinned.hold, args=(form.entries,), daemon=True).start()

    def _make_room(self, wanted: _Held) -> None:
        """Lets go of networks until the one that is wanted, which counts already, fits."""
        if self.memory is None:
            return
        size = self.place.bytes(wanted.component)
        if size > self.memory:
            raise OverBudget(
                f"the network `{_label(wanted.component)}` takes {size / 1e6:,.1f} MB, and there may be "
                f"{self.memory / 1e6:,.1f} MB",
                help=f"give it more: `--memory {math.ceil(size / 2**20)}MiB` or above",
            )
        while True:
            with self._lock:
                if self.held() <= self.memory:
                    return
                others = [each for each in self._held.values() if each is not wanted]
            if self._let_go(wanted.component):
                continue
            loading = [each.network for each in others if not each.network.done()]
            if not loading:
                return  # The rest is at work; what it holds is free when it is done.
            wait(loading)

    def _load(self, folder: Folder, component: Component) -> Network:
        package = self.place.packages.get(component.identity)
        if package is None:
            return self._on_onnx(folder, component)
        assert self.bundle is not None
        from gflow.runtime.engines import inductor

        begin = time.monotonic()
        try:
            data = self.bundle.read(package.entry)
            found = inductor.load(package, data, self.place, lambda: self._on_onnx(folder, component))
        except inductor.Refused as error:
            self.told(f"{_label(component)}: {error}; taking ONNX Runtime")
            return self._on_onnx(folder, component)
        self._note(component, time.monotonic() - begin)
        return found

    def _on_onnx(self, folder: Folder, component: Component) -> Network:
        form = self.place.forms.get(component.identity)
        if form is not None:
            assert self.bundle is not None
            begin = time.monotonic()
            found = on_device(self.bundle, form, self.place, lambda why: self.told(f"{_label(component)}: {why}"))
            if found is not None:
                self._note(component, time.monotonic() - begin)
                return found

        def made(split: bool) -> Any:
            begin = time.monotonic()
            found = session(folder, component, split=split)
            self._note(component, time.monotonic() - begin)
            return found

        if self.place.device != "cpu" and self.bundle is None:
            begin = time.monotonic()
            found = from_folder(folder, component, self.place.device)
            self._note(component, time.monotonic() - begin)
            return found
        return Network(made, self.coming.least.get(component.identity, 1))

    def _note(self, component: Component, seconds: float) -> None:
        with self._lock:
            self.loads += 1
            self.bytes_read += component.bytes
        self.loaded(_label(component), component.bytes, seconds)


def _label(component: Component) -> str:
    """What people call a network: its graph's name."""
    return component.graph.rpartition("/")[2].partition(".")[0]
