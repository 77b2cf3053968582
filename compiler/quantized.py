"""A plan whose networks are in 8 bits: which of them, with which ranges, and how far they are from what they were.

In 8 bits are text encoders and language models, their weights alone, and the network that denoises, of which what
weights are multiplied with is, too, where the scheme says so. Autoencoders and scorers stay as they are, as they do
in 16 bits. Ranges are measured while the models paint (`gflow.compiler.trials`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from gflow.compiler.quantize import Ranges, Scheme, observed, quantized
from gflow.compiler.trials import Feeds, Trial, Watched, answers, pictures
from gflow.kernels.types import Array
from gflow.runtime import lowered as low
from gflow.runtime import plan as p
from gflow.runtime import weights
from gflow.runtime.lowered import Component, Weight
from gflow.runtime.sessions import session

#: The seed of the first picture whose values are measured. None of these is in a report.
_SEED = 1000

#: How many calls of a network are compared with what it gave before, and how many are measured at most.
_COMPARED, _MOST = 4, 200


@dataclass
class Measured:
    """What networks were fed at the trials, and the ranges of what they computed, by identity. renamed: identities
    of components in int8 on the CPU, by what they were."""

    scheme: Scheme
    fed: dict[str, list[Feeds]] = field(default_factory=dict)
    ranges: dict[str, Ranges] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def of(self, component: Component) -> tuple[Scheme, Ranges]:
        """How a component is put into 8 bits."""
        ranges = self.ranges.get(component.identity, {})
        return Scheme(self.scheme.kind, activations=bool(ranges)), ranges


def is_reduced(provider: str, part: str) -> bool:
    """Whether a network is put into fewer bits at all: not autoencoders, some of which leave the range of float16
    (XL's), and not scorers, which are small and whose scores are compared."""
    return provider == "language" or (provider == "diffusion" and part not in ("encoder", "decoder"))


def measured(trials: list[Trial], scheme: Scheme, progress: Callable[[str], None]) -> Measured:
    """Runs the models as they are. progress: told what is being measured."""
    found = Measured(scheme)
    for trial in trials:
        progress(f"{trial.model.name}, to measure its values")
        # What a language model has read grows with every token.
        watched = Watched(most=_COMPARED if trial.model.provider == "language" else _MOST)
        if trial.model.provider == "language":
            answers(trial, watched)
        else:
            pictures(trial, watched, _SEED)
        found.fed |= watched.fed
        if trial.model.provider == "diffusion" and scheme.activations:
            folder = Path(trial.model.lowered or "")
            network = low.read(folder).components["network"]
            found.ranges[network.identity] = _ranges(folder, network, watched.fed[network.identity])
    return found


def _ranges(folder: Path, component: Component, fed: list[Feeds]) -> Ranges:
    """The lowest and the highest of each value that is wanted in 8 bits, over some calls, and 0."""
    import tempfile

    import onnx
    from onnx import helper

    graph = (folder / component.graph).read_bytes()
    names = observed(graph)
    model = onnx.load_model_from_string(graph)
    del model.graph.output[:]
    for number, name in enumerate(names):
        for op in ("ReduceMin", "ReduceMax"):
            model.graph.node.append(helper.make_node(op, [name], [f"{op} {number}"], keepdims=0))
            model.graph.output.append(helper.make_tensor_value_info(f"{op} {number}", onnx.TensorProto.FLOAT, []))
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(model.SerializeToString())
        file.flush()
        running = session(folder, msgspec.structs.replace(component, graph=file.name), split=False)
    seen = np.array([running.run(None, dict(feeds)) for feeds in fed], np.float64).reshape(len(fed), -1, 2)
    lows, highs = np.minimum(seen[:, :, 0].min(axis=0), 0), np.maximum(seen[:, :, 1].max(axis=0), 0)
    return dict(zip(names, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))


def on_cpu(plan: p.Plan, known: Measured, folder: Path) -> p.Plan:
    """The plan with models in int8, whose lowered forms are written into a folder."""
    models = {name: _model(model, known, folder / name) for name, model in plan.models.items()}
    return msgspec.structs.replace(plan, models=models)


def _model(model: p.Model, known: Measured, out: Path) -> p.Model:
    if model.lowered is None or model.provider == "scorer":
        return model
    folder = Path(model.lowered)
    whole = low.read(folder)
    out.mkdir(parents=True)
    for name in whole.files:
        (out / name).write_bytes((folder / name).read_bytes())
    components = {}
    for part, component in whole.components.items():
        # Weights that stay are where they were.
        kept = {
            name: msgspec.structs.replace(weight, file=str((folder / weight.file).resolve()))
            for name, weight in component.weights.items()
        }
        moved = msgspec.structs.replace(component, weights=kept)
        (out / component.graph).write_bytes((folder / component.graph).read_bytes())
        if is_reduced(model.provider, part):
            moved = _component(moved, known, out, language=model.provider == "language")
        components[part] = moved
    low.write(msgspec.structs.replace(whole, components=components), out)
    return msgspec.structs.replace(model, lowered=str(out))


def _component(component: Component, known: Measured, out: Path, *, language: bool) -> Component:
    """A component in int8, in the place of the one that is there; as it is, where all its weights are small."""
    from safetensors.numpy import save_file

    def read(name: str) -> Array:
        return weights.one(out, component.weights[name])

    (scheme, ranges), place = known.of(component), out / component.graph
    graph, packed = quantized(place.read_bytes(), read, "int8", ranges, on="language" if language else "cpu")
    if not packed:
        return component
    tensors = {name: each.pack(read(each.name)) for name, each in packed.items()}
    file = Path(component.graph).with_suffix(".int8.safetensors").name
    save_file(tensors, out / file)
    gone = {each.name for each in packed.values()}
    held = {name: weight for name, weight in component.weights.items() if name not in gone}
    held |= {name: Weight(file, name, list(tensor.shape)) for name, tensor in tensors.items()}
    saved = sum(4 * int(np.prod(component.weights[name].shape)) for name in gone)
    size = component.bytes - saved + sum(tensor.nbytes for tensor in tensors.values())
    fed = some(known.fed.get(component.identity, []))
    # One after the other: the first session is gone when the second is made.
    before = _answers(out, component, fed)
    place.write_bytes(graph)
    identity = f"{component.identity} {scheme.name} {hashlib.sha256(graph).hexdigest()[:16]}"
    known.renamed[component.identity] = identity
    made = Component(component.graph, dict(sorted(held.items())), identity, size, component.tolerance)
    pairs = zip(before, _answers(out, made, fed), strict=True)
    off = max((_off(*pair) for pair in pairs), default=0.0)
    return msgspec.structs.replace(made, tolerance=float(f"{component.tolerance + off:.1e}"))


def _answers(folder: Path, component: Component, fed: list[Feeds]) -> list[list[Array]]:
    """What a component gives for some inputs."""
    running = session(folder, component, split=False)
    return [running.run(None, dict(feeds)) for feeds in fed]


def some(fed: list[Feeds]) -> list[Feeds]:
    """A few calls, from the first to the last."""
    return fed[:: -(-len(fed) // _COMPARED)] if fed else []


def _off(theirs: list[Array], ours: list[Array]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(theirs, ours, strict=True) if a.size)
