"""Files that give no more than they hold: a header may ask for gigabytes that are not there."""

from __future__ import annotations

import io
import os
from pathlib import Path


class BoundedReader(io.BufferedReader):
    """A binary file whose ``read`` takes memory for the bytes that are left, whatever is asked for.

    Python's own reader takes memory for all that is asked for first. A DICOM element that claims
    4 GiB would cost them, in a file of one kilobyte.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(str(path)))  # pydicom puts its name, as text, into messages
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most ``size`` bytes, all that are left without."""
        if size is None or size < 0:
            return super().read(size)
        return super().read(min(size, max(0, self.size - self.tell())))
