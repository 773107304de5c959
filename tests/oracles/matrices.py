"""Oracle of the run length, size zone and distance zone matrices, and of all aggregations.

Written only from FEATURES.md (sections GLRLM, GLSZM and GLDZM) and the aggregation table of
CONFIGURATIONS.md / IBSI arXiv:1612.07003, by loops over voxels and without any code of the package
under test. Levels are 0 outside the region and 1 .. Ng inside, indexed (slice, row, column); 2D
methods work on the slices. GLCM is in cooccurrence.py, NGTDM and NGLDM are in neighbourhoods.py.

Every matrix is a counter of (grey level, second index), so that merging is adding. Slices without
voxels of the region are left out, and so is, by analogy, any matrix without an entry (an NGTDM of
isolated voxels); if no matrix is left every feature is nan. Means are plain: a nan stays nan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

Index = tuple[int, int, int]
Features = dict[str, float]

NEIGHBOURS: list[Index] = [step for step in product((-1, 0, 1), repeat=3) if step != (0, 0, 0)]
DIRECTIONS_3D = [step for step in NEIGHBOURS if step > (0, 0, 0)]
DIRECTIONS_2D = [step for step in DIRECTIONS_3D if step[0] == 0]
CROSS_3D: list[Index] = [step for step in NEIGHBOURS if sum(map(abs, step)) == 1]
CROSS_2D = [step for step in CROSS_3D if step[0] == 0]

GLRLM = """short_runs_emphasis long_runs_emphasis
    low_grey_level_run_emphasis high_grey_level_run_emphasis
    short_run_low_grey_level_emphasis short_run_high_grey_level_emphasis
    long_run_low_grey_level_emphasis long_run_high_grey_level_emphasis
    grey_level_non_uniformity normalised_grey_level_non_uniformity
    run_length_non_uniformity normalised_run_length_non_uniformity
    run_percentage grey_level_variance run_length_variance run_entropy""".split()
GLSZM = """small_zone_emphasis large_zone_emphasis
    low_grey_level_zone_emphasis high_grey_level_zone_emphasis
    small_zone_low_grey_level_emphasis small_zone_high_grey_level_emphasis
    large_zone_low_grey_level_emphasis large_zone_high_grey_level_emphasis
    grey_level_non_uniformity normalised_grey_level_non_uniformity
    zone_size_non_uniformity normalised_zone_size_non_uniformity
    zone_percentage grey_level_variance zone_size_variance zone_size_entropy""".split()
GLDZM = """small_distance_emphasis large_distance_emphasis
    low_grey_level_zone_emphasis high_grey_level_zone_emphasis
    small_distance_low_grey_level_emphasis small_distance_high_grey_level_emphasis
    large_distance_low_grey_level_emphasis large_distance_high_grey_level_emphasis
    grey_level_non_uniformity normalised_grey_level_non_uniformity
    zone_distance_non_uniformity normalised_zone_distance_non_uniformity
    zone_percentage grey_level_variance zone_distance_variance zone_distance_entropy""".split()


@dataclass(frozen=True)
class Matrix:
    """Counts by (grey level, second index) and the number Nv of voxels they were made from."""

    counts: Counter[tuple[int, int | Fraction]]
    voxels: int = 0


def add(first: Index, second: Index) -> Index:
    """Sum of two index vectors."""
    return (first[0] + second[0], first[1] + second[1], first[2] + second[2])


def region(levels: np.ndarray) -> dict[Index, int]:
    """Collect the levels of the region by index; any other index is outside."""
    return {(int(z), int(y), int(x)): int(levels[z, y, x]) for z, y, x in np.argwhere(levels > 0)}


def blocks(levels: np.ndarray) -> list[slice]:
    """List the slices that hold voxels of the region, each as a range of the first axis."""
    return [slice(z, z + 1) for z in range(len(levels)) if (levels[z] > 0).any()]


def merge(matrices: Iterable[Matrix]) -> Matrix:
    """Add the counts and the numbers of voxels."""
    counts: Counter[tuple[int, int | Fraction]] = Counter()
    voxels = 0
    for matrix in matrices:
        counts.update(matrix.counts)
        voxels += matrix.voxels
    return Matrix(counts, voxels)


def directional(
    levels: np.ndarray, aggregation: str, build: Callable[[np.ndarray, Index], Matrix]
) -> list[Matrix]:
    """Matrices to take features from (and to average these), for matrices made by direction."""
    if aggregation in ("3d_averaged", "3d_merged"):
        table = [[build(levels, step) for step in DIRECTIONS_3D]]
    else:
        table = [[build(levels[b], step) for step in DIRECTIONS_2D] for b in blocks(levels)]
    flat = [matrix for row in table for matrix in row]
    match aggregation:
        case "2d_averaged" | "3d_averaged":
            return flat
        case "2d_slice_merged" | "3d_merged":
            return [merge(row) for row in table]
        case "2.5d_direction_merged":
            return [merge(column) for column in zip(*table, strict=True)]
        case "2.5d_merged":
            return [merge(flat)]
    raise ValueError(f"no aggregation of directional matrices: {aggregation}")


def undirected(
    levels: np.ndarray, aggregation: str, build: Callable[[slice], Matrix]
) -> list[Matrix]:
    """Matrices to take features from (and to average these), for one matrix a slice or volume."""
    match aggregation:
        case "3d":
            return [build(slice(None))]
        case "2d_averaged":
            return [build(block) for block in blocks(levels)]
        case "2.5d_merged":
            return [merge(build(block) for block in blocks(levels))]
    raise ValueError(f"no aggregation of undirected matrices: {aggregation}")


def averaged(
    matrices: list[Matrix], names: list[str], features: Callable[[Matrix], list[float]]
) -> Features:
    """Mean of each feature over the matrices that have an entry, nan if there are none."""
    values = [features(matrix) for matrix in matrices if matrix.counts]
    if not values:
        return dict.fromkeys(names, math.nan)
    means = [math.fsum(column) / len(values) for column in zip(*values, strict=True)]
    return dict(zip(names, means, strict=True))


def entropy(probabilities: Iterable[float]) -> float:
    """Entropy in bit, where 0 log 0 is 0."""
    return -math.fsum(p * math.log2(p) for p in probabilities if p > 0)


def variance(values_and_probabilities: list[tuple[float, float]]) -> float:
    """Variance of values that occur with given probabilities."""
    mean = math.fsum(value * p for value, p in values_and_probabilities)
    return math.fsum((value - mean) ** 2 * p for value, p in values_and_probabilities)


def common_features(matrix: Matrix) -> list[float]:
    """Compute the 16 features that GLRLM, GLSZM, GLDZM and NGLDM have alike, in their order."""
    cells = [(i, float(j), count) for (i, j), count in matrix.counts.items()]
    total = sum(count for _, _, count in cells)
    by_level: Counter[float] = Counter()
    by_second: Counter[float] = Counter()
    for i, j, count in cells:
        by_level[i] += count
        by_second[j] += count

    def emphasis(level_power: int, second_power: int) -> float:
        terms = (count * float(i) ** level_power * j**second_power for i, j, count in cells)
        return math.fsum(terms) / total

    level_squares = sum(count**2 for count in by_level.values())
    second_squares = sum(count**2 for count in by_second.values())
    return [
        emphasis(0, -2),
        emphasis(0, 2),
        emphasis(-2, 0),
        emphasis(2, 0),
        emphasis(-2, -2),
        emphasis(2, -2),
        emphasis(-2, 2),
        emphasis(2, 2),
        level_squares / total,
        level_squares / total**2,
        second_squares / total,
        second_squares / total**2,
        total / matrix.voxels,
        variance([(i, count / total) for i, count in by_level.items()]),
        variance([(j, count / total) for j, count in by_second.items()]),
        entropy(count / total for _, _, count in cells),
    ]


def run_matrix(levels: np.ndarray, step: Index) -> Matrix:
    """Count the maximal runs of each level and length along one direction."""
    inside = region(levels)
    back = (-step[0], -step[1], -step[2])
    counts: Counter[tuple[int, int | Fraction]] = Counter()
    for start, level in inside.items():
        if inside.get(add(start, back)) == level:
            continue
        length, voxel = 1, add(start, step)
        while inside.get(voxel) == level:
            length, voxel = length + 1, add(voxel, step)
        counts[level, length] += 1
    return Matrix(counts, len(inside))


def glrlm(levels: np.ndarray, aggregation: str) -> Features:
    """Compute the 16 features of the grey level run length matrix."""
    return averaged(directional(levels, aggregation, run_matrix), GLRLM, common_features)


def zones(inside: dict[Index, int]) -> list[list[Index]]:
    """Split the region into its connected zones (26 neighbours, 8 in one slice) of one level."""
    left, found = dict(inside), []
    while left:
        first, level = next(iter(left.items()))
        del left[first]
        zone = [first]
        for voxel in zone:  # grows while it is walked through
            for step in NEIGHBOURS:
                other = add(voxel, step)
                if left.get(other) == level:
                    del left[other]
                    zone.append(other)
        found.append(zone)
    return found


def glszm(levels: np.ndarray, aggregation: str) -> Features:
    """Compute the 16 features of the grey level size zone matrix."""

    def build(block: slice) -> Matrix:
        inside = region(levels[block])
        return Matrix(Counter((inside[z[0]], len(z)) for z in zones(inside)), len(inside))

    return averaged(undirected(levels, aggregation, build), GLSZM, common_features)


def border_distances(mask: np.ndarray, steps: list[Index]) -> dict[Index, int]:
    """Count the erosions up to the one that removes a voxel; outside the image is outside."""
    left = set(region(mask.astype(int)))
    distances, distance = {}, 0
    while left:
        distance += 1
        edge = [voxel for voxel in left if any(add(voxel, step) not in left for step in steps)]
        distances.update(dict.fromkeys(edge, distance))
        left.difference_update(edge)
    return distances


def gldzm(levels: np.ndarray, morphological_mask: np.ndarray, aggregation: str) -> Features:
    """Compute the 16 features of the grey level distance zone matrix.

    The levels have to lie within the morphological mask, otherwise a KeyError is raised.
    """
    steps = CROSS_3D if aggregation == "3d" else CROSS_2D

    def build(block: slice) -> Matrix:
        inside = region(levels[block])
        distances = border_distances(morphological_mask[block], steps)
        entries = ((inside[z[0]], min(distances[voxel] for voxel in z)) for z in zones(inside))
        return Matrix(Counter(entries), len(inside))

    return averaged(undirected(levels, aggregation, build), GLDZM, common_features)
