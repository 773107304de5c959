"""Local intensity (IBSI family 9ST6): 2 features of peaks, means within spheres of 1 cm^3 [1]_.

References
----------
.. [1] Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003, section 3.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from radiomics.kernels.filtering.local_means import line_means, running_sums
from radiomics.types import Region, Spacing

VERSION = 1

IBSI = {"local_intensity_peak": "VJGA", "global_intensity_peak": "0F91"}
UNITS = dict.fromkeys(IBSI, "{unit}")
RADIUS_MM = 10 * (3 / (4 * np.pi)) ** (1 / 3)


class Options(BaseModel, frozen=True, extra="forbid"):
    """The family has nothing to choose."""


def features(region: Region, options: Options) -> dict[str, float]:
    """Compute the mean around the brightest voxel and the largest mean around any voxel.

    The sphere holds all voxels of the image within 6.2 mm, also those outside the mask, but none
    that is NaN. The brightest voxel with the highest mean counts where there are several.
    """
    del options
    voxels = np.argwhere(region.intensity_mask)
    peaks = sphere_means(region.image, voxels, region.spacing)
    x = region.intensities
    return {
        "local_intensity_peak": float(peaks[x == x.max()].max()),
        "global_intensity_peak": float(peaks.max()),
    }


def sphere_means(
    image: NDArray[np.float64], voxels: NDArray[np.int64], spacing: Spacing
) -> NDArray[np.float64]:
    """Return the mean within 6.2 mm of each voxel; what is NaN, or outside the image, is left out.

    Parameters
    ----------
    image : (D, H, W)
    voxels : (N, 3) indices
    spacing : (dz, dy, dx) in mm
    """
    reach = [int(RADIUS_MM / s + 1e-9) for s in spacing]
    lines = []
    for z in range(-reach[0], reach[0] + 1):
        for y in range(-reach[1], reach[1] + 1):
            left = RADIUS_MM**2 - (z * spacing[0]) ** 2 - (y * spacing[1]) ** 2
            if left >= 0:
                lines.append((z, y, int(left**0.5 / spacing[2] + 1e-9)))
    reaches = np.array(lines, dtype=np.int64)
    finite = np.isfinite(image)
    middle = float(image[finite].mean())  # small numbers keep their digits
    means = line_means(running_sums(np.where(finite, image - middle, 0.0)), voxels, reaches)
    if not finite.all():
        means /= line_means(running_sums(finite.astype(np.float64)), voxels, reaches)
    return np.asarray(means + middle)
