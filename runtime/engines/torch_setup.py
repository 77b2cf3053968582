"""What every model of the torch engine shares: the device, silence, and errors told in our own words."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from gflow.kernels.op import OpError
from gflow.runtime.errors import EngineFailed, ModelMissing, OpFailed, RunError
from gflow.runtime.plan import Model


def device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # cuBLAS is deterministic only with a fixed workspace, and reads this when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return torch.device("cuda")


def dtype(half: torch.dtype) -> torch.dtype:
    """float32 on the CPU, which is the reference; `half` on a GPU."""
    return torch.float32 if device().type == "cpu" else half


def source(model: Model) -> tuple[str, bool]:
    """What `from_pretrained` is given: a place or a hub's name, and whether it must be on this machine."""
    if model.folder is not None:
        return model.folder, True
    return str(model.args["source"]), False


@contextmanager
def loading(model: Model, *libraries: str) -> Iterator[None]:
    """Around loading: quiet; whatever is raised becomes ModelMissing."""
    try:
        with _quiet(libraries):
            yield
    except RunError:
        raise
    except ImportError as error:
        raise ModelMissing(
            f"the model `{model.name}` needs the package `{error.name or error}`",
            help='install it with `pip install "gflow[models]"`',
            place=model.place,
        ) from error
    except Exception as error:  # The libraries raise whatever they like for a folder they can't use.
        where = model.folder or model.args.get("source")
        message = f"the model `{model.name}` can't be loaded from {where}: {_first_line(error)}"
        raise ModelMissing(message, help=_load_help(model), place=model.place) from error


def _load_help(model: Model) -> str:
    if model.folder is None:
        return "it is downloaded at its first run, which needs a connection to the hub, or give a folder"
    if model.folder.endswith(".safetensors"):
        return "a single file has no configuration: it comes from the hub; or give a folder in diffusers' layout"
    return ""


@contextmanager
def running(*libraries: str) -> Iterator[None]:
    """Around a call: no gradients, deterministic, quiet; whatever is raised becomes EngineFailed."""
    try:
        with _quiet(libraries), _deterministic(), torch.inference_mode():
            yield
    except RunError:
        raise
    except OpError as error:
        raise OpFailed(str(error)) from error
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        message = f"the GPU's memory is full: {_first_line(error)}"
        raise EngineFailed(message, help="ask for a smaller size, or a smaller model") from error
    except Exception as error:  # As above: what a model's code raises is not ours to list.
        raise EngineFailed(f"the model failed: {_first_line(error)}") from error


@contextmanager
def _quiet(libraries: tuple[str, ...]) -> Iterator[None]:
    """Silences what the libraries tell their own users; what matters to ours, the engine says itself."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for library in libraries:
            log = importlib.import_module(f"{library}.utils.logging")
            stack.callback(log.set_verbosity, log.get_verbosity())
            log.set_verbosity_error()
            if log.is_progress_bar_enabled():
                stack.callback(log.enable_progress_bar)
                log.disable_progress_bar()
        yield


@contextmanager
def _deterministic() -> Iterator[None]:
    """On a GPU some kernels add in any order unless asked not to; those of the CPU never do."""
    if device().type == "cpu":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # warn_only: a model with an operation that has no deterministic form still runs.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
