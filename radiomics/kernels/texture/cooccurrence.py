"""Co-occurrence of grey levels: neighbouring pairs counted, and what features are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.compiling import kernel
from radiomics.kernels.texture.directions import directions, flat_directions

Floats = NDArray[np.float64]


def count_cooccurrences(
    levels: NDArray[np.uint16], n_levels: NDArray[np.int64], planar: bool
) -> list[NDArray[np.int64]]:
    """Count pairs of neighbouring levels in each direction, in both orders.

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, in each image 1 to its number of levels inside, 0
        outside and around
    n_levels : (B,) int64
    planar : in the 4 directions within slices, else in all 13

    Returns
    -------
    list of B arrays (K, n, n) int64, symmetric
    """
    sizes, found, first, k = (n_levels + 1).tolist(), [], 0, len(directions(planar))
    counts = np.zeros(k * sum(size * size for size in sizes), dtype=np.int64)
    flat = levels.reshape(len(levels), -1)
    _count_cooccurrences(flat, flat_directions(levels, planar), n_levels + 1, counts)
    for size in sizes:
        matrices = counts[first : first + k * size * size].reshape(k, size, size)[:, 1:, 1:]
        matrices += matrices.transpose(0, 2, 1)
        found.append(matrices)
        first += k * size * size
    return found


@kernel
def _count_cooccurrences(images: Any, steps: Any, sizes: Any, counts: Any) -> None:
    first = 0
    for b in range(len(images)):
        last = first + len(steps) * sizes[b] * sizes[b]
        table = counts[first:last].reshape(len(steps), sizes[b], sizes[b])
        flat = images[b]
        for at in range(flat.size):
            level = flat[at]
            if level:
                for k in range(len(steps)):
                    table[k, level, flat[np.uint64(at + steps[k])]] += 1
        first = last


@dataclass(frozen=True, eq=False)
class PairDistributions:
    """Distributions of A matrices: of pairs, of either level, of differences and of sums.

    Parameters
    ----------
    size : the number of grey levels G
    levels : (n,) those that any matrix has
    joint : (A, n, n), the sum of each matrix is 1
    first, second : (A, n) margins; the same array where all matrices are symmetric
    differences : (A, K) of the differences 0, 1, ...
    sums : (A, S) of the sums 2, 3, ...
    """

    size: int
    levels: Floats
    joint: Floats
    first: Floats
    second: Floats
    differences: Floats
    sums: Floats


def pair_distributions(counts: NDArray[Any]) -> PairDistributions:
    """Return the distributions of counts (A, G, G), none of them empty."""
    present = np.flatnonzero(counts.any(axis=(0, 1)) | counts.any(axis=(0, 2)))
    kept = counts[:, present[:, None], present]
    joint = kept / kept.sum(axis=(1, 2), keepdims=True)
    first = joint.sum(axis=2)
    symmetric = np.array_equal(kept, kept.transpose(0, 2, 1))
    second = first if symmetric else joint.sum(axis=1)
    differences = _sums_by_place(np.abs(present[:, None] - present), joint)
    sums = _sums_by_place(present[:, None] + present, joint)
    levels = np.asarray(present + 1.0, dtype=np.float64)
    return PairDistributions(counts.shape[1], levels, joint, first, second, differences, sums)


def _sums_by_place(places: NDArray[np.int64], joint: Floats) -> Floats:
    """Sum the entries of matrices (A, n, n) by where places (n, n) put them."""
    count, width = len(joint), int(places.max()) + 1
    index = np.arange(count)[:, None] * width + places.ravel()
    sums: Any = np.bincount(index.ravel(), joint.ravel(), count * width)
    return np.asarray(sums.reshape(count, width), dtype=np.float64)


def expectations(shares: Floats, values: NDArray[Any]) -> Floats:
    """Return the mean of values under each distribution (A, K); not by BLAS: threads change it."""
    return np.asarray((shares * values).sum(axis=1))


def entropies(shares: Floats) -> Floats:
    """Return the entropy in bits of each distribution (A, ...)."""
    flat = shares.reshape(len(shares), -1)
    logs = np.log2(flat, out=np.zeros_like(flat), where=flat > 0)
    return np.asarray(-(flat * logs).sum(axis=1))
