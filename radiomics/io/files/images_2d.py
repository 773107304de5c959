"""Photographs and other 2D image files, through imageio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

COMMON = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


def read_image2d(path: str | Path) -> NDArray[Any]:
    """Read a PNG, JPEG, TIFF, ... as ``(C, H, W)``: imageio's ``(H, W, C)`` with channels first.

    A grey image has one channel. Values and dtype are those of the file.

    Raises
    ------
    InputError
        When the file cannot be decoded, or holds more than one image.
    """
    return decode_image2d(Path(path), Path(path))


def decode_image2d(content: bytes | Path, path: Path) -> NDArray[Any]:
    """Read an image like :func:`read_image2d`, from a file or from its bytes.

    Parameters
    ----------
    content : the file, or what stands in it
    path : what an error names
    """
    try:
        data = content if isinstance(content, bytes) else content.read_bytes()
        every: Any = ...  # imageio's word for all images of a file, which its types do not know
        pages = iio.imread(data, index=every, **_reader_options(path))
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(path, "a readable 2D image is needed", reason, "check the file") from None
    if len(pages) > 1:  # of a TIFF only the first one would be read otherwise
        raise InputError(path, "one 2D image is needed", f"{len(pages)} of them", "split the file")
    image = pages[0]
    if image.ndim == 2:
        image = image[:, :, np.newaxis]
    if image.ndim != 3 or image.shape[2] > 4:
        raise InputError(path, "one 2D image is needed", f"shape {image.shape}", "split the file")
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _reader_options(path: Path) -> dict[str, Any]:
    """Name the reader for bytes of common kinds: trying all of them costs as much as reading."""
    return {"plugin": "pillow"} if path.suffix.lower() in COMMON else {}
