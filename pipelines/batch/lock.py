"""One batch at a time on an output folder; the lock of a batch that died is no obstacle.

The operating system holds the lock and drops it with the process, whatever ends it. On NFS with
locking (version 4, or 3 with lockd) that holds between machines, after the server's lease (about 90
seconds) for a machine that died. Where machines do not see each other's locks, a sign of life, the
time of a file that is renewed every few seconds, lets a batch on another machine be refused; two
that start in the same instant are not told apart there.
"""

from __future__ import annotations

import json
import os
import platform
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from radiomics.pipelines.batch.request import LOCK, OWNER
from radiomics.pipelines.store import write_whole
from radiomics.types import InputError

BEAT_S = 10.0
GLANCE_S = 0.3
"""Seconds in which a lock is tried again: --status takes it for a moment."""
STALE_S = 60.0
"""Age of a sign of life from another machine from which its batch is taken for dead."""


class Lock:
    """The lock of a folder, as a context manager.

    A second file says who holds it, and since when: the locked one cannot be read on Windows.

    Raises
    ------
    InputError
        On entering, when another batch is at work there.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.owner = folder / LOCK, folder / OWNER
        self.lock = FileLock(self.path, poll_interval=GLANCE_S / 3)
        self.ended = threading.Event()
        self.beats = threading.Thread(target=self._show_life, name="lock", daemon=True)

    def __enter__(self) -> Lock:
        try:
            self.lock.acquire(timeout=GLANCE_S)
        except Timeout:
            raise _refusal(read_owner(self.owner), "is at work there") from None
        try:
            self._check_elsewhere()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            owner = {"host": platform.node(), "pid": os.getpid(), "since": since}
            write_whole(self.owner, json.dumps(owner) + "\n")
        except BaseException:
            self.lock.release()
            raise
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
        self.owner.unlink(missing_ok=True)
        remove_lock(self.lock)

    def _check_elsewhere(self) -> None:
        """Refuse a folder in which another machine showed life, by the file server's clock."""
        owner = read_owner(self.owner)
        if owner.get("host") in (None, platform.node()):
            return
        age = age_of(self.owner)
        if age < STALE_S:
            raise _refusal(owner, f"showed life {max(0.0, age):.0f} s ago")

    def _show_life(self) -> None:
        while not self.ended.wait(BEAT_S):
            try:
                os.utime(self.owner)
            except OSError:
                return  # the folder is gone: the next record will say so


def read_owner(path: Path) -> dict[str, Any]:
    """Return who holds a lock, as far as the file says."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def age_of(path: Path) -> float:
    """Return the seconds since a file was changed, by the clock of its file system."""
    last = path.stat().st_mtime
    probe = path.with_name(f".{path.name}.part")
    probe.touch()
    age = probe.stat().st_mtime - last
    probe.unlink()
    return age


def is_held(folder: Path) -> bool:
    """Tell whether a batch on this machine, or on one that shares locks, is at work."""
    path = folder / LOCK
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # somebody else's folder, which can only be read
        return False
    remove_lock(lock)
    return False


def remove_lock(lock: FileLock) -> None:
    """Release a lock that is held, and remove its file.

    Who waits for a file that was removed sees that, and locks a new one. Windows removes no open
    file.
    """
    path = Path(lock.lock_file)
    with suppress(OSError):
        path.unlink()
    lock.release()
    if os.name == "nt":
        with suppress(OSError):
            path.unlink()


def _refusal(owner: dict[str, Any], what: str) -> InputError:
    who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')}"
    since = f", since {owner['since']}," if "since" in owner else ""
    remedy = "wait for it, stop it, or choose another folder; --status shows how far it is"
    rule = "one batch at a time works on a folder"
    return InputError("--output", rule, f"{who}{since} {what}", remedy)
