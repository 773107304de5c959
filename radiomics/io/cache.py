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

FOLDER = "RADIOMICS_CACHE"
"""Environment variable that names the cache's folder."""


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


def cached(
    key: str, make: Callable[[], Mapping[str, NDArray[Any]]], folder: Path | None = None
) -> dict[str, NDArray[Any]]:
    """Return the arrays of an entry, made where there is none.

    An entry is written under another name, flushed, and renamed: what is found is whole. Two
    processes that make one at the same time make the same; the first one stays.

    Parameters
    ----------
    key : from :func:`fingerprint`, of all that the arrays depend on
    make : called when the cache has no entry

    Returns
    -------
    read-only memory maps, by name
    """
    place = (folder or cache_folder()) / key[:2] / key
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=".part-", dir=place.parent))
        try:
            for name, array in make().items():
                with (temporary / f"{name}.npy").open("wb") as stream:
                    np.save(stream, array, allow_pickle=False)
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.rename(place)
        except OSError:
            if not place.is_dir():  # another process may have made it meanwhile
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    found = sorted(place.glob("*.npy"))
    return {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in found}
