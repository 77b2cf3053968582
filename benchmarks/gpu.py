"""gflow on a GPU, beside diffusers and PyTorch. README.md, beside this file, says what is measured.

    gpu.py                                     everything, at full size: hours the first time
    gpu.py --only sdxl/eager,sdxl/ort-cuda     some programs; what they need is made first
    gpu.py --size tiny                         the same shapes scaled down: tries everything, without a GPU too
    gpu.py --list                              the programs

Models, exports, bundles and answers are kept in the folder that --work names: what was measured on the same machine,
by the same versions, is in the table again when the next command has measured more. Each program runs in a process of
its own; one that fails is a line that says why.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import gpu_table
from gpu_measure import PROMPT, Card, Job, Peak, checked, levels, reason, timed
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
ENGINES = {"cuda": ("tensorrt", "ort-tensorrt", "ort-cuda"), "cpu": ("cpu",)}

#: Of each size: the side of pictures, and the steps of each family.
SIDES = {"full": 1024, "tiny": 64}
STEPS = {"full": {"sdxl": 30, "flux": 28}, "tiny": {"sdxl": 4, "flux": 4}}
GUIDANCE = {"sdxl": 5.0, "flux": 3.5}

Figures = dict[str, Any]


class Bench:
    """The programs, by "case/name", and what they make in the folder of a size."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.size = options, options.size
        self.work = options.work.resolve()
        self.folder = self.work / self.size
        self.answers = self.folder / "answers"
        self.answers.mkdir(parents=True, exist_ok=True)
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
            PYTHONPATH=os.pathsep.join(map(str, (HERE, HERE.parent, *os.environ.get("PYTHONPATH", "").split(":")))),
        )
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
                add[f"bundles/{family}-{flows}"] = partial(self._bundle, family, flows)
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

    def bundle(self, family: str, flows: str) -> Path:
        """Where a bundle is, by what goes into it; `one` flow, or `all` of them."""
        told = hashlib.sha256(f"{self.script(family)} {self.about}".encode())
        for part in ("gflow", "grammar", "compiler", "runtime", "kernels"):
            for file in sorted((HERE.parent / part).rglob("*.py")):
                told.update(file.read_bytes())
        return self.folder / f"{self.model(family).name}-{flows}-{told.hexdigest()[:10]}"

    def _bundle(self, family: str, flows: str) -> Figures:
        for name in (family, "judge") if family == "sdxl" else (family,):
            self.need(f"models/{name}")
        place = self.bundle(family, flows)
        if not place.exists():
            for older in self.folder.glob(f"{self.model(family).name}-{flows}-*"):
                older.unlink()  # They are large.
            script = self.folder / f"{self.model(family).name}.gflow"
            script.write_text(self.script(family), encoding="utf-8")
            command = [sys.executable, "-m", "gflow", "compile", script, "-o", place]
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
        self.need(f"{family}/limit")
        found: Figures = {"batches": {}}
        for flows, batches in (("one", [1]), ("all", [each for each in self.options.batches if each > 1])):
            if not set(batches) & set(self.options.batches):
                continue
            self.need(f"bundles/{family}-{flows}")
            job = replace(self.job(family, engine), bundle=str(self.bundle(family, flows)), batches=batches)
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
        self.need("bundles/sdxl-all")
        return self.child("ours/gpu_painter.py", replace(job, bundle=str(self.bundle("sdxl", "all"))))

    def _cold(self, *, ours: bool) -> Figures:
        """From process start to the picture on disk. A first run, which does not count, reads all files."""
        out = self.folder / "cold"
        out.mkdir(exist_ok=True)
        if ours:
            self.need("bundles/sdxl-one")
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

        wall = Job(answer="", device="cpu", rounds=self.options.rounds)
        return {"cold": timed(once, check, wall)}

    def _memory(self, how: str) -> Figures:
        """The most that a process held: of the GPU's memory, as the driver tells of the whole card, less what was in
        use before; without a GPU, of main memory."""
        out = self.folder / "tasks"
        out.mkdir(exist_ok=True)
        if how == "gflow":
            self.need("bundles/sdxl-all")
            options = ("tasks", "--prompt", PROMPT, "--noise", "1", "--out", out, "--quiet")
            command: list[Any] = [self.bundle("sdxl", "all"), *options]
        else:
            self.need("models/sdxl")
            settings = (self.device, str(self.side), str(self.steps["sdxl"]), PROMPT, out, how)
            command = [sys.executable, HERE / "peers" / "gpu_three_tasks.py", self.model("sdxl"), *settings]
        found = []
        for _ in range(min(self.options.rounds, 3)):
            with Peak(self.device) as peak:
                ended = run(command, self.env)
            found.append(peak.bytes if self.device == "cuda" else ended.memory)
        return {"memory": found, "of": "the GPU" if self.device == "cuda" else "main memory"}

    def _pixels(self) -> Figures:
        return self.child("ours/gpu_pixels.py", Job(answer=str(self.answers / "now.json"), device=self.device))

    # --- running ---

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
                start_new_session=True,
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
        print(f"{name} …", file=sys.stderr, flush=True)
        before, start = self.kept(name), time.monotonic()
        try:
            found = self.programs[name]()
        except Exception as error:  # A program that fails is a line of the table.
            found = {"failed": str(error) if isinstance(error, Failed) else reason(error)}
        if before and "batches" in before and "batches" in found:
            found["batches"] = before["batches"] | found["batches"]
        about = {"flux depth": self._depth} if "flux" in name else {}
        found |= {"took": round(time.monotonic() - start, 1), "about": self.about | about}
        part = self.place(name).with_suffix(".part")
        part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        part.replace(self.place(name))
        told = f"failed: {found['failed']}" if "failed" in found else "done"
        print(f"{name}: {told}, {found['took']:.1f} s", file=sys.stderr, flush=True)
        return found

    def ready(self, name: str) -> bool:
        """Whether what a program makes for others is there."""
        found, (case, part) = self.kept(name), name.split("/")
        if found is None or "failed" in found:
            return False
        if case == "models":
            return self.model(part).exists()
        return self.bundle(*part.split("-")).exists() if case == "bundles" else self.reference(case).exists()

    def need(self, name: str) -> None:
        """What another program needs, made if it is not there. Raises Failed."""
        if not self.ready(name) and "failed" in (found := self.measure(name)):
            raise Failed(f"{name} failed: {found['failed']}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="NAMES", help="cases or programs, with commas: sdxl, poster/eager, …")
    parser.add_argument("--size", choices=list(SIDES), default="full", help="of the models (full)")
    parser.add_argument("--batches", default="1,2,4,8", help="pictures at once, of sdxl and flux (1,2,4,8)")
    parser.add_argument("--rounds", type=int, default=5, help="of each figure (5)")
    parser.add_argument("--flux-depth", type=float, default=1.0, help="the share of Flux's blocks that is made (1)")
    parser.add_argument("--work", type=Path, default=Path("out/gpu"), help="what is kept is there (out/gpu)")
    parser.add_argument("--limit", type=float, default=3600, help="seconds that a program may take (3600)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    parser.add_argument("--list", action="store_true", help="tell the programs, and run none")
    options = parser.parse_args()
    options.batches = [int(each) for each in options.batches.split(",")]
    return options


def main() -> int:
    options = arguments()
    bench = Bench(options)
    names = [each.strip() for each in options.only.split(",")] if options.only else []
    unknown = [each for each in names if each not in bench.programs and each not in gpu_table.CASES]
    if unknown:
        print(f"there is no case or program {unknown[0]!r}: --list tells them", file=sys.stderr)
        return 2
    wanted = [name for name in bench.programs if not names or {name, name.partition("/")[0]} & set(names)]
    if options.list:
        print("\n".join(bench.programs))
        return 0
    print(", ".join(f"{name} {value}" for name, value in bench.about.items()))
    if bench.gpu is None:
        print(f"There is no GPU here ({bench.why}): everything runs on the CPU, and says nothing of one.")
    done: set[str] = set()
    for name in wanted:
        if not (name.startswith(("models/", "bundles/")) and bench.ready(name)):
            bench.measure(name)
            done.add(name)
    answers = {name: found for name in bench.programs if (found := bench.kept(name)) is not None}
    rows = gpu_table.rows(answers, bench.side, bench.steps)
    print("\n" + gpu_table.table(rows, answers, options))
    if options.json is not None:
        told = {"machine": bench.about, "answers": answers, "rows": [asdict(row) for row in rows]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if any("failed" in answers.get(name, {"failed": ""}) for name in done) else 0


if __name__ == "__main__":
    sys.exit(main())
