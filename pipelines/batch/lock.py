"""One batch at a time on an output folder; the lock of a batch that died is no obstacle.

The operating system holds the lock and drops it with the process, whatever ends it. On NFS with
locking (version 4, or 3 with lockd) that holds between machines, after the server's lease (about 90
seconds) for a machine that died. Where a network folder has no locks at all, a sign of life in the
file, renewed every few seconds, lets a batch on another machine be refused; two that start in the
same instant are not told apart there.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from radiomics.types import InputError

NAME = "batch.lock"
BEAT_S = 10.0
GLANCE_S = 0.1
"""Seconds after which a lock is tried again: --status takes it for a moment."""
STALE_S = 60.0
"""Age of a sign of life from another machine from which its batch is taken for dead."""


class Lock:
    """The lock of a folder, as a context manager.

    Raises
    ------
    InputError
        On entering, when another batch is at work there.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.ended = threading.Event()
        self.beats = threading.Thread(target=self._beat, name="lock", daemon=True)

    def __enter__(self) -> Lock:
        self.stream = self._open()
        self._check_elsewhere()
        owner = {"host": platform.node(), "pid": os.getpid()}
        os.ftruncate(self.stream, 0)
        os.pwrite(self.stream, json.dumps(owner).encode(), 0)
        os.utime(self.path)
        self.beats.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        self.beats.join()
        self.path.unlink(missing_ok=True)
        os.close(self.stream)

    def _open(self) -> int:
        """Open and lock the file; one that its owner removed meanwhile is no lock."""
        while True:
            stream = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _try_again(stream):
                os.close(stream)
                raise _refusal(read_owner(self.path), "is at work there")
            try:
                if os.fstat(stream).st_ino == self.path.stat().st_ino:
                    return stream
            except FileNotFoundError:
                pass
            os.close(stream)

    def _check_elsewhere(self) -> None:
        """Refuse a folder in which another machine showed life, by the file server's clock."""
        owner = read_owner(self.path)
        if owner.get("host") in (None, platform.node()):
            return
        last = self.path.stat().st_mtime
        probe = self.path.with_name(f".{NAME}.part")
        probe.touch()
        age = probe.stat().st_mtime - last
        probe.unlink()
        if age < STALE_S:
            os.close(self.stream)
            raise _refusal(owner, f"showed life {max(0.0, age):.0f} s ago")

    def _beat(self) -> None:
        while not self.ended.wait(BEAT_S):
            try:
                os.utime(self.path)
            except OSError:
                return  # the folder is gone: the next record will say so


def read_owner(path: Path) -> dict[str, Any]:
    """Return who holds a lock, as far as the file tells."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_held(folder: Path) -> bool:
    """Tell whether a batch on this machine, or on one that shares locks, is at work."""
    try:
        stream = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not try_lock(stream)
    finally:
        os.close(stream)


def try_lock(stream: int) -> bool:
    """Lock an open file until it is closed; return whether that could be done at once."""
    try:
        if os.name == "nt":
            import msvcrt

            windows: Any = msvcrt
            windows.locking(stream, windows.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _try_again(stream: int) -> bool:
    """Lock an open file, in several attempts."""
    for _ in range(3):
        if try_lock(stream):
            return True
        time.sleep(GLANCE_S)
    return False


def _refusal(owner: dict[str, Any], what: str) -> InputError:
    who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}"
    remedy = "wait for it, stop it, or choose another folder; --status shows how far it is"
    return InputError("--output", "one batch at a time works on a folder", f"{who} {what}", remedy)
