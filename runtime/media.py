"""PyAV, and how files are opened with it: no others than videos' own formats, which name no further files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from gflow.kernels.threads import cores
from gflow.runtime.errors import MediaMissing

#: FFmpeg's names of what is read. Its other readers are left out: some open whatever address a file names.
_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
#: Files that hold sound alone.
_SOUNDS = "wav,flac,mp3,ogg,aac"


def library() -> ModuleType:
    """PyAV. Raises MediaMissing."""
    try:
        import av
    except ImportError as error:
        raise MediaMissing("videos need the package `av`", help="pip install av") from error
    found: ModuleType = av
    return found


def opened(path: Path, *, sounds: bool = False) -> Any:
    """A file to read from. Raises what PyAV raises, which is `av.error.FFmpegError` or OSError. sounds: files of
    sound alone are opened, too."""
    formats = f"{_FORMATS},{_SOUNDS}" if sounds else _FORMATS
    options = {"protocol_whitelist": "file", "format_whitelist": formats}
    return library().open(f"file:{path}", options=options)


def threads(most: int) -> int:
    """How many threads a codec gets, half as many again as there are cores: each one holds some frames."""
    return min(cores() * 3 // 2, most)
