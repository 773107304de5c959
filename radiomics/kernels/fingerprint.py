"""What tells whether two images have the same voxels, in whatever file, order or number type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel

FIRST_STEP, SECOND_STEP = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
FIRST_FACTOR, SECOND_FACTOR = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31 = np.uint64(27), np.uint64(30), np.uint64(31)


def fingerprint(array: NDArray[Any]) -> str:
    """Return 40 hexadecimal digits that stand for the voxels of an image.

    Equal for flipped, transposed and otherwise stored copies: the hashes of single voxels [1]_ are
    added. Values count in single precision, which holds every CT and every 16-bit number.

    References
    ----------
    .. [1] Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014,
       doi:10.1145/2660193.2660195 (the mixing function).

    >>> import numpy as np
    >>> one = np.arange(6).reshape(1, 2, 3)
    >>> fingerprint(one) == fingerprint(one[:, ::-1].astype(float)) != fingerprint(one + 1)
    True
    """
    total = np.zeros(2, dtype=np.uint64)
    for plane in array:
        values = np.ascontiguousarray(plane, dtype=np.float32).ravel() + np.float32(0)  # no -0
        _add_hashes(values.view(np.uint32), total)
    return f"{array.size:08x}{int(total[0]):016x}{int(total[1]):016x}"


@kernel
def _add_hashes(bits: Any, total: Any) -> None:
    one, two = total[0], total[1]
    for value in bits:
        one += _mixed_bits(np.uint64(value) + FIRST_STEP)
        two += _mixed_bits(np.uint64(value) * SECOND_STEP + FIRST_STEP)
    total[0], total[1] = one, two


@kernel
def _mixed_bits(x: Any) -> Any:
    x = (x ^ (x >> S30)) * FIRST_FACTOR
    x = (x ^ (x >> S27)) * SECOND_FACTOR
    return x ^ (x >> S31)
