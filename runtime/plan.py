"""The plan: what the compiler hands to the runtime. Plain data, so that a bundle carries it as JSON.

A value lives in a numbered slot; the numbers are unique within a flow, so a block sees the slots of the blocks
around it. A step writes one slot, `out`. `place` is the script's `file:line:column`, for errors and progress.
`key` slots hold the address of randomness (`gflow.kernels.noise.Key`): never a stream, always a name.
"""

from __future__ import annotations

from typing import Any

import msgspec

from gflow.kernels.types import AnyType, Size

Slot = int


class Step(msgspec.Struct, tag=True, tag_field="step", kw_only=True, frozen=True):
    out: Slot
    place: str = ""


class Const(Step, tag="const", frozen=True):
    """A constant of a type that has a literal. A size is `[width, height]` in JSON."""

    type: AnyType
    value: Any


class Call(Step, tag="call", frozen=True):
    """An op of the registry. Arguments that the script left out are left out here, too.

    `variadic` are further positional arguments, for the ops that take them.
    """

    op: str
    args: dict[str, Slot]
    variadic: list[Slot] = []


class ExternCall(Step, tag="extern", frozen=True):
    """A Python function that the script declares with `extern op`."""

    extern: str
    args: dict[str, Slot]


class ModelCall(Step, tag="model_call", frozen=True):
    """A model's method. `key` addresses its randomness, for the methods that have some. `as_type`: the type
    asked for with `as:`. `batch`: the sizes of batches it may run in, smallest first."""

    model: str
    method: str
    args: dict[str, Slot]
    key: Slot | None = None
    as_type: AnyType | None = None
    batch: tuple[int, ...] = (1,)


class FlowCall(Step, tag="flow_call", frozen=True):
    """Another flow of the plan, every parameter given."""

    flow: str
    args: dict[str, Slot]
    key: Slot


class Derive(Step, tag="derive", frozen=True):
    """The key of a named part: `out = key / name`."""

    key: Slot
    name: str


class Block(msgspec.Struct, frozen=True):
    """Steps in order, then the value. `result` is None for a block that gives nothing."""

    steps: list[AnyStep]
    result: Slot | None = None


class Map(Step, tag="map", frozen=True):
    """A list from a list, item by item, independently. The body reads `item`, `index` (from 0) and
    `item_key`, which is `key[index]`. `together`: how many items may be under way at once."""

    items: Slot
    item: Slot
    index: Slot
    key: Slot
    item_key: Slot
    body: Block
    together: int = 1


class If(Step, tag="if", frozen=True):
    condition: Slot
    then: Block
    orelse: Block


class Case(msgspec.Struct, frozen=True):
    value: Any
    body: Block


class Match(Step, tag="match", frozen=True):
    """The first case whose value equals the subject, else `default` (None: the cases are exhaustive)."""

    subject: Slot
    cases: list[Case]
    default: Block | None


class Refine(Step, tag="refine", frozen=True):
    """Attempts 0, 1, ... until one passes.

    The body reads `attempt_key`, which is `key[attempt]`; with `start`, it reads the value before in `value`.
    `until` (a bool) and `keep_by` (a float) read the attempt's value in `value`. Where none passes: the best
    by `keep_by`, else `orelse`, else the last one, with a warning. `together`: how many attempts are made at once,
    where none starts from the one before.
    """

    limit: Slot
    start: Slot | None
    value: Slot
    key: Slot
    attempt_key: Slot
    body: Block
    until: Block
    keep_by: Block | None = None
    orelse: Block | None = None
    together: int = 1


class Try(Step, tag="try", frozen=True):
    """The body; a failure that a retry can cure is tried `retry` more times, waiting `backoff` seconds, then
    twice that, and so on. `timeout`: seconds an attempt may take. Then `orelse`, for any failure."""

    body: Block
    retry: Slot | None = None
    backoff: Slot | None = None
    timeout: Slot | None = None
    orelse: Block | None = None


class Fused(Step, tag="fused", frozen=True):
    """A chain of ops on pixels, run as one."""

    body: Block
    title: str


class Expect(Step, tag="expect", frozen=True):
    """Fails the run where the condition is false. `shown`: values to print with the failure, by their source
    text."""

    condition: Slot
    text: str
    shown: dict[str, Slot] = {}


AnyStep = (
    Const | Call | ExternCall | ModelCall | FlowCall | Derive | Map | If | Match | Refine | Try | Fused | Expect
)  # fmt: skip


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A model as the script declares it. `folder`: where its files are, None for a server or a hub's name that is
    not on this machine yet. `loras`: files to fold into its weights, and how much of each. `lowered`: the folder of
    its lowered form (`gflow.runtime.lowered`), which the ONNX engine runs; None where the torch engine or a server
    does."""

    name: str
    provider: str
    args: dict[str, Any]
    folder: str | None = None
    loras: dict[str, float] = {}
    lowered: str | None = None
    place: str = ""


class Extern(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is absolute; `pure` as declared."""

    name: str
    path: str
    function: str
    result: AnyType
    pure: bool = True


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a flow. `slot` holds its value in the body. Without `required`, `default` is its value
    (encoded as in `Const`). `low`, `high`: both ends allowed."""

    name: str
    type: AnyType
    slot: Slot
    doc: str = ""
    required: bool = True
    default: Any = None
    low: float | None = None
    high: float | None = None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A flow, or a `test` (whose result is nothing). `key` is the slot of its key."""

    name: str
    params: list[Param]
    key: Slot
    body: Block
    result: AnyType | None
    doc: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run needs. `flows` and `tests` are by name; names of used files have a prefix, `lib.flow`.
    `main` is the flow that `gflow run` runs when none is named: the file's last one, None where it has none."""

    version: int = 1
    script: str = ""
    models: dict[str, Model]
    externs: dict[str, Extern]
    flows: dict[str, Flow]
    tests: dict[str, Flow]
    main: str | None


def encode(value: Any) -> Any:
    """A constant's value as JSON can hold it."""
    return list(value) if isinstance(value, Size) else value


def decode(type_: AnyType, value: Any) -> Any:
    """The value of a `Const` or a default, as it is held while running."""
    from gflow.kernels import types as t

    match type_:
        case t.Scalar("size") if value is not None:
            return Size(*value)
        case t.Scalar("float" | "duration") if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        case t.Optional(item):
            return None if value is None else decode(item, value)
        case t.ListOf(item):
            return [decode(item, element) for element in value]
        case t.Record(fields):
            return {name: decode(field, value[name]) for name, field in fields}
        case _:
            return value
