"""Bytes of voxels out of a stream, plain or packed: all of them, or an EOFError."""

from __future__ import annotations

from typing import Any

PART = 2**24
"""Bytes that are read at a time: a header may name gigabytes that a file does not hold."""


def skip_bytes(stream: Any, count: int) -> None:
    """Read over bytes.

    Raises
    ------
    EOFError
        When there are fewer.
    """
    while count > 0:
        part = len(stream.read(min(PART, count)))
        if not part:
            raise EOFError(f"its voxels begin {count} bytes after its end")
        count -= part


def fill_bytes(stream: Any, into: memoryview) -> None:
    """Read bytes into an array until it is full.

    Raises
    ------
    EOFError
        When there are fewer.
    """
    done = 0
    while done < len(into):
        count = stream.readinto(into[done : done + PART])
        if not count:
            raise EOFError(f"after {done} of {len(into)} bytes of voxels")
        done += count
