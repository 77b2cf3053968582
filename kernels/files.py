"""Files that are whole or not there, and names for what is in them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

try:
    from _blake2 import blake2b  # `hashlib` would load all of OpenSSL.
except ImportError:
    from hashlib import blake2b

T = TypeVar("T")


def digest(*parts: bytes) -> str:
    """A name for some contents: 128 bits of BLAKE2b, as hexadecimal digits. Where the parts end counts."""
    found = blake2b(digest_size=16)
    for part in parts:
        if len(parts) > 1:
            found.update(len(part).to_bytes(8, "little"))
        found.update(part)
    return found.hexdigest()


def whole(path: Path, make: Callable[[Path], T]) -> T:
    """Makes a file under a name of its own first, so that a half-written one never has the final name, whatever
    other threads and processes do. The folder must be there.

    make: writes the file it is given; its result is returned. Raises what it raises, and OSError, which names the
    file itself; what was there before then stays."""
    part = path.with_name(f".{path.name[:48]}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        made = make(part)
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (part, str(part)):
            error.filename, error.filename2 = str(path), None
        raise
    return made
