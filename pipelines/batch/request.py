"""What a user asks of a batch, what came of it, and the files that its output folder holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from radiomics.pipelines.batch.filtering import CohortFilter

STORE, STATUS, LOCK, OWNER = "records.sqlite", "status.json", "batch.lock", "batch-owner.json"
SCRATCH, ROWS = ".scratch", ".rows"
TEMPORARY = (SCRATCH, ROWS)
"""Folders that are there during a run only: copies of far files, and rows of a large manifest."""
SHOWN = 20
"""Failed rows that are named at the end."""
UNFINISHED = ".*.part"
"""Files that are not written whole yet, or that a kill left so."""
BESIDE_TABLES = (STORE, f"{STORE}-journal", STATUS, LOCK, OWNER, *TEMPORARY)
"""What a batch that wrote no table yet may have left in its output."""


@dataclass(frozen=True)
class Request:
    """What a user asked for, see ``radiomics batch --help``."""

    manifest: Path
    output: Path
    settings: tuple[str, ...] = ("default",)
    workers: int = 0
    scheduler: str = ""
    memory_gib: float = 0.0
    seconds: float | None = None
    reading: tuple[tuple[str, str], ...] = (("repair", "refuse"),)
    rehash: bool = False
    force: bool = False
    keep_identifiers: bool = False
    pseudonymise: Path | None = None
    log: Path | None = None
    quiet: bool = False
    threads: int = 0
    wanted: CohortFilter = field(default_factory=CohortFilter)
    excel: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a batch; ``finished`` is False where it was interrupted.

    ``others`` counts the rows that were not to be computed by their status, ``failures`` are of the
    first failed rows the id and the reason, ``notes`` what a user should know of the values.
    """

    finished: bool
    done: int
    failed: int
    waiting: int
    written: tuple[Path, ...]
    others: tuple[tuple[str, int], ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
