"""The parser's tables, shipped prebuilt in table.bin: building them takes a quarter of a second, loading 10 ms.

python -m gflow.grammar.build       writes table.bin again, after a change of gflow.lark
"""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import lark
from lark import Lark

from gflow.grammar.builder import Builder

GRAMMAR = Path(__file__).with_name("gflow.lark")
TABLE = Path(__file__).with_name("table.bin")


def grammar_hash() -> str:
    """The SHA-256 of gflow.lark, which a table records: one of another grammar is not used."""
    return hashlib.sha256(GRAMMAR.read_bytes()).hexdigest()


def build(*, builder: Builder | None = None) -> Lark:
    """The parser, from gflow.lark."""
    # Tokens come from gflow.grammar.lexer; lark's own lexer is never asked.
    return Lark(
        GRAMMAR.read_text("utf-8"),
        parser="lalr",
        lexer="basic",
        start=["declaration", "type"],
        keep_all_tokens=True,
        maybe_placeholders=True,
        transformer=builder,
    )


def load() -> Lark:
    """The parser, from table.bin, or from gflow.lark where that is missing, stale or of another lark."""
    builder = Builder()
    try:
        with TABLE.open("rb") as file:
            saved = pickle.load(file)
        if (saved["lark"], saved["grammar"]) == (lark.__version__, grammar_hash()):
            table: Any = saved["table"]
            table["data"]["options"]["transformer"] = builder
            return Lark.load(table)
    except Exception:  # any damage means the same
        pass
    return build(builder=builder)


def table() -> bytes:
    """The bytes of table.bin."""
    saved = io.BytesIO()
    build().save(saved)
    saved.seek(0)
    content = {"lark": lark.__version__, "grammar": grammar_hash(), "table": pickle.load(saved)}
    return pickle.dumps(content, protocol=5)


if __name__ == "__main__":
    TABLE.write_bytes(table())
