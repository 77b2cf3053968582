"""The IR: an xDSL dialect in SSA form with regions, printed and parsed as MLIR text.

Few structural ops. `gflow.call` is any op of the registry, any model's method, any flow, any extern op; purity
comes from the declaration, so that a pass needs no list of op names. A region may use the values around it; only
a flow is closed. Randomness is an operand: a `!gflow.key` (`gflow.kernels.noise`), so random calls are pure, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

from xdsl.context import Context
from xdsl.dialects.builtin import (
    ArrayAttr,
    Builtin,
    FileLineColLoc,
    IntAttr,
    ModuleOp,
    StringAttr,
    UnitAttr,
)
from xdsl.ir import Block, Data, Dialect, Operation, ParametrizedAttribute, Region, SSAValue, TypeAttribute
from xdsl.irdl import (
    AttrSizedOperandSegments,
    AttrSizedRegionSegments,
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_region_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
    var_operand_def,
    var_region_def,
)
from xdsl.parser import AttrParser, Parser
from xdsl.printer import Printer
from xdsl.traits import (
    EffectInstance,
    IsolatedFromAbove,
    IsTerminator,
    MemoryEffect,
    MemoryEffectKind,
    Pure,
    RecursiveMemoryEffect,
    SymbolOpInterface,
)

from gflow.compiler import typing
from gflow.grammar.parser import parse_type
from gflow.grammar.source import Span
from gflow.kernels.op import registry
from gflow.kernels.types import AnyType

OpT = TypeVar("OpT", bound=Operation)


@irdl_attr_definition
class ValueType(Data[AnyType], TypeAttribute):
    """A type of the language: `!gflow.type<"list<image>">`."""

    name = "gflow.type"

    @classmethod
    def parse_parameter(cls, parser: AttrParser) -> AnyType:
        with parser.in_angle_brackets():
            return typing.structural(parse_type(parser.parse_str_literal()))

    def print_parameter(self, printer: Printer) -> None:
        with printer.in_angle_brackets():
            printer.print_string_literal(str(self.data))


@irdl_attr_definition
class KeyType(ParametrizedAttribute, TypeAttribute):
    """The address of randomness."""

    name = "gflow.key"


class CallEffects(MemoryEffect):
    """A call has an effect only where its declaration says it is impure."""

    @classmethod
    def get_effects(cls, op: Operation) -> set[EffectInstance] | None:
        assert isinstance(op, CallOp)
        return set() if op.is_pure else {EffectInstance(MemoryEffectKind.WRITE)}


def strings(values: Sequence[str]) -> ArrayAttr[StringAttr]:
    """An array of strings, as an attribute."""
    return ArrayAttr([StringAttr(value) for value in values])


class _Op(IRDLOperation):
    """Every op has a location, which takes no part in comparison: two equal calls in two places are equal."""

    @property
    def place(self) -> str:
        """The script's `file:line:column`."""
        where = self.location
        if not isinstance(where, FileLineColLoc):
            return ""
        return f"{where.filename.data}:{where.line.data}:{where.column.data}"


@irdl_op_definition
class ModelOp(_Op):
    """A model of the script. `args`: what its declaration gives, as JSON. `folder`: where its files are.
    `loras`: files of what is folded into its weights, and how much of each, as a JSON object. `lowered`: the folder
    of its lowered form; only the methods of such a model are expanded into stages."""

    name = "gflow.model"
    sym_name = prop_def(StringAttr)
    provider = prop_def(StringAttr)
    args = prop_def(StringAttr)
    folder = opt_prop_def(StringAttr)
    loras = opt_prop_def(StringAttr)
    lowered = opt_prop_def(StringAttr)
    traits = traits_def(SymbolOpInterface())


@irdl_op_definition
class ExternOp(_Op):
    """A Python function that the script declares."""

    name = "gflow.extern"
    sym_name = prop_def(StringAttr)
    path = prop_def(StringAttr)
    function = prop_def(StringAttr)
    result_type = prop_def(ValueType)
    pure = prop_def(StringAttr)
    traits = traits_def(SymbolOpInterface())


@irdl_op_definition
class FlowOp(_Op):
    """A flow, or a test (`kind`). The block's arguments are the parameters, then the flow's key. A test's symbol is
    `test` and its title, as no flow can be called."""

    name = "gflow.flow"
    sym_name = prop_def(StringAttr)
    kind = prop_def(StringAttr)
    params = prop_def(ArrayAttr[StringAttr])
    doc = prop_def(StringAttr)
    # What the command line shows of each parameter (doc, default, range): JSON, in the parameters' order.
    options = prop_def(ArrayAttr[StringAttr])
    result_type = opt_prop_def(ValueType)
    body = region_def("single_block")
    traits = traits_def(IsolatedFromAbove(), SymbolOpInterface())

    @property
    def title(self) -> str:
        """A flow's name, with those of the files that it comes by; a test's title."""
        name = self.sym_name.data
        return name.removeprefix("test ") if self.kind.data == "test" else name


