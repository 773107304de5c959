"""Arrays on disk, found again by what they were made from, read as memory maps.

All processes that read an entry share its pages, so memory does not grow with their number.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

FOLDER = "RADIOMICS_CACHE"
"""Environment variable that names the cache's folder."""
NAMES = "arrays.txt"
"""File of an entry that names its arrays, so that one that is lost is missed."""
TRIES = 3


def cache_folder() -> Path:
    """Return the cache's folder: $RADIOMICS_CACHE, or ``radiomics`` in the user's own cache."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(home) if home else Path.home() / ".cache") / "radiomics"


def fingerprint(*parts: object) -> str:
    """Return a SHA-256 over files' bytes (for a Path), and other values' text."""
    state = sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as stream:
                while block := stream.read(1 << 20):
                    state.update(block)
        else:
            state.update(repr(part).encode())
        state.update(b"\0")
    return state.hexdigest()


def cached_arrays(
    key: str, make: Callable[[], Mapping[str, NDArray[Any]]], folder: Path | None = None
) -> dict[str, NDArray[Any]]:
    """Return the arrays of an entry, made where there is none.

    An entry is written under another name, flushed, and renamed: what is found is whole. One whose
    files were damaged since is made anew. Two processes that make one at the same time make the
    same; the first one stays.

    Parameters
    ----------
    key : from :func:`fingerprint`, of all that the arrays depend on
    make : called when the cache has no entry

    Returns
    -------
    read-only memory maps, by name

    Raises
    ------
    InputError
        For an entry that cannot be read however often it is made.
    """
    place = (folder or cache_folder()) / key[:2] / key
    for _ in range(TRIES):
        found = _read_entry(place)
        if found is not None:
            return found
        _write_entry(place, make)
    rule = "an entry of the cache can be read after it was written"
    raise InputError(place, rule, "it is damaged each time", "check the disk")


def _read_entry(place: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of an entry; None where there is none, or one that is damaged."""
    try:
        names = (place / NAMES).read_text(encoding="utf-8").split("\n")
        return {
            name: np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in names
        }
    except (OSError, ValueError, EOFError):
        return None


def _write_entry(place: Path, make: Callable[[], Mapping[str, NDArray[Any]]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(mkdtemp(prefix=".part-", dir=place.parent))
    try:
        made = make()
        for name, array in made.items():
            with (temporary / f"{name}.npy").open("wb") as stream:
                np.save(stream, array, allow_pickle=False)
                stream.flush()
                os.fsync(stream.fileno())
        (temporary / NAMES).write_text("\n".join(sorted(made)), encoding="utf-8")
        if place.is_dir() and _read_entry(place) is None:
            shutil.rmtree(place, ignore_errors=True)
        temporary.rename(place)
    except OSError:
        if _read_entry(place) is None:  # else another process has made it meanwhile
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
