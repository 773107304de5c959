"""Tasks on a Dask cluster: an existing one by its address, or one started on this machine.

The main process keeps the store and alone writes to it; workers need the files of the cases, not
the output folder.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from radiomics.pipelines.batch.processes import Event, Processes
from radiomics.pipelines.batch.tasks import Result, Task
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError

CONNECT_S = 30.0
STARTUP_S = 60.0
LOST_S = 30.0
"""Seconds for which a scheduler may be out of reach."""

Work = Callable[[Task], Result]


@dataclass(eq=False)
class _Sent:
    task: Task
    future: Any


class Cluster:
    """A pool on a Dask cluster: as many tasks at a time as it has threads.

    Raises
    ------
    ConfigurationError
        When dask.distributed is not installed.
    InputError
        When there is no scheduler at the address, or no worker.
    """

    def __init__(self, address: str, workers: int, work: Work) -> None:
        try:
            import distributed
        except ImportError:
            missing = (
                "--scheduler needs dask.distributed: pip install 'radiomics-pipelines[cluster]'"
            )
            raise ConfigurationError(missing) from None
        self.work, self.local = work, None
        self.ended: queue.SimpleQueue[_Sent] = queue.SimpleQueue()
        self.sent: dict[str, _Sent] = {}
        if address == "local":
            count = workers or os.cpu_count() or 1
            self.local = distributed.LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address=None
            )
            address = self.local.scheduler_address
        try:
            self.client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
            self.client.wait_for_workers(1, timeout=STARTUP_S)
        except (OSError, TimeoutError, ValueError) as error:
            rule, found = "a Dask scheduler with workers answers there", str(error).splitlines()[0]
            raise InputError("--scheduler", rule, found, "start it, or check the address") from None
        self.reached = time.monotonic()
        self.size = self._threads()

    def free(self) -> bool:
        """Tell whether a task would be begun at once; clusters grow and shrink."""
        return len(self.sent) < self.size

    def submit(self, task: Task, seconds: float | None) -> None:
        """Begin a task."""
        future = self.client.submit(_run, self.work, task, seconds, pure=False, retries=0)
        sent = _Sent(task, future)
        self.sent[future.key] = sent
        future.add_done_callback(lambda _: self.ended.put(sent))

    def wait(self, timeout: float) -> list[Event]:
        """Return what has ended, waiting so many seconds for something.

        Raises
        ------
        InputError
            When the scheduler is gone.
        """
        events: list[Event] = []
        try:
            events += self._end(self.ended.get(timeout=timeout or 0.001))
            while True:
                events += self._end(self.ended.get_nowait())
        except queue.Empty:
            pass
        now = time.monotonic()
        if self.client.status == "running":
            self.reached = now
            self.size = max(1, self._threads())
        elif now - self.reached > LOST_S or self.client.status in ("closed", "closing"):
            raise _lost_scheduler()
        return events

    def running(self) -> list[Task]:
        """Return the tasks that are being done, or wait at the scheduler."""
        return [sent.task for sent in self.sent.values()]

    def memory(self) -> int:
        """Return the bytes that the workers take, as they last reported."""
        workers = self.client.scheduler_info(n_workers=-1).get("workers", {}).values()
        return sum(int(worker.get("metrics", {}).get("memory", 0)) for worker in workers)

    def close(self) -> None:
        """Drop what is running and leave the cluster; one of our own is ended."""
        for sent in self.sent.values():
            sent.future.cancel()
        self.sent.clear()
        self.client.close(timeout=5)
        if self.local is not None:
            self.local.close(timeout=10)

    def _end(self, sent: _Sent) -> list[Event]:
        if self.sent.pop(sent.future.key, None) is None:
            return []  # it was late, and is no longer waited for
        if sent.future.status == "finished":
            return [Event(sent.task, *sent.future.result())]
        if sent.future.status == "error":  # KilledWorker: its worker died, several times
            return [Event(sent.task, None, "died")]
        raise _lost_scheduler()

    def _threads(self) -> int:
        return sum(self.client.nthreads().values())


_of_thread = threading.local()


def _run(work: Work, task: Task, seconds: float | None) -> tuple[Result | None, str]:
    """Do a task in a process below the cluster's worker, which can be ended, or die, by itself."""
    if not hasattr(_of_thread, "pool"):
        # workers of a cluster are daemons, which multiprocessing denies children: ours watches
        # over its parent and ends with it
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        _of_thread.pool = Processes(1, work, threads=1)
    _of_thread.pool.submit(task, seconds)
    while True:
        for event in _of_thread.pool.wait(1.0):
            return event.result, event.trouble


def _lost_scheduler() -> InputError:
    rule = "the Dask scheduler stays in reach"
    remedy = "run the same command with another: it goes on from there"
    found = "the connection was lost; all records that were written are kept"
    return InputError("--scheduler", rule, found, remedy)
