"""How deep a tree is nested. What walks trees does so by recursion, so the parser refuses deeper ones."""

from __future__ import annotations

from typing import Any

from gflow.grammar import nodes as n
from gflow.grammar.source import Span

#: Levels of expressions and blocks; in Python frames of a walk that is a few times as many.
LIMIT = 100

_SKIPPED = frozenset({"span", "raw", "doc", "value_", "kind", "text", "op", "path", "title", "target", "impure"})
_CHILDREN: dict[type[n.Node], tuple[str, ...]] = {}


def _children(type_: type[n.Node]) -> tuple[str, ...]:
    names = _CHILDREN.get(type_)
    if names is None:
        names = tuple(name for name in type_.__struct_fields__ if name not in _SKIPPED)
        _CHILDREN[type_] = names
    return names


def too_deep(root: n.Node) -> Span | None:
    """Where the tree first goes deeper than LIMIT, or None."""
    if root.span.end - root.span.start <= LIMIT:
        return None  # every level takes a character at least
    stack: list[tuple[Any, int]] = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, tuple):
            stack.extend((item, depth) for item in node)
        elif isinstance(node, n.Node):
            if depth > LIMIT:
                return node.span
            for name in _children(type(node)):
                child = getattr(node, name)
                if isinstance(child, tuple | n.Node):
                    stack.append((child, depth + 1))
    return None
