"""Worker processes of this machine: one task each at a time; one that dies takes only its task.

The standard library's pool gives up wholly when one of its processes dies, so each process here has
a pipe of its own. Workers ignore Ctrl-C, and end themselves when the main process is gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from radiomics.pipelines.batch.children import begin_child, start_child
from radiomics.pipelines.batch.memory import resident
from radiomics.pipelines.batch.tasks import Result, Task

Work = Callable[[Task], Result]

STILLBORN = 3
"""Workers that may die before they are ready, where none was ready yet."""
NO_WORKER = (
    "worker processes die while they start: too little memory, a broken environment, or a script "
    "that starts a batch outside of 'if __name__ == \"__main__\"'"
)


@dataclass(frozen=True, eq=False)
class Event:
    """The end of a task: its result, or why there is none (``"died"``, ``"late"``)."""

    task: Task
    result: Result | None = None
    trouble: str = ""


class Pool(Protocol):
    """Where tasks are done: processes here, or a cluster."""

    size: int

    def free(self) -> bool:
        """Tell whether a task would be begun at once."""

    def submit(self, task: Task, seconds: float | None) -> None:
        """Begin a task, which may take so long."""

    def wait(self, timeout: float) -> list[Event]:
        """Return what has ended, waiting so many seconds for something."""

    def running(self) -> list[Task]:
        """Return the tasks that are being done."""

    def memory(self) -> int:
        """Return the bytes that the workers take, 0 where that is not known."""

    def close(self) -> None:
        """End all workers, whatever they do."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    seconds: float | None = None
    until: float = float("inf")
    ready: bool = False

    def set_limit(self) -> None:
        """Count the seconds of the task from now on; those of the start do not count."""
        limited = self.ready and self.task is not None and self.seconds is not None
        self.until = time.monotonic() + (self.seconds or 0.0) if limited else float("inf")


class Processes:
    """A pool of processes that share the processors: each has its part of the threads."""

    def __init__(self, size: int, work: Work, threads: int | None = None) -> None:
        self.size, self.work = size, work
        self.threads = threads or max(1, (os.cpu_count() or 1) // size)
        self.workers: list[_Worker] = []
        self.stillborn: int | None = 0

    def free(self) -> bool:
        """Tell whether a task would be begun at once."""
        return len(self.running()) < self.size

    def submit(self, task: Task, seconds: float | None) -> None:
        """Begin a task in a process that has none, in a new one where there are too few."""
        worker = next((w for w in self.workers if w.task is None), None)
        if worker is None:
            worker = self._start()
        worker.task, worker.seconds = task, seconds
        worker.set_limit()
        try:
            worker.pipe.send(task)
        except OSError:  # it died in its sleep: wait finds and reports it
            return

    def wait(self, timeout: float) -> list[Event]:
        """Return what has ended, waiting so many seconds for something."""
        now = time.monotonic()
        until = min([w.until for w in self.workers], default=float("inf"))
        places: dict[Any, _Worker] = {worker.pipe: worker for worker in self.workers}
        ready = wait(list(places), max(0.0, min(timeout, until - now))) if places else []
        events = [self._receive(places[pipe]) for pipe in ready]
        late = [w for w in self.workers if w.task is not None and w.until <= time.monotonic()]
        events += [self._end(worker, "late") for worker in late]
        return [event for event in events if event is not None]

    def running(self) -> list[Task]:
        """Return the tasks that are being done."""
        return [worker.task for worker in self.workers if worker.task is not None]

    def memory(self) -> int:
        """Return the bytes that the workers take."""
        return sum(resident(worker.process.pid) for worker in self.workers)

    def pids(self) -> list[int]:
        """Return the numbers of the processes."""
        return [worker.process.pid or 0 for worker in self.workers]

    def close(self) -> None:
        """End all workers, whatever they do."""
        for worker in self.workers:
            worker.process.kill()
        for worker in self.workers:
            worker.process.join()
            worker.pipe.close()
        self.workers.clear()

    def _start(self) -> _Worker:
        worker = _Worker(*start_child(_serve, self.work, self.threads))
        self.workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Event | None:
        try:
            result = worker.pipe.recv()
        except (EOFError, OSError):
            self._count_stillborn(worker)
            return self._end(worker, "died")
        if not worker.ready:
            worker.ready, self.stillborn = True, None
            worker.set_limit()
            return None
        task, worker.task, worker.until = worker.task, None, float("inf")
        return None if task is None else Event(task, result)

    def _count_stillborn(self, worker: _Worker) -> None:
        """Give up where no worker lives to its first task: no case is to blame.

        Raises
        ------
        OSError
            When so many have died, and none was ever ready.
        """
        if self.stillborn is not None and not worker.ready:
            self.stillborn += 1
            if self.stillborn > STILLBORN:
                raise OSError(NO_WORKER)

    def _end(self, worker: _Worker, trouble: str) -> Event | None:
        """End a worker; the next task starts another."""
        self.workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        return None if worker.task is None else Event(worker.task, None, trouble)


def _serve(pipe: Connection, work: Work, threads: int) -> None:
    """Report when ready, then do tasks until the pipe ends."""
    begin_child()
    for name in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        os.environ[name] = str(threads)
    from radiomics.kernels.threads import bound_threads

    bound_threads(threads)
    pipe.send("ready")
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(work(task))
        except OSError:
            return  # nobody listens any more
