"""Training on every core: each process trains a replica on one core of its own, and every few seconds the
replicas' weights are averaged, weighted by the steps each has done (local SGD: Stich, "Local SGD converges fast
and communicates little", 2019). That keeps all cores busy however unevenly they are loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist


def spawn(train: Callable[[int, Any], None], options: Any) -> None:
    """Runs `train(rank, options)` in `options.workers` processes that can average."""
    torch.multiprocessing.spawn(_start, (train, options), nprocs=options.workers)


def _start(rank: int, train: Callable[[int, Any], None], options: Any) -> None:
    # The last core first: where there is one replica only, the first core stays free for everything else.
    os.sched_setaffinity(0, {-(rank + 1) % (os.cpu_count() or 1)})
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(options.port))
    dist.init_process_group("gloo", rank=rank, world_size=options.workers)
    train(rank, options)


def average(parameters: Iterable[torch.Tensor], steps: int, done: float) -> float:
    """Replaces each parameter by the mean over the processes, weighted by their steps. Gives how much is done:
    the first process's clock decides for all."""
    totals = torch.tensor([float(steps), done if dist.get_rank() == 0 else 0.0])
    dist.all_reduce(totals)
    for parameter in parameters:
        parameter.data.mul_(steps / totals[0].item())
        dist.all_reduce(parameter.data)
    return float(totals[1])
