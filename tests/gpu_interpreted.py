"""A compiled program's kernels, started through the driver as on a GPU. `test_gpu_programs.py` runs this as a
process of its own: a stand-in for the driver hands what is started to Triton's interpreter, TRITON_INTERPRET has to
be set before Triton is imported, and the bundle was compiled before, without it. ONNX Runtime's device is the CPU.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gflow.compiler import gpu_kernels
from gflow.compiler.pixel_kernels import forms, traced
from gflow.kernels.pixel import triton_source
from gflow.kernels.pixel.device import DeviceArray, hosted
from gflow.kernels.pixel.triton_module import loaded
from gflow.opened import opened
from gflow.runtime import cuda, outputs, targets, triton_denoise
from gflow.runtime import lowered as low
from gflow.runtime.bundle import Bundle
from gflow.runtime.coming import Coming
from gflow.runtime.components import Components
from gflow.runtime.cuda_graphs import Graphs
from gflow.runtime.denoise import Step
from gflow.runtime.device_copies import Copies
from gflow.runtime.device_kernels import Kernels
from gflow.runtime.early import Encoder
from gflow.runtime.errors import EngineFailed, OutOfMemory
from gflow.runtime.executor import Executor
from gflow.runtime.pinned import Pinned
from gflow.runtime.step_kernel import BLOCK, Update
from gflow.runtime.targets import Place

FOLDER = Path(os.environ["GPU_PROGRAM"])
TARGET = "cuda:sm_90"
DRIVER = ctypes.CDLL("libcuda.so.1")
STARTED = ctypes.CFUNCTYPE(
    None, ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(ctypes.c_void_p)
)
#: Names of kernels, in the order in which they were started.
started: list[str] = []
#: Triton's interpreter is one for all threads.
interpreter = threading.Lock()
#: What was recorded, by graph.
recorded: dict[int, list[Callable[[], Any]]] = {}


@cache
def bundle() -> Bundle:
    return Bundle(FOLDER / "program")


@cache
def functions() -> dict[str, tuple[Any, list[str], dict[str, int]]]:
    """Kernels in Triton by name, the types of what they take, and their constants."""
    plan = opened(FOLDER / "program.gflow").runnable()
    found = {}
    for results, layouts in (*traced(plan), *gpu_kernels._packings()):
        for form in forms(results):
            code = triton_source.generate(form, layouts)
            for launch in code.launches:
                block = {"BLOCK_X": launch.block[0], "BLOCK_Y": launch.block[1]}
                types = [taken.type for taken in launch.takes]
                found[launch.kernel] = getattr(loaded(code.text), launch.kernel), types, block
    for name in place().pixels.compiled.binaries:  # type: ignore[union-attr]
        if told := re.fullmatch(r"gf_step_(\d)_(\d)_(\d)_(guided|plain)(_blended)?", name):
            update = Update(*map(int, told.groups()[:3]), told[4] == "guided", told[5] is not None)
            assert update.name == name
            kernel = getattr(loaded(triton_denoise.source(update)), update.name)
            found[name] = kernel, update.types(), {"BLOCK": BLOCK}
    return found


def interpreted(name: bytes, across: int, down: int, threads: int, arguments: Any) -> None:
    kernel, types, constants = functions()[name.decode()]
    started.append(name.decode())
    assert threads == 128
    holders = {"i32": ctypes.c_int32, "fp32": ctypes.c_float}
    given = []
    for place, kind in enumerate(types):
        if kind.startswith("*"):
            address = ctypes.cast(arguments[place], ctypes.POINTER(ctypes.c_uint64))[0]
            dtype = {"*fp32": np.float32, "*u8": np.uint8, "*i32": np.int32}[kind]
            # Triton reads from the address on, whatever the tensor's size.
            one = np.frombuffer((ctypes.c_char * np.dtype(dtype).itemsize).from_address(address), dtype)
            given.append(torch.from_numpy(one))
        else:
            given.append(ctypes.cast(arguments[place], ctypes.POINTER(holders[kind]))[0])
    scratch = [ctypes.cast(arguments[len(types) + each], ctypes.POINTER(ctypes.c_uint64))[0] for each in (0, 1)]
    assert scratch == [0, 0]
    work = partial(kernel[across, down], *given, **constants)
    if graph := DRIVER.standin_recording():
        recorded.setdefault(graph, []).append(work)
        return
    with interpreter:
        work()


def replayed(graph: int) -> None:
    for work in recorded[graph]:
        work()


@pytest.fixture(autouse=True)
def driver() -> Iterator[Callable[[str, int], None]]:
    """Makes a function of the driver fail with a status."""
    callbacks = STARTED(interpreted), ctypes.CFUNCTYPE(None, ctypes.c_long)(replayed)
    DRIVER.standin_start(*callbacks)
    DRIVER.standin_read()
    started.clear()
    yield lambda name, status: DRIVER.standin_fail(name.encode(), status)
    DRIVER.standin_fail(b"", 0)


@cache
def place() -> Place:
    import msgspec

    forms = msgspec.json.decode(bundle().read(targets.entry(TARGET)), type=targets.Forms).forms
    return Place(TARGET, "cpu", cuda.gpu(), forms, targets.pixels(bundle(), TARGET, cuda.gpu(), "cpu"))


def run(flow: str, args: dict[str, Any] | None = None, *, on: Place | None = None) -> Any:
    executor = Executor(bundle().plan, seed=3, bundle=bundle())
    executor.components.place = on or place()
    return executor.run(flow, args or {})


def near(ours: Any, theirs: Any) -> bool:
    """Networks in 16 bits paint nearly the same."""
    difference = np.abs(np.asarray(hosted(ours), np.float64) - np.asarray(theirs, np.float64))
    return bool(difference.mean() < 0.01 and difference.max() < 0.12)


def test_the_driver_that_is_asked_is_the_stand_in() -> None:
    assert cuda.gpu().told == "Stand-in (sm_90, driver for CUDA 12.4)"
    assert isinstance(place().pixels.compiled, Kernels)  # type: ignore[union-attr]


def test_a_picture_stays_on_the_device_until_it_is_packed(tmp_path: Path) -> None:
    flow = bundle().plan.flows["paint"]
    made = run("paint")
    assert isinstance(made, DeviceArray) and DRIVER.standin_read() == 0
    steps = [name for name in started if name.startswith("gf_step")]
    assert len(steps) == 2 and len(started) > 2
    [file] = outputs.write("paint", flow.result, made, tmp_path, provenance={})
    # Bytes, and nothing else, came from the device.
    assert DRIVER.standin_read() == 96 * 96 * 3
    expected = run("paint", on=targets.CPU)
    assert near(made, expected)
    shown = np.asarray(Image.open(file), np.float32) / 255
    assert np.abs(shown - np.clip(hosted(made), 0, 1)).max() <= 0.5 / 255 + 1e-6
    assert outputs.to_python(made).tobytes() == Image.open(file).tobytes()


def test_lists_and_what_is_no_op_on_pixels_read_main_memory() -> None:
    ours, theirs = run("chosen"), run("chosen", on=targets.CPU)
    assert near(ours["best"], theirs["best"]) and ours["size"] == theirs["size"]
    assert [near(*pair) for pair in zip(ours["all"], theirs["all"], strict=True)] == [True] * 3


def test_painting_into_a_mask_stays_on_the_device() -> None:
    photo = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    ours, theirs = (run("inpaint", {"photo": photo}, on=on) for on in (place(), targets.CPU))
    assert any(name.endswith("_blended") for name in started)
    assert near(ours, theirs)
    assert np.array_equal(hosted(ours)[:, :32], photo[:, :32])  # What the mask keeps is kept exactly.


def test_pictures_from_files_are_computed_where_they_are() -> None:
    photo = np.random.default_rng(1).random((40, 30, 3)).astype(np.float32)
    made = run("graded", {"photo": photo})
    assert isinstance(made, np.ndarray) and not started


def test_two_pictures_in_different_memories_meet_on_the_device() -> None:
    photo = np.random.default_rng(1).random((64, 64, 3)).astype(np.float32)
    ours = run("blended", {"photo": photo})
    assert isinstance(ours, DeviceArray)
    assert near(ours, run("blended", {"photo": photo}, on=targets.CPU))


@pytest.mark.parametrize("function", ["cuLaunchKernel", "cuStreamSynchronize"])
def test_a_device_that_is_lost_is_told(driver: Callable[[str, int], None], function: str) -> None:
    driver(function, 719)
    with pytest.raises(EngineFailed, match=rf"the GPU failed: .* unspecified launch failure \({function}, 719\)"):
        run("paint")


def test_a_device_that_is_full_is_told_as_such(driver: Callable[[str, int], None]) -> None:
    driver("cuLaunchKernel", 2)
    with pytest.raises(OutOfMemory):
        run("paint")


def test_what_can_not_be_read_back_is_told(driver: Callable[[str, int], None], tmp_path: Path) -> None:
    made = run("paint")
    driver("cuMemcpyDtoHAsync_v2", 700)
    with pytest.raises(EngineFailed, match="cuMemcpyDtoH"):
        outputs.write("paint", bundle().plan.flows["paint"].result, made, tmp_path, provenance={})
    assert not list(tmp_path.iterdir())


def copies() -> tuple[Copies, Kernels]:
    compiled = place().pixels.compiled  # type: ignore[union-attr]
    return Copies(compiled.stream), compiled


def test_what_is_copied_to_the_device_may_be_changed_at_once() -> None:
    """Pinned memory is not used again before a copy is through."""
    made, _ = copies()
    source, targets = np.zeros(1000, np.float32), [np.empty(1000, np.float32) for _ in range(6)]
    for number, target in enumerate(targets):
        source[:] = number
        made.up(source, target.ctypes.data)
    found = np.empty(1000, np.float32)
    made.down(targets[3].ctypes.data, found)
    assert found.min() == found.max() == 3
    assert [target.max() for target in targets] == [0, 1, 2, 3, 4, 5]


def test_pinned_memory_is_used_again_and_given_back(driver: Callable[[str, int], None]) -> None:
    before, (made, _) = DRIVER.standin_pinned(), copies()
    source, target = np.ones((3, 50), np.uint8), np.empty(150, np.uint8)
    for _ in range(10):
        made.up(source, target.ctypes.data)
    # The stand-in's copies are through when it is asked.
    assert DRIVER.standin_pinned() == before + 1
    driver("cuEventQuery", 600)  # Not done.
    for _ in range(3):
        made.up(source, target.ctypes.data)
    assert DRIVER.standin_pinned() == before + 4
    driver("cuEventQuery", 719)
    with pytest.raises(cuda.NoCuda, match="cuEventQuery"):
        made.up(source, target.ctypes.data)
    del made
    assert DRIVER.standin_pinned() == before


def test_without_pinned_memory_the_driver_copies_itself(driver: Callable[[str, int], None]) -> None:
    driver("cuMemHostAlloc", 2)
    made, _ = copies()
    source, target, found = np.arange(9, dtype=np.float32), np.empty(9, np.float32), np.empty(9, np.float32)
    made.up(source, target.ctypes.data)
    made.down(target.ctypes.data, found)
    assert np.array_equal(found, source)


def test_pictures_are_packed_read_and_encoded_beside_the_run(tmp_path: Path) -> None:
    executor = Executor(bundle().plan, seed=3, bundle=bundle())
    executor.components.place, flow = place(), bundle().plan.flows["paint"]
    with Encoder() as finish:
        made = executor.run("paint", {}, finish=finish)
        [file] = outputs.write("paint", flow.result, made, tmp_path, provenance={})
    assert DRIVER.standin_read() == 96 * 96 * 3
    assert near(np.asarray(Image.open(file), np.float32) / 255, np.clip(run("paint", on=targets.CPU), 0, 1))


def test_a_device_that_is_lost_while_a_picture_is_read_fails_the_run(
    driver: Callable[[str, int], None], tmp_path: Path
) -> None:
    executor = Executor(bundle().plan, seed=3, bundle=bundle())
    executor.components.place, flow = place(), bundle().plan.flows["paint"]
    driver("cuMemcpyDtoHAsync_v2", 719)
    with Encoder() as finish, pytest.raises(EngineFailed, match="cuMemcpyDtoH"):
        made = executor.run("paint", {}, finish=finish)
        outputs.write("paint", flow.result, made, tmp_path, provenance={})
    assert not list(tmp_path.iterdir())


def network_of(part: str) -> tuple[Any, Any, targets.Form]:
    """A network of the painter's: where it is, and how it runs on the GPU."""
    folder = bundle().folder(bundle().plan.models["painter"].lowered or "")
    component = low.read(folder).components[part]
    return folder, component, place().forms[component.identity]


