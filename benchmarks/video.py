"""Videos: a chain of ops from H.264 to H.264, beside FFmpeg's filter graph and beside decoding and encoding alone,
on two cores. README.md, beside this file, says what is measured and what came out.

    video.py [--only NAME] [--rounds N] [--json FILE]

In each round each program runs once, gflow last; ratios are of such rounds. All write H.264 with the same settings
and as many threads. That their files show the same is checked first.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image, ImageFilter
from rounds import Failed, environment, run, undisturbed
from telling import Row, told

import gflow
from gflow.kernels.clip import Clip, Reading
from gflow.kernels.pixel.repeated import Repeated
from gflow.runtime import media
from gflow.runtime.encoding import OPTIONS, coded

ROUNDS, CORES = 5, 2
PACKAGES = ("av", "numpy")
#: Frames of the clip, and seconds of the long one.
COUNT, RATE, LONG = 150, 30, 600
#: gflow may take so many times what decoding and encoding take.
OVERHEAD = 1.15


class Chain(NamedTuple):
    """The same ops for gflow, and for FFmpeg: filters and their options."""

    gflow: str
    ffmpeg: list[tuple[str, str]]


#: Contrast, saturation and gamma as tables of luma and chroma. `eq` does the same, but is not in every FFmpeg.
GRADE = (
    "lutyuv",
    "y='16+219*pow(clip(((val-16)/219-0.5)*1.1+0.5,0,1),1/1.1)':u='(val-128)*1.2+128':v='(val-128)*1.2+128'",
)
SHARPER = ("unsharp", "5:5:0.5:5:5:0")
CHAINS = {
    "graded": Chain(
        'contrast(1.1) |> saturation(1.2) |> gamma(1.1) |> sharpen(0.5, radius: 1.0) |> flip("horizontal")',
        [GRADE, SHARPER, ("hflip", "")],
    ),
    "resized": Chain(
        "resize(1280x720) |> contrast(1.1) |> saturation(1.2) |> gamma(1.1) |> sharpen(0.5, radius: 1.0)",
        [("scale", "1280:720:flags=bicubic"), GRADE, SHARPER],
    ),
}


def filmed(path: Path) -> Path:
    """A clip with edges, smooth parts, grain and motion."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (1500, 2400, 3), np.uint8)).filter(ImageFilter.GaussianBlur(4))
    ground = (3 * np.asarray(noise, np.int16) - 256).clip(0, 255)
    grain = rng.normal(0, 4, (1500, 2400, 1)).astype(np.int8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        codec = stream.codec_context
        codec.color_range = codec.colorspace = codec.color_primaries = codec.color_trc = 1
        for index in range(COUNT):
            left, top = 2 * index, index
            picture = ground[top : top + 1080, left : left + 1920].copy()
            down, right = rng.integers(0, 400, 2)
            picture += grain[down : down + 1080, right : right + 1920]
            picture[400:700, 5 * index : 5 * index + 300] = (220, 190, 60)
            frame = av.VideoFrame.from_ndarray(picture.clip(0, 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1)))
        container.mux(stream.encode(None))
    return path


# --- what runs -----------------------------------------------------------------------------------


def decoded(path: Path) -> Iterator[Any]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = media.threads(4)
        yield from container.decode(stream)


def encoded(frames: Iterable[Any], path: Path) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for index, frame in enumerate(frames):
            if stream is None:
                stream = container.add_stream("libx264", rate=RATE, options=dict(OPTIONS))
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                stream.codec_context.thread_count = media.threads(12)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            frame.pict_type = 0
            container.mux(stream.encode(frame))
        assert stream is not None
        container.mux(stream.encode(None))


def ahead(items: Iterable[Any], most: int = 3) -> Iterator[Any]:
    """The same, made in a thread of their own."""
    waiting: Queue[Any] = Queue(most)

    def work() -> None:
        try:
            for item in items:
                waiting.put(item)
            waiting.put(None)
        except Exception as error:
            waiting.put(error)

    threading.Thread(target=work, daemon=True).start()
    for item in iter(waiting.get, None):
        if isinstance(item, Exception):
            raise Failed(str(item)) from item
        yield item


def filtered(frames: Iterable[Any], chain: list[tuple[str, str]]) -> Iterator[Any]:
    """Through FFmpeg's filter graph, on both cores."""
    graph: Any = None
    for frame in frames:
        if graph is None:
            graph = av.filter.Graph()
            graph.threads = CORES
            size = {"width": frame.width, "height": frame.height, "format": frame.format}
            begin = graph.add_buffer(time_base=Fraction(1, RATE), **size)
            graph.link_nodes(begin, *(graph.add(*each) for each in chain), graph.add("buffersink")).configure()
        graph.push(frame)
        yield graph.pull()


