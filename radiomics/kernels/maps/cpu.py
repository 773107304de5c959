"""Features of the patch around each of many voxels: one row a voxel, for maps."""

from __future__ import annotations

from typing import Any

import numpy as np

from radiomics.kernels.compiling import kernel

COOCCURRENCE_FEATURES = 24
STATISTICS = 17


@kernel
def cooccurrence_maps(levels: Any, places: Any, radius: Any, offsets: Any, n_levels: int) -> Any:
    """Return features of the pairs of grey levels around voxels, means over directions.

    Parameters
    ----------
    levels : (D, H, W) uint16, 0 for what does not count
    places : (V, 3) int64, voxels
    radius : (3,) int64, of the patch along each axis; it ends where the array ends
    offsets : (A, 3) int64, directions
    n_levels : the number of levels of the whole region

    Returns
    -------
    (V, 24) float64 in the order of PyRadiomics' names; NaN where no pair is
    """
    found = np.full((len(places), COOCCURRENCE_FEATURES), np.nan)
    size = 1
    for axis in range(3):
        size *= min(2 * radius[axis] + 1, levels.shape[axis])
    slots, present = np.zeros(n_levels + 1, dtype=np.int64), np.zeros(size, dtype=np.float64)
    p = np.zeros((size, size))
    apart, together = np.zeros(n_levels + 1), np.zeros(2 * n_levels + 1)
    low, high = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    row, total = np.zeros(COOCCURRENCE_FEATURES), np.zeros(COOCCURRENCE_FEATURES)
    for v in range(len(places)):
        for axis in range(3):
            low[axis] = max(0, places[v, axis] - radius[axis])
            high[axis] = min(levels.shape[axis], places[v, axis] + radius[axis] + 1)
        total[:] = 0
        used = 0
        for a in range(len(offsets)):
            k, count = _count_pairs(levels, low, high, offsets[a], slots, present, p)
            if count:
                _cooccurrence_features(
                    p[:k, :k], present[:k], count, apart, together, n_levels, row
                )
                total += row
                used += 1
            for i in range(k):
                slots[int(present[i])] = 0
                p[i, :k] = 0
        if used:
            found[v] = total / used
    return found


@kernel
def _count_pairs(
    levels: Any, low: Any, high: Any, offset: Any, slots: Any, present: Any, p: Any
) -> tuple[int, int]:
    """Count the pairs in a box; return how many levels there are, and how many pairs."""
    dz, dy, dx = offset
    k, count = 0, 0
    for z in range(max(low[0], low[0] - dz), min(high[0], high[0] - dz)):
        for y in range(max(low[1], low[1] - dy), min(high[1], high[1] - dy)):
            for x in range(max(low[2], low[2] - dx), min(high[2], high[2] - dx)):
                one, two = levels[z, y, x], levels[z + dz, y + dy, x + dx]
                if one and two:
                    if not slots[one]:
                        present[k] = one
                        k += 1
                        slots[one] = k
                    if not slots[two]:
                        present[k] = two
                        k += 1
                        slots[two] = k
                    i, j = slots[one] - 1, slots[two] - 1
                    p[i, j] += 1
                    p[j, i] += 1
                    count += 2
    return k, count