def test_a_network_that_is_needed_again_waits_in_pinned_memory() -> None:
    """What it computes from there is the same, and the file is not read again."""
    pinned, before = Pinned(bundle()), DRIVER.standin_pinned()
    folder, component, form = network_of("decoder")
    _, other, _ = network_of("network")
    latents = np.random.default_rng(0).standard_normal((1, 8, 8, 8)).astype(np.float32)
    components = Components(bundle(), place=dataclasses.replace(place(), pinned=pinned))
    components.coming = Coming([component.identity, other.identity, component.identity])
    [expected] = components.network(folder, component).run({"latent": latents})
    components.network(folder, other)
    assert components._let_go(other) and list(components._held) == [other.identity]
    waited = time.monotonic() + 20
    while (held := pinned.get(form.entries)) is None and time.monotonic() < waited:
        time.sleep(0.02)
    assert held is not None and DRIVER.standin_pinned() == before + len(set(form.entries))
    assert all(data.tobytes() == bundle().read(name) for name, data in held.items())
    assert np.array_equal(components.network(folder, component).run({"latent": latents})[0], expected)
    # From pinned memory: what is there decides.
    for data in held.values():
        data[:] = 0
    components.release(component.identity)
    assert not np.array_equal(components.network(folder, component).run({"latent": latents})[0], expected)


