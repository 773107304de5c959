"""What lies in an output during a run only, and goes with it, whatever ends it politely."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radiomics.pipelines.batch.request import TEMPORARY, UNFINISHED

POLITE = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""What asks a process to end: the end of its terminal, on Windows Ctrl-Break or a closed window."""


@contextmanager
def temporary_files(folder: Path) -> Iterator[None]:
    """Remove what lies in a folder for a run only, also what a killed one left behind.

    What ends a process politely ends it as Ctrl-C does here: by default nothing would be removed.
    """

    def stop(_: int, __: object) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    polite = [getattr(signal, name) for name in POLITE if hasattr(signal, name)]
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {n: signal.getsignal(n) for n in polite if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        remove_temporary_files(folder)
        yield
    finally:
        remove_temporary_files(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def remove_temporary_files(folder: Path) -> None:
    """Remove what lies in a folder for a run only."""
    for name in TEMPORARY:
        shutil.rmtree(folder / name, ignore_errors=True)
    for left in folder.glob(UNFINISHED):
        left.unlink(missing_ok=True)
