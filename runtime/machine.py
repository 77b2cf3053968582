"""A small dataflow machine: tasks are generators that yield what they wait for, and one thread runs them all.

What takes long is a *job*: a function that runs in the thread of its lane while tasks go on. Where nothing else can
go on meanwhile, it runs at once in the machine's own thread, so that a program without overlap starts no threads.

Requests that wait to be gathered into batches are sent off when all that could still add to them has come to
rest. That is what `wanted` is for: whatever a task waits for that may make requests is wanted, and so is, in
turn, what that waits for. Work that nobody wants in this sense (a picture's last resize) goes on beside the
batches. So which calls meet in a batch depends on the program alone, never on how fast a thread was.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from gflow.kernels.threads import cores


class Later:
    """What will have a value, or an error."""

    __slots__ = ("done", "dropped", "error", "value", "waiters", "wanted")

    def __init__(self) -> None:
        self.done = self.wanted = self.dropped = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.waiters: list[Task] = []

    def sources(self) -> Iterable[Later]:
        """What must be done before this is."""
        return ()


#: What a task is made of. It is sent the value of each thing it yields, or is thrown its error.
Steps = Generator[Later, Any, Any]


class Task(Later):
    """A generator that runs until it is done; its value is what the generator returns."""

    __slots__ = ("generator", "waiting")

    def __init__(self, generator: Steps) -> None:
        super().__init__()
        self.generator = generator
        self.waiting: Later | None = None

    def sources(self) -> Iterable[Later]:
        return () if self.waiting is None else (self.waiting,)


class Job(Later):
    """A function to run in a lane. `then` is called when it has run, in the machine's thread."""

    __slots__ = ("lane", "then", "work")

    def __init__(self, work: Callable[[], Any], lane: str) -> None:
        super().__init__()
        self.then: Callable[[], None] | None = None
        self.work: Callable[[], Any] | None = work
        self.lane = lane

    def run(self) -> None:
        """Runs the work and keeps what came of it; says nothing to anybody."""
        # What the work holds is let go as soon as it is done.
        work, self.work = self.work, None
        assert work is not None
        try:
            self.value = work()
        except Exception as error:
            self.error = error


#: The lane of Python functions that are pure and take long; its jobs run beside each other.
POOL = "ops"


def want(later: Later) -> None:
    """Marks what may lead to further requests."""
    todo = [later]
    while todo:
        each = todo.pop()
        if not (each.wanted or each.done):
            each.wanted = True
            todo += each.sources()


