"""Runs a plan: `Executor(plan, seed=0).run("poster", {"idea": "a red circle"})`.

What is independent runs at once (`machine`, `scope`), calls of models in batches (`batches`), within a budget
of memory (`components`). Randomness comes by address (`gflow.kernels.noise`): a flow's key is derived from the
run's seed by its name, a loop's by the index, so nothing depends on the order in which steps run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gflow.kernels import noise
from gflow.runtime import plan as p
from gflow.runtime.batches import Calls, Models
from gflow.runtime.blocks import Analysis
from gflow.runtime.bundle import Bundle, Folder
from gflow.runtime.cache import Results
from gflow.runtime.coming import Networks, used
from gflow.runtime.components import Components
from gflow.runtime.early import pictures
from gflow.runtime.engines import choose
from gflow.runtime.engines.base import LoadedModel
from gflow.runtime.errors import InputError
from gflow.runtime.lowered import Component
from gflow.runtime.machine import Machine
from gflow.runtime.scope import Run
from gflow.runtime.targets import here, place


class Observer:
    """Is told what happens. The methods do nothing: override what is of interest. Calls come from several
    threads, one at a time."""

    def started(self, label: str, place: str, path: str) -> None:
        """A model's call, or a batch of them, begins. `path` is where its randomness is, `poster/images[3]`; of a
        batch, its first call's."""

    def progress(self, done: int, total: int) -> None:
        """Steps done of the call or batch that runs."""

    def batch(self, label: str, size: int, used: int) -> None:
        """The call that began is a batch of `size`, of which `used` are asked for; the rest is padding."""

    def kept(self, label: str) -> None:
        """A call's result was kept from an earlier run; it is not made again."""

    def finished(self) -> None:
        """The call is over."""

    def computed(self, label: str, place: str, begin: float, seconds: float) -> None:
        """An op that takes long, a chain of them or a script's own function was at work. begin:
        `time.monotonic()`."""

    def loop(self, path: str, done: int, total: int) -> None:
        """Items done of a map, attempts of a refine."""

    def warning(self, message: str, place: str) -> None:
        """Something that the user should know."""

    def loaded(self, label: str, bytes: int, seconds: float) -> None:
        """A network's weights were loaded."""

    def evicted(self, label: str) -> None:
        """A network's weights were let go, as the budget demands."""


