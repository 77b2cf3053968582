"""The syntax tree. Every node is frozen and has a span; spans do not take part in comparison, so two trees
are equal when they say the same, however they are laid out.

Doc comments (`///`) are in the tree, as `doc`; ordinary comments are not (see `File.comments`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gflow.grammar.source import Source, Span


@dataclass(frozen=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Name(Node):
    """A name where it is declared: its text and where it stands."""

    text: str


# --- types -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NamedType(Node):
    """`text`, `image`, or a record's name. `shapes.Point` names a record of a used file."""

    name: str


@dataclass(frozen=True)
class ListType(Node):
    item: TypeNode


@dataclass(frozen=True)
class RecordType(Node):
    fields: tuple[tuple[Name, TypeNode], ...]


@dataclass(frozen=True)
class ChoiceType(Node):
    """`"contain" | "cover"`; a single string is a choice of one."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class OptionalType(Node):
    item: TypeNode


TypeNode = NamedType | ListType | RecordType | ChoiceType | OptionalType


# --- expressions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Literal(Node):
    """A literal without interpolation. `kind` is one of the keys below; `value` is what it stands for:

    int 12 · float 0.5 (also `40%` = 0.4, `24fps` = 24.0, `2x` = 2.0) · text · bool · none (None)
    size `(1024, 768)` · duration seconds as float (`4s`, `250ms`, `2min`) · bytes as int (`512MiB`, kind int)

    `raw` is the literal as written, which the formatter keeps.
    """

    kind: str
    value: Any
    raw: str = field(compare=False)


@dataclass(frozen=True)
class Template(Node):
    """Text with `${...}` in it. Parts are `str` (escapes already resolved) or expressions, in order."""

    parts: tuple[str | Expr, ...]
    raw: str = field(compare=False)


@dataclass(frozen=True)
class Ref(Node):
    """A name where it is used."""

    name: str


@dataclass(frozen=True)
class ListExpr(Node):
    items: tuple[Expr, ...]


@dataclass(frozen=True)
class RecordExpr(Node):
    """`{ sku: row.sku, hero }`; `hero` alone means `hero: hero`."""

    fields: tuple[tuple[Name, Expr], ...]


@dataclass(frozen=True)
class Unary(Node):
    """op: `-` or `not`."""

    op: str
    operand: Expr


@dataclass(frozen=True)
class Binary(Node):
    """op: `+ - * / % == != < <= > >= and or ?? ..`. `a..b` is a range, both ends in."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Field(Node):
    """`value.name`"""

    value: Expr
    name: Name


@dataclass(frozen=True)
class Index(Node):
    """`value[index]`"""

    value: Expr
    index: Expr


@dataclass(frozen=True)
class Arg(Node):
    """A positional argument has no name. `as: TYPE` is not here but in `Call.as_type`."""

    name: Name | None
    value: Expr


@dataclass(frozen=True)
class Call(Node):
    """`f(a, b: c)`, `painter.generate(p)`. The callee is a `Ref` or a `Field` (anything else is an error)."""

    callee: Expr
    args: tuple[Arg, ...]
    as_type: TypeNode | None = None


@dataclass(frozen=True)
class Pipe(Node):
    """`value |> call`: the value becomes the call's first positional argument."""

    value: Expr
    call: Call


@dataclass(frozen=True)
class Lambda(Node):
    param: Name
    body: Expr


@dataclass(frozen=True)
class If(Node):
    condition: Expr
    then: Block
    orelse: Block  # `else if` is a block whose only result is another If


@dataclass(frozen=True)
class For(Node):
    """`for item, index in items { }`; the index counts from 0."""

    item: Name
    index: Name | None
    items: Expr
    body: Block


@dataclass(frozen=True)
class Case(Node):
    """One arm. `pattern` is a `Literal`, or None for `_`. A body without braces is a block of one expression."""

    pattern: Literal | None
    body: Block


@dataclass(frozen=True)
class Match(Node):
    subject: Expr
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Refine(Node):
    """`refine name [from start] up to limit body until condition [keep best by keep_by | else orelse]`"""

    name: Name
    start: Expr | None
    limit: Expr
    body: Block
    until: Expr
    keep_by: Expr | None = None
    orelse: Block | None = None


@dataclass(frozen=True)
class Try(Node):
    body: Block
    retry: Expr | None = None
    backoff: Expr | None = None
    timeout: Expr | None = None
    orelse: Block | None = None


Expr = (
    Literal | Template | Ref | ListExpr | RecordExpr | Unary | Binary | Field | Index | Call | Pipe | Lambda
    | If | For | Match | Refine | Try
)  # fmt: skip


# --- statements ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bind(Node):
    """`name = value`"""

    name: Name
    value: Expr


@dataclass(frozen=True)
class Expect(Node):
    """`expect condition`: fails the run or the test where the condition is false."""

    condition: Expr


@dataclass(frozen=True)
class Block(Node):
    """Statements; the value is the last one's, if it is an expression."""

    statements: tuple[Bind | Expect | Expr, ...]


# --- declarations ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Param(Node):
    """`name: type [in low..high] [= default]`, with the `///` text before it."""

    name: Name
    type: TypeNode
    range: tuple[Expr, Expr] | None = None
    default: Expr | None = None
    doc: str = ""


@dataclass(frozen=True)
class Use(Node):
    path: str
    name: Name
    doc: str = ""


@dataclass(frozen=True)
class Model(Node):
    name: Name
    provider: Name
    args: tuple[Arg, ...]
    doc: str = ""


@dataclass(frozen=True)
class Let(Node):
    name: Name
    value: Expr
    doc: str = ""


@dataclass(frozen=True)
class RecordDecl(Node):
    name: Name
    type: RecordType
    doc: str = ""


@dataclass(frozen=True)
class Extern(Node):
    """`extern op name(params) -> type from "path.py:function" [impure]`"""

    name: Name
    params: tuple[Param, ...]
    result: TypeNode
    target: str
    impure: bool = False
    doc: str = ""


@dataclass(frozen=True)
class Flow(Node):
    name: Name
    params: tuple[Param, ...]
    result: TypeNode | None
    body: Block
    doc: str = ""


@dataclass(frozen=True)
class Test(Node):
    title: str
    body: Block
    doc: str = ""


Declaration = Use | Model | Let | RecordDecl | Extern | Flow | Test


@dataclass(frozen=True)
class Comment(Node):
    """A `//` comment, with its slashes. `own_line`: nothing but white space stands before it on its line."""

    text: str
    own_line: bool


@dataclass(frozen=True)
class File(Node):
    source: Source = field(compare=False, repr=False)
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(compare=False, default=(), repr=False)
