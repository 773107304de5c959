"""Matrices as PyRadiomics' settings ask for them: directions weighted, farther neighbours, ..."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.kernels.texture.cooccurrence import (
    count_cooccurrences,
    entropies,
    expectations,
    pair_distributions,
)
from radiomics.kernels.texture.directions import directions
from radiomics.kernels.texture.neighbourhood import neighbour_tables
from radiomics.kernels.texture.run_length import count_runs
from radiomics.kernels.texture.stacks import count_in_stack
from radiomics.types import Region

Counts = NDArray[Any]
Floats = NDArray[np.float64]


def neighbour_offsets(planar: bool, distances: Sequence[int]) -> NDArray[np.int64]:
    """Return all offsets (z, y, x) to neighbours at these Chebyshev distances."""
    reach = max(distances)
    sides = [range(1) if planar else range(-reach, reach + 1), *[range(-reach, reach + 1)] * 2]
    found = [o for o in product(*sides) if max(map(abs, o)) in distances]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def half_of_offsets(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one of each pair of opposite offsets: that whose first step is forwards."""
    return np.array([o for o in offsets.tolist() if o > [0, 0, 0]], dtype=np.int64)


def overlapping_views(array: Counts, offset: Iterable[int]) -> tuple[Counts, Counts]:
    """Return the views of an array in which a voxel and its neighbour have the same place."""
    here, there = [], []
    for step, count in zip(offset, array.shape, strict=True):
        size = max(0, count - abs(int(step)))
        here.append(slice(max(0, -int(step)), max(0, -int(step)) + size))
        there.append(slice(max(0, int(step)), max(0, int(step)) + size))
    return array[tuple(here)], array[tuple(there)]


def cooccurrences(
    region: Region, planar: bool, distances: Sequence[int], symmetric: bool
) -> tuple[NDArray[np.int64], Counts]:
    """Return directions (A, 3) and the pairs of grey levels in each (A, G, G)."""
    grey, count = region.levels, region.n_levels
    if symmetric and list(distances) == [1]:
        found = count_in_stack(region, count_cooccurrences, planar, by_slice=False)[0]
        return directions(planar), found
    offsets = half_of_offsets(neighbour_offsets(planar, distances))
    found = np.zeros((len(offsets), count, count), dtype=np.int64)
    for number, offset in enumerate(offsets):
        one, two = overlapping_views(grey, offset)
        both = (one > 0) & (two > 0)
        index = (one[both].astype(np.int64) - 1) * count + two[both] - 1
        found[number] = np.bincount(index, minlength=count * count).reshape(count, count)
    return offsets, found + found.transpose(0, 2, 1) if symmetric else found


def run_lengths(region: Region, planar: bool) -> tuple[NDArray[np.int64], Counts]:
    """Return directions (A, 3) and the runs of each grey level and length in each (A, G, L).

    A direction in which no two voxels of the region stand on one line is left out.
    """
    offsets = directions(planar)
    found = count_in_stack(region, count_runs, planar, by_slice=False)[0]
    kept = [
        bool(matrix[:, 1:].any()) or _has_line(region, step)
        for matrix, step in zip(found, offsets, strict=True)
    ]
    return offsets[kept], found[kept]


def _has_line(region: Region, offset: NDArray[np.int64]) -> bool:
    """Return whether two voxels of a region stand on one line along a direction."""
    places = np.argwhere(region.levels)
    axis = int(np.flatnonzero(offset)[0])
    lines = places - np.outer(places[:, axis] * offset[axis], offset)
    return len(np.unique(lines, axis=0)) < len(places)


def step_lengths(
    offsets: NDArray[np.int64], spacing: Sequence[float], norm: str
) -> NDArray[np.float64] | None:
    """Return the length of each direction's step in mm by a norm; None for no weighting."""
    steps: NDArray[np.float64] = np.abs(offsets) * np.asarray(spacing, dtype=np.float64)
    if norm == "infinity":
        return np.asarray(steps.max(axis=1))
    if norm == "euclidean":
        return np.asarray(np.sqrt((steps**2).sum(axis=1)))
    return np.asarray(steps.sum(axis=1)) if norm == "manhattan" else None


def weighted_sum(counts: Counts, weights: NDArray[np.float64] | None) -> Counts:
    """Return one matrix (1, ...): the weighted sum over directions."""
    weights = np.ones(len(counts)) if weights is None else weights
    return np.asarray(np.tensordot(weights, counts, axes=1)[None])


def dependence_counts(
    region: Region, planar: bool, distances: Sequence[int], alpha: float
) -> NDArray[np.int64]:
    """Return how many voxels of each level have 0, 1, ... neighbours that differ little (G, K)."""
    grey = region.levels.astype(np.int64)
    offsets = neighbour_offsets(planar, distances)
    depends = np.zeros(grey.shape, dtype=np.int64)
    for offset in offsets:
        one, two = overlapping_views(grey, offset)
        overlapping_views(depends, offset)[0][...] += (two > 0) & (np.abs(one - two) <= alpha)
    inside = grey > 0
    width = len(offsets) + 1
    index = (grey[inside] - 1) * width + depends[inside]
    return np.bincount(index, minlength=region.n_levels * width).reshape(-1, width)


