"""Sessions of ONNX Runtime, their weights mapped from where they are."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gflow.runtime import weights
from gflow.runtime.bundle import Bundle, Folder, Part
from gflow.runtime.lowered import Component
from gflow.runtime.network import options
from gflow.runtime.pinned import Pinned

#: ONNX Runtime's name of a provider, with its settings where it has some.
Provider = str | tuple[str, dict[str, str]]

CPU: Sequence[Provider] = ("CPUExecutionProvider",)


def session(folder: Folder, component: Component, *, split: bool, providers: Sequence[Provider] = CPU) -> Any:
    """A session; see `gflow.runtime.network.options` for `split`. Raises ModelMissing and BundleBroken."""
    if isinstance(folder, Part):
        graph = (folder / component.graph).read_bytes()
        return mapped(folder.bundle, graph, component, providers, split=split)
    assert isinstance(folder, Path)
    import onnxruntime as ort

    made, names, values = options(split=split), [], []
    for name, tensor in weights.read(folder, component):
        names.append(name)
        values.append(ort.OrtValue.ortvalue_from_numpy(tensor))
    made.add_external_initializers(names, values)
    graph = weights.placed((folder / component.graph).read_bytes(), [("", 0)] * len(names))
    return _made(graph, made, providers)


def mapped(
    bundle: Bundle,
    graph: bytes,
    component: Component,
    providers: Sequence[Provider],
    *,
    split: bool = False,
    pinned: Pinned | None = None,
) -> Any:
    """A session whose weights are mapped from a bundle, in which they are as the graph wants them; or are in pinned
    memory, where they are there. Raises BundleBroken."""
    files = [weight.file for weight in component.weights.values()]
    held = None if pinned is None else pinned.get(files)
    if held:
        made = options(split=split)
        names = [weights.padded(file) for file in held]
        made.add_external_initializers_from_files_in_memory(
            names, list(held.values()), list(map(len, held.values()))
        )
        return _made(weights.placed(graph, [(file, 0) for file in files]), made, providers)
    with ThreadPoolExecutor(1, "check") as aside:
        checked = aside.submit(bundle.check, files)
        placed = weights.placed(graph, [(bundle.path.name, bundle.place(file)) for file in files])
        made = options(split=split)
        where = "session.model_external_initializers_file_folder_path"
        made.add_session_config_entry(where, str(bundle.path.parent))
        found = _made(placed, made, providers)
        checked.result()
    return found


def _made(graph: bytes, options: Any, providers: Sequence[Provider]) -> Any:
    import onnxruntime as ort

    # Else it makes another session on the CPU where a provider fails, then or when it runs, and prints that.
    return ort.InferenceSession(graph, options, providers=list(providers), enable_fallback=0)
