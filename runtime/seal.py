"""The seal of a bundle: a digest at its end, over everything but the weights.

This file is also the bundle's `__main__.py`, so it takes nothing but the standard library: what follows is imported
from the bundle only when the seal is found unbroken.

A bundle is a `#!` line and a zip: code, plan and graphs, then weights, then the manifest and the zip's directory.
The zip's comment says where weights and manifest begin: "gflow-bundle 1 WEIGHTS MANIFEST SIZE DIGEST".
Weights are checked block by block when they are first used, by the manifest's digests.
"""

import hashlib
import sys

VERSION = 1
LENGTH = len("gflow-bundle 1 ") + 3 * 13 + 64

#: What the zip writes before the manifest.
HEADER = 30 + len("manifest.json")


class Broken(Exception):
    """A bundle that must not be used, and why."""


def check(path: str) -> tuple[int, int, int]:
    """Where the weights begin, where the manifest begins, and its size. Raises Broken and OSError."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LENGTH))
        comment = file.read().split(b" ")
        if len(comment) != 6 or comment[0] != b"gflow-bundle":
            raise Broken("it is cut short, or no bundle")
        version, *numbers = (int(part) if part.isdigit() else -1 for part in comment[1:5])
        if version > VERSION:
            raise Broken("it was made by a newer gflow")
        begin, manifest, length = numbers
        if not 0 <= begin <= manifest - HEADER <= manifest + length <= size or version < 1:
            raise Broken("it is damaged")
        digest = hashlib.sha256()
        file.seek(0)
        digest.update(file.read(begin))
        file.seek(manifest - HEADER)
        digest.update(file.read(size - 64 - manifest + HEADER))
    if digest.hexdigest().encode() != comment[5]:
        raise Broken("it was changed after it was made")
    return begin, manifest, length


def run(path: str) -> None:
    """Runs a bundle."""
    if sys.version_info < (3, 11):  # noqa: UP036  (a bundle meets whatever Python there is)
        sys.exit(f"{path} needs Python 3.11 or newer, not {sys.version.split()[0]}")
    try:
        place = check(path)
    except (Broken, OSError) as error:
        print(f"error[R1401]: {path} can't be run: {error}", file=sys.stderr)
        sys.exit(2)
    from gflow.runtime.main import main

    main(path, place)


if __name__ == "__main__":
    run(sys.path[0])
