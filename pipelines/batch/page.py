"""The process that writes the summary page: it may need memory, and it may die.

For a small cohort it begins with the batch, so that its imports cost no time at the end.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiomics.pipelines.batch.fork import (
    begin,
    context,
    ignore_interrupts,
    in_copies,
    no_interrupts,
)

if TYPE_CHECKING:
    from radiomics.pipelines.batch.checks import Checked
    from radiomics.pipelines.batch.session import Request

SMALL = 2**16
"""Bytes of a manifest up to which the process begins with the batch."""


class Page:
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

    def begin_early(self, manifest: Path) -> None:
        """Begin the process now where the cohort is small; it imports while others work."""
        if manifest.is_file() and manifest.stat().st_size <= SMALL:
            self._begin(multiprocessing.get_context("spawn"))

    def write(self, request: Request, cohort: Checked, tables: Sequence[Path]) -> bool:
        """Write the page; return whether that could be done."""
        if self.process is None or not self.process.is_alive():
            begin()
            self._begin(context())
        try:
            self.pipe.send((request, cohort.without_rows(), tuple(tables)))
        except OSError:
            return False  # it died
        self.process.join()
        return bool(self.process.exitcode == 0)

    def _begin(self, made: Any) -> None:
        self.pipe, there = made.Pipe()
        self.process = made.Process(target=_serve, args=(there,))
        with no_interrupts():
            self.process.start()
        there.close()


def _serve(pipe: Connection) -> None:
    ignore_interrupts()
    from radiomics.pipelines.batch.processes import end_with_parent

    threading.Thread(target=end_with_parent, daemon=True).start()
    from radiomics.pipelines.batch.privacy import quiet_libraries

    quiet_libraries()
    from radiomics.pipelines.batch import summary  # noqa: F401 (imported while others work)

    try:
        request, cohort, tables = pipe.recv()
    except (EOFError, OSError):
        return  # there was no need
    write(request, cohort, tables)
    os._exit(0)  # the page is on disk; taking everything down would take as long as some figures


def write(request: Request, cohort: Checked, tables: Sequence[Path]) -> None:
    """Write the page; where it finds no room, the process ends with that in words."""
    from radiomics.pipelines.batch.summary import write_summary
    from radiomics.pipelines.batch.tasks import Source

    named = zip((Path(text).stem for text in request.settings), tables, strict=True)
    source = Source("", "", request.reading, "", request.keep_identifiers)
    try:
        write_summary([*named], cohort, source, request.output, in_copies)
    except OSError as error:
        raise SystemExit(f"summary.html: {error.strerror or error}") from None
