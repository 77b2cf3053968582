"""What 8 bits cost: models in 8 bits beside themselves in float32, on the same prompts with the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gflow.compiler.compiled import Compiled, span_of
from gflow.compiler.gpu_target import Part
from gflow.compiler.quantize import Scheme
from gflow.compiler.quantized import Measured, measured, on_cpu
from gflow.compiler.trials import Trial, Watched, agreeing, answers, pictures, trials
from gflow.grammar.diagnostics import Diagnostic
from gflow.grammar.diagnostics.planning import PoorQuality
from gflow.kernels.types import Array
from gflow.runtime import lowered as low
from gflow.runtime import plan as p
from gflow.runtime.bundle import Quality, Quantization
from gflow.runtime.components import Components
from gflow.runtime.engines.base import CallContext
from gflow.runtime.engines.onnx import OnnxEngine
from gflow.runtime.network import Network

#: The seed of the first picture.
_SEED = 0

#: A picture that is further away than that (dB), or an answer of which less stays, is another one.
FLOOR, LEAST = 20.0, 0.5

#: What a picture that stayed as it was is said to have, in dB.
_SAME = 100.0


def psnr(picture: Array, reference: Array) -> float:
    """The ratio of signal to noise of a picture, 0..1, in dB (ISO/IEC 29170-1)."""
    error = float(np.square(picture.astype(np.float64) - reference).mean())
    return min(_SAME, -10 * float(np.log10(error))) if error > 0 else _SAME


@dataclass(frozen=True)
class Variant:
    """Models in 8 bits for a kind of machine: a plan of their own, or sessions that are taken instead of networks,
    by identity."""

    target: str
    plan: p.Plan
    sessions: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    def components(self, model: p.Model) -> Components:
        """The networks of a model, which are made now where they are others."""
        if not self.sessions:
            return Components()
        own = {part.identity for part in low.read(Path(model.lowered or "")).components.values()}
        instead = {}
        for identity in own & self.sessions.keys():
            made = self.sessions[identity]()
            instead[identity] = Network(lambda split, made=made: made, 1)  # type: ignore[misc]
        return Watched(instead)


@dataclass(frozen=True)
class InEightBits:
    """A program before and after its networks were put into 8 bits. `compiled`: for CPUs; in float8, as it was.
    progress: told what is tried."""

    before: Compiled
    compiled: Compiled
    measured: Measured
    progress: Callable[[str], None]

    @classmethod
    def of(cls, made: Compiled, scheme: Scheme, folder: Path, progress: Callable[[str], None]) -> InEightBits:
        """folder: an empty one, for what the models become; it must be there until they are not needed any more."""
        known = measured(trials(made.plan), scheme, progress)
        plan = on_cpu(made.plan, known, folder) if scheme.kind == "int8" else made.plan
        return cls(made, replace(made, plan=plan), known, progress)

    def quality(self, parts: Sequence[Part]) -> Quantization:
        """What it costs. parts: what there is for GPUs; it is the same for all of them."""
        scheme, plan = self.measured.scheme, self.before.plan
        variants = [Variant("cpu", self.compiled.plan)] if scheme.kind == "int8" else []
        variants += [Variant("cuda", plan, part.sessions) for part in parts[:1]]
        found: list[Quality] = []
        for trial in trials(plan):
            self.progress(f"{trial.model.name} in {scheme.name}")
            compare = _languages if trial.model.provider == "language" else _painters
            found += compare(plan, trial, variants)
        return Quantization(scheme.name, found)


def _of(trial: Trial, variant: Variant) -> Trial:
    return Trial(variant.plan.models[trial.model.name], trial.prompts, trial.args)


def _painters(plan: p.Plan, trial: Trial, variants: list[Variant]) -> Iterator[Quality]:
    references = pictures(trial, Components(), _SEED)
    for variant in variants:
        made = pictures(_of(trial, variant), variant.components(trial.model), _SEED)
        ratios = [psnr(*pair) for pair in zip(made, references, strict=True)]
        distance = _distance(plan, made, references)
        yield _quality(trial, variant, ratios, "psnr", 1, distance)


def _distance(plan: p.Plan, made: list[Array], references: list[Array]) -> float | None:
    """By the plan's first scorer; None where it has none."""
    scorers = [model for model in plan.models.values() if model.provider == "scorer" and model.lowered is not None]
    if not scorers:
        return None
    loaded = OnnxEngine(Components()).load(scorers[0])

    def vector(picture: Array) -> Any:
        args = {"text": None, "image": picture}
        return loaded.call("embed", args, key=None, as_type=None, context=CallContext())

    apart = [1 - float(np.dot(vector(a), vector(b))) for a, b in zip(made, references, strict=True)]
    return round(max(0.0, float(np.mean(apart))), 5)


def _languages(plan: p.Plan, trial: Trial, variants: list[Variant]) -> Iterator[Quality]:
    references = answers(trial, Components())
    for variant in variants:
        shares = agreeing(_of(trial, variant), variant.components(trial.model), references)
        yield _quality(trial, variant, shares, "tokens", 3)


def _quality(
    trial: Trial, variant: Variant, found: list[float], kind: str, digits: int, distance: float | None = None
) -> Quality:
    """What was found at each prompt, the more the better. kind: what it is, as `Quality` calls it."""
    worst = int(np.argmin(found))
    figures = {kind: round(float(np.mean(found)), digits), f"worst_{kind}": round(found[worst], digits)}
    return Quality(
        model=trial.model.name,
        target=variant.target,
        prompts=len(found),
        worst=trial.prompts[worst],
        distance=distance,
        **figures,
    )


def poor(plan: p.Plan, found: Quantization) -> list[Diagnostic]:
    """A warning for each model that is hopeless."""
    instead = f"`--quantize {found.scheme}-weights` loses less"
    if found.scheme.endswith("-weights"):
        instead = "leave `--quantize` out"
    told: list[Diagnostic] = []
    for each in found.quality:
        why = ""
        if each.worst_psnr is not None and each.worst_psnr < FLOOR:
            why = (
                f"its worst picture, of “{each.worst}”, is at {each.worst_psnr:g} dB; below {FLOOR:g} it is another"
            )
        if each.worst_tokens is not None and each.worst_tokens < LEAST:
            why = f"of its answer to “{each.worst}”, {each.worst_tokens:.0%} of the tokens stay"
        if why:
            span = span_of(plan.models[each.model].place)
            told.append(PoorQuality(span, each.model, found.scheme, each.target, why, instead))
    return told
