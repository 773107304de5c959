"""PyRadiomics' calls, names and numbers, computed by this package's kernels [1]_.

Scripts and parameter files written for PyRadiomics 3 run as they are: its modules are found under
their old names (``from radiomics import featureextractor``). What its definitions, discretisation,
resampling and meshes are is described in its documentation; the adapters here follow it, the
numbers come from the kernels that IBSI's features come from.

References
----------
.. [1] van Griethuysen et al., Computational radiomics system to decode the radiographic phenotype,
   Cancer Research 77 (2017) e104-e107, doi:10.1158/0008-5472.CAN-17-0339.
"""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

CLASSES = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape", "shape2D")
HOMES = {
    "RadiomicsFirstOrder": "firstorder",
    "RadiomicsGLCM": "textures",
    "RadiomicsGLDM": "textures",
    "RadiomicsGLRLM": "textures",
    "RadiomicsGLSZM": "textures",
    "RadiomicsNGTDM": "textures",
    "RadiomicsShape": "shape",
    "RadiomicsShape2D": "shape",
}
TEST_CASES = ("brain1", "brain2", "breast1", "lung1", "lung2")

logger = logging.getLogger("radiomics")


def getFeatureClasses() -> dict[str, Any]:  # noqa: N802 - PyRadiomics' names
    """Return PyRadiomics' feature classes by the name that columns and settings have."""
    found = {}
    for name, (old, home) in zip(CLASSES, HOMES.items(), strict=True):
        found[name] = getattr(import_module(f"radiomics.compat.{home}"), old)
    return found


def getImageTypes() -> list[str]:  # noqa: N802
    """Return the image types that settings can name."""
    from radiomics.compat.images import TYPES

    return list(TYPES)


def getTestCase(testCase: str, dataDirectory: str | Path | None = None) -> tuple[str, str]:  # noqa: N802, N803
    """Return the files of image and mask of one of PyRadiomics' test cases.

    Parameters
    ----------
    testCase : brain1, brain2, breast1, lung1 or lung2
    dataDirectory : folder that holds ``CASE_image.nrrd`` and ``CASE_label.nrrd``; without one, the
        folder ``pyradiomics/data`` below the temporary folder, where PyRadiomics keeps them

    Raises
    ------
    ValueError
        For another name, or when the files are not there.
    """
    import tempfile

    if testCase not in TEST_CASES:
        raise ValueError(f"no test case '{testCase}'; there are {', '.join(TEST_CASES)}")
    folder = Path(dataDirectory or Path(tempfile.gettempdir()) / "pyradiomics" / "data")
    files = [folder / f"{testCase}_{part}.nrrd" for part in ("image", "label")]
    absent = [str(file) for file in files if not file.is_file()]
    if absent:
        raise ValueError(
            f"test case {testCase}: {', '.join(absent)} not found; fetch them from PyRadiomics' "
            "releases and give their folder as dataDirectory"
        )
    return str(files[0]), str(files[1])


def setVerbosity(level: int) -> None:  # noqa: N802
    """Set from which level on messages are shown: 10 debug, 20 info, 30 warning, 40 error."""
    logger.setLevel(min(level, logger.level or level))
    for handler in logger.handlers:
        handler.setLevel(level)
