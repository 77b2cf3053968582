"""The seal of a bundle: a digest at its end, over everything but the weights.

This text is at the head of every bundle, where `sh` gives it to Python, and in its zip as `__main__.py`. So it
takes nothing but the standard library, and any Python 3 can read it: what else there is in a bundle is imported
only when the seal is found unbroken.

A bundle is this head and a zip: code, plan and graphs, then weights, then the manifest and the zip's directory. The
zip's comment says where weights and manifest begin: "gflow-bundle 1 WEIGHTS MANIFEST SIZE DIGEST". Weights are
checked block by block when they are first used, by the manifest's digests.
"""

import sys

try:
    from _blake2 import blake2b  # `hashlib` would load all of OpenSSL.
except ImportError:
    from hashlib import blake2b

VERSION = 1
LENGTH = len("gflow-bundle 1 ") + 3 * 13 + 64

#: What the zip writes before the manifest.
HEADER = 30 + len("manifest.json")

#: Zips of more bytes than this can't be imported from by Python 3.12 and earlier.
LARGE = 1 << 32


def digest(data: bytes = b"") -> blake2b:
    """The digest that bundles use: BLAKE2b of 256 bits."""
    return blake2b(data, digest_size=32)


class Broken(Exception):
    """A bundle that must not be used, and why."""


def check(path: str) -> "tuple[int, int, int]":
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
        file.seek(0)
        found = digest(file.read(begin))
        file.seek(manifest - HEADER)
        found.update(file.read(size - 64 - manifest + HEADER))
    if found.hexdigest().encode() != comment[5]:
        raise Broken("it was changed after it was made")
    return begin, manifest, length


def run(path: str) -> None:
    """Runs a bundle."""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036  (a bundle meets whatever Python there is)
            raise Broken("it needs Python 3.11 or newer, and this is " + sys.version.split()[0])
        place = check(path)
        if place[1] >= LARGE and sys.version_info < (3, 13):
            raise Broken("it is larger than 4 GiB, which takes Python 3.13 or newer")
    except (Broken, OSError) as error:
        sys.stderr.write("error[R1401]: %s can't be run: %s\n" % (path, error))  # noqa: UP031
        sys.exit(2)
    from gflow.runtime.main import main

    main(path, place)


if __name__ == "__main__":
    if sys.argv[0] == "-c":
        del sys.argv[0]
        sys.path.insert(0, sys.argv[0])
    run(sys.path[0])
