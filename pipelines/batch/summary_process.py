"""The process that writes the summary page: it may need memory, and it may die.

For a small cohort it begins with the batch, so that its imports cost no time at the end.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from radiomics.pipelines.batch.children import begin_child, call_in_copies, start_child
from radiomics.pipelines.batch.cohort import Cohort
from radiomics.pipelines.batch.request import Request

SMALL = 2**16
"""Bytes of a manifest up to which the process begins with the batch."""


class SummaryProcess:
    """The process, begun when it is needed, or before."""

    def __init__(self) -> None:
        self.process: Any = None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
            self.process = None

    def start_early(self, manifest: Path) -> None:
        """Start the process now where the cohort is small; it imports while others work."""
        if manifest.is_file() and manifest.stat().st_size <= SMALL:
            self._start(anew=True)

    def write(self, request: Request, cohort: Cohort, tables: Sequence[Path]) -> bool:
        """Write the page; return whether that could be done."""
        if self.process is None or not self.process.is_alive():
            self._start()
        try:
            self.pipe.send((request, cohort.without_arrays(), tuple(tables)))
        except OSError:
            return False  # it died
        self.process.join()
        return bool(self.process.exitcode == 0)

    def _start(self, anew: bool = False) -> None:
        self.process, self.pipe = start_child(_serve, anew=anew, daemon=False)


def _serve(pipe: Connection) -> None:
    begin_child()
    from radiomics.pipelines.batch import summary  # noqa: F401 (imported while others work)

    try:
        request, cohort, tables = pipe.recv()
    except (EOFError, OSError):
        return  # there was no need
    write_page(request, cohort, tables)
    os._exit(0)  # the page is on disk; taking everything down would take as long as some figures


def write_page(request: Request, cohort: Cohort, tables: Sequence[Path]) -> None:
    """Write the page; where it finds no room, the process ends with that in words."""
    from radiomics.pipelines.batch.summary import write_summary
    from radiomics.pipelines.batch.tasks import Source

    named = [(path.stem.removeprefix("features_"), path) for path in tables]
    source = Source("", "", request.reading, "", request.keep_identifiers)
    try:
        write_summary(named, cohort, source, request.output, call_in_copies)
    except OSError as error:
        raise SystemExit(f"summary.html: {error.strerror or error}") from None
