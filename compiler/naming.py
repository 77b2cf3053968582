"""How entries of a bundle are called that are known by what they hold."""

from __future__ import annotations

from gflow.runtime import seal


def digest(*parts: bytes) -> str:
    """A name for some contents."""
    found = seal.digest()
    for part in parts:
        found.update(seal.digest(part).digest())
    return found.hexdigest()[:32]