def test_a_network_that_is_not_needed_again_is_not_kept() -> None:
    pinned, before = Pinned(bundle()), DRIVER.standin_pinned()
    folder, component, form = network_of("decoder")
    components = Components(bundle(), place=dataclasses.replace(place(), pinned=pinned))
    components.coming = Coming([component.identity])
    components.network(folder, component)
    assert components._let_go(network_of("network")[1])
    assert DRIVER.standin_pinned() == before and pinned.get(form.entries) is None


def test_what_does_not_fit_into_main_memory_stays_in_the_file(driver: Callable[[str, int], None]) -> None:
    entries = network_of("decoder")[2].entries
    small = Pinned(bundle(), room=bundle().size(entries[0]))
    small.hold(entries)
    assert small.get(entries[:1]) is None
    small.hold(entries[:1])
    assert small.get(entries[:1]) is not None and small.room == 0
    driver("cuMemHostAlloc", 2)
    none = Pinned(bundle())
    none.hold(entries)
    assert none.get(entries[:1]) is None


def test_weights_that_were_changed_are_not_kept(tmp_path: Path) -> None:
    entry = network_of("decoder")[2].entries[0]
    data = bytearray((FOLDER / "program").read_bytes())
    data[bundle().place(entry)] ^= 1
    (tmp_path / "program").write_bytes(data)
    pinned = Pinned(Bundle(tmp_path / "program"))
    pinned.hold([entry])
    assert pinned.get([entry]) is None


