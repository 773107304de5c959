"""Calls shared by processes of this machine, by joblib."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import Parallel


def run_jobs(jobs: Iterable[Any], workers: int) -> Iterator[Any]:
    """Yield the results of joblib's delayed calls in their order, computed by processes.

    joblib replaces a process whose memory has grown, as by importing torch, and warns of it in a
    thread of its own. Nothing is lost by that; but where warnings are errors the thread would end,
    and whoever waits for results would wait for ever.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
        yield from Parallel(n_jobs=workers, return_as="generator")(jobs)
