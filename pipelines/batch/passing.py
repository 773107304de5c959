"""What lies in an output during a run only, and goes with it, whatever ends it politely."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from radiomics.pipelines.batch.sheet import FOLDER

SCRATCH = ".scratch"
PASSING = (SCRATCH, FOLDER)


@contextmanager
def cleared(folder: Path) -> Iterator[None]:
    """Remove what lies in a folder for a run only, also what a killed one left behind.

    What ends a process politely (SIGTERM, the end of its terminal) ends it as Ctrl-C does here: by
    default nothing would be removed.
    """

    def stop(_: int, __: object) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    polite = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {n: signal.getsignal(n) for n in polite if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, stop)
    try:
        clear(folder)
        yield
    finally:
        clear(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def clear(folder: Path) -> None:
    """Remove what lies in a folder for a run only."""
    for name in PASSING:
        shutil.rmtree(folder / name, ignore_errors=True)
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)