@irdl_op_definition
class ConstOp(_Op):
    """A constant, as JSON."""

    name = "gflow.const"
    value = prop_def(StringAttr)
    result = result_def(ValueType)
    traits = traits_def(Pure())
    assembly_format: ClassVar[str] = "$value `:` type($result) attr-dict"


@irdl_op_definition
class CallOp(_Op):
    """`callee` is an op, `model.method`, a flow or an extern op, as `kind` says. `names` are the arguments'
    parameters, in order; further arguments are the variadic ones. The key of a random call is the argument
    `@key`."""

    name = "gflow.call"
    kind = prop_def(StringAttr)
    callee = prop_def(StringAttr)
    names = prop_def(ArrayAttr[StringAttr])
    # Set for a call of an extern op that says so; an op's own declaration is in the registry.
    impure = opt_prop_def(UnitAttr)
    as_type = opt_prop_def(ValueType)
    # The sizes of the batches in which calls of a stage run, smallest first: `1 2 4 8`.
    batch = opt_prop_def(StringAttr)
    args = var_operand_def()
    result = result_def(ValueType)
    traits = traits_def(CallEffects())
    assembly_format: ClassVar[str] = (
        "$kind $callee $names `(` $args `)` (`as` $as_type^)? (`impure` $impure^)? (`batch` $batch^)? attr-dict "
        "`:` `(` type($args) `)` `->` type($result)"
    )

    @property
    def is_pure(self) -> bool:
        if self.kind.data == "op":
            return registry()[self.callee.data].pure
        return self.impure is None


@irdl_op_definition
class DeriveOp(_Op):
    """The key of a named part."""

    name = "gflow.derive"
    part = prop_def(StringAttr)
    key = operand_def(KeyType)
    result = result_def(KeyType)
    traits = traits_def(Pure())
    assembly_format: ClassVar[str] = "$key `,` $part attr-dict"


@irdl_op_definition
class MapOp(_Op):
    """A list from a list. The body's arguments: item, index, the item's key. `together`: how many iterations may
    be under way at once."""

    name = "gflow.map"
    items = operand_def(ValueType)
    key = operand_def(KeyType)
    together = opt_prop_def(IntAttr)
    result = result_def(ValueType)
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())
    assembly_format: ClassVar[str] = (
        "$items `key` $key (`together` $together^)? $body attr-dict `:` type($items) `->` type($result)"
    )


@irdl_op_definition
class IfOp(_Op):
    name = "gflow.if"
    condition = operand_def(ValueType)
    result = result_def(ValueType)
    then = region_def("single_block")
    orelse = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())
    assembly_format: ClassVar[str] = (
        "$condition $then `else` $orelse attr-dict `:` type($condition) `->` type($result)"
    )


@irdl_op_definition
class MatchOp(_Op):
    """One region a value of `cases` (JSON), and one more where there is a default."""

    name = "gflow.match"
    cases = prop_def(ArrayAttr[StringAttr])
    subject = operand_def(ValueType)
    result = result_def(ValueType)
    arms = var_region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())
    assembly_format: ClassVar[str] = "$subject $cases $arms `:` type($subject) `->` type($result) attr-dict"


@irdl_op_definition
class RefineOp(_Op):
    """Attempts until one passes. The body's arguments: the value before (of `start`, else of the result's type
    and unused) and the attempt's key. `until` and `keep_by` get the attempt's value. `together`: how many attempts
    are made at once."""

    name = "gflow.refine"
    limit = operand_def(ValueType)
    start = opt_operand_def(ValueType)
    key = operand_def(KeyType)
    together = opt_prop_def(IntAttr)
    result = result_def(ValueType)
    body = region_def("single_block")
    until = region_def("single_block")
    keep_by = opt_region_def("single_block")
    orelse = opt_region_def("single_block")
    irdl_options = (AttrSizedOperandSegments(as_property=True), AttrSizedRegionSegments(as_property=True))
    traits = traits_def(RecursiveMemoryEffect())


