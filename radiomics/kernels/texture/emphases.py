"""What run, zone, distance and dependence matrices have in common: 16 features of a count table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.texture.cooccurrence import entropies

Counts = NDArray[np.int64]

DENSE = 16
"""Places of a table of sums for each entry that it is made from."""


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
    by_length = _sums_by_length(lengths, m)
    products = (1 / j2, j2, 1 / i2, i2, 1 / (i2 * j2), i2 / j2, j2 / i2, i2 * j2)
    values = [float(m @ product) / total for product in products]
    for sums in (by_level, by_length):
        values += [float(sums @ sums) / total, float(sums @ sums) / total**2]
    p = m / total
    spreads = [float(p @ (x - p @ x) ** 2) for x in (i, j)]
    return [*values, total / n_voxels, *spreads, float(-(p @ np.log2(p)))]


def _sums_by_length(lengths: Counts, m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum counts, none of them 0, by length; a few zones may be longer than a table should be."""
    dense = lengths.max() <= DENSE * (len(lengths) + DENSE)
    places = lengths if dense else np.unique(lengths, return_inverse=True)[1]
    sums: Any = np.bincount(places, m)
    return np.asarray(sums[sums > 0], dtype=np.float64)


def dense_emphases(counts: NDArray[Any], voxels: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the features of dense tables (A, G, L), levels and lengths from 1: (A, 16).

    ``voxels`` (A,) are those that each was made from. NaN for an empty table.
    """
    used = np.flatnonzero(counts.any(axis=(0, 1)))
    m = counts[:, :, : int(used[-1]) + 1 if used.size else 1].astype(np.float64)
    total = m.sum(axis=(1, 2))
    i2, j2 = (np.arange(1.0, size + 1) ** 2 for size in m.shape[1:])
    by_level, by_length = m.sum(axis=2), m.sum(axis=1)
    short, long = ((m * weights).sum(axis=2) for weights in (1 / j2, j2))
    sums = [
        (one * two).sum(axis=1)
        for one, two in (
            (by_length, 1 / j2), (by_length, j2), (by_level, 1 / i2), (by_level, i2),
            (short, 1 / i2), (short, i2), (long, 1 / i2), (long, i2),
            (by_level, by_level), (by_length, by_length),
        )
    ]  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [one / total for one in sums[:8]]
        for one in sums[8:]:
            values += [one / total, one / total**2]
        spreads = []
        for margin, squares in ((by_level, i2), (by_length, j2)):
            shares, x = margin / total[:, None], np.sqrt(squares)
            away = x - (shares * x).sum(axis=1, keepdims=True)
            spreads.append((shares * away**2).sum(axis=1))
        shares = m / total[:, None, None]
        columns = [*values, total / voxels, *spreads, entropies(shares)]
    return np.where(total[:, None] > 0, np.stack(columns, axis=1), np.nan)


def count_table(levels: Counts, lengths: Counts) -> tuple[Counts, Counts, Counts]:
    """Count equal pairs of level and length; return level, length and count of each."""
    width = int(lengths.max()) + 1 if lengths.size else 1
    keys, counts = np.unique(levels * width + lengths, return_counts=True)
    return keys // width, keys % width, counts


def matrix_entries(matrix: Counts) -> tuple[Counts, Counts, Counts]:
    """Return level, length and count of the entries of a dense matrix whose axes begin at 1."""
    level, length = np.nonzero(matrix)
    return level + 1, length + 1, matrix[level, length]
