"""Training that gives the same sums whatever else a machine does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def run_on_one_thread(work: Callable[[], T]) -> T:
    """Do work in a thread of its own, in which torch takes no others, and return what it gives.

    How many threads torch takes elsewhere stays as it is.

    >>> run_on_one_thread(torch.get_num_threads)
    1
    """

    def limited() -> T:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return work()
        finally:
            torch.set_num_threads(before)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(limited).result()
