"""PyRadiomics' texture classes: its names and settings over the kernels of IBSI's families."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.compat import matrices
from radiomics.compat.binning import grey_levels
from radiomics.compat.features import FeatureClass
from radiomics.features import glszm, ngldm, ngtdm
from radiomics.kernels.texture.aggregation import matrix_batches
from radiomics.kernels.texture.emphases import dense_emphases, emphases, matrix_entries
from radiomics.types import Once, Region

EMPHASES = {
    "glrlm": "ShortRunEmphasis LongRunEmphasis LowGrayLevelRunEmphasis HighGrayLevelRunEmphasis "
    "ShortRunLowGrayLevelEmphasis ShortRunHighGrayLevelEmphasis LongRunLowGrayLevelEmphasis "
    "LongRunHighGrayLevelEmphasis GrayLevelNonUniformity GrayLevelNonUniformityNormalized "
    "RunLengthNonUniformity RunLengthNonUniformityNormalized RunPercentage GrayLevelVariance "
    "RunVariance RunEntropy",
    "glszm": "SmallAreaEmphasis LargeAreaEmphasis LowGrayLevelZoneEmphasis "
    "HighGrayLevelZoneEmphasis SmallAreaLowGrayLevelEmphasis SmallAreaHighGrayLevelEmphasis "
    "LargeAreaLowGrayLevelEmphasis LargeAreaHighGrayLevelEmphasis GrayLevelNonUniformity "
    "GrayLevelNonUniformityNormalized SizeZoneNonUniformity SizeZoneNonUniformityNormalized "
    "ZonePercentage GrayLevelVariance ZoneVariance ZoneEntropy",
    "gldm": "SmallDependenceEmphasis LargeDependenceEmphasis LowGrayLevelEmphasis "
    "HighGrayLevelEmphasis SmallDependenceLowGrayLevelEmphasis "
    "SmallDependenceHighGrayLevelEmphasis LargeDependenceLowGrayLevelEmphasis "
    "LargeDependenceHighGrayLevelEmphasis GrayLevelNonUniformity - DependenceNonUniformity "
    "DependenceNonUniformityNormalized - GrayLevelVariance DependenceVariance DependenceEntropy",
}
"""PyRadiomics' names in IBSI's order; "-" for what it leaves out."""


class Texture(FeatureClass):
    """A texture class: its matrix is made from grey levels."""

    def region(self) -> Region:
        """Return what the kernels work on; with ``force2D`` slices lie along the first axis."""
        shared = self.settings.get("region")
        if isinstance(shared, Region):
            return shared
        return texture_region(self.imageArray, self.maskArray, self.pixelSpacing, self.settings)

    @property
    def planar(self) -> bool:
        """Whether matrices are made in slices only."""
        return bool(self.settings.get("force2D", False))

    @property
    def distances(self) -> list[int]:
        """The distances to neighbours, in voxels."""
        return list(self.settings.get("distances", [1]))

    @property
    def weighting(self) -> str | None:
        """The norm by which directions are weighted, or None."""
        norm: str | None = self.settings.get("weightingNorm")
        if norm not in (None, "manhattan", "euclidean", "infinity", "no_weighting"):
            raise ValueError(
                f"weightingNorm '{norm}' is not one of manhattan, euclidean, infinity, no_weighting"
            )
        return norm


def texture_region(
    image: NDArray[Any], mask: NDArray[np.bool_], spacing: Any, settings: dict[str, Any]
) -> Region:
    """Return the grey levels of an image inside a mask as the kernels want them."""
    grey = settings.get("levels")
    if grey is None:
        grey = grey_levels(image, mask, settings)
    if image.ndim == 2:
        image, mask, grey = image[None], mask[None], grey[None]
        spacing = (1.0, *spacing)
    axis = int(settings.get("force2Ddimension", 0)) if settings.get("force2D", False) else 0
    order = [axis, *(a for a in range(3) if a != axis)]
    steps = [float(spacing[a]) for a in order]
    grey = np.ascontiguousarray(np.moveaxis(grey, axis, 0))
    inside = np.ascontiguousarray(np.moveaxis(mask, axis, 0))
    values = np.moveaxis(image, axis, 0).astype(np.float64)
    spaced = (steps[0], steps[1], steps[2])
    count = int(settings.get("n_levels", grey.max()))  # of a patch, those of the whole region
    shared = settings.get("of_mask") or Once()
    return Region(values, inside, inside, spaced, grey, count, once_a_mask=shared)


class RadiomicsGLCM(Texture):
    """Co-occurrence of grey levels, features averaged over directions."""

    NAMES = (
        "Autocorrelation",
        "ClusterProminence",
        "ClusterShade",
        "ClusterTendency",
        "Contrast",
        "Correlation",
        "DifferenceAverage",
        "DifferenceEntropy",
        "DifferenceVariance",
        "Id",
        "Idm",
        "Idmn",
        "Idn",
        "Imc1",
        "Imc2",
        "InverseVariance",
        "JointAverage",
        "JointEnergy",
        "JointEntropy",
        "MCC",
        "MaximumProbability",
        "SumAverage",
        "SumEntropy",
        "SumSquares",
    )

    def compute(self) -> dict[str, float]:
        """Compute all features: the mean over directions, or those of their weighted sum."""
        region = self.region()
        symmetric = bool(self.settings.get("symmetricalGLCM", True))
        offsets, counts = matrices.cooccurrences(region, self.planar, self.distances, symmetric)
        if self.weighting is not None:
            away = matrices.step_lengths(offsets, region.spacing, self.weighting)
            near = None if away is None else np.exp(-(away**2))
            counts = matrices.weighted_sum(counts, near)
        parts = matrix_batches((matrix, 0) for matrix in counts if matrix.any())
        rows = [row for some, _ in parts for row in matrices.cooccurrence_features(some)]
        return matrices.mean_features(rows, self.NAMES)


class RadiomicsGLRLM(Texture):
    """Runs of equal grey levels, features averaged over directions."""

    NAMES = tuple(EMPHASES["glrlm"].split())

    def compute(self) -> dict[str, float]:
        """Compute all features: the mean over directions, or those of their weighted sum."""
        region = self.region()
        offsets, counts = matrices.run_lengths(region, self.planar)
        if self.weighting is not None:
            away = matrices.step_lengths(offsets, region.spacing, self.weighting)
            counts = matrices.weighted_sum(counts, away)  # not its inverse, unlike for pairs
        rows = []
        for some, _ in matrix_batches((matrix, 0) for matrix in counts):
            voxels = (some.sum(axis=1) * np.arange(1, some.shape[2] + 1)).sum(axis=1)
            rows += list(dense_emphases(some, voxels))
        return matrices.mean_features(rows, self.NAMES)


class RadiomicsGLSZM(Texture):
    """Zones of equal grey levels."""

    NAMES = tuple(EMPHASES["glszm"].split())

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        method = "2.5d_merged" if self.planar else "3d"
        found = glszm.features(self.region(), glszm.Options(aggregation=method))
        return dict(zip(self.NAMES, found.values(), strict=True))


class RadiomicsGLDM(Texture):
    """How many neighbours depend on a voxel: differ from it by at most ``gldm_a``."""

    NAMES = tuple(name for name in EMPHASES["gldm"].split() if name != "-")

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        region, alpha = self.region(), self.settings.get("gldm_a", 0)
        if alpha == 0 and self.distances == [1]:
            method = "2.5d_merged" if self.planar else "3d"
            found = list(ngldm.features(region, ngldm.Options(aggregation=method)).values())
        else:
            counts = matrices.dependence_counts(region, self.planar, self.distances, alpha)
            found = emphases(*matrix_entries(counts), int(counts.sum()))
        names = EMPHASES["gldm"].split()
        return {name: v for name, v in zip(names, found, strict=False) if name != "-"}


class RadiomicsNGTDM(Texture):
    """How far voxels are from the mean of their neighbours."""

    NAMES = ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")

    def compute(self) -> dict[str, float]:
        """Compute all features."""
        voxels, differences = matrices.tone_tables(self.region(), self.planar, self.distances)
        found = ngtdm.tone_features(voxels, differences)
        if found is None:
            raise ValueError("no voxel of the region has a neighbour in it")
        return dict(zip(self.NAMES, found, strict=True))