def tone_tables(
    region: Region, planar: bool, distances: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return voxels and summed differences by level and number of neighbours, both (G, K).

    PyRadiomics counts a voxel without a neighbour as one that differs by nothing.
    """
    if list(distances) == [1]:
        method = "2.5d_merged" if planar else "3d"
        tables = neighbour_tables(region, method)[0]
        voxels, differences = tables.voxels.copy(), tables.differences.copy()
    else:
        voxels, differences = _tone_tables_at(region, neighbour_offsets(planar, distances))
    voxels[:, 1] += voxels[:, 0]
    return voxels, differences


def _tone_tables_at(
    region: Region, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    grey = region.levels.astype(np.int64)
    total, count = np.zeros_like(grey), np.zeros_like(grey)
    for offset in offsets:
        _, two = overlapping_views(grey, offset)
        overlapping_views(total, offset)[0][...] += two
        overlapping_views(count, offset)[0][...] += two > 0
    inside = grey > 0
    width = len(offsets) + 1
    index = (grey[inside] - 1) * width + count[inside]
    away = np.abs(grey * count - total)[inside]  # times the number of neighbours: whole numbers
    size = region.n_levels * width
    voxels = np.bincount(index, minlength=size).reshape(-1, width)
    differences = np.bincount(index, away, size).astype(np.int64).reshape(-1, width)
    return voxels, differences


def cooccurrence_features(counts: Counts) -> Floats:
    """Compute PyRadiomics' features, by name in order, of co-occurrences (A, G, G): (A, 24)."""
    found = pair_distributions(counts)
    p, i, px, py = found.joint, found.levels, found.first, found.second
    pd, ps = found.differences, found.sums
    mx, my = expectations(px, i), expectations(py, i)
    vx = expectations(px, (i - mx[:, None]) ** 2)
    vy = expectations(py, (i - my[:, None]) ** 2)
    k, total = np.arange(pd.shape[1]), np.arange(ps.shape[1]) + 2.0
    average, auto = expectations(pd, k), expectations(p.reshape(len(p), -1), np.outer(i, i).ravel())
    centred = total - (mx + my)[:, None]
    hxy, hx, hy = entropies(p), entropies(px), entropies(py)
    crossed = hx + hy  # both cross entropies of a matrix and its margins
    largest = np.maximum(hx, hy)
    several = np.minimum((px > 0).sum(axis=1), (py > 0).sum(axis=1)) > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(several, (auto - mx * my) / np.sqrt(vx * vy), 1.0)
        imc1 = np.where(largest > 0, (hxy - crossed) / largest, 0.0)
    columns = [
        auto,
        expectations(ps, centred**4),
        expectations(ps, centred**3),
        expectations(ps, centred**2),
        expectations(pd, k**2),
        correlation,
        average,
        entropies(pd),
        expectations(pd, (k - average[:, None]) ** 2),
        expectations(pd, 1 / (1 + k)),
        expectations(pd, 1 / (1 + k**2)),
        expectations(pd, 1 / (1 + (k / found.size) ** 2)),
        expectations(pd, 1 / (1 + k / found.size)),
        imc1,
        np.sqrt(1 - np.exp(-2 * np.maximum(crossed - hxy, 0.0))),
        expectations(pd[:, 1:], 1 / k[1:] ** 2),
        mx,
        (p * p).sum(axis=(1, 2)),
        hxy,
        np.where(several, _maximal_correlations(p, px, py), 1.0),
        p.max(axis=(1, 2)),
        expectations(ps, total),
        entropies(ps),
        vx,
    ]
    return np.stack(columns, axis=1)


def _maximal_correlations(p: Floats, px: Floats, py: Floats) -> Floats:
    """Return maximal correlation coefficients (A,): roots of the second largest eigenvalues."""
    if p.shape[1] < 2:
        return np.ones(len(p))
    roots = np.sqrt(px)[:, :, None] * np.sqrt(py)[:, None, :]
    scaled = np.divide(p, roots, out=np.zeros_like(p), where=roots > 0)
    if px is py:  # symmetric: singular values are eigenvalues, sooner found
        return np.asarray(np.sort(np.abs(np.linalg.eigvalsh(scaled)), axis=1)[:, -2])
    return np.asarray(np.linalg.svd(scaled, compute_uv=False)[:, 1])


def mean_features(rows: Sequence[Sequence[float]], names: Sequence[str]) -> dict[str, float]:
    """Return the mean of each feature over directions; NaN of none."""
    values = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    with np.errstate(invalid="ignore"):
        found = values.mean(axis=0) if len(values) else np.full(len(names), np.nan)
    return dict(zip(names, map(float, found), strict=True))
