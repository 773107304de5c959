"""Grey level co-occurrence matrix, GLCM (IBSI family LFYI): 25 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.6.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.kernels.texture.aggregation import (
    DIRECTIONAL,
    Directional,
    directional_matrices,
    matrix_batches,
    mean_features,
)
from radiomics.kernels.texture.cooccurrence import (
    count_cooccurrences,
    entropies,
    expectations,
    pair_distributions,
)
from radiomics.types import Region

VERSION = 2
AGGREGATIONS = DIRECTIONAL

IBSI = {
    "joint_maximum": "GYBY",
    "joint_average": "60VM",
    "joint_variance": "UR99",
    "joint_entropy": "TU9B",
    "difference_average": "TF7R",
    "difference_variance": "D3YU",
    "difference_entropy": "NTRS",
    "sum_average": "ZGXS",
    "sum_variance": "OEEB",
    "sum_entropy": "P6QZ",
    "angular_second_moment": "8ZQL",
    "contrast": "ACUI",
    "dissimilarity": "8S9J",
    "inverse_difference": "IB1Z",
    "normalised_inverse_difference": "NDRX",
    "inverse_difference_moment": "WF0Z",
    "normalised_inverse_difference_moment": "1QCO",
    "inverse_variance": "E8JP",
    "correlation": "NI2N",
    "autocorrelation": "QWB0",
    "cluster_tendency": "DG8W",
    "cluster_shade": "7NFM",
    "cluster_prominence": "AE86",
    "first_measure_of_information_correlation": "R8DG",
    "second_measure_of_information_correlation": "JN9H",
}
UNITS = dict.fromkeys(IBSI, "1") | {
    "joint_average": "bin",
    "joint_variance": "bin^2",
    "joint_entropy": "bit",
    "difference_average": "bin",
    "difference_variance": "bin^2",
    "difference_entropy": "bit",
    "sum_average": "bin",
    "sum_variance": "bin^2",
    "sum_entropy": "bit",
    "contrast": "bin^2",
    "dissimilarity": "bin",
    "autocorrelation": "bin^2",
    "cluster_tendency": "bin^2",
    "cluster_shade": "bin^3",
    "cluster_prominence": "bin^4",
}


class Options(BaseModel, frozen=True, extra="forbid"):
    """How matrices are aggregated, by IBSI's names."""

    aggregation: Directional = "3d_averaged"


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the features of pairs of neighbouring grey levels, at Chebyshev distance 1.

    A matrix without any pair is left out of means; where no voxel has a neighbour, all features are
    NaN. A single grey level has no correlation and no first information correlation.
    """
    matrices = directional_matrices(region, options.aggregation, count_cooccurrences)
    some = ((matrix, voxels) for matrix, voxels in matrices if matrix.any())
    rows = (row for counts, _ in matrix_batches(some) for row in cooccurrence_features(counts))
    return dict(zip(IBSI, mean_features(rows, len(IBSI)), strict=True))


def cooccurrence_features(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute the 25 features of symmetric matrices of counts (A, G, G), none empty: (A, 25)."""
    found = pair_distributions(counts)
    p, i, px, pd, ps = found.joint, found.levels, found.first, found.differences, found.sums
    mu = expectations(px, i)
    variance = expectations(px, (i - mu[:, None]) ** 2)
    k, total = np.arange(pd.shape[1]), np.arange(ps.shape[1]) + 2.0
    average, sum_average = expectations(pd, k), expectations(ps, total)
    centred = total - 2 * mu[:, None]
    auto = expectations(p.reshape(len(p), -1), np.outer(i, i).ravel())
    hxy, hx = entropies(p), entropies(px)
    several = (px > 0).sum(axis=1) > 1
    with np.errstate(divide="ignore", invalid="ignore"):
        # with a symmetric matrix both cross entropies are twice that of a margin
        first = np.where(hx > 0, (hxy - 2 * hx) / hx, np.nan)
        correlation = np.where(several, (auto - mu**2) / variance, np.nan)
    columns = [
        p.max(axis=(1, 2)),
        mu,
        variance,
        hxy,
        average,
        expectations(pd, (k - average[:, None]) ** 2),
        entropies(pd),
        sum_average,
        expectations(ps, (total - sum_average[:, None]) ** 2),
        entropies(ps),
        (p * p).sum(axis=(1, 2)),
        expectations(pd, k**2),
        average,
        expectations(pd, 1 / (1 + k)),
        expectations(pd, 1 / (1 + k / found.size)),
        expectations(pd, 1 / (1 + k**2)),
        expectations(pd, 1 / (1 + (k / found.size) ** 2)),
        expectations(pd[:, 1:], 1 / k[1:] ** 2),
        correlation,
        auto,
        expectations(ps, centred**2),
        expectations(ps, centred**3),
        expectations(ps, centred**4),
        first,
        np.sqrt(1 - np.exp(-2 * np.maximum(2 * hx - hxy, 0.0))),
    ]
    return np.stack(columns, axis=1)
