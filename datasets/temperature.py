"""Eleven readings of one thermometer of unknown units, and the degrees Celsius that belong to them.

The smallest regression there is [1]_; the units turn out to be degrees Fahrenheit, read badly.

References
----------
.. [1] Stevens, Antiga, Viehmann, Deep learning with PyTorch, 2020, chapter 5.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel

from radiomics.types import Progress, Samples, silent

CELSIUS = (0.5, 14.0, 15.0, 28.0, 11.0, 8.0, 3.0, -4.0, 6.0, 13.0, 21.0)
READING = (35.7, 55.9, 58.2, 81.9, 56.3, 48.9, 33.9, 21.8, 48.4, 60.4, 68.4)


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def open(options: Options, progress: Progress = silent) -> Samples:  # noqa: A001
    """Return the readings (11, 1), and degrees Celsius as the target."""
    del options
    ids = tuple(f"reading-{i:02d}" for i in range(1, len(READING) + 1))
    progress("readings", len(ids), len(ids))
    x = np.array(READING, dtype=np.float64)[:, np.newaxis]
    return Samples(ids, np.array(ids), x, np.array(CELSIUS), ("reading",))
