"""What run, zone, distance and dependence matrices have in common: 16 features of a count table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def emphases(levels: Counts, lengths: Counts, counts: Counts, n_voxels: float) -> list[float]:
    """Compute the 16 features of a table of counts by grey level and by length, size, distance ...

    Parameters
    ----------
    levels, lengths, counts : (M,) grey level i, length j and count m(i, j) of each entry; a count
        may be weighted
    n_voxels : voxels that the table was made from

    Returns
    -------
    In IBSI's order: short, long, low grey level, high grey level, short low, short high, long low,
    long high emphasis; grey level non-uniformity and normalised, length non-uniformity and
    normalised, percentage, grey level variance, length variance, entropy. NaN for an empty table.
    """
    total = counts.sum().item()
    if not total:
        return [float("nan")] * 16
    m = counts.astype(np.float64)
    i, j = levels.astype(np.float64), lengths.astype(np.float64)
    i2, j2 = i * i, j * j
    by_level = np.bincount(levels, m)
    by_length = np.bincount(np.unique(lengths, return_inverse=True)[1], m)
    products = (1 / j2, j2, 1 / i2, i2, 1 / (i2 * j2), i2 / j2, j2 / i2, i2 * j2)
    values = [float(m @ product) / total for product in products]
    for sums in (by_level, by_length):
        values += [float(sums @ sums) / total, float(sums @ sums) / total**2]
    p = m / total
    spreads = [float(p @ (x - p @ x) ** 2) for x in (i, j)]
    return [*values, total / n_voxels, *spreads, float(-(p @ np.log2(p)))]


def table(levels: Counts, lengths: Counts) -> tuple[Counts, Counts, Counts]:
    """Count equal pairs of level and length; return level, length and count of each."""
    width = int(lengths.max()) + 1 if lengths.size else 1
    keys, counts = np.unique(levels * width + lengths, return_counts=True)
    return keys // width, keys % width, counts


def entries(matrix: Counts) -> tuple[Counts, Counts, Counts]:
    """Return level, length and count of the entries of a dense matrix whose axes begin at 1."""
    level, length = np.nonzero(matrix)
    return level + 1, length + 1, matrix[level, length]
