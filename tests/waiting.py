"""Waiting in tests: for as long as it takes, however busy the machine is, but not for ever."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

LIMIT_S = 900.0
"""Seconds after which a test gives up: a guard against hanging, which no result depends on."""


def wait_until(true: Callable[[], object], alive: subprocess.Popen[Any] | None = None) -> None:
    """Wait for something that will be so; fail where a process ends before."""
    until = time.monotonic() + LIMIT_S
    while not true():
        assert alive is None or alive.poll() is None, alive.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
