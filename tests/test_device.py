"""Loops whose arrays are bound to a device, tried with the CPU as the device: the same code as for a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gflow.compiler.device_graphs import GRAPHS
from gflow.kernels.types import Array
from gflow.runtime import denoise, device_denoise
from gflow.runtime import lowered as low
from gflow.runtime.coming import Coming
from gflow.runtime.components import Components
from gflow.runtime.denoise import Schedule, Step
from gflow.runtime.device import Bound, empty
from gflow.runtime.engines.onnx_diffusion import DiffusionModel
from gflow.runtime.engines.onnx_language import LanguageModel
from gflow.runtime.errors import OutOfMemory
from gflow.runtime.loops import MOST
from gflow.runtime.network import Network
from gflow.runtime.sessions import session
from gflow.runtime.targets import Place

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "gflow" / "starter"


def bound(model: str, part: str) -> Bound:
    folder = STARTER / model / "lowered"
    return Bound(session(folder, low.read(folder).components[part], split=False), "cpu")


def loop(states: int, draws: int, steps: int = 5) -> Schedule:
    """A loop with a state of so many arrays, beginning with one, as loops do."""
    rng = np.random.default_rng(states * 10 + draws)
    made, before = [], 1
    for number in range(steps):
        rows = rng.uniform(-0.5, 0.5, (states, before + 1 + draws)).tolist()
        made.append(Step(900 - 100 * number, 0.9 if number % 2 else 1.0, rows, draws, (0.5, 0.5)))
        before = states
    return Schedule(made, 1.0, (0.5, 0.5))


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_graphs_are_what_their_source_makes(name: str) -> None:
    assert (ROOT / "runtime" / name).read_bytes() == GRAPHS[name]()


@pytest.mark.parametrize(("states", "draws"), [(1, 0), (1, 1), (3, 0), (4, 2)])
@pytest.mark.parametrize("guidance", [None, 7.5])
def test_a_loop_on_a_device_is_the_loop_in_numpy(states: int, draws: int, guidance: float | None) -> None:
    network, schedule = bound("scenes", "network"), loop(states, draws)
    times = 1 if guidance is None else 2
    sample, text = normal(2, 8, 8, 8), normal(2 * times, 24, 128, seed=1)
    told: list[tuple[int, int]] = []

    def noises() -> Any:
        rng = np.random.default_rng(5)
        return lambda: rng.standard_normal(sample.shape).astype(np.float32)

    def predict(latents: Array, timestep: float) -> Array:
        many = np.concatenate([latents] * times)
        found = network.run({"sample": many, "timestep": np.full(len(many), timestep, np.float32), "text": text})[0]
        if guidance is None:
            return found
        without, given = np.split(found, 2)
        return np.asarray(without + (given - without) * np.float32(guidance), np.float32)

    expected = denoise.replay(schedule, sample, predict, noise=noises())
    got = device_denoise.replay(
        schedule,
        sample,
        network,
        {"text": text, "not an input": text},
        guidance=guidance,
        noise=noises(),
        step=lambda done, total: told.append((done, total)),
    )
    assert got.shape == expected.shape and got.dtype == np.float32
    assert np.abs(got - expected).max() < 2e-4 * np.abs(expected).max()
    assert told == [(number, 5) for number in range(1, 6)]


class Seen(Bound):
    """Notes what is copied to the device outside of a loop's arrays, and the thread and the options of calls."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.copied, self.threads, self.numbers = list[int](), set[int](), list[int]()
        super().__init__(*args, **more)

    def put(self, array: Any) -> Any:
        self.copied.append(array.size)
        return super().put(array)

    def _call(self, call: Any, number: int) -> Any:
        def noted(*options: Any) -> Any:
            self.threads.add(threading.get_ident())
            self.numbers.extend(int(each.get_run_config_entry("gpu_graph_id")) for each in options)
            return call(*options)

        return super()._call(noted, number)


def seen(*, records: bool = False) -> Seen:
    folder = STARTER / "scenes" / "lowered"
    return Seen(session(folder, low.read(folder).components["network"], split=False), "cpu", records=records)


def replayed(network: Bound, sample: Array, text: Array, steps: int = 4) -> Array:
    return device_denoise.replay(
        loop(2, 0, steps=steps), sample, network, {"text": text}, guidance=None, noise=lambda: sample
    )


def test_inputs_stay_on_the_device_through_the_loop() -> None:
    """Between steps, nothing as large as a latent is copied."""
    network, sample, text = seen(), normal(1, 8, 8, 8), normal(1, 24, 128)
    replayed(network, sample, text)
    large = [size for size in network.copied if size >= sample.size]
    assert large == [sample.size, sample.size]  # No noise, and the state.


def test_loops_of_a_size_find_their_arrays_where_they_were() -> None:
    """As recorded work reads and writes them there; what an earlier loop was given is not changed."""
    network, sample, text = seen(), normal(1, 8, 8, 8), normal(1, 24, 128)
    given = text.copy()
    first = replayed(network, sample, text)
    [known] = network.loops._known.values()
    assert known.outputs is not None
    places = [value.data_ptr() for value in (*known.feeds.values(), *known.outputs)]
    other = replayed(network, normal(1, 8, 8, 8, seed=2), normal(1, 24, 128, seed=3))
    assert np.array_equal(replayed(network, sample, text), first) and not np.array_equal(other, first)
    assert [value.data_ptr() for value in (*known.feeds.values(), *known.outputs)] == places
    assert np.array_equal(text, given)
    replayed(network, normal(2, 8, 8, 8), normal(2, 24, 128))
    assert [each.number for each in network.loops._known.values()] == [1, 2]


