"""IDX files, raw or gzipped: arrays with a header of their type and shape [1]_.

References
----------
.. [1] LeCun, Cortes, Burges, The MNIST database of handwritten digits, section "File formats".
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.types import InputError

KINDS = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | Path) -> NDArray[Any]:
    """Read an IDX file; one whose name ends in ``.gz`` is unpacked.

    Returns
    -------
    array of the shape and type that the file's header names, in the machine's byte order

    Raises
    ------
    InputError
        For a file that is no IDX file, is cut short, or holds more than its header says.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        rule = "an IDX file must be readable"
        raise InputError(path, rule, str(error), "fetch it anew") from None
    head = content[:4]
    is_idx = len(head) == 4 and head[:2] == b"\0\0" and head[2] in KINDS
    if not is_idx or len(content) < 4 + 4 * head[3]:
        rule = "an IDX file begins with two zeros, a type, the number of axes and their shape"
        raise InputError(path, rule, f"the bytes {head.hex(' ')}", "check the file")
    kind, axes = np.dtype(KINDS[head[2]]), head[3]
    start = 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    wanted = start + kind.itemsize * math.prod(shape)
    if len(content) != wanted:
        rule = f"shape {shape} of {kind.name} makes {wanted} bytes"
        raise InputError(path, rule, f"{len(content)} bytes", "fetch the file anew")
    values = np.frombuffer(content, kind, offset=start).reshape(shape)
    return values.astype(kind.newbyteorder("="), copy=False)


def find_idx(root: Path, part: str, below: str) -> tuple[Path, Path] | None:
    """Return the files of images and labels of a part (``train``, ``t10k``), or None.

    Parameters
    ----------
    root : folder in which they lie, or in whose ``below`` (as torchvision keeps them)
    """
    for folder in (root, root / below):
        pair = [_find_file(folder, f"{part}-{what}") for what in ("images-idx3", "labels-idx1")]
        if pair[0] is not None and pair[1] is not None:
            return pair[0], pair[1]
    return None


def _find_file(folder: Path, stem: str) -> Path | None:
    names = [f"{stem}{dot}ubyte{end}" for dot in "-." for end in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_idx_parts(root: Path, below: str) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Read images (N, 1, H, W) and labels (N,) of the parts ``train`` and ``test``.

    Raises
    ------
    InputError
        When a file is missing, or holds something else.
    """
    parts = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        found = find_idx(root, name, below)
        if found is None:
            rule = f"{name}-images-idx3-ubyte and {name}-labels-idx1-ubyte lie there, raw or .gz"
            remedy = "set data.root to their folder, or data.download=true where there is a network"
            raise InputError(root, rule, "one is missing", remedy)
        images, labels = (read_idx(path) for path in found)
        if images.ndim != 3 or labels.ndim != 1:
            rule = "images have three axes, labels one"
            raise InputError(found[0], rule, f"{images.ndim} and {labels.ndim}", "check the files")
        parts[part] = (images[:, np.newaxis], labels.astype(np.int64))
    return parts
