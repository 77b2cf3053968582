"""Where a model's files are, and whether they are a model that the script can use. One file a model family."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from gflow.compiler.models import causal_lm, clip, diffusers_pipeline
from gflow.compiler.models.files import Damaged, Finding, Pickled, WrongKind
from gflow.grammar.diagnostics import Diagnostic, Fix
from gflow.grammar.diagnostics.models import (
    DamagedModel,
    PickledWeights,
    SourceNotFound,
    UnclearSource,
    UnknownMethod,
    UnknownProvider,
    WrongModel,
)
from gflow.grammar.source import Span
from gflow.kernels.models import Provider, providers

_FAMILIES: dict[str, ModuleType] = {"diffusion": diffusers_pipeline, "language": causal_lm, "scorer": clip}

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def resolve(
    provider: str, args: dict[str, Any], span: Span, script_folder: Path
) -> tuple[str | None, list[Diagnostic]]:
    """Where the files of `provider(args)` are, and what is wrong with them (E0401 to E0407).

    args: the values that the declaration gives, by parameter. span: what to underline.

    Gives an absolute path, or None: for a server, for a hub's name that is not on this machine (it will be
    downloaded at the first run), and where something is wrong. Reads JSON and headers only.
    """
    if provider not in providers():
        return None, [unknown_provider(provider, span)]
    source = args.get("source")
    if provider == "language":
        problem = _unclear(args)
        if problem or source is None:
            return None, [UnclearSource(span, provider, problem)] if problem else []
    if not isinstance(source, str):
        return None, []  # The wrong type, or none: the types' check says so.
    place, from_hub = _find(source, script_folder)
    if place is None:
        return None, [] if from_hub else [_not_found(source, span, script_folder)]
    family = _FAMILIES[provider]
    findings: list[Finding]
    try:
        findings = family.inspect(place)
    except OSError as error:
        findings = [Damaged(place.name, f"it can't be read: {error.strerror}")]
    if from_hub and not any(isinstance(finding, WrongKind) for finding in findings):
        # A part of a model may be in the cache; the rest comes with the first run.
        return (None if findings else str(place)), []
    if findings:
        return None, [_explain(finding, source, provider, family.NEEDED, span) for finding in findings]
    return str(place), []


def resolve_loras(
    args: dict[str, Any], span: Span, script_folder: Path
) -> tuple[dict[str, float], list[Diagnostic]]:
    """The files of the LoRAs that a declaration gives, by absolute path, with their scales; and what is wrong with
    them (E0402, E0404 to E0406)."""
    places: dict[str, float] = {}
    found: list[Diagnostic] = []
    for lora in args.get("loras") or []:
        source = lora["file"]
        place = Path(os.path.abspath(script_folder / Path(source).expanduser()))
        if not place.is_file():
            found.append(SourceNotFound(span, source, str(place)))
            continue
        findings = diffusers_pipeline.inspect_lora(place)
        needed = "LoRAs with the names of diffusers, PEFT or kohya, as one .safetensors file"
        found += [_explain(finding, source, "loras", needed, span) for finding in findings]
        places[str(place)] = places.get(str(place), 0.0) + float(lora["scale"])
    return places, found


def prompt_limit(provider: str, folder: str | None) -> int | None:
    """How many tokens of a prompt the model reads, where its files say so."""
    if folder is None or provider not in _FAMILIES:
        return None
    limit: int | None = _FAMILIES[provider].prompt_limit(Path(folder))
    return limit


def unknown_provider(name: str, span: Span) -> UnknownProvider:
    """E0401."""
    suggestion = _nearest(name, list(providers()))
    known = ", ".join(f"`{provider}`" for provider in providers())
    fix = Fix(span=span, text=suggestion) if suggestion and span.text == name else None
    return UnknownProvider(span, name, known, suggestion, fix=fix)


def unknown_method(model: str, provider: Provider, method: str, span: Span) -> UnknownMethod:
    """E0403."""
    suggestion = _nearest(method, list(provider.methods))
    known = ", ".join(f"`{name}`" for name in provider.methods)
    fix = Fix(span=span, text=suggestion) if suggestion and span.text == method else None
    return UnknownMethod(span, model, provider.name, method, known, suggestion, fix=fix)


def _unclear(args: dict[str, Any]) -> str:
    """What is wrong with the two forms of `language`: a source, or an endpoint and a name."""
    source, endpoint, name = (args.get(part) for part in ("source", "endpoint", "name"))
    if source is not None and (endpoint is not None or name is not None):
        return "has both a source and a server"
    if source is None and endpoint is None:
        return "has neither a source nor a server"
    if source is None and name is None:
        return "has no `name`: which of the server's models it is"
    if endpoint is not None and not str(endpoint).startswith(("http://", "https://")):
        return f"has an endpoint that is no address: {endpoint}"
    return ""


def _starter() -> Path:
    return Path(str(resources.files("gflow").joinpath("starter")))


def _find(source: str, script_folder: Path) -> tuple[Path | None, bool]:
    """The folder or file of a source, and whether it is a hub's name."""
    head, _, name = source.partition("/")
    if head == "starter" and re.fullmatch(r"[\w-]+", name) and (_starter() / name).is_dir():
        return _starter() / name, False
    try:
        local = Path(os.path.abspath(script_folder / Path(source).expanduser()))
        if source and local.exists():
            return local, False
    except (OSError, RuntimeError):  # A name that is too long, a folder that may not be read, `~nobody`.
        return None, False
    # `models/scense` beside a folder `models` is a slip, not a hub's name.
    if head == "starter" or not _HUB_NAME.fullmatch(source) or (script_folder / head).is_dir():
        return None, False
    return _cached(source), True