class Machine:
    """Runs one task, and what it starts, to the end.

    gather: called when all that is wanted rests; submits jobs for the requests that wait.
    """

    def __init__(self, gather: Callable[[], None] = lambda: None) -> None:
        self.gather = gather
        self._ready: deque[tuple[Task, Later]] = deque()
        self._jobs: list[Job] = []
        self._flying: set[Job] = set()
        self._landed: SimpleQueue[Job] = SimpleQueue()
        self._lanes: dict[str, _Lane] = {}
        self._timers: list[tuple[float, int, Later]] = []
        self._count = 0

    # --- what tasks call ---

    def start(self, task: Task) -> Task:
        """Begins a task: it runs at once until it first waits."""
        self._resume(task, None)
        return task

    def submit(self, work: Callable[[], Any], lane: str) -> Job:
        """Has a function run in a lane. Jobs of one lane run one after another, those of POOL side by side."""
        job = Job(work, lane)
        self._jobs.append(job)
        return job

    def sleep(self, seconds: float) -> Later:
        """What is done after a while."""
        later = Later()
        self._count += 1
        heapq.heappush(self._timers, (time.monotonic() + seconds, self._count, later))
        return later

    def cancel(self, task: Task) -> None:
        """Stops a task, and what it alone waits for. A job that already runs goes on, and nobody hears of it."""
        if task.done:
            return
        task.done = True
        if task.waiting is not None and not isinstance(task.waiting, Task):
            task.waiting.dropped = True
        task.generator.close()

    def finish(self, later: Later, value: Any = None, error: BaseException | None = None) -> None:
        """Gives what was waited for."""
        if later.done:
            return
        later.done, later.value, later.error = True, value, error
        for task in later.waiters:
            self._ready.append((task, later))
        later.waiters = []

    # --- the loop ---

    def run(self, generator: Steps) -> Any:
        """The value of a generator, or its error."""
        main = Task(generator)
        try:
            self.start(main)
            while not main.done:
                if self._ready:
                    task, later = self._ready.popleft()
                    self._resume(task, later)
                else:
                    self._rest()
        finally:
            for job in [*self._jobs, *self._flying]:
                job.dropped = True
            for lane in self._lanes.values():
                lane.close()
            main.generator.close()
        if main.error is not None:
            raise main.error
        return main.value

    def _resume(self, task: Task, waited: Later | None) -> None:
        """Runs a task until it waits again, or is done."""
        if task.done:
            return
        task.waiting = None
        while True:
            try:
                if waited is None:
                    waited = next(task.generator)
                elif waited.error is not None:
                    waited = task.generator.throw(waited.error)
                else:
                    waited = task.generator.send(waited.value)
            except StopIteration as stop:
                self.finish(task, stop.value)
                return
            except Exception as error:
                self.finish(task, error=error)
                return
            if not waited.done:
                break
        task.waiting = waited
        waited.waiters.append(task)
        if task.wanted:
            want(waited)

    def _rest(self) -> None:
        """No task can go on: sends off what waits, and waits for the first thing to happen."""
        self._jobs = [job for job in self._jobs if not job.dropped]
        if not any(job.wanted for job in self._jobs) and not any(job.wanted for job in self._flying):
            self.gather()
        if self._jobs and self._alone():
            job = self._jobs.pop(0)
            job.run()
            self._landing(job)
            return
        for job in self._jobs:
            self._flying.add(job)
            self._lane(job.lane).put(job)
        self._jobs = []
        self._wait()

    def _alone(self) -> bool:
        """Whether the first job may as well run in this thread, as nothing else could go on beside it."""
        lanes = {job.lane for job in self._jobs}
        return (
            not self._flying
            and not self._timers
            and len(lanes) == 1
            and (len(self._jobs) == 1 or POOL not in lanes)
        )

    def _lane(self, name: str) -> _Lane:
        if name not in self._lanes:
            threads = min(4, cores()) if name == POOL else 1
            self._lanes[name] = _Lane(threads, self._landed)
        return self._lanes[name]

    def _landing(self, job: Job) -> None:
        self.finish(job, job.value, job.error)
        then, job.then = job.then, None
        if then is not None:
            then()

    def _wait(self) -> None:
        assert self._flying or self._timers, "something waits for what nobody makes"
        timeout = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        job = None
        if self._flying:
            with suppress(Empty):
                job = self._landed.get(timeout=timeout)
        elif timeout is not None:
            time.sleep(timeout)
        if job is not None:
            self._flying.discard(job)
            self._landing(job)
        while self._timers and self._timers[0][0] <= time.monotonic():
            self.finish(heapq.heappop(self._timers)[2])


class Siblings:
    """Tasks side by side, in order. A failure stops those after it; those before go on, as the first error in
    order is the one that counts."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.tasks: list[Task] = []
        self.failed = False
        self._taken = 0

    def start(self, steps: Steps) -> None:
        """Begins one more, unless one has failed."""
        if not self.failed:
            task = Task(self._guarded(steps, len(self.tasks)))
            self.tasks.append(task)
            self.machine.start(task)

    def next(self, leads: bool) -> Steps:
        """The value of the next one in order, or its error. leads: what comes after may make requests."""
        task = self.tasks[self._taken]
        if leads:
            want(task)
        value = yield task
        task.value = None  # Whoever took it decides how long it lives.
        self._taken += 1
        return value

    def stop(self, begin: int) -> None:
        """Stops the tasks from that place on."""
        for task in self.tasks[begin:]:
            self.machine.cancel(task)

    def _guarded(self, steps: Steps, place: int) -> Steps:
        try:
            return (yield from steps)
        except Exception:
            self.failed = True
            self.stop(place + 1)
            raise


class _Lane:
    """Up to so many threads that take jobs from one queue, started when there is a job for them. They don't hold up
    the end of the process."""

    def __init__(self, threads: int, landed: SimpleQueue[Job]) -> None:
        self.spare = threads
        self.started = 0
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.landed = landed

    def put(self, job: Job) -> None:
        self.jobs.put(job)
        if self.spare:
            self.spare -= 1
            self.started += 1
            threading.Thread(target=_serve, args=(self.jobs, self.landed), daemon=True).start()

    def close(self) -> None:
        """Lets the threads end; jobs that have not begun are dropped by then."""
        for _ in range(self.started):
            self.jobs.put(None)


def _serve(jobs: SimpleQueue[Job | None], landed: SimpleQueue[Job]) -> None:
    while _serve_one(jobs, landed):
        pass


def _serve_one(jobs: SimpleQueue[Job | None], landed: SimpleQueue[Job]) -> bool:
    """A function of its own, so that a thread that waits for a job does not hold the one before."""
    job = jobs.get()
    if job is None:
        return False
    if not job.dropped:
        job.run()
    landed.put(job)
    return True
