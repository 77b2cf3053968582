"""A plan's models at work on a few prompts, to see what happens when their networks are changed.

Diffusion models paint the script's own prompts, where the script has some that are known, with its size, guidance
and steps (not more than `STEPS`); language models go on with theirs, always taking the likeliest token.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gflow.compiler.profiles import walk
from gflow.kernels import noise
from gflow.kernels.models import providers
from gflow.kernels.types import Array, Size
from gflow.runtime import plan as p
from gflow.runtime.bundle import Folder
from gflow.runtime.components import Components
from gflow.runtime.engines.answering import Answering
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.onnx import OnnxEngine
from gflow.runtime.engines.onnx_diffusion import DiffusionModel
from gflow.runtime.lowered import Component
from gflow.runtime.network import Network

#: How many prompts are tried, how many steps are painted at most, and how many tokens are written.
PROMPTS, STEPS, TOKENS = 3, 8, 32

#: Where the script does not say.
_ASKED = {
    "diffusion": ("a red circle above a blue square", "a lighthouse at dusk", "a portrait of an old fisherman"),
    "language": ("Describe a red circle.", "Tell of the sea in one sentence.", "Name three colours."),
}

Feeds = Mapping[str, Any]


@dataclass(frozen=True)
class Trial:
    """What a model is asked. args: those that the script gives as constants, by parameter."""

    model: p.Model
    prompts: list[str]
    args: dict[str, Any]


class Watched(Components):
    """Networks of which the first `most` inputs are kept, by identity; `instead` are taken for those of that
    identity."""

    def __init__(self, instead: Mapping[str, Network] | None = None, most: int = 0) -> None:
        super().__init__()
        self.instead, self.most = instead or {}, most
        self.fed: dict[str, list[Feeds]] = {}

    def network(self, folder: Folder, component: Component) -> Any:
        found = self.instead.get(component.identity) or super().network(folder, component)
        return _Watched(found, self.fed.setdefault(component.identity, []), self.most)

    def prefetch(self, wanted: Any) -> None:
        """Nothing, as some are replaced."""


@dataclass
class _Watched:
    network: Network
    fed: list[Feeds]
    most: int

    def run(self, feeds: Feeds, outputs: Any = None) -> list[Array]:
        if len(self.fed) < self.most:
            self.fed.append({name: value for name, value in feeds.items() if name in self.network.inputs})
        return self.network.run(feeds, outputs)


def trials(plan: p.Plan) -> list[Trial]:
    """What the plan's models are asked, those that are lowered."""
    return [
        _trial(plan, model)
        for model in plan.models.values()
        if model.lowered is not None and model.provider in _ASKED
    ]


def _trial(plan: p.Plan, model: p.Model) -> Trial:
    prompts: list[str] = []
    found: dict[str, Any] = {}
    asks = {"diffusion": "denoise", "language": "generate"}[model.provider]
    for flow in plan.flows.values():
        steps = list(walk(flow.body))
        consts = {param.slot: param.default for param in flow.params if not param.required}
        consts |= {step.out: step.value for step in steps if isinstance(step, p.Const)}
        calls = [step for step in steps if isinstance(step, p.ModelCall) and step.model == model.name]
        texts = {step.out: step.args["text"] for step in calls if step.method == "encode_text"}
        for step in calls:
            if step.method in (asks, "generate"):
                prompt = step.args["prompt"]
                told = {name: consts[slot] for name, slot in step.args.items() if consts.get(slot) is not None}
                prompts.append(consts.get(texts.get(prompt, prompt)) or "")
                found = found or {name: told[name] for name in ("size", "steps", "guidance_scale") if name in told}
    own = [prompt for prompt in dict.fromkeys(prompts) if prompt]
    return Trial(model, (own or list(_ASKED[model.provider]))[:PROMPTS], found)


def pictures(trial: Trial, components: Components, seed: int) -> list[Array]:
    """A picture of each prompt, (height, width, 3), 0..1. seed: of the first one."""
    loaded = OnnxEngine(components).load(trial.model)
    assert isinstance(loaded, DiffusionModel)
    method = providers()["diffusion"].method("generate")
    args = {param.name: param.default for param in method.signature.params} | trial.args
    size = Size(*args["size"]) if args["size"] else loaded.size(None, None)
    steps = min(args["steps"], STEPS)
    args |= {"size": size, "steps": steps if loaded.schedules.find(steps, 0, size) else args["steps"]}
    if loaded.settings["inpaint"] == "concat":
        grey = np.full((size.height, size.width, 3), 0.5, np.float32)
        args |= {"image": grey, "mask": np.ones_like(grey[:, :, 0]), "strength": 1.0}
    return [
        loaded.call(
            "generate",
            args | {"prompt": prompt, "seed": seed + number},
            key=noise.explicit(seed + number),
            as_type=None,
            context=CallContext(),
        )
        for number, prompt in enumerate(trial.prompts)
    ]


def answers(trial: Trial, components: Components) -> list[tuple[list[int], int]]:
    """Each prompt's tokens with the likeliest answer's after them, and how many the prompt's are."""
    loaded, found = _language(trial, components), []
    for prompt in trial.prompts:
        ids = loaded.fit(loaded.ids(loaded.prompt("", prompt)), TOKENS, CallContext())
        stream = loaded.stream(ids, lambda logits: int(np.argmax(logits)), CallContext())
        answer = itertools.takewhile(lambda token: token not in loaded.ends, itertools.islice(stream, TOKENS))
        found.append(([*ids, *answer], len(ids)))
    return found


def agreeing(trial: Trial, components: Components, answers: list[tuple[list[int], int]]) -> list[float]:
    """Of each answer, the share of tokens that the model would have written, too, given those before."""
    loaded, found = _language(trial, components), []
    for ids, start in answers:
        logits = loaded.reader().read(ids, last_only=False)[start - 1 : -1]
        found.append(float(np.mean(logits.argmax(axis=-1) == ids[start:])) if len(ids) > start else 1.0)
    return found


def _language(trial: Trial, components: Components) -> Answering:
    loaded = OnnxEngine(components).load(trial.model)
    assert isinstance(loaded, Answering)
    return loaded