@irdl_op_definition
class TryOp(_Op):
    name = "gflow.try"
    retry = opt_operand_def(ValueType)
    backoff = opt_operand_def(ValueType)
    timeout = opt_operand_def(ValueType)
    result = result_def(ValueType)
    body = region_def("single_block")
    orelse = opt_region_def("single_block")
    irdl_options = (AttrSizedOperandSegments(as_property=True),)
    traits = traits_def(RecursiveMemoryEffect())


@irdl_op_definition
class FusedOp(_Op):
    """A chain of ops on pixels that runs as one kernel."""

    name = "gflow.fused"
    title = prop_def(StringAttr)
    result = result_def(ValueType)
    body = region_def("single_block")
    traits = traits_def(RecursiveMemoryEffect())
    assembly_format: ClassVar[str] = "$title $body attr-dict `->` type($result)"


@irdl_op_definition
class ExpectOp(_Op):
    """Fails the run where the condition is false. `names` are the source texts of the values shown."""

    assembly_format: ClassVar[str] = (
        "$condition $text $names `(` $shown `)` attr-dict `:` type($condition) `,` `(` type($shown) `)`"
    )

    name = "gflow.expect"
    text = prop_def(StringAttr)
    names = prop_def(ArrayAttr[StringAttr])
    condition = operand_def(ValueType)
    shown = var_operand_def(ValueType)


@irdl_op_definition
class YieldOp(_Op):
    name = "gflow.yield"
    value = opt_operand_def(ValueType)
    traits = traits_def(IsTerminator(), Pure())
    assembly_format: ClassVar[str] = "($value^ `:` type($value))? attr-dict"


GFLOW = Dialect(
    "gflow",
    [
        ModelOp,
        ExternOp,
        FlowOp,
        ConstOp,
        CallOp,
        DeriveOp,
        MapOp,
        IfOp,
        MatchOp,
        RefineOp,
        TryOp,
        FusedOp,
        ExpectOp,
        YieldOp,
    ],
    [ValueType, KeyType],
)


def located(op: OpT, span: Span) -> OpT:
    """The op, with its place in the script noted."""
    line, column = span.source.place(span.start)
    op.location = FileLineColLoc(_file(span.source.path), IntAttr(line), IntAttr(column))
    return op


class _Reader(Parser):
    """Reads texts that are not ASCII, too, which the printer writes byte by byte."""

    def parse_optional_str_literal(self) -> str | None:
        text = super().parse_optional_str_literal()
        if text is None and (raw := self.parse_optional_bytes_literal()) is not None:
            return raw.decode()
        return text


def read(text: str) -> ModuleOp:
    """The IR that a text says: what `str(module)` printed."""
    context = Context()
    context.load_dialect(Builtin)
    context.load_dialect(GFLOW)
    return _Reader(context, text).parse_module()


@cache
def value_type(type_: AnyType) -> ValueType:
    """The attribute of a type. Attributes don't change, and are slow to make."""
    return ValueType(type_)


_file = cache(StringAttr)


def type_of(value: SSAValue) -> AnyType:
    """The language's type of an SSA value (not of a key)."""
    assert isinstance(value.type, ValueType)
    return value.type.data


def const(value: Any, type_: AnyType) -> ConstOp:
    """A constant. Sizes are `[width, height]`."""
    text = json.dumps(value, ensure_ascii=False)
    return ConstOp(properties={"value": StringAttr(text)}, result_types=[value_type(type_)])


def call(
    kind: str,
    callee: str,
    args: Mapping[str, SSAValue],
    result: AnyType,
    *,
    variadic: Sequence[SSAValue] = (),
    key: SSAValue | None = None,
    pure: bool = True,
    as_type: AnyType | None = None,
) -> CallOp:
    """A call; see `CallOp`."""
    args = dict(args) if key is None else {**args, "@key": key}
    return CallOp(
        operands=[[*args.values(), *variadic]],
        properties={
            "kind": StringAttr(kind),
            "callee": StringAttr(callee),
            "names": strings(list(args)),
            "impure": None if pure else UnitAttr(),
            "as_type": None if as_type is None else ValueType(as_type),
        },
        result_types=[value_type(result)],
    )


def detach(op: Operation) -> None:
    """Takes an op out of its block, to be put elsewhere."""
    op.detach()  # type: ignore[no-untyped-call]


def replace(op: Operation, value: SSAValue) -> None:
    """Lets a value stand for an op's result; the op is gone."""
    result = op.results[0]
    if result.name_hint and not value.name_hint:
        value.name_hint = result.name_hint
    result.replace_all_uses_with(value)
    remove(op)


def remove(op: Operation) -> None:
    """Removes an op that nothing reads."""
    detach(op)
    op.erase()


def region(block: Block) -> Region:
    return Region([block])