def test_a_session_that_records_is_called_by_one_thread_and_told_which_loop() -> None:
    network, sample, text = seen(records=True), normal(1, 8, 8, 8), normal(1, 24, 128)
    expected = replayed(bound("scenes", "network"), sample, text)
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(replayed, network, sample, text).result() for _ in range(3)]
    assert all(np.array_equal(each, expected) for each in made)
    assert len(network.threads) == 1 and threading.get_ident() not in network.threads
    # The first call makes the outputs, and what it does is not recorded.
    assert network.numbers == [-1, *[1] * 11]
    for batch in range(2, 12):
        replayed(network, normal(batch, 8, 8, 8), normal(batch, 24, 128), steps=2)
    assert max(network.numbers) == MOST and network.numbers[-2:] == [-1, -1]
    assert len(network.loops._known) == MOST
    feeds = {"sample": sample, "text": text, "timestep": np.zeros(1, np.float32)}
    network.run(feeds)
    assert network.numbers[-1] == -1


class Everywhere(Components):
    """Networks bound to a device, as on a GPU."""

    def network(self, folder: Any, component: low.Component) -> Bound:
        return Bound(session(folder, component, split=False), "cpu")


def context_free_call(model: Any, method: str, args: dict[str, Any]) -> Any:
    from gflow.kernels import noise
    from gflow.runtime.engines.base import CallContext

    return model.call(method, args, key=noise.root(3), as_type=None, context=CallContext())


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_a_diffusion_model_paints_the_same_on_a_device(guidance: float) -> None:
    from gflow.kernels.models import providers

    folder = STARTER / "scenes" / "lowered"
    lowered = low.read(folder)
    params = providers()["diffusion"].method("generate").signature.params
    args = {param.name: param.default for param in params}
    args |= {"prompt": "a red circle", "steps": 4, "guidance_scale": guidance, "size": None}
    ours, theirs = (
        context_free_call(DiffusionModel(folder, lowered, components), "generate", args)
        for components in (Everywhere(), Components())
    )
    assert np.abs(ours - theirs).max() < 1e-3


def test_a_language_model_keeps_what_it_read_on_the_device() -> None:
    folder = STARTER / "writer" / "lowered"
    lowered = low.read(folder)
    on_device, plain = (LanguageModel(folder, lowered, each).reader() for each in (Everywhere(), Components()))
    for ids in ([5, 9, 17], [3], [8]):
        ours, theirs = on_device.read(ids, last_only=False), plain.read(ids, last_only=False)
        assert np.abs(ours - theirs).max() < 1e-3
    assert not isinstance(on_device.past, np.ndarray)


def test_the_lean_runtime_finds_the_graph_in_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "s.gflow").write_text("flow f() -> int { 1 }\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    made = [sys.executable, "-m", "gflow", "compile", str(tmp_path / "s.gflow"), "-o", str(tmp_path / "s")]
    assert subprocess.run(made, env=environment, capture_output=True).returncode == 0
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from gflow.runtime.device import graph\n"
        "made = [graph(name, 'cpu').outputs for name in ('step.onnx', 'sums.onnx')]\n"
        "print(*made, sys.modules['gflow'].__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path / "s")], capture_output=True, text=True, cwd=tmp_path
    )
    assert "['made', 'sample'] ['sums']" in done.stdout and "s/gflow/__init__" in done.stdout, done.stderr


class Card(Components):
    """A device that holds so many networks. tried: those that were to be loaded."""

    def __init__(self, room: int, **more: Any) -> None:
        super().__init__(**more)
        self.room, self.tried = room, list[str]()

    def _load(self, folder: Any, component: low.Component) -> Network:
        self.tried.append(component.graph)
        if len(self._held) > self.room:
            raise OutOfMemory("there is not enough memory")
        return super()._load(folder, component)


def test_networks_that_are_idle_make_room_on_a_device_that_is_full() -> None:
    folder = STARTER / "scenes" / "lowered"
    parts = low.read(folder).components
    gone: list[str] = []
    card = Card(2, evicted=gone.append)
    for name in ("text_encoder", "network", "decoder"):
        card.network(folder, parts[name])
    assert gone == ["text_encoder"] and len(card._held) == 2
    card.network(folder, parts["decoder"]).running = card.network(folder, parts["network"]).running = 1
    with pytest.raises(OutOfMemory):
        card.network(folder, parts["text_encoder"])
    assert len(card._held) == 2


def test_what_a_device_has_no_room_for_is_not_tried_again_until_it_has_more() -> None:
    folder = STARTER / "scenes" / "lowered"
    parts = low.read(folder).components
    card = Card(1, place=Place("cuda:sm_90", "a device"))
    card.known = {part.identity: (folder, part) for part in parts.values()}
    card.coming = Coming([parts[name].identity for name in ("text_encoder", "network")])
    with card.network(folder, parts["text_encoder"]).telling():
        for _ in range(3):
            card.network(folder, parts["text_encoder"])
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and thread.name.endswith("(_fill)"):
                    thread.join(20)
        assert card.tried == ["text_encoder.onnx", "network.onnx"]
    card.network(folder, parts["network"])
    assert card.tried[2:] == ["network.onnx", "network.onnx"]  # Before and after the other was let go.


def test_memory_that_is_not_there_is_told_as_such() -> None:
    """A run that is told so halves its batches."""
    with pytest.raises(OutOfMemory):
        empty([1 << 44], np.float32, "cpu")
