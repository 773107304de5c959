"""Child processes of a batch: how they begin and end, and calls and generators that run in one.

On Linux they are copies of one process that has imported what they need (multiprocessing's fork
server). It imports once, while the main process reads the manifest; it does nothing else and has no
threads of ours. Elsewhere each child begins anew.

Children leave Ctrl-C to the main process, and end with it, whatever ends that.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from radiomics.features import STANDARD
from radiomics.pipelines.batch.privacy import quiet_libraries
from radiomics.types import InputError

IMPORTED = (
    "radiomics.pipelines.batch.forkserver",
    "radiomics.pipelines.commands.app",
    "radiomics.pipelines.batch.children",
    "radiomics.pipelines.batch.worker",
    "radiomics.extraction",
    "radiomics.kernels.threads",
    "radiomics.filters.original",
    *(f"radiomics.features.{name}" for name in STANDARD),
)

PYRADIOMICS = (
    "radiomics.compat.volumes",
    *(f"radiomics.compat.{name}" for name in ("firstorder", "shape", "textures")),
)
"""What its parameters need besides; it brings SimpleITK."""
NAMES = rb"pyradiomics|imageType|featureClass|setting"
HINT = re.compile(rb"(?:^|[{,])\s*[\"']?(?:" + NAMES + rb")[\"']?\s*:", re.MULTILINE)
"""A key of its parameter files; read to save time only, the settings are checked elsewhere."""
LOOKED_AT = 2**16

COPIES = 4
CAN_COPY = sys.platform == "linux" and hasattr(os, "fork")
"""Whether children are copies; on macOS a copy may die in libraries of the system."""
YIELDED, RETURNED, RAISED = "yielded", "returned", "raised"

Steps = Generator[Any, Any, Any]

_starting = threading.Lock()
_also_imported: list[str] = []


def process_context() -> BaseContext:
    """Return what makes processes here."""
    if not CAN_COPY:
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([*IMPORTED, *_also_imported])
    return found


def import_for(settings: Sequence[str]) -> None:
    """Let the fork server import what settings, presets or files, will need.

    To be called before it starts.
    """
    _also_imported[:] = PYRADIOMICS if any(_is_of_pyradiomics(name) for name in settings) else ()


def _is_of_pyradiomics(settings: str) -> bool:
    settings = settings.partition("=")[2] or settings  # CT=FILE
    if settings == "pyradiomics":
        return True
    try:
        with Path(settings).open("rb") as stream:
            return HINT.search(stream.read(LOOKED_AT)) is not None
    except OSError:  # a preset, or something that will be refused
        return False


def start_fork_server() -> None:
    """Start the process of which children are copies, where there is one; do not wait for it."""
    if process_context().get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running
    from multiprocessing.resource_tracker import ensure_running as ensure_tracker

    ensure_tracker()  # which would let Ctrl-C through again, were it begun below
    with _starting, interrupts_blocked():
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # it imports what this process would
        try:
            ensure_running()
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before


def start_child(
    target: Callable[..., None], *arguments: Any, anew: bool = False, daemon: bool = True
) -> tuple[Any, Connection]:
    """Start a child that is handed one end of a pipe and arguments; return it and the other end.

    ``anew`` starts it as no copy. One that is no ``daemon`` may have children of its own.
    """
    made: Any = multiprocessing.get_context("spawn") if anew else process_context()
    if not anew:
        start_fork_server()
    here, there = made.Pipe()
    process = made.Process(target=target, args=(there, *arguments), daemon=daemon)
    with interrupts_blocked():
        process.start()
    there.close()
    return process, here


def begin_child() -> None:
    """Make a process a child: no interrupts, no words of libraries, an end with the main one."""
    ignore_interrupts()
    threading.Thread(target=end_with_parent, daemon=True).start()
    quiet_libraries()


def end_with_parent() -> None:
    """Wait for the end of the main process, and end this one with it: for a thread."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Start processes that a Ctrl-C cannot reach before they can ignore it.

    Where signals cannot be blocked, on Windows, it may reach them in their first moments.
    """
    if sys.platform == "win32" or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the main process, which ends its children itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform != "win32" and hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def steps_in_child(steps: Callable[..., Steps], *arguments: Any) -> Steps:
    """Run a generator in a child, whose memory goes with it, as if it ran here.

    What is sent goes to it, and what it yields is yielded. Closing ends the child, whatever it
    does.

    Raises
    ------
    InputError
        When the child dies. Whatever the generator raises is raised, too.
    """
    process, pipe = start_child(_run_steps, steps, arguments)
    try:
        while True:
            try:
                kind, value = pipe.recv()
            except (EOFError, OSError):
                raise _death() from None
            if kind == RAISED:
                raise value
            if kind == RETURNED:
                return value
            pipe.send((yield value))
    finally:
        process.kill()
        process.join()
        pipe.close()


def call_in_child(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a child; return what it returns, raise what it raises."""
    steps = steps_in_child(_steps_of_call, function, *arguments)
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()
    raise AssertionError("a call yields nothing")


def _steps_of_call(function: Callable[..., Any], *arguments: Any) -> Steps:
    yield from ()
    return function(*arguments)


def _run_steps(pipe: Connection, steps: Callable[..., Steps], arguments: tuple[Any, ...]) -> None:
    begin_child()
    work = steps(*arguments)
    sent = None
    while True:
        try:
            kind, value = YIELDED, work.send(sent)
        except StopIteration as end:
            kind, value = RETURNED, end.value
        except Exception as error:  # raised again where the user hears of it
            kind, value = RAISED, _portable(error)
        try:
            pipe.send((kind, value))
            if kind != YIELDED:
                return
            sent = pipe.recv()
        except (EOFError, OSError):
            return  # nobody listens any more


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent: the same, or its words where it cannot."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its class does: its words remain
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _death() -> InputError:
    rule = "the process that checks a large manifest, or writes a large table, lives until its end"
    remedy = "make room in memory, then run the same command: it goes on from there"
    return InputError("memory", rule, "it was ended from outside", remedy)


def call_in_copies(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do jobs side by side, on Linux in copies of this process; return what they return, in order.

    What a copy could not do, because it died or a job raised, is done here.
    """
    count = min(len(jobs), os.cpu_count() or 1, COPIES) if CAN_COPY else 1
    made: Any = multiprocessing.get_context("fork") if count > 1 else None
    found: list[Any] = [None] * len(jobs)
    pipes: dict[int, Connection] = {}
    for first in range(1, count):
        pipes[first], there = made.Pipe(duplex=False)
        made.Process(target=_do_jobs, args=(there, jobs[first::count]), daemon=True).start()
        there.close()
    for first in range(max(1, count)):
        mine = slice(first, None, max(1, count))
        try:
            found[mine] = pipes[first].recv() if first else [job() for job in jobs[mine]]
        except (EOFError, OSError):
            found[mine] = [job() for job in jobs[mine]]
    return found


def _do_jobs(pipe: Connection, jobs: Sequence[Callable[[], Any]]) -> None:
    try:
        pipe.send([job() for job in jobs])
    except Exception:  # done again, and reported, by the process that this is a copy of
        os._exit(1)
