"""Oracle of the neighbourhood matrices NGTDM and NGLDM.

Written only from FEATURES.md (sections "Neighbourhood grey tone difference matrix" and
"Neighbouring grey level dependence matrix") / IBSI arXiv:1612.07003, by loops over voxels and
without any code of the package under test. Levels are 0 outside the region and 1 .. Ng inside,
indexed (slice, row, column). The NGTDM is kept in exact fractions, so that the special cases of
FEATURES.md (a sum that is 0) do not depend on rounding.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np

from tests.oracles.matrices import (
    NEIGHBOURS,
    Features,
    Index,
    Matrix,
    add,
    averaged,
    common_features,
    region,
    undirected,
)

NGLDM = """low_dependence_emphasis high_dependence_emphasis
    low_grey_level_count_emphasis high_grey_level_count_emphasis
    low_dependence_low_grey_level_emphasis low_dependence_high_grey_level_emphasis
    high_dependence_low_grey_level_emphasis high_dependence_high_grey_level_emphasis
    grey_level_non_uniformity normalised_grey_level_non_uniformity
    dependence_count_non_uniformity normalised_dependence_count_non_uniformity
    dependence_count_percentage grey_level_variance dependence_count_variance
    dependence_count_entropy dependence_count_energy""".split()
NGTDM = ["coarseness", "contrast", "busyness", "complexity", "strength"]


def neighbour_levels(inside: dict[Index, int], voxel: Index) -> list[int]:
    """Levels of those of the 26 neighbours (8 in one slice) that are in the region."""
    around = (add(voxel, step) for step in NEIGHBOURS)
    return [inside[other] for other in around if other in inside]


def tone_differences(inside: dict[Index, int]) -> Matrix:
    """Count the voxels with neighbours by level and exact difference from the neighbours' mean."""
    counts: Counter[tuple[int, int | Fraction]] = Counter()
    for voxel, level in inside.items():
        around = neighbour_levels(inside, voxel)
        if around:
            counts[level, abs(level - Fraction(sum(around), len(around)))] += 1
    return Matrix(counts, counts.total())


def tone_features(matrix: Matrix) -> list[float]:
    """Compute the 5 features of an NGTDM with an entry, exactly up to the last division."""
    n: Counter[int] = Counter()
    s: dict[int, Fraction] = {}
    for (i, difference), count in matrix.counts.items():
        n[i] += count
        s[i] = s.get(i, Fraction(0)) + count * difference
    p = {i: Fraction(count, n.total()) for i, count in n.items()}
    pairs, differences = list(product(p, p)), sum(s.values())
    weighted = sum(p[i] * s[i] for i in p)
    spread = sum(p[i] * p[j] * (i - j) ** 2 for i, j in pairs)
    busy = sum(abs(i * p[i] - j * p[j]) for i, j in pairs)
    terms = (abs(i - j) * (p[i] * s[i] + p[j] * s[j]) / (p[i] + p[j]) for i, j in pairs)
    strength = sum((p[i] + p[j]) * (i - j) ** 2 for i, j in pairs)
    contrast = spread / (len(p) * (len(p) - 1)) * differences / n.total() if len(p) > 1 else 0
    return [
        min(float(1 / weighted), 1e6) if weighted else 1e6,
        float(contrast),
        float(weighted / busy) if busy else 0.0,
        float(sum(terms) / n.total()),
        float(strength / differences) if differences else 0.0,
    ]


def ngtdm(levels: np.ndarray, aggregation: str) -> Features:
    """Compute the 5 features of the neighbourhood grey tone difference matrix."""

    def build(block: slice) -> Matrix:
        return tone_differences(region(levels[block]))

    return averaged(undirected(levels, aggregation, build), NGTDM, tone_features)


def ngldm(levels: np.ndarray, aggregation: str) -> Features:
    """Compute the 17 features of the neighbouring grey level dependence matrix (alpha 0)."""

    def build(block: slice) -> Matrix:
        inside = region(levels[block])
        entries = (
            (level, 1 + neighbour_levels(inside, voxel).count(level))
            for voxel, level in inside.items()
        )
        return Matrix(Counter(entries), len(inside))

    def features(matrix: Matrix) -> list[float]:
        total = matrix.counts.total()
        energy = math.fsum((count / total) ** 2 for count in matrix.counts.values())
        return [*common_features(matrix), energy]

    return averaged(undirected(levels, aggregation, build), NGLDM, features)
