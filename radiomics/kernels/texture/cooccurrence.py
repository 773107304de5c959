"""What the features of pairs of grey levels are made of, for several matrices at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Distributions of A matrices: of pairs, of either level, of differences and of sums.

    Parameters
    ----------
    size : the number of grey levels G
    levels : (n,) those that any matrix has
    joint : (A, n, n), the sum of each matrix is 1
    first, second : (A, n) margins; the same array where all matrices are symmetric
    apart : (A, K) of the differences 0, 1, ...
    together : (A, S) of the sums 2, 3, ...
    """

    size: int
    levels: Floats
    joint: Floats
    first: Floats
    second: Floats
    apart: Floats
    together: Floats


def pairs_of(counts: NDArray[Any]) -> Pairs:
    """Return the distributions of counts (A, G, G), none of them empty."""
    present = np.flatnonzero(counts.any(axis=(0, 1)) | counts.any(axis=(0, 2)))
    kept = counts[:, present[:, None], present]
    joint = kept / kept.sum(axis=(1, 2), keepdims=True)
    first = joint.sum(axis=2)
    symmetric = np.array_equal(kept, kept.transpose(0, 2, 1))
    second = first if symmetric else joint.sum(axis=1)
    apart = _by(np.abs(present[:, None] - present), joint)
    together = _by(present[:, None] + present, joint)
    levels = np.asarray(present + 1.0, dtype=np.float64)
    return Pairs(counts.shape[1], levels, joint, first, second, apart, together)


def _by(places: NDArray[np.int64], joint: Floats) -> Floats:
    """Sum the entries of matrices (A, n, n) by where places (n, n) put them."""
    count, width = len(joint), int(places.max()) + 1
    index = np.arange(count)[:, None] * width + places.ravel()
    sums: Any = np.bincount(index.ravel(), joint.ravel(), count * width)
    return np.asarray(sums.reshape(count, width), dtype=np.float64)


def expected(shares: Floats, values: NDArray[Any]) -> Floats:
    """Return the mean of values under each distribution (A, K); not by BLAS: threads change it."""
    return np.asarray((shares * values).sum(axis=1))


def entropies(shares: Floats) -> Floats:
    """Return the entropy in bits of each distribution (A, ...)."""
    flat = shares.reshape(len(shares), -1)
    logs = np.log2(flat, out=np.zeros_like(flat), where=flat > 0)
    return np.asarray(-(flat * logs).sum(axis=1))
