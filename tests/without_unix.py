"""A Python in which our code finds Windows: nothing in it that only Unix has.

Only code of ``radiomics`` sees it so: modules ``os``, ``sys`` and ``signal`` lack what Windows'
have not, others are missing. Libraries, and Python's own, go on as they do on this system: what
they do on Windows is their business. No process can be a copy of another one here, whoever asks.

``environment`` makes every process such a Python that begins with it, at whatever depth.
"""

from __future__ import annotations

import builtins
import importlib
import multiprocessing
import multiprocessing.context
import os
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OURS = "radiomics"
GONE = {
    "os": (
        "fork forkpty pwrite pread pwritev preadv sched_getaffinity sched_setaffinity sysconf "
        "sysconf_names confstr getuid geteuid getgid getegid getgroups getpgid getpgrp setsid "
        "setuid setgid killpg mkfifo mknod nice getloadavg statvfs chown lchown fchown fchmod "
        "uname wait wait3 wait4 ttyname openpty O_DIRECTORY O_NOFOLLOW O_CLOEXEC O_NONBLOCK "
        "register_at_fork sync fdatasync posix_fallocate posix_fadvise posix_spawn sendfile lockf "
        "getxattr setxattr memfd_create WNOHANG"
    ),
    "signal": (
        "SIGHUP SIGKILL SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGCHLD SIGPIPE SIGXFSZ SIGXCPU SIGSTOP "
        "SIGCONT SIGTSTP SIG_BLOCK SIG_UNBLOCK SIG_SETMASK pthread_sigmask pthread_kill sigwait "
        "sigpending setitimer getitimer alarm pause siginterrupt"
    ),
    "sys": "getdlopenflags setdlopenflags abiflags",
}
OTHER = {"os": {"name": "nt"}, "sys": {"platform": "win32"}, "signal": dict[str, str]()}
MISSING = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline")


class WindowsModule(ModuleType):
    """A module without some names and with other values of some; all else is the module itself."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        gone = frozenset(GONE[module.__name__].split())
        held = object.__getattribute__(self, "__dict__")
        held.update(_module=module, _gone=gone, _other=OTHER[module.__name__])

    def __getattribute__(self, name: str) -> Any:
        held = object.__getattribute__(self, "__dict__")
        if name in held["_gone"]:
            raise AttributeError(f"module {held['_module'].__name__!r} has no attribute {name!r}")
        return held["_other"][name] if name in held["_other"] else getattr(held["_module"], name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(object.__getattribute__(self, "__dict__")["_module"], name, value)


def remove_unix() -> None:
    """Take all of it away from our code in this process."""
    multiprocessing.set_start_method("spawn", force=True)
    for name in ("fork", "forkserver"):
        multiprocessing.context._concrete_contexts.pop(name, None)  # type: ignore[attr-defined]
    seen_so = {name: WindowsModule(importlib.import_module(name)) for name in GONE}
    import_ = builtins.__import__

    def import_on_windows(name: str, *given: Any, **named: Any) -> ModuleType:
        scope = given[0] if given else named.get("globals")
        if str((scope or {}).get("__name__", "")).partition(".")[0] == OURS:
            if name in MISSING:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name.partition(".")[0] in seen_so:
                return seen_so[name.partition(".")[0]]
        return import_(name, *given, **named)

    builtins.__import__ = import_on_windows


def environment(place: Path) -> dict[str, str]:
    """Return the variables of such a Python; what it imports at its start is written there."""
    place.mkdir(parents=True, exist_ok=True)
    code = "from tests.without_unix import remove_unix\n\nremove_unix()\n"
    (place / "sitecustomize.py").write_text(code, encoding="utf-8")
    paths = [str(place), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
