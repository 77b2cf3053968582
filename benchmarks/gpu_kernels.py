"""gflow's Triton kernels on a GPU: every op on pixels, chains of them, and the step of a denoise loop.

Each is checked first, on an odd size and fresh random pixels, against the float64 reference, and then timed on 4K
frames, beside PyTorch (op by op, and by `torch.compile`) and beside a copy of as many bytes. Everything is captured
in a CUDA graph, so that nobody's launches are waited for; the second-level cache is emptied before every run.

    gpu_kernels.py                          a table, and out/gpu_kernels.json
    gpu_kernels.py --only chain --rounds 200

Without a GPU it only checks, in Triton's interpreter and on small frames.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

GPU = torch.cuda.is_available()
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"  # Before Triton is imported.

import torch_pictures  # noqa: E402
import triton  # noqa: E402
from gpu_cases import CASES, Case, Frames  # noqa: E402

from gflow.kernels.pixel import triton_run  # noqa: E402
from gflow.kernels.pixel.device import DeviceArray  # noqa: E402
from gflow.kernels.pixel.device_run import on_device  # noqa: E402
from gflow.kernels.pixel.picture import Picture  # noqa: E402
from gflow.kernels.pixel.reference import evaluate, in_order  # noqa: E402
from gflow.runtime import triton_denoise  # noqa: E402
from gflow.runtime.denoise import Step  # noqa: E402

#: Width and height: of frames that are timed, and of those that are checked, on a GPU and without one.
TIMED, CHECKED, SMALL = (3840, 2160), (1283, 723), (67, 43)

#: Bytes that no second-level cache holds.
FLUSHED = 256 * 2**20

DEVICE = torch.device("cuda" if GPU else "cpu")


@dataclass
class Row:
    """One case. error: the largest, of floats as a share of the largest value. bytes: of sources and results, each
    once. Times are medians, in microseconds; 0 where nothing was timed."""

    case: str
    error: float
    bytes: int = 0
    gflow: float = 0.0
    copy: float = 0.0
    eager: float = 0.0
    compiled: float = 0.0


# --- checking --------------------------------------------------------------------------------------


def checked(case: Case, size: tuple[int, int], seed: int) -> float:
    """The error of a case. Raises AssertionError where it is more than float32, or a byte, accounts for."""
    frames = Frames(*size, seed, DEVICE)
    picture, layout = case.make(frames), case.layout
    wide = None if GPU else tuple(1 << (side - 1).bit_length() for side in (picture.width, picture.height))
    [made] = triton_run.realize_all([picture], [layout], device=DEVICE, block=wide)
    wanted = _as_laid_out(evaluate(_in_numpy(picture), np.float64), layout)
    peer, tensors = beside(case, on_device([picture], triton_run.Torch(DEVICE))[0])
    for who, found in (("PyTorch", peer(*tensors)), ("gflow", made)):
        error = _error(found.cpu().numpy(), wanted, layout)
        # What PyTorch computes in another way, such as bicubic sums, may be a little less exact.
        most = 1 / 255 if layout == "u8" else 2e-4 if who == "gflow" else 2e-3
        assert error <= most, f"{case.name}: {who} has an error of {error}"
    return error


def _error(found: Any, wanted: Any, layout: str) -> float:
    assert found.shape == wanted.shape, f"{found.shape} is not {wanted.shape}"
    largest = 255.0 if layout == "u8" else max(1.0, float(np.abs(wanted).max()))
    return float(np.abs(found.astype(np.float64) - wanted).max()) / largest


def beside(case: Case, picture: Picture) -> tuple[Callable[..., Any], list[Any]]:
    """What PyTorch computes for a case, and from what. picture: with tensors as its sources."""
    nodes = [node for node in in_order(picture) if node.op == "source"]
    keys = [id(node) for node in nodes]

    def peer(*given: Any) -> Any:
        if case.peer is not None:
            return case.peer(*given)
        return laid_out(torch_pictures.computed(picture, dict(zip(keys, given, strict=True))), case.layout)

    return peer, [torch_pictures.as_source(node.data.memory) for node in nodes]


def _as_laid_out(values: Any, layout: str) -> Any:
    if layout == "u8":
        values = np.clip(values, 0, 1) * 255
    if values.shape[2] == 1:
        return values[..., 0]
    return values.transpose(2, 0, 1) if layout == "planar" else values


def _in_numpy(picture: Picture) -> Picture:
    """The graph with its tensors as arrays."""
    done: dict[int, Picture] = {}
    for node in in_order(picture):
        made = node.like(tuple(done[id(each)] for each in node.sources), node.static)
        if node.op == "source" and isinstance(node.data, DeviceArray):
            made.data = node.data.memory.cpu().numpy()
        done[id(node)] = made
    return done[id(picture)]


def step_checked(seed: int) -> float:
    """The error of a denoise step, against float64."""
    rng, shape = np.random.default_rng(seed), (2, 4, 33, 21)
    state, nets = rng.standard_normal((2, *shape), np.float32), rng.standard_normal((2, *shape), np.float32)
    draw, step = rng.standard_normal(shape, np.float32), _step(rng)
    there = [[torch.from_numpy(array).to(DEVICE) for array in arrays] for arrays in (state, nets, [draw])]
    reads = torch.empty((2 * shape[0], *shape[1:]), device=DEVICE)
    made = triton_denoise.updated(*there, step, reads, scale=0.5, guidance=7.5)
    assert torch.equal(reads, (made[0] * 0.5).repeat(2, 1, 1, 1)), "what the network reads next is another"
    wide = state.astype(np.float64), nets.astype(np.float64), draw.astype(np.float64)
    parts = np.stack([*wide[0], wide[1][0] + (wide[1][1] - wide[1][0]) * 7.5, wide[2]])
    wanted = np.tensordot(np.array(step.rows), parts, 1)
    error = max(float(np.abs(a.cpu().numpy() - b).max()) for a, b in zip(made, wanted, strict=True))
    assert error <= 2e-5 * float(np.abs(wanted).max()), f"a denoise step: an error of {error}"
    return error / float(np.abs(wanted).max())


def _step(rng: np.random.Generator) -> Step:
    """As those of DPM++ 2M SDE are: two arrays of state, one draw."""
    return Step(1.0, 1.0, rng.normal(size=(2, 4)).tolist(), 1, (0.5, 0.5))


# --- timing ----------------------------------------------------------------------------------------


def timed(run: Callable[[], Any], rounds: int) -> float:
    """Microseconds that a GPU takes, the median of some rounds with an empty second-level cache."""
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    flush = torch.empty(FLUSHED, dtype=torch.uint8, device=DEVICE)
    found = []
    for turn in range(rounds + 5):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.zero_()
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        if turn >= 5:
            found.append(begin.elapsed_time(end) * 1000)
    return statistics.median(found)


def measured(case: Case, row: Row, rounds: int) -> None:
    picture = on_device([case.make(Frames(*TIMED, 1, DEVICE))], triton_run.Torch(DEVICE))[0]
    peer, tensors = beside(case, picture)
    made = triton_run.realize(picture, case.layout)
    row.bytes = sum(tensor.numel() * tensor.element_size() for tensor in (*tensors, made))
    row.gflow = timed(lambda: triton_run.realize(picture, case.layout), rounds)
    row.copy = copied(row.bytes, rounds)
    with torch.inference_mode():
        row.eager = timed(lambda: peer(*tensors), rounds)
        row.compiled = timed(compiled(peer, tensors), rounds)


def laid_out(made: Any, layout: str) -> Any:
    if layout == "u8":
        made = (made.clamp(0, 1) * 255 + 0.5).to(torch.uint8)
    if made.shape[0] == 1:
        return made[0].contiguous()
    return made.contiguous() if layout == "planar" else made.permute(1, 2, 0).contiguous()


def compiled(peer: Callable[..., Any], tensors: Sequence[Any]) -> Callable[[], Any]:
    """By Inductor, of the operators that the peer calls; without falling back to eager."""
    from torch.fx.experimental.proxy_tensor import make_fx

    function = torch.compile(make_fx(peer)(*tensors), fullgraph=True)
    return lambda: function(*tensors)


def copied(size: int, rounds: int) -> float:
    """Microseconds for copying, of which each byte is read or written once."""
    source, target = (torch.empty(size // 2, dtype=torch.uint8, device=DEVICE) for _ in range(2))
    return timed(lambda: target.copy_(source), rounds)


def step_measured(row: Row, rounds: int) -> None:
    """Latents of eight pictures of 1024x1024, 4 channels; the network gave half floats."""
    shape, step = (8, 4, 128, 128), _step(np.random.default_rng(1))
    state = [torch.randn(shape, device=DEVICE) for _ in range(2)]
    nets = [torch.randn(shape, device=DEVICE, dtype=torch.float16) for _ in range(2)]
    draw = torch.randn(shape, device=DEVICE)
    reads = torch.empty((16, *shape[1:]), device=DEVICE)
    row.bytes = state[0].numel() * (7 * 4 + 2 * 2)
    run = partial(triton_denoise.updated, state, nets, [draw], step, reads, scale=0.9, guidance=7.5)
    row.gflow = timed(run, rounds)
    row.copy = copied(row.bytes, rounds)

    def peer(*given: Any) -> Any:
        one, two, without, guided, noise = given
        output = without.float() + (guided.float() - without.float()) * 7.5
        made = [a * one + b * two + c * output + d * noise for a, b, c, d in step.rows]
        return [*made, (made[0] * 0.9).repeat(2, 1, 1, 1)]

    tensors = [*state, *nets, draw]
    with torch.inference_mode():
        row.eager = timed(lambda: peer(*tensors), rounds)
        row.compiled = timed(compiled(peer, tensors), rounds)


# --- telling ---------------------------------------------------------------------------------------


def machine() -> dict[str, str]:
    versions = {"python": platform.python_version(), "torch": torch.__version__, "triton": triton.__version__}
    name = torch.cuda.get_device_name() if GPU else f"no GPU ({platform.machine()})"
    return {"machine": name, **versions, "cuda": str(torch.version.cuda)}


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'':24} {'error':>8} {'MB':>7} {'gflow':>9} {'of copy':>8} {'eager':>8} {'compiled':>9}"]
    for row in rows:
        told = f"{row.case:24} {row.error:8.1e}"
        if row.gflow:
            told += f" {row.bytes / 1e6:7.1f} {row.gflow:6.1f} µs {row.copy / row.gflow:7.0%} "
            told += f"{row.eager / row.gflow:7.2f}x {row.compiled / row.gflow:8.2f}x"
        lines.append(told)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a case; may be given again")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path, default=Path("out/gpu_kernels.json"))
    args = parser.parse_args()
    if not GPU:
        print("There is no GPU here: kernels are checked in Triton's interpreter, and nothing is timed.")
    seed, rows = secrets.randbits(32), []
    for case in CASES:
        if args.only is None or case.name in args.only:
            row = Row(case.name, checked(case, CHECKED if GPU else SMALL, seed))
            if GPU:
                measured(case, row, args.rounds)
            rows.append(row)
    if args.only is None or "denoise step" in args.only:
        rows.append(Row("denoise step", step_checked(seed)))
        if GPU:
            step_measured(rows[-1], args.rounds)
    print(table(rows))
    told = {
        **machine(),
        "seed": seed,
        "rounds": args.rounds,
        "frames": TIMED,
        "rows": [asdict(row) for row in rows],
    }
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
