"""Linear algebra on one thread each while our own threads work side by side.

The threads of a BLAS wait for each other in busy loops: on few processors two families that call
it at the same time take twice as long as one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_LOCK = threading.Lock()
_inside: list[Any] = []  # one limit for all who are inside, made by the first


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limit BLAS to one thread a call; the last one to leave restores what the first one found."""
    with _LOCK:
        if not _inside:
            _inside.append(_controller().limit(limits=1, user_api="blas"))
        _inside.append(None)
    try:
        yield
    finally:
        with _LOCK:
            _inside.pop()
            if len(_inside) == 1:
                _inside.pop().restore_original_limits()
