"""Results found again by what they were computed from, never by a path or a name.

A key is a SHA-256 over the bytes of the inputs, the options read and the versions of the code. A
record is one JSON file, written under a temporary name, flushed to disk, renamed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of its files' digests without names.

    Links to folders are followed, as readers of series follow them; a loop is entered once.
    """
    if path.is_dir():
        seen, parts = set(), []
        for folder, folders, files in os.walk(path, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            found = (Path(folder, name) for name in files)
            parts += [digest_file(file) for file in found if file.is_file()]
        return sha256("\n".join(sorted(parts)).encode()).hexdigest()
    state = sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def key(parts: Iterable[Any]) -> str:
    """Return the key that belongs to these JSON values."""
    text = json.dumps(list(parts), sort_keys=True, allow_nan=True, ensure_ascii=True)
    return sha256(text.encode()).hexdigest()


def without_nan(values: Any) -> Any:
    """Return JSON values in which numbers that are none are null: JSON has no NaN.

    >>> without_nan({"auc": [float("nan"), 0.5]})
    {'auc': [None, 0.5]}
    """
    if isinstance(values, Mapping):
        return {name: without_nan(value) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [without_nan(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


class Store:
    """Records below a folder, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str) -> dict[str, Any] | None:
        """Return the record of a key, or None when there is none that can be read."""
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return None  # not written by put, which writes whole: as good as absent
        return record if isinstance(record, dict) else None

    def put(self, name: str, record: dict[str, Any]) -> None:
        """Write the record of a key, whole or not at all."""
        write_whole(self._path(name), json.dumps(record))

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"


def write_whole(path: Path, text: str) -> None:
    """Write a text file under a temporary name, flush it to disk, rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
