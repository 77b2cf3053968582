"""The programs of `gpu.py`: what each needs, how it is run, and its answer, which is kept.

A program is a process of its own, so that its memory is. What others need (models, the float32 reference, bundles)
is made by programs, too, once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gpu_measure import PROMPT, Card, Job, Peak, brief, checked, in_use, levels, reason, timed
from PIL import Image
from rounds import Ended, Failed, environment, run
from telling import machine

from gflow.compiler.targets import TARGETS
from gflow.runtime import cuda

HERE = Path(__file__).resolve().parent
PACKAGES = (
    *("torch", "triton", "diffusers", "transformers", "accelerate", "numpy", "onnx"),
    *("onnxruntime", "onnxruntime-gpu", "tensorrt", "tensorrt-rtx", "tensorrt-cu12", "tensorrt-cu13"),
)
ENGINES = {"cuda": ("tensorrt", "ort-tensorrt", "ort-cuda", "inductor"), "cpu": ("cpu", "inductor")}

#: Of each size: the side of pictures, and the steps of each family.
SIDES = {"full": 1024, "tiny": 64}
STEPS = {"full": {"sdxl": 30, "flux": 28}, "tiny": {"sdxl": 4, "flux": 4}}
GUIDANCE = {"sdxl": 5.0, "flux": 3.5}

#: Bytes of a GPU's memory that are in use where nobody works on it, at most.
BUSY = 2**30

Figures = dict[str, Any]


class Bench:
    """The programs, by "case/name", and what they make in the folder of a size."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.size = options, options.size
        self.work = options.work.resolve()
        self.folder = self.work / self.size
        self.answers = self.folder / "answers"
        self.side, self.steps = SIDES[self.size], STEPS[self.size]
        try:
            self.gpu: cuda.Gpu | None = cuda.gpu()
            self.device = "cuda"
        except cuda.NoCuda as error:
            self.gpu, self.device, self.why = None, "cpu", str(error)
        self.env = environment(
            self.work,
            GFLOW_CACHE=str(self.work / "cache"),
            TORCHINDUCTOR_CACHE_DIR=str(self.work / "inductor"),
            TRITON_CACHE_DIR=str(self.work / "triton"),
            LD_LIBRARY_PATH=_libraries(),
            # gflow is this one, whether it is installed or not.
            PYTHONPATH=os.pathsep.join(filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH")])),
        )
        self._inner = 0.0  # Seconds of the programs that the one at hand needed.
        self.measured: dict[str, Figures] = {}  # By this command.
        self.programs: dict[str, Callable[[], Figures]] = {}
        self._add()

    @cached_property
    def about(self) -> dict[str, str]:
        """The machine and the versions; answers that differ in them are not compared."""
        found = machine(())
        if self.gpu is not None:
            found["GPU"] = self.gpu.told
            try:
                found["driver"] = Card().driver()
            except OSError as error:
                found["driver"] = str(error)
        for package in PACKAGES:
            try:
                found[package] = version(package)
            except PackageNotFoundError:
                continue
        return found | {"size": self.size}

    # --- what there is ---

    def _add(self) -> None:
        add, engines = self.programs, ENGINES[self.device]
        for name in ("sdxl", "flux", "judge"):
            add[f"models/{name}"] = partial(self._model, name)
        for family in ("sdxl", "flux"):
            add[f"{family}/limit"] = partial(self._limit, family)
            for how in ("eager", "compiled"):
                add[f"{family}/{how}"] = partial(self._peer, family, how)
            for flows in ("one", "all"):
                for ahead in ((), ("inductor",)):
                    add["-".join((f"bundles/{family}", flows, *ahead))] = partial(
                        self._bundle, family, flows, *ahead
                    )
            for engine in engines:
                add[f"{family}/{engine}"] = partial(self._ours, family, engine)
        for how in ("eager", "compiled"):
            add[f"poster/{how}"] = partial(self._poster, how)
        for engine in engines:
            add[f"poster/{engine}"] = partial(self._poster, engine)
        add["cold/diffusers"] = partial(self._cold, ours=False)
        add["cold/gflow"] = partial(self._cold, ours=True)
        for how in ("three", "share", "gflow"):
            add[f"memory/{how}"] = partial(self._memory, how)
        add["pixels/chain"] = self._pixels

    def job(self, family: str, how: str, **more: Any) -> Job:
        return Job(
            answer=str(self.answers / "now.json"),
            device=self.device,
            how=how,
            family=family,
            model=str(self.model(family)),
            reference=str(self.reference(family)),
            picture=str(self.picture(family, how)),
            side=self.side,
            steps=self.steps[family],
            guidance=GUIDANCE[family],
            batches=self.options.batches,
            rounds=self.options.rounds,
            **more,
        )

    # --- what is made once ---

    def model(self, name: str) -> Path:
        depth = self.options.flux_depth
        return self.folder / (f"flux-{depth:g}" if name == "flux" and depth != 1 else name)

    def reference(self, family: str) -> Path:
        return self.folder / f"{self.model(family).name}.npz"

    def picture(self, family: str, how: str) -> Path:
        return self.answers / f"{family}-{how}.png"

    def _model(self, name: str) -> Figures:
        place = self.model(name)
        if not place.exists():
            run([sys.executable, HERE / "gpu_models.py", name, self.size, place, self._depth], self.env)
        files = [file.stat().st_size for file in place.rglob("*.safetensors")]
        return {"bytes": sum(files), "weights": sum(files) // 2}

    @property
    def _depth(self) -> str:
        return str(self.options.flux_depth)

    def _limit(self, family: str) -> Figures:
        self.need(f"models/{family}")
        return self.child("peers/gpu_painter.py", self.job(family, "reference"))

    def script(self, family: str) -> str:
        """The script of a family at this size, beside whose models it stands."""
        text = (HERE / "ours" / f"gpu_{family}.gflow").read_text(encoding="utf-8")
        text = text.replace(f'"./{family}"', f'"./{self.model(family).name}"')
        if self.size != "full":
            for number in ("2048", "1024", "512"):
                text = text.replace(number, str(int(number) * self.side // 1024))
            text = text.replace(f"steps: {STEPS['full'][family]}", f"steps: {self.steps[family]}")
        return text

    def bundle(self, family: str, flows: str, ahead: str = "onnx") -> Path:
        """Where a bundle is, by what goes into it; `one` flow, or `all` of them. ahead: its `--engine`."""
        told = hashlib.sha256(f"{self.script(family)} {self.about}".encode())
        for part in ("gflow", "grammar", "compiler", "runtime", "kernels"):
            for file in sorted((HERE.parent / part).rglob("*.py")):
                told.update(file.read_bytes())
        return self.folder / f"{self.model(family).name}-{flows}-{ahead}-{told.hexdigest()[:10]}"

    def _bundle(self, family: str, flows: str, ahead: str = "onnx") -> Figures:
        for name in (family, "judge") if family == "sdxl" else (family,):
            self.need(f"models/{name}")
        place = self.bundle(family, flows, ahead)
        if not place.exists():
            for older in self.folder.glob(f"{self.model(family).name}-{flows}-{ahead}-*"):
                older.unlink()  # They are large.
            script = self.folder / f"{self.model(family).name}.gflow"
            script.write_text(self.script(family), encoding="utf-8")
            command = [sys.executable, "-m", "gflow", "compile", script, "-o", place, "--engine", ahead]
            command += ["--flow", "one"] if flows == "one" else []
            if self.gpu is not None:
                target = f"cuda:{self.gpu.capability}"
                if target not in TARGETS:
                    raise Failed(f"gflow has no target for {self.gpu.told}")
                command += ["--target", target]
            run(command, self.env)
        inspected = run([sys.executable, "-m", "gflow", "inspect", place], self.env).stdout
        return {"bytes": place.stat().st_size, "inspected": inspected}

    # --- what is measured ---

    def _peer(self, family: str, how: str) -> Figures:
        self.need(f"{family}/limit")
        return self.child("peers/gpu_painter.py", self.job(family, how))

    def _ours(self, family: str, engine: str) -> Figures:
        """Batches of one from the bundle that is for them alone, as its engines are; larger ones from the other."""
        self.usable()
        self.need(f"{family}/limit")
        found: Figures = {"batches": {}}
        for flows, batches in (("one", [1]), ("all", [each for each in self.options.batches if each > 1])):
            if not set(batches) & set(self.options.batches):
                continue
            ahead = ("inductor",) if engine == "inductor" else ()
            self.need("-".join((f"bundles/{family}", flows, *ahead)))
            job = replace(self.job(family, engine), bundle=str(self.bundle(family, flows, *ahead)), batches=batches)
            made = self.child("ours/gpu_painter.py", job)
            found = found | made | {"batches": found["batches"] | made.get("batches", {})}
        eager, ours = self.picture(family, "eager"), self.picture(family, engine)
        if eager.exists() and ours.exists():
            found["levels"] = levels(eager, ours)
            if self.device == "cpu" and found["levels"] > 1:
                raise Failed(f"gflow and diffusers paint different pictures: {found['levels']:.1f} levels apart")
        return found

    def _poster(self, how: str) -> Figures:
        self.need("sdxl/limit")
        self.need("models/judge")
        job = self.job("sdxl", how, judge=str(self.model("judge")))
        if how in ("eager", "compiled"):
            return self.child("peers/gpu_poster.py", job)
        self.usable()
        ahead = ("inductor",) if how == "inductor" else ()
        self.need("-".join(("bundles/sdxl", "all", *ahead)))
        return self.child("ours/gpu_painter.py", replace(job, bundle=str(self.bundle("sdxl", "all", *ahead))))

    def _cold(self, *, ours: bool) -> Figures:
        """From process start to the picture on disk. A first run, which does not count, reads all files."""
        out = self.folder / "cold"
        out.mkdir(exist_ok=True)
        if ours:
            self.usable()
            self.need("bundles/sdxl-one")
            self.on_gpu(self.bundle("sdxl", "one"))
            options = ("--prompt", PROMPT, "--noise", "1", "--out", out, "--quiet")
            command: list[Any] = [self.bundle("sdxl", "one"), *options]
        else:
            self.need("models/sdxl")
            settings = (self.device, str(self.side), str(self.steps["sdxl"]), PROMPT, "1", out / "one.png")
            command = [sys.executable, HERE / "peers" / "gpu_one_picture.py", self.model("sdxl"), *settings]

        def once(number: int) -> Ended:
            (out / "one.png").unlink(missing_ok=True)
            return run(command, self.env)

        def check(ended: Ended) -> None:
            with Image.open(out / "one.png") as picture:
                checked([picture], 1, self.side)

        return {"cold": timed(once, check, Job(answer="", device="cpu", rounds=self.options.rounds))}

    def _memory(self, how: str) -> Figures:
        """The most that a process held: of the GPU's memory, as the driver tells of the whole card, less what was
        in use before; without a GPU, of main memory."""
        out = self.folder / "tasks"
        if how == "gflow":
            self.usable()
            self.need("bundles/sdxl-all")
            self.on_gpu(self.bundle("sdxl", "all"))
            options = ("tasks", "--prompt", PROMPT, "--noise", "1", "--out", out, "--quiet")
            command: list[Any] = [self.bundle("sdxl", "all"), *options]
        else:
            self.need("models/sdxl")
            settings = (self.device, str(self.side), str(self.steps["sdxl"]), PROMPT, out, how)
            command = [sys.executable, HERE / "peers" / "gpu_three_tasks.py", self.model("sdxl"), *settings]
        found = []
        for _ in range(min(self.options.rounds, 3)):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            with Peak(self.device) as peak:
                ended = run(command, self.env)
            checked([Image.open(file) for file in out.rglob("*.png")], 3, self.side)
            found.append(peak.bytes if self.device == "cuda" else ended.memory)
        return {"memory": found, "of": "the GPU" if self.device == "cuda" else "main memory"}

    def _pixels(self) -> Figures:
        return self.child("ours/gpu_pixels.py", Job(answer=str(self.answers / "now.json"), device=self.device))

    # --- running ---

    def usable(self) -> None:
        """Raises Failed where bundles would not use the GPU, before one is made: that takes long. Packages of
        AOTInductor, too, run there only where ONNX Runtime does: it holds the arrays (`gflow.runtime.targets`)."""
        asked = "from gflow.runtime.targets import usable; print(usable('CUDA'))"
        if self.gpu is not None and run([sys.executable, "-c", asked], self.env).stdout.split()[-1:] != ["True"]:
            raise Failed("ONNX Runtime can't use CUDA here: is onnxruntime-gpu installed, for this driver?")

    def on_gpu(self, bundle: Path) -> None:
        """Raises Failed where a bundle, left to itself, runs on the CPU though there is a GPU."""
        asked = (
            "import sys; from pathlib import Path; from gflow.runtime.bundle import Bundle; "
            "from gflow.runtime.targets import place; print(place(Bundle(Path(sys.argv[1]))).told)"
        )
        told = run([sys.executable, "-c", asked, bundle], self.env).stdout.strip()
        if self.gpu is not None and "on the CPU" in told:
            raise Failed(told)

    def child(self, script: str, job: Job) -> Figures:
        """The answer of a program; with `failed` where it ended badly or was stopped."""
        answer, log = Path(job.answer), self.answers / "now.log"
        answer.unlink(missing_ok=True)
        with log.open("w") as told:
            process = subprocess.Popen(
                [sys.executable, HERE / script, json.dumps(asdict(job))],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                process_group=0,
            )
            try:
                status: int | None = process.wait(self.options.limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        found: Figures = json.loads(answer.read_text()) if answer.exists() else {}
        if status is None:
            found["failed"] = f"stopped after {self.options.limit} s"
        elif status and "failed" not in found:
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            found["failed"] = f"ended with {status}: {last[0][:300]}"
        return found

    def place(self, name: str) -> Path:
        return self.answers / f"{name.replace('/', '-')}.json"

    def kept(self, name: str) -> Figures | None:
        """The answer of a program to an earlier command, if it is of this machine and these versions."""
        try:
            found: Figures = json.loads(self.place(name).read_text())
        except (OSError, ValueError):
            return None
        about = {"flux depth": self._depth} if "flux" in name else {}
        return found if found["about"] == self.about | about else None

    def measure(self, name: str) -> Figures:
        """Runs a program and keeps its answer, batches beside those that were there."""
        self.answers.mkdir(parents=True, exist_ok=True)
        print(f"{name} …", file=sys.stderr, flush=True)
        before, start, outer = self.kept(name), time.monotonic(), self._inner
        self._inner = 0.0
        others = in_use() if self.gpu is not None else 0
        try:
            found = self.programs[name]()
        except Exception as error:  # A program that fails is a line of the table.
            found = {"failed": brief(str(error)) if isinstance(error, Failed) else reason(error)}
        if before and "batches" in before and "batches" in found:
            found["batches"] = before["batches"] | found["batches"]
        about = {"flux depth": self._depth} if "flux" in name else {}
        if others > BUSY:
            found["others"] = others
        seconds = time.monotonic() - start
        found |= {"took": round(seconds - self._inner, 1), "about": self.about | about}
        part = self.place(name).with_suffix(".part")
        part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        part.replace(self.place(name))
        self._inner, self.measured[name] = outer + seconds, found
        told = f"failed: {found['failed']}" if "failed" in found else "done"
        print(f"{name}: {told}, {found['took']:.1f} s", file=sys.stderr, flush=True)
        return found

    def ready(self, name: str) -> bool:
        """Whether what a program makes for others is there, of this machine and these versions."""
        found = self.kept(name)
        return found is not None and "failed" not in found and self.there(name)

    def there(self, name: str) -> bool:
        case, part = name.split("/")
        if case == "models":
            return self.model(part).exists()
        return self.bundle(*part.split("-")).exists() if case == "bundles" else self.reference(case).exists()

    def need(self, name: str) -> None:
        """What another program needs, made if it is not there; tried once. Raises Failed."""
        if not self.ready(name) and name not in self.measured:
            self.measure(name)
        # A limit that can't be told is no reason to paint nothing.
        if "failed" in (found := self.measured.get(name, {})) and not (name.endswith("limit") and self.there(name)):
            raise Failed(f"{name} failed: {found['failed']}")


def _libraries() -> str:
    """Where pip puts NVIDIA's libraries, which ONNX Runtime does not look for by itself."""
    packages = Path(sysconfig.get_path("purelib"))
    found = [*sorted(packages.glob("nvidia/*/lib")), *sorted(packages.glob("tensorrt*_libs"))]
    return os.pathsep.join(filter(None, [*map(str, found), os.environ.get("LD_LIBRARY_PATH")]))