@kernel
def _cooccurrence_features(
    p: Any, present: Any, count: int, apart: Any, together: Any, n_levels: int, row: Any
) -> None:
    """Compute the features of one symmetric matrix of counts (k, k) of levels ``present`` (k,)."""
    k = len(present)
    px = np.zeros(k)
    energy, joint, most, auto = 0.0, 0.0, 0.0, 0.0
    for i in range(k):
        for j in range(k):
            share = p[i, j] / count
            p[i, j] = share
            if share > 0:
                px[i] += share
                energy += share * share
                joint -= share * np.log2(share)
                most = max(most, share)
                auto += share * present[i] * present[j]
                apart[int(abs(present[i] - present[j]))] += share
                together[int(present[i] + present[j])] += share
    mean, hx, spread = 0.0, 0.0, 0.0
    for i in range(k):
        mean += px[i] * present[i]
        hx -= px[i] * np.log2(px[i])
    for i in range(k):
        spread += px[i] * (present[i] - mean) ** 2
    lowest, highest = int(present.min()), int(present.max())
    row[:] = 0
    for d in range(highest - lowest + 1):
        share = apart[d]
        apart[d] = 0
        if share > 0:
            row[4] += share * d * d
            row[6] += share * d
            row[7] -= share * np.log2(share)
            row[9] += share / (1 + d)
            row[10] += share / (1 + d * d)
            row[11] += share / (1 + (d / n_levels) ** 2)
            row[12] += share / (1 + d / n_levels)
            if d:
                row[15] += share / (d * d)
    for s in range(2 * lowest, 2 * highest + 1):
        share = together[s]
        together[s] = 0
        if share > 0:
            away = s - 2 * mean
            row[1] += share * away**4
            row[2] += share * away**3
            row[3] += share * away**2
            row[21] += share * s
            row[22] -= share * np.log2(share)
    row[0] = auto
    row[5] = (auto - mean * mean) / spread if k > 1 and spread > 0 else 1.0
    row[8] = row[4] - row[6] ** 2
    row[13] = (joint - 2 * hx) / hx if hx > 0 else 0.0
    row[14] = np.sqrt(1 - np.exp(-2 * (2 * hx - joint))) if 2 * hx > joint else 0.0
    row[16] = mean
    row[17] = energy
    row[18] = joint
    row[19] = 1.0 if n_levels < 2 else 0.0
    if k > 1:
        row[19] = _second_singular_value(p, px)
    row[20] = most
    row[23] = spread


@kernel
def _second_singular_value(p: Any, px: Any) -> float:
    """Return the second largest singular value of the scaled matrix: its largest is 1."""
    k = len(px)
    scaled = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            scaled[i, j] = p[i, j] / np.sqrt(px[i] * px[j])
    values = np.sort(np.abs(np.linalg.eigvalsh(scaled)))
    return float(values[k - 2])


@kernel
def statistic_maps(image: Any, levels: Any, places: Any, radius: Any) -> Any:
    """Return first order features around voxels, in PyRadiomics' way, volume 1 and shift 0.

    Parameters
    ----------
    image : (D, H, W) float64
    levels : (D, H, W) uint16, 0 for what does not count
    places, radius : as in :func:`cooccurrence_maps`

    Returns
    -------
    (V, 17) float64: energy, entropy, minimum, 10th, 25th, 50th, 75th, 90th percentile, maximum,
    mean, absolute deviation, the same of the middle 80 %, second to fourth central moment,
    uniformity, and how many voxels count
    """
    found = np.zeros((len(places), STATISTICS))
    size = 1
    for axis in range(3):
        size *= min(2 * radius[axis] + 1, levels.shape[axis])
    x, grey = np.zeros(size), np.zeros(size, dtype=np.int64)
    for v in range(len(places)):
        n = 0
        z0, z1 = places[v, 0] - radius[0], places[v, 0] + radius[0] + 1
        y0, y1 = places[v, 1] - radius[1], places[v, 1] + radius[1] + 1
        x0, x1 = places[v, 2] - radius[2], places[v, 2] + radius[2] + 1
        for z in range(max(0, z0), min(levels.shape[0], z1)):
            for y in range(max(0, y0), min(levels.shape[1], y1)):
                for w in range(max(0, x0), min(levels.shape[2], x1)):
                    if levels[z, y, w]:
                        x[n], grey[n] = image[z, y, w], levels[z, y, w]
                        n += 1
        if n:
            _statistics(np.sort(x[:n]), np.sort(grey[:n]), found[v])
    return found


@kernel
def _statistics(x: Any, grey: Any, row: Any) -> None:
    """Compute the statistics of sorted intensities (n,) and of their sorted levels."""
    n = len(x)
    mean = x.mean()
    shares = (0.1, 0.25, 0.5, 0.75, 0.9)
    for number in range(5):
        at = shares[number] * (n - 1)
        low = int(at)
        high = min(low + 1, n - 1)
        row[3 + number] = x[low] + (x[high] - x[low]) * (at - low)
    row[0] = (x * x).sum()
    row[2], row[8], row[9] = x[0], x[n - 1], mean
    away = x - mean
    row[10] = np.abs(away).mean()
    inner = x[(x >= row[3]) & (x <= row[7])]
    row[11] = np.abs(inner - inner.mean()).mean()
    row[12], row[13], row[14] = (away**2).mean(), (away**3).mean(), (away**4).mean()
    start = 0
    for i in range(1, n + 1):
        if i == n or grey[i] != grey[start]:
            share = (i - start) / n
            row[1] -= share * np.log2(share)
            row[15] += share * share
            start = i
    row[16] = n