class Executor:
    """Runs flows of one plan. Each model is loaded once, when it is first called, and kept while memory allows.

    seed: what all randomness is derived from. stand_ins: placeholders answer instead of models. exact: batches
    of a call all have one size, so that the bits of a picture don't depend on how many are made. memory: bytes
    that weights may take. bundle: what the plan and its models came from, where it was one. results: where the
    results of models' calls are kept from run to run.
    """

    def __init__(
        self,
        plan: p.Plan,
        *,
        seed: int = 0,
        stand_ins: bool = False,
        observer: Observer | None = None,
        exact: bool = False,
        memory: int | None = None,
        bundle: Bundle | None = None,
        results: Results | None = None,
    ) -> None:
        self.plan = plan
        self.seed = seed
        self.stand_ins = stand_ins
        self.observer = observer or Observer()
        self._telling = threading.Lock()
        self.components = Components(
            bundle, memory=memory, told=self._told, loaded=self._loaded, evicted=self._evicted
        )
        networks = any(model.lowered is not None for model in plan.models.values())
        if networks and not stand_ins:
            self.components.place = here() if bundle is None else place(bundle)
            if self.components.place.told:
                self.observer.warning(self.components.place.told, "")
        self._models = Models(self._load, self._takes_batches, exact=exact, results=None if stand_ins else results)
        self._analysis = Analysis(plan)
        self._networks = Networks(plan, bundle, place=self.components.place)
        self.components.known = {} if stand_ins else self._known()
        if bundle is not None and (why := bundle.offer_kernels()):
            self.observer.warning(f"pictures are computed in NumPy, which takes longer: {why}", "")

    def run(self, flow: str, args: Mapping[str, Any], *, finish: Callable[[Any], Any] | None = None) -> Any:
        """The result of a flow; its pictures may be on a device (`gflow.kernels.pixel.device.hosted`). Arguments
        are running values; missing ones take their defaults. finish: is given pictures of the result as soon as
        they are there, those that nothing else reads; what it gives takes their place. Raises RunError, and
        InputError where an argument is missing or there is no parameter for it."""
        called = self.plan.flows[flow]
        missing = [param.name for param in called.params if param.required and param.name not in args]
        unknown = args.keys() - {param.name for param in called.params}
        if missing or unknown:
            what = f"needs `{missing[0]}`" if missing else f"has no parameter `{min(unknown)}`"
            raise InputError(f"the flow `{flow}` {what}")
        given = {
            param.name: args[param.name] if param.name in args else p.decode(param.type, param.default)
            for param in called.params
        }
        return self._run(called, given, noise.root(self.seed).derive(called.name), finish)

    def prefetch(self, flow: str) -> None:
        """Begins to load the networks that a flow will need, the largest first: what is small and needed sooner is
        loaded by who needs it, at the same time. For runs that will surely take them."""
        ahead, known = used(self._networks, self.plan.flows[flow]), self.components.known
        if ahead.least:
            self.components.coming = ahead
            wanted = sorted((known[identity] for identity in ahead.least), key=lambda each: -each[1].bytes)
            self.components.prefetch(wanted)

    def _known(self) -> dict[str, tuple[Folder, Component]]:
        """Where the plan's networks are, by identity."""
        bundle, found = self.components.bundle, dict[str, tuple[Folder, Component]]()
        for name, model in self.plan.models.items():
            lowered = self._networks.lowered(name)
            if lowered is not None and model.lowered is not None:
                folder = Path(model.lowered) if bundle is None else bundle.folder(model.lowered)
                found |= {component.identity: (folder, component) for component in lowered.components.values()}
        return found

    def run_test(self, title: str) -> None:
        """Runs a test. Raises RunError where it fails."""
        self._run(self.plan.tests[title], {}, noise.root(self.seed).derive(f"test {title}"))

    def model(self, name: str) -> LoadedModel:
        """The model of that name, ready."""
        return self._models.model(name)

    @property
    def models(self) -> dict[str, LoadedModel]:
        """The models that are loaded, by name."""
        return self._models.loaded

    def _run(
        self,
        flow: p.Flow,
        args: Mapping[str, Any],
        key: noise.Key,
        finish: Callable[[Any], Any] | None = None,
    ) -> Any:
        machine = Machine()
        calls = Calls(self.plan, self._models, machine, self.observer, self._telling)
        if not self.stand_ins:
            self.components.coming = used(self._networks, flow)
        on_device = self.components.place.pixels is not None
        run = Run(self.plan, self._analysis, machine, calls, self.observer, on_device)
        if finish is not None:
            run = replace(run, pictures=pictures(self._analysis, flow), finish=finish)
        return machine.run(run.flow(flow, args, key).block())

    def _load(self, name: str) -> LoadedModel:
        model, begin = self.plan.models[name], time.monotonic()
        loaded = choose(model, self.components, stand_ins=self.stand_ins).load(model)
        if model.lowered is None and model.folder is not None and not self.stand_ins:
            # Else its networks are told one by one, when they are loaded.
            place = Path(model.folder)
            files = place.rglob("*.safetensors") if place.is_dir() else [place]
            self._loaded(name, sum(file.stat().st_size for file in files), time.monotonic() - begin)
        return loaded

    def _loaded(self, label: str, bytes: int, seconds: float) -> None:
        with self._telling:
            self.observer.loaded(label, bytes, seconds)

    def _told(self, why: str) -> None:
        with self._telling:
            self.observer.warning(why, "")

    def _evicted(self, label: str) -> None:
        with self._telling:
            self.observer.evicted(label)

    def _takes_batches(self, name: str) -> bool:
        model = self.plan.models[name]
        return not self.stand_ins and model.lowered is not None and model.args.get("endpoint") is None
