"""Grey level co-occurrence matrix, GLCM (IBSI family LFYI): 25 features [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.kernels.aggregation import DIRECTIONAL, Directional, directional, mean
from radiomics.kernels.cpu import cooccurrences
from radiomics.types import Region

VERSION = 1
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
    matrices = directional(region, options.aggregation, cooccurrences)
    rows = (pair_features(matrix) for matrix, _ in matrices if matrix.any())
    return dict(zip(IBSI, mean(rows, len(IBSI)), strict=True))


def pair_features(matrix: NDArray[np.int64]) -> list[float]:
    """Compute the 25 features of one matrix of counts (G, G) with at least one pair."""
    size = len(matrix)
    present = np.flatnonzero(matrix.any(axis=1))  # most features need no empty level
    p = matrix[np.ix_(present, present)] / int(matrix.sum())
    i = present + 1.0
    px = p.sum(axis=1)
    mu = float(px @ i)
    variance = float(px @ (i - mu) ** 2)
    across = np.abs(present[:, None] - present)
    sums = present[:, None] + present
    pd = np.bincount(across.ravel(), p.ravel())
    ps = np.bincount(sums.ravel(), p.ravel())
    k, total = np.arange(len(pd)), np.arange(len(ps)) + 2.0
    average, sum_average = float(pd @ k), float(ps @ total)
    centred = total - 2 * mu
    auto = float(i @ p @ i)
    hxy, hx = entropy(p), entropy(px)
    # with a symmetric matrix both cross entropies are twice that of a margin
    first = (hxy - 2 * hx) / hx if hx > 0 else float("nan")
    second = float(np.sqrt(1 - np.exp(-2 * (2 * hx - hxy)))) if 2 * hx > hxy else 0.0
    return [
        float(p.max()),
        mu,
        variance,
        hxy,
        average,
        float(pd @ (k - average) ** 2),
        entropy(pd),
        sum_average,
        float(ps @ (total - sum_average) ** 2),
        entropy(ps),
        float((p * p).sum()),
        float(pd @ k**2),
        average,
        float(pd @ (1 / (1 + k))),
        float(pd @ (1 / (1 + k / size))),
        float(pd @ (1 / (1 + k**2))),
        float(pd @ (1 / (1 + (k / size) ** 2))),
        float(pd[1:] @ (1 / k[1:] ** 2)),
        (auto - mu**2) / variance if len(present) > 1 else float("nan"),
        auto,
        float(ps @ centred**2),
        float(ps @ centred**3),
        float(ps @ centred**4),
        first,
        second,
    ]


def entropy(p: NDArray[Any]) -> float:
    """Return the entropy of a distribution in bits."""
    positive = p[p > 0]
    return float(-(positive @ np.log2(positive)))
