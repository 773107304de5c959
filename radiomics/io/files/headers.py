"""What the text header of an NRRD or MetaImage file says of its voxels, before they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

LONGEST_LINE = 2**24
"""Bytes of one line of a header from which it is not believed to be one."""
LONGEST_HEADER = 2**26
TO_MILLIMETRES = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "um": 1e-3,
    "micron": 1e-3,
    "microns": 1e-3,
    "micrometer": 1e-3,
    "cm": 10.0,
    "centimeter": 10.0,
    "m": 1e3,
    "meter": 1e3,
}
"""Factors of the units of length that these headers may name."""


def read_lines(path: Path, last: str) -> tuple[list[str], int]:
    """Read the lines of a text header, and return where it ends in bytes.

    Parameters
    ----------
    last : how the last line begins; empty: an empty line ends the header

    Raises
    ------
    InputError
        When it does not end like text.
    """
    lines: list[str] = []
    try:
        with path.open("rb") as stream:
            while stream.tell() < LONGEST_HEADER:
                raw = stream.readline(LONGEST_LINE)
                line = raw.decode("latin-1").strip()
                if not raw or (not last and not line):
                    return lines, stream.tell()
                lines.append(line)
                if last and line.startswith(last):
                    return lines, stream.tell()
    except OSError as error:
        raise InputError(
            path, "the image file must be readable", str(error), "check the file"
        ) from None
    found = f"no end of it in {LONGEST_HEADER // 2**20} MiB"
    raise InputError(path, "the header must be text", found, "check that it is such a file")


def to_numbers(path: Path, key: str, text: str, count: int | None = None) -> NDArray[np.float64]:
    """Return the numbers that a field of a header holds.

    Raises
    ------
    InputError
        When they are none, or not as many as they should be.
    """
    try:
        found = np.array([float(word) for word in text.split()], dtype=np.float64)
    except ValueError:
        found = np.zeros(0)
    if not found.size or (count is not None and found.size != count):
        rule = f"{key} holds {'numbers' if count is None else f'{count} numbers'}"
        raise InputError(path, rule, repr(text[:80]), "correct the header, or export again")
    return found


def check_counts(path: Path, sizes: NDArray[np.float64]) -> list[int]:
    """Return numbers of voxels as whole numbers above 0.

    Raises
    ------
    InputError
        When they are none.
    """
    if not (np.isfinite(sizes).all() and (sizes >= 1).all() and (sizes == sizes.round()).all()):
        rule = "a header states the numbers of voxels"
        raise InputError(path, rule, " ".join(f"{n:g}" for n in sizes), "correct the header")
    return [int(n) for n in sizes]


def check_spacing(path: Path, where: str, spacing: NDArray[np.float64]) -> None:
    """Demand spacings that are numbers above 0.

    Raises
    ------
    InputError
        With what stands there.
    """
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        shown = " x ".join(f"{step:g}" for step in spacing)
        raise InputError(
            path,
            "the header states one spacing above 0",
            f"{where} {shown} mm (x, y, z)",
            "correct the header, or convert the original again",
        )


def missing_spacing(path: Path, what: str) -> InputError:
    """Return the error that a header does not say how far voxels lie apart."""
    return InputError(
        path,
        "the header states one spacing above 0",
        f"no {what} in the header",
        "add it, or convert the original again: a spacing is never invented",
    )
