"""How processes of a batch begin: on Linux as copies of one that has imported what they need.

That process (multiprocessing's fork server) imports once, while the main one reads the manifest; it
does nothing else and has no threads of ours. Elsewhere each process begins anew.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.context import BaseContext

from radiomics.features import STANDARD

IMPORTED = (
    "pipelines.cli",
    "pipelines.batch.apart",
    "pipelines.batch.work",
    "radiomics.extraction",
    "radiomics.kernels.threads",
    "radiomics.filters.original",
    *(f"radiomics.features.{name}" for name in STANDARD),
)


def context() -> BaseContext:
    """Return what makes processes here."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(list(IMPORTED))
    return found


def begin() -> None:
    """Let the process begin of which others are copies, where there is one; do not wait for it."""
    made = context()
    if made.get_start_method() != "forkserver":
        return
    from multiprocessing.forkserver import ensure_running

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # it imports what this process would
    try:
        with no_interrupts():
            ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


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
