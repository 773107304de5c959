"""PyRadiomics' test cases: found in a folder, or fetched from its release of them."""

from __future__ import annotations

import logging
import shutil
import tempfile
import urllib.request
from pathlib import Path

NAMES = (
    "brain1",
    "brain2",
    "breast1",
    "lung1",
    "lung2",
    "test_wavelet_64x64x64",
    "test_wavelet_37x37x37",
)
HOME = "https://github.com/Radiomics/pyradiomics/releases/download/v1.0"
SECONDS = 60
"""How long to wait for the next bytes of a file."""

logger = logging.getLogger("radiomics")


def getTestCase(testCase: str, dataDirectory: str | Path | None = None) -> tuple[str, str]:  # noqa: N802, N803
    """Return the files of image and mask of one of PyRadiomics' test cases.

    Parameters
    ----------
    testCase : brain1, brain2, breast1, lung1, lung2; ``_2D`` at its end asks for the mask of one
        slice
    dataDirectory : folder that holds ``CASE_image.nrrd`` and ``CASE_label.nrrd``, to which they are
        fetched where it does not; without one, the folder ``pyradiomics/data`` below the temporary
        folder, as in PyRadiomics

    Raises
    ------
    ValueError
        For another name, or when the files can neither be found nor fetched.
    """
    case = testCase.lower()
    flat = case.endswith("_2d")
    case = case.removesuffix("_2d")
    if case not in NAMES:
        raise ValueError(f"no test case '{testCase}'; there are {', '.join(NAMES)}")
    folder = Path(dataDirectory or Path(tempfile.gettempdir()) / "pyradiomics" / "data")
    names = f"{case}_image.nrrd", f"{case}_label{'_2D' if flat else ''}.nrrd"
    image, mask = (_fetch_file(folder / name) for name in names)
    return str(image), str(mask)


def _fetch_file(file: Path) -> Path:
    """Return a file after fetching it where it is absent; half a file never has its name."""
    if file.is_file():
        return file
    address = f"{HOME}/{file.name}"
    logger.info("Fetching %s to %s", address, file.parent)
    part = file.with_name(file.name + ".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(address, timeout=SECONDS) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target)
        part.replace(file)
    except OSError as error:  # no network, no such file there, no room here
        part.unlink(missing_ok=True)
        raise ValueError(
            f"test case file {file} not found, and not to be had from {address} ({error}); put it "
            "there, or give its folder as dataDirectory"
        ) from None
    return file
