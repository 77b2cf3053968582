"""The syntax tree. Every node is frozen and has a span; spans do not take part in comparison, so two trees
are equal when they say the same, however they are laid out.

Doc comments (`///`) are in the tree, as `doc`; ordinary comments are not (see `File.comments`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from gflow.grammar.source import Source, Span

#: Fields that say how a tree is laid out, not what it says.
_LAYOUT = frozenset({"span", "raw", "source", "comments"})


class Node(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    span: Span

    def _says(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name not in _LAYOUT)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Node) and self._says() == other._says()

    def __hash__(self) -> int:
        return hash((type(self), self._says()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._says()))})"


class Name(Node, frozen=True, eq=False):
    """A name where it is declared: its text and where it stands."""

    text: str


# --- types -----------------------------------------------------------------------------------------


class NamedType(Node, frozen=True, eq=False):
    """`text`, `image`, or a record's name. `shapes.Point` names a record of a used file."""

    name: str


class ListType(Node, frozen=True, eq=False):
    item: TypeNode


class RecordType(Node, frozen=True, eq=False):
    fields: tuple[tuple[Name, TypeNode], ...]


class ChoiceType(Node, frozen=True, eq=False):
    """`"contain" | "cover"`; a single string is a choice of one."""

    values: tuple[str, ...]


class OptionalType(Node, frozen=True, eq=False):
    item: TypeNode


TypeNode = NamedType | ListType | RecordType | ChoiceType | OptionalType


# --- expressions -----------------------------------------------------------------------------------


class Literal(Node, frozen=True, eq=False):
    """A literal without interpolation. `kind` is one of the keys below; `value` is what it stands for:

    int 12 · float 0.5 (also `40%` = 0.4, `24fps` = 24.0, `2x` = 2.0) · text · bool · none (None)
    size `(1024, 768)` · duration seconds as float (`4s`, `250ms`, `2min`) · bytes as int (`512MiB`, kind int)

    `raw` is the literal as written, which the formatter keeps.
    """

    kind: str
    value: Any
    raw: str


class Template(Node, frozen=True, eq=False):
    """Text with `${...}` in it. Parts are `str` (escapes already resolved) or expressions, in order."""

    parts: tuple[str | Expr, ...]
    raw: str


class Ref(Node, frozen=True, eq=False):
    """A name where it is used."""

    name: str


class ListExpr(Node, frozen=True, eq=False):
    items: tuple[Expr, ...]


class RecordExpr(Node, frozen=True, eq=False):
    """`{ sku: row.sku, hero }`; `hero` alone means `hero: hero`."""

    fields: tuple[tuple[Name, Expr], ...]


class Unary(Node, frozen=True, eq=False):
    """op: `-` or `not`."""

    op: str
    operand: Expr


class Binary(Node, frozen=True, eq=False):
    """op: `+ - * / % == != < <= > >= and or ?? ..`. `a..b` is a range, both ends in."""

    op: str
    left: Expr
    right: Expr


class Field(Node, frozen=True, eq=False):
    """`value.name`"""

    value: Expr
    name: Name


class Index(Node, frozen=True, eq=False):
    """`value[index]`"""

    value: Expr
    index: Expr


class Arg(Node, frozen=True, eq=False):
    """A positional argument has no name. `as: TYPE` is not here but in `Call.as_type`."""

    name: Name | None
    value: Expr


class Call(Node, frozen=True, eq=False):
    """`f(a, b: c)`, `painter.generate(p)`. The callee is a `Ref` or a `Field` (anything else is an error)."""

    callee: Expr
    args: tuple[Arg, ...]
    as_type: TypeNode | None = None


class Pipe(Node, frozen=True, eq=False):
    """`value |> call`: the value becomes the call's first positional argument."""

    value: Expr
    call: Call


class Lambda(Node, frozen=True, eq=False):
    param: Name
    body: Expr


class If(Node, frozen=True, eq=False):
    condition: Expr
    then: Block
    orelse: Block  # `else if` is a block whose only result is another If


class For(Node, frozen=True, eq=False):
    """`for item, index in items { }`; the index counts from 0."""

    item: Name
    index: Name | None
    items: Expr
    body: Block


class Case(Node, frozen=True, eq=False):
    """One arm. `pattern` is a `Literal`, or None for `_`. A body without braces is a block of one expression."""

    pattern: Literal | None
    body: Block


class Match(Node, frozen=True, eq=False):
    subject: Expr
    cases: tuple[Case, ...]


class Refine(Node, frozen=True, eq=False):
    """`refine name [from start] up to limit body until condition [keep best by keep_by | else orelse]`"""

    name: Name
    start: Expr | None
    limit: Expr
    body: Block
    until: Expr
    keep_by: Expr | None = None
    orelse: Block | None = None


class Try(Node, frozen=True, eq=False):
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


class Bind(Node, frozen=True, eq=False):
    """`name = value`"""

    name: Name
    value: Expr


class Expect(Node, frozen=True, eq=False):
    """`expect condition`: fails the run or the test where the condition is false."""

    condition: Expr


class Block(Node, frozen=True, eq=False):
    """Statements; the value is the last one's, if it is an expression."""

    statements: tuple[Bind | Expect | Expr, ...]


# --- declarations ----------------------------------------------------------------------------------


class Param(Node, frozen=True, eq=False):
    """`name: type [in low..high] [= default]`, with the `///` text before it."""

    name: Name
    type: TypeNode
    range: tuple[Expr, Expr] | None = None
    default: Expr | None = None
    doc: str = ""


class Use(Node, frozen=True, eq=False):
    path: str
    name: Name
    doc: str = ""


class Model(Node, frozen=True, eq=False):
    name: Name
    provider: Name
    args: tuple[Arg, ...]
    doc: str = ""


class Let(Node, frozen=True, eq=False):
    name: Name
    value: Expr
    doc: str = ""


class RecordDecl(Node, frozen=True, eq=False):
    name: Name
    type: RecordType
    doc: str = ""


class Extern(Node, frozen=True, eq=False):
    """`extern op name(params) -> type from "path.py:function" [impure]`"""

    name: Name
    params: tuple[Param, ...]
    result: TypeNode
    target: str
    impure: bool = False
    doc: str = ""


class Flow(Node, frozen=True, eq=False):
    name: Name
    params: tuple[Param, ...]
    result: TypeNode | None
    body: Block
    doc: str = ""


class Test(Node, frozen=True, eq=False):
    title: str
    body: Block
    doc: str = ""


Declaration = Use | Model | Let | RecordDecl | Extern | Flow | Test


class Comment(Node, frozen=True, eq=False):
    """A `//` comment, with its slashes. `own_line`: nothing but white space stands before it on its line."""

    text: str
    own_line: bool


class File(Node, frozen=True, eq=False):
    source: Source
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = ()
