"""What is handed to workers and what comes back: plain values that any process can be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.pipelines.batch.case_files import Fingerprint


@dataclass(frozen=True)
class Row:
    """A row of the manifest in a task.

    ``mask`` is a path or URL, ``choice`` says what in it is meant (roi, label, segment),
    ``fingerprint`` is that of its files when they were hashed, ``wanted`` the families to compute
    by number of the settings.
    """

    number: int
    mask: str
    choice: tuple[tuple[str, str], ...]
    fingerprint: Fingerprint | None = None
    wanted: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Source:
    """How to read an image, for all its rows; ``open_names`` leaves messages as they are."""

    image: str
    series: str = ""
    reading: tuple[tuple[str, str], ...] = ()
    scratch: str = ""
    open_names: bool = False


@dataclass(frozen=True)
class Task:
    """Work on some rows of one image."""

    source: Source
    rows: tuple[Row, ...]
    need: int = 0
    alone: bool = False


@dataclass(frozen=True)
class Identify(Task):
    """Look at the files of the image and of its masks."""


@dataclass(frozen=True)
class Compute(Task):
    """Compute what is wanted in each mask; ``settings`` are JSON texts."""

    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Identified:
    """A row's files: their fingerprint, the hash of their bytes, memory that computing takes."""

    fingerprint: Fingerprint
    content: bytes
    need: int


@dataclass(frozen=True, eq=False)
class Computed:
    """Values (K, F) of K regions that one row of the manifest and one of the settings gave."""

    regions: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    notes: dict[str, Any]


@dataclass(eq=False)
class Result:
    """What came of a task: by row, and for values by row and number of the settings."""

    identified: dict[int, Identified] = field(default_factory=dict)
    computed: dict[tuple[int, int], Computed] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    failed_settings: dict[tuple[int, int], str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