def _hub_cache() -> Path:
    """Where huggingface_hub keeps what it downloads, by its own environment variables."""
    home = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def _cached(name: str) -> Path | None:
    """The snapshot of a hub's model on this machine."""
    # The library takes longer to import than a script to check: it is asked only where there is something.
    if not (_hub_cache() / f"models--{name.replace('/', '--')}").is_dir():
        return None
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for file in ("model_index.json", "config.json"):
        found = try_to_load_from_cache(name, file)
        if isinstance(found, str):
            return Path(found).parent
    return None


def _not_found(source: str, span: Span, script_folder: Path) -> SourceNotFound:
    local = script_folder / source
    # Names are compared without their folders: what two paths share says nothing of what was meant.
    near = {path.name: f"starter/{path.name}" for path in _folders(_starter())}
    if not source.startswith("starter/"):
        near |= {path.name: str(Path(source).parent / path.name) for path in _folders(local.parent)}
    name = _nearest(Path(source).name, list(near))
    suggestion = near[name] if name else None
    fix = Fix(span=span, text=f'"{suggestion}"') if suggestion and span.text == f'"{source}"' else None
    places = "the starter models" if source.startswith("starter/") else str(local)
    return SourceNotFound(span, source, places, suggestion, fix=fix)


def _folders(place: Path) -> list[Path]:
    """Folders and checkpoints in a folder, the hidden ones left out."""
    try:
        inside = sorted(place.iterdir())
    except OSError:
        return []
    return [
        path for path in inside if path.name[0] not in "._" and (path.is_dir() or path.suffix == ".safetensors")
    ]


def _nearest(name: str, names: list[str]) -> str | None:
    return next(iter(get_close_matches(name, names, n=1, cutoff=0.6)), None)


def _explain(finding: Finding, source: str, provider: str, needed: str, span: Span) -> Diagnostic:
    match finding:
        case WrongKind(found):
            return WrongModel(span, source, provider, found, needed)
        case Damaged(file, problem):
            return DamagedModel(span, source, file, problem)
        case Pickled(file):
            return PickledWeights(span, source, file)