def test_work_is_recorded_once_and_started_again() -> None:
    kernels, update = place().pixels.compiled, Update(1, 0, 1, False, False)  # type: ignore[union-attr]
    shape, step = (1, 4, 8, 8), Step(0.0, 1.0, [[0.5, 2.0]], 0, (1.0, 0.0))
    state, output = np.ones(shape, np.float32), np.ones(shape, np.float32)
    made = [np.empty(shape, np.float32) for _ in range(2)]
    values = update.values(step, shape, scale=3.0, guidance=1.0, channels=4)
    addresses = [array.ctypes.data for array in (*made, state, output)]
    counted: list[int] = []

    def enqueue() -> None:
        counted.append(1)
        kernels.start(update.name, (1, 1), update.types(), [*addresses, *values], update.aligned)

    graphs = Graphs(kernels.stream)
    for turn in range(5):
        output[:] = turn
        graphs.run("a size", enqueue)
        assert made[0].max() == made[0].min() == 0.5 + 2 * turn
        assert made[1].max() == made[1].min() == 3 * (0.5 + 2 * turn)
    # Once as it is, once to be recorded.
    assert len(counted) == 2 and len(started) == 2
    for number in range(20):
        for _ in range(2):
            graphs.run(number, enqueue)
    assert len(graphs._known) == 8


def test_scripts_run_on_the_cpu_where_onnx_runtime_has_no_cuda() -> None:
    assert targets.here() is targets.CPU
    assert "without CUDA" in targets.no_cuda(cuda.gpu())
