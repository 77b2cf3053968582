"""A network's weights in a file while it is compiled, as its graph wants them.

Who reads them maps the file. So they are in memory once, as what ONNX Runtime or TensorRT makes of them: the file's
pages are read when they are needed, and the system may take them away at any time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gflow.compiler.scratch import scratch
from gflow.kernels.types import Array
from gflow.runtime import cache, weights
from gflow.runtime.network import options

#: Weights begin at multiples of this, so that they can be mapped.
ALIGNED = 4096

#: A network with more bytes of weights than these runs on them as they are in the file. Of a smaller one, ONNX
#: Runtime makes a copy in memory, laid out for its products and convolutions, which is faster.
_LARGE = 64 << 20


@dataclass(frozen=True)
class Stored:
    """places: where in the file each weight begins, its type and its shape, by the initializer's name."""

    file: Path
    places: dict[str, tuple[int, Any, tuple[int, ...]]]

    @property
    def size(self) -> int:
        """Bytes of all weights."""
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in self.places.values())

    def session(self, graph: bytes) -> Any:
        """A graph on the CPU, with these weights for its external initializers. The file is not needed any more
        when it is made."""
        import onnxruntime as ort

        made = options(split=False)
        made.add_session_config_entry("session.model_external_initializers_file_folder_path", str(self.file.parent))
        if self.size > _LARGE:
            made.add_session_config_entry("session.disable_prepacking", "1")
            # The next level lays out convolutions.
            made.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        placed = weights.placed(graph, [(self.file.name, self.places[name][0]) for name in sorted(self.places)])
        return ort.InferenceSession(placed, made, providers=["CPUExecutionProvider"])

    def arrays(self) -> dict[str, Array]:
        """The weights, mapped."""
        whole = np.memmap(self.file, np.uint8, "r") if self.places else np.empty(0, np.uint8)
        found = {}
        for name, (begin, dtype, shape) in self.places.items():
            size = math.prod(shape) * np.dtype(dtype).itemsize
            found[name] = whole[begin : begin + size].view(dtype).reshape(shape)
        return found


@contextmanager
def stored(tensors: Iterable[tuple[str, Array]]) -> Iterator[Stored]:
    """Weights in a file of their own, for as long as this lasts, each made when it is written. Raises OSError."""
    places: dict[str, tuple[int, Any, tuple[int, ...]]] = {}
    with scratch(cache.folder() / "weights") as folder:
        with (folder / "weights").open("wb") as file:
            for name, tensor in tensors:
                begin = file.seek(-file.tell() % ALIGNED, 1)
                file.write(np.ascontiguousarray(tensor).data)
                places[name] = begin, tensor.dtype, tensor.shape
        yield Stored(folder / "weights", places)


def digest_of(file: Path) -> str:
    """`gflow.kernels.files.digest` of what is in a file, which is not held in memory. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, partial(hashlib.blake2b, digest_size=16)).hexdigest()
