"""Oracle of the grey level co-occurrence matrix (GLCM).

Written only from FEATURES.md (section "Grey level co-occurrence matrix") / IBSI arXiv:1612.07003,
by loops over voxels and without any code of the package under test. Levels are 0 outside the
region and 1 .. Ng inside, indexed (slice, row, column); Ng is the highest level of the whole array,
also for the matrix of one slice. Symmetric, Chebyshev distance 1, no weights. The two features that
are 0/0 for a single level (correlation and first measure of information correlation) are nan.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np

from tests.oracles.matrices import (
    Features,
    Index,
    Matrix,
    add,
    averaged,
    directional,
    entropy,
    region,
    variance,
)

Distribution = dict[int, float]
Joint = dict[tuple[int, int], float]

NAMES = """joint_maximum joint_average joint_variance joint_entropy
    difference_average difference_variance difference_entropy
    sum_average sum_variance sum_entropy
    angular_second_moment contrast dissimilarity inverse_difference normalised_inverse_difference
    inverse_difference_moment normalised_inverse_difference_moment inverse_variance
    correlation autocorrelation cluster_tendency cluster_shade cluster_prominence
    first_measure_of_information_correlation
    second_measure_of_information_correlation""".split()


def pair_matrix(levels: np.ndarray, step: Index) -> Matrix:
    """Count the pairs of neighbouring voxels along one direction and its opposite."""
    inside = region(levels)
    counts: Counter[tuple[int, int | Fraction]] = Counter()
    for voxel, level in inside.items():
        other = inside.get(add(voxel, step))
        if other is not None:
            counts[level, other] += 1
            counts[other, level] += 1
    return Matrix(counts, len(inside))


def distribution(p: Joint, of: str) -> Distribution:
    """Sum p by |i - j| (difference), by i + j (sum) or by i (margin)."""
    parts: dict[int, list[float]] = {}
    for (i, j), value in p.items():
        key = {"difference": abs(i - j), "sum": i + j, "margin": i}[of]
        parts.setdefault(key, []).append(value)
    return {key: math.fsum(values) for key, values in parts.items()}


def mean(d: Distribution) -> float:
    """Mean of a distribution."""
    return math.fsum(k * value for k, value in d.items())


def information_correlation(p: Joint, px: Distribution) -> tuple[float, float]:
    """First and second measure of information correlation."""
    hxy, hx = entropy(p.values()), entropy(px.values())
    hxy1 = -math.fsum(v * math.log2(px[i] * px[j]) for (i, j), v in p.items())
    hxy2 = -math.fsum(u * v * math.log2(u * v) for u in px.values() for v in px.values())
    first = (hxy - hxy1) / hx if hx > 0 else math.nan
    second = math.sqrt(-math.expm1(-2 * (hxy2 - hxy))) if hxy2 >= hxy else 0.0
    return first, second


def features(matrix: Matrix, n_levels: int) -> list[float]:
    """Compute the 25 features of a matrix with an entry, in the order of NAMES."""
    total = matrix.counts.total()
    p: Joint = {(i, int(j)): count / total for (i, j), count in matrix.counts.items()}
    px, pd, ps = (distribution(p, of) for of in ("margin", "difference", "sum"))
    mu, s2 = mean(px), variance(list(px.items()))
    auto = math.fsum(i * j * v for (i, j), v in p.items())

    def cluster(power: int) -> float:
        return math.fsum((i + j - 2 * mu) ** power * v for (i, j), v in p.items())

    return [
        max(p.values()),
        math.fsum(i * v for (i, _), v in p.items()),
        math.fsum((i - mu) ** 2 * v for (i, _), v in p.items()),
        entropy(p.values()),
        mean(pd),
        variance(list(pd.items())),
        entropy(pd.values()),
        mean(ps),
        variance(list(ps.items())),
        entropy(ps.values()),
        math.fsum(v**2 for v in p.values()),
        math.fsum((i - j) ** 2 * v for (i, j), v in p.items()),
        math.fsum(abs(i - j) * v for (i, j), v in p.items()),
        math.fsum(v / (1 + abs(i - j)) for (i, j), v in p.items()),
        math.fsum(v / (1 + abs(i - j) / n_levels) for (i, j), v in p.items()),
        math.fsum(v / (1 + (i - j) ** 2) for (i, j), v in p.items()),
        math.fsum(v / (1 + (i - j) ** 2 / n_levels**2) for (i, j), v in p.items()),
        math.fsum(v / (i - j) ** 2 for (i, j), v in p.items() if i != j),
        (auto - mu**2) / s2 if len(px) > 1 else math.nan,
        auto,
        cluster(2),
        cluster(3),
        cluster(4),
        *information_correlation(p, px),
    ]


def glcm(levels: np.ndarray, aggregation: str) -> Features:
    """Compute the 25 features of the grey level co-occurrence matrix."""
    n_levels = int(levels.max())
    matrices = directional(levels, aggregation, pair_matrix)
    return averaged(matrices, NAMES, lambda matrix: features(matrix, n_levels))
