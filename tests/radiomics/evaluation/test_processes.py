"""Mechanics: processes of cross-validation that are replaced on their way."""

from __future__ import annotations

import builtins
import time
from typing import Any

import numpy as np
from joblib import delayed

from radiomics.evaluation.processes import run_jobs


def grow(number: int) -> int:
    """Keep 400 MB more after the first calls; joblib looks at a process's memory once a second."""
    kept: list[Any] = getattr(builtins, "kept_by_a_test", [])
    builtins.kept_by_a_test = kept  # type: ignore[attr-defined]
    if number > 1 and len(kept) < 2:
        kept.append(np.ones(50_000_000))
    time.sleep(1.2)
    return number


def test_a_process_that_has_grown_is_replaced_and_nothing_waits_for_ever() -> None:
    assert list(run_jobs([delayed(grow)(number) for number in range(8)], 2)) == list(range(8))
