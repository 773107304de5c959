"""How processes of a batch begin: on Linux as copies of one that has imported what they need.

That process (multiprocessing's fork server) imports once, while the main one reads the manifest; it
does nothing else and has no threads of ours. Elsewhere each process begins anew.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from radiomics.features import STANDARD

IMPORTED = (
    "radiomics.pipelines.batch.server",
    "radiomics.pipelines.commands.app",
    "radiomics.pipelines.batch.apart",
    "radiomics.pipelines.batch.work",
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
_beginning = threading.Lock()
_besides: list[str] = []


def context() -> BaseContext:
    """Return what makes processes here."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload([*IMPORTED, *_besides])
    return found


def expect(settings: Sequence[str]) -> None:
    """Let the process import what settings, presets or files, will need; to be called first."""
    _besides[:] = PYRADIOMICS if any(_of_pyradiomics(name) for name in settings) else ()


def _of_pyradiomics(settings: str) -> bool:
    if settings == "pyradiomics":
        return True
    try:
        with Path(settings).open("rb") as stream:
            return HINT.search(stream.read(LOOKED_AT)) is not None
    except OSError:  # a preset, or something that will be refused
        return False


def begin() -> None:
    """Let the process begin of which others are copies, where there is one; do not wait for it."""
    made = context()
    if made.get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running
    from multiprocessing.resource_tracker import ensure_running as ensure_tracker

    ensure_tracker()  # which would let Ctrl-C through again, were it begun below
    with _beginning, no_interrupts():
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # it imports what this process would
        try:
            ensure_running()
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before


def in_copies(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do jobs side by side, on Linux in copies of this process; return what they return, in order.

    What a copy could not do, because it died or a job raised, is done here.
    """
    count = min(len(jobs), os.cpu_count() or 1, COPIES) if sys.platform == "linux" else 1
    made: Any = multiprocessing.get_context("fork") if count > 1 else None
    found: list[Any] = [None] * len(jobs)
    pipes: dict[int, Connection] = {}
    for first in range(1, count):
        pipes[first], there = made.Pipe(duplex=False)
        made.Process(target=_do, args=(there, jobs[first::count]), daemon=True).start()
        there.close()
    for first in range(max(1, count)):
        mine = slice(first, None, max(1, count))
        try:
            found[mine] = pipes[first].recv() if first else [job() for job in jobs[mine]]
        except (EOFError, OSError):
            found[mine] = [job() for job in jobs[mine]]
    return found


def _do(pipe: Connection, jobs: Sequence[Callable[[], Any]]) -> None:
    try:
        pipe.send([job() for job in jobs])
    except Exception:  # done again, and told, by the process that this is a copy of
        os._exit(1)


class no_interrupts:  # noqa: N801
    """Start processes that a Ctrl-C cannot reach before they can ignore it."""

    def __enter__(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            self.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def __exit__(self, *_: object) -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, self.before)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the main process, which ends its workers itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
