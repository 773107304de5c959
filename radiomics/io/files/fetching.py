"""Public data fetched by a library that knows its address and checks what arrives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiomics.types import InputError


def fetch_files(fetch: Callable[[], Any], root: Path, key: str) -> None:
    """Call what fetches files to a folder.

    Raises
    ------
    InputError
        When they cannot be had, with what to do without a network.
    """
    try:
        fetch()
    except (OSError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            root,
            "the data set's files lie there, or can be fetched from their home",
            f"neither: {reason}",
            f"set {key} to the folder that holds them",
        ) from None
