"""Our own threads, one pool for the whole process, and one thread for linear algebra in each.

The threads of a BLAS wait for each other in busy loops: on few processors two families that call
it at the same time take twice as long as one after the other.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

_LOCK = threading.Lock()
_inside: list[Any] = []  # one limit for all who are inside, made by the first


_bound: list[int] = []  # how many threads may work, where that was said


def bound_threads(count: int) -> None:
    """Let at most this many threads work in this process, the calling one included.

    For processes that share the processors with others; to be called before any work.
    """
    _bound[:] = [max(1, count)]


def workers() -> int:
    """Return how many threads may work in this process, the calling one included."""
    return _helper_count() + 1


@cache
def _helpers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, _helper_count()), "radiomics")


if hasattr(os, "register_at_fork"):  # a child of fork has no threads but its own
    os.register_at_fork(after_in_child=_helpers.cache_clear)


def _helper_count() -> int:
    return (_bound[0] if _bound else os.cpu_count() or 1) - 1


@cache
def _current_processor() -> Callable[[], int] | None:
    return getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None


def side_by_side(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Call functions, started in their order, on all processors; return what each returns.

    The calling thread works, too, and helpers keep off its processor while they work: Linux in a
    virtual machine wakes them there when the other processors slept, and leaves them for long.
    """
    helpers = min(_helper_count(), len(calls) - 1)
    if helpers < 1:  # no need to wait for anybody
        return [call() for call in calls]
    found: list[Future[Any]] = [Future() for _ in calls]
    waiting = deque(zip(found, calls, strict=True))

    def work(caught: type[BaseException]) -> None:
        while True:
            try:
                result, call = waiting.popleft()
            except IndexError:  # nothing left
                return
            try:
                result.set_result(call())
            except caught as error:  # raised again where the result is asked for
                result.set_exception(error)

    current = _current_processor()
    busy = current() if current is not None else -1

    def help_out() -> None:
        if sys.platform != "linux" or not hasattr(os, "sched_setaffinity"):
            work(BaseException)
            return
        allowed = os.sched_getaffinity(0)  # of this thread only
        os.sched_setaffinity(0, allowed - {busy} or allowed)
        work(BaseException)
        os.sched_setaffinity(0, allowed)

    for _ in range(helpers):
        _helpers().submit(help_out)
    try:
        work(Exception)
    except BaseException:  # Ctrl-C: nothing more is begun
        waiting.clear()
        raise
    return [result.result() for result in found]


def split_range(count: int, step: int) -> list[slice]:
    """Divide places from 0 to a count into parts to be worked on side by side.

    >>> split_range(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


class Budget:
    """Let calls work side by side while what they need together fits; a larger one works alone.

    Parameters
    ----------
    total : what there is, bytes for example
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._forget()
        if hasattr(os, "register_at_fork"):  # who held something does not live in the child
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._used, self._changed = 0, threading.Condition()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Wait until an amount is free, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + amount <= self._total)
            self._used += amount
        try:
            yield
        finally:
            with self._changed:
                self._used -= amount
                self._changed.notify_all()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limit BLAS to one thread a call; the last one to leave restores what the first one found."""
    with _LOCK:
        if not _inside:
            _inside.append(_controller().limit(limits=1, user_api="blas"))
        _inside.append(None)
    try:
        yield
    finally:
        with _LOCK:
            _inside.pop()
            if len(_inside) == 1:
                _inside.pop().restore_original_limits()