class Work:
    """One chain in each program. Each writes a file and gives its seconds."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.chain = folder, CHAINS[name]
        self.clip = folder / "clip.mp4"
        if not self.clip.exists():
            filmed(self.clip)
        script = folder / f"{name}.gflow"
        script.write_text(f"flow made(clip: video) -> video {{ clip |> {self.chain.gflow} }}\n")
        self.script = gflow.load(script)
        self.frames = list(planes(self.script.made(self.clip).clip))
        self.programs: dict[str, Callable[[Path], None]] = {
            "FFmpeg's graph in PyAV": self.pyav,
            "decoding and encoding alone": self.alone,
            "gflow": self.gflow,
        }
        if shutil.which("ffmpeg"):
            self.programs = {"ffmpeg": self.ffmpeg, **self.programs}

    def gflow(self, path: Path) -> None:
        self.script.made(self.clip).save(path)

    def pyav(self, path: Path) -> None:
        """Decoding, the graph and encoding in threads of their own."""
        encoded(ahead(filtered(ahead(decoded(self.clip)), self.chain.ffmpeg)), path)

    def ffmpeg(self, path: Path) -> None:
        """The program, of whatever version is installed."""
        options = [part for name, value in OPTIONS.items() for part in (f"-{name}", value)]
        line = ["ffmpeg", "-y", "-loglevel", "error", "-threads", str(media.threads(4)), "-i", self.clip]
        graph = ",".join(f"{name}={given}" if given else name for name, given in self.chain.ffmpeg)
        line += ["-vf", graph, "-c:v", "libx264", *options, "-threads", str(media.threads(12))]
        subprocess.run([*line, "-movflags", "+faststart", path], check=True)

    def alone(self, path: Path) -> None:
        """What gflow made is there already: the clip is decoded, and for each frame that is encoded."""
        encoded((made for _, made in zip(ahead(decoded(self.clip)), self.frames, strict=True)), path)

    def checked(self) -> None:
        """Raises Failed where a file is not what gflow's is, or is much larger or smaller."""
        files = {}
        for name, program in self.programs.items():
            files[name] = self.folder / "checked" / f"{name}.mp4"
            files[name].parent.mkdir(exist_ok=True)
            program(files[name])
        ours = files["gflow"]
        for name, file in files.items():
            ratio = file.stat().st_size / ours.stat().st_size
            if not 0.7 < ratio < 1.4:
                raise Failed(f"{name} writes {ratio:.2f} times as many bytes")
            pairs = list(zip(decoded(file), decoded(ours), strict=True))
            for one, other in pairs[:: COUNT // 5]:
                left, right = (frame.to_ndarray(format="gray").astype(int) for frame in (one, other))
                apart = np.abs(left - right).mean()
                if not apart < 4:
                    raise Failed(f"{name} shows something else: {apart:.1f} levels from gflow on average")


def planes(clip: Clip) -> Iterator[Any]:
    """The frames of a clip as they are written, in memory (`av.VideoFrame`)."""
    with Reading() as reading:
        kernels: dict[Any, Repeated] = {}
        for index in range(clip.count):
            frame = reading.frame(clip, index)
            kernel = kernels.setdefault(frame.picture, Repeated(coded(frame.picture), ["u8"] * 3))
            luma, blue, red = kernel.run(frame.given)
            rows = np.concatenate([luma.ravel(), blue.ravel(), red.ravel()]).reshape(-1, luma.shape[1])
            yield av.VideoFrame.from_ndarray(rows, format="yuv420p")


# --- what is measured --------------------------------------------------------------------------------


def chain(name: str, rounds: int, folder: Path) -> list[Row]:
    work = Work(folder, name)
    work.checked()

    def timed(program: Callable[[Path], None], number: int) -> float:
        path = folder / "made.mp4"
        path.unlink(missing_ok=True)
        start = time.perf_counter()
        program(path)
        seconds = time.perf_counter() - start
        with av.open(str(path)) as container:
            if container.streams.video[0].frames != COUNT:
                raise Failed("a file has too few frames")
        return seconds

    kept = undisturbed([partial(timed, program) for program in work.programs.values()], rounds)
    if not kept:
        raise Failed("others kept the machine busy: no round was undisturbed")
    values = {each: [row[place] for row in kept] for place, each in enumerate(work.programs)}
    return [
        Row(f"{name} / {peer}", "s", 1 / OVERHEAD if "alone" in peer else 1, values["gflow"], taken)
        for peer, taken in values.items()
        if peer != "gflow"
    ]


def memory(rounds: int, folder: Path) -> list[Row]:
    """The most that `gflow run` holds for a long clip. It is the short one, again and again."""
    work = Work(folder, "graded")
    long = folder / "long.mp4"
    repeated(work.clip, long, LONG * RATE // COUNT)
    script = folder / "graded.gflow"
    line = [sys.executable, "-m", "gflow", "run", script, "--clip", long, "--out", folder / "out", "--quiet"]
    ended = [run(list(map(str, line)), environment(folder)) for _ in range(rounds)]
    return [
        Row(f"{LONG / 60:g} minutes of 1080p", "s", LONG * 2, [each.seconds for each in ended]),
        Row("    the most memory", "MB", 400, [each.memory / 1e6 for each in ended]),
    ]


def repeated(clip: Path, path: Path, times: int) -> None:
    """A clip's packets so many times, one after the other."""
    with av.open(str(path), "w") as container:
        for turn in range(times):
            with av.open(str(clip)) as given:
                stream = given.streams.video[0]
                written = container.streams.video[0] if turn else container.add_stream_from_template(stream)
                shift = int(turn * COUNT / Fraction(RATE) / stream.time_base)
                for packet in given.demux(stream):
                    if packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, written
                        container.mux(packet)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)

        def measured(name: str, rounds: int) -> list[Row]:
            return memory(1, folder) if name == "memory" else chain(name, rounds, folder)

        title = "Videos, beside FFmpeg."
        cases = (*CHAINS, "memory")
        return told(title, cases, measured, rounds=ROUNDS, cores=CORES, packages=PACKAGES)


if __name__ == "__main__":
    sys.exit(main())
