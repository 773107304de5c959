"""How much memory processes hold, and how much can be had, on each system."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any


def resident(pid: int | None) -> int:
    """Return the bytes of memory that a process holds (None: this one), 0 where that is unknown.

    Only Linux tells that of other processes without a library.
    """
    if sys.platform == "win32":
        return 0
    try:
        with open(f"/proc/{pid or 'self'}/statm", encoding="ascii") as stream:  # noqa: PTH123
            return int(stream.read().split()[1]) * int(os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        return 0


def available() -> int:
    """Return the bytes of memory that can be had, also inside a container; 0 where unknown.

    macOS says only how much there is: that is taken for free.
    """
    found = [*_free_on_linux(), *_left_in_container()] or [_free_on_windows() or _physical()]
    return max(0, min(found))


def _free_on_linux() -> list[int]:
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:  # noqa: PTH123
            rows: Any = dict(line.split(":", 1) for line in stream)
        return [int(rows["MemAvailable"].split()[0]) * 1024]
    except (OSError, ValueError, KeyError):
        return []


def _left_in_container() -> list[int]:
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as stream:  # noqa: PTH123
            limit = int(stream.read())
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as stream:  # noqa: PTH123
            return [limit - int(stream.read())]
    except (OSError, ValueError):
        return []


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("physical", ctypes.c_uint64),
        ("free", ctypes.c_uint64),
        ("others", ctypes.c_uint64 * 5),
    )


def _free_on_windows() -> int:
    windows: Any = getattr(ctypes, "windll", None)
    if windows is None:
        return 0
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    done = windows.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.free) if done else 0


def _physical() -> int:
    if sys.platform == "win32":
        return 0
    try:
        return int(os.sysconf("SC_PAGE_SIZE")) * int(os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return 0
