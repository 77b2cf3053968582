"""What an engine is: it loads a model and calls its methods. One file each, in this folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from gflow.kernels.noise import Key
from gflow.kernels.types import AnyType
from gflow.runtime.errors import TimedOut
from gflow.runtime.plan import Model


@dataclass(frozen=True)
class CallContext:
    """What a call may use of the run around it.

    deadline: `time.monotonic()` after which the call must give up, by calling `check` now and then.
    progress: told the steps done and the steps there are.
    warn: told, in one sentence, what the user should know.
    """

    deadline: float | None = None
    progress: Callable[[int, int], None] = field(default=lambda done, total: None)
    warn: Callable[[str], None] = field(default=lambda message: None)

    def check(self) -> None:
        """Raises TimedOut past the deadline."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimedOut("the time given by `timeout` ran out")


@dataclass(frozen=True)
class Request:
    """One call of a batch: every parameter of the method, its key, its context."""

    args: Mapping[str, Any]
    key: Key | None
    context: CallContext


class LoadedModel(Protocol):
    """A model that is ready. Calls come from one thread at a time."""

    def call(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        key: Key | None,
        as_type: AnyType | None,
        context: CallContext,
    ) -> Any:
        """The method's result, held as `gflow.kernels.types` says. Every parameter of the method is given,
        defaults included.

        Raises ModelMissing, EngineFailed, EndpointFailed, WrongShape, TimedOut, OpFailed.
        """
        ...


@runtime_checkable
class BatchModel(LoadedModel, Protocol):
    """A model whose stages run in batches."""

    def call_batch(self, method: str, requests: Sequence[Request], *, size: int) -> list[Any]:
        """The results of calls that agree in the method's `uniform` parameters, in order. They run as one batch of
        `size` (at least as many as there are requests; the rest is padding, which no result depends on).

        Raises as `call` does, and OutOfMemory where a smaller batch may do."""
        ...


class Engine(Protocol):
    """Loads models. `name` is what the command line and the plan call it."""

    name: str

    def load(self, model: Model) -> LoadedModel:
        """Raises ModelMissing where the model or something it needs is not there."""
        ...
