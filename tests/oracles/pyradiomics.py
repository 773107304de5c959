"""Values of PyRadiomics itself, for tests of what replaces it.

Run in an environment of its own (Python 3.9, ``pip install "numpy<2" pyradiomics==3.1.0 scipy
trimesh scikit-image``), from another folder than this project's:

    python .../tests/oracles/pyradiomics.py ../shared/data/pyradiomics pyradiomics.csv

Made by PyRadiomics 3.1.0 with numpy 1.26.4, SimpleITK 2.5.7, PyWavelets 1.6.0, scipy 1.13.1,
trimesh 4.12.2 and scikit-image 0.24.0; the first column names the case: image and settings, as
listed here.
"""

from __future__ import annotations

import csv
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bins": {"binCount": 32},
    "normalised": {
        "normalize": True,
        "normalizeScale": 100,
        "removeOutliers": 3,
        "binWidth": 5,
    },
    "resampled": {"resampledPixelSpacing": [2, 2, 2]},
    "sigma": {"resegmentRange": [-1, 2], "resegmentMode": "sigma"},
    "relative": {"resegmentRange": [0.2, 0.9], "resegmentMode": "relative"},
    "range": {"resegmentRange": [100, 600], "resegmentShape": True},
    "planar": {"force2D": True},
    "coronal": {"force2D": True, "force2Ddimension": 1},
    "cropped": {"preCrop": True, "padDistance": 3},
    "distances": {"distances": [1, 2]},
    "weighted": {"weightingNorm": "euclidean"},
    "manhattan": {"weightingNorm": "manhattan"},
    "asymmetric": {"symmetricalGLCM": False},
    "alpha": {"gldm_a": 1},
    "shifted": {"voxelArrayShift": 2000},
    "patterns of reals": {"resampledPixelSpacing": [1.5, 1.5, 1.5]},
    "combined": {
        "binWidth": 10,
        "normalize": True,
        "normalizeScale": 100,
        "resampledPixelSpacing": [1.5, 1.5, 0],
        "resegmentRange": [-3, 3],
        "resegmentMode": "sigma",
        "force2D": True,
    },
}
TYPES: dict[str, dict[str, Any]] = {
    "Original": {},
    "LoG": {"sigma": [1.0, 3.0]},
    "Wavelet": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
    "Gradient": {},
}
ENABLED: dict[str, dict[str, dict[str, Any]]] = {
    "types": TYPES,
    "patterns": {"LBP2D": {"binWidth": 1}, "LBP3D": {"binWidth": 0.1}},
    "wide patterns": {
        "LBP3D": {
            "binCount": 16,
            "lbp3DLevels": 4,
            "lbp3DIcosphereRadius": 2.5,
            "lbp3DIcosphereSubdivision": 2,
        }
    },
    "patterns of reals": {"LBP3D": {"binCount": 16}},
    "numbers": {"LBP2D": {"lbp2DMethod": "default", "binWidth": 20}},
    "turned numbers": {
        "LBP2D": {"lbp2DMethod": "ror", "lbp2DRadius": 2, "lbp2DSamples": 12, "binCount": 16}
    },
    "variances": {"LBP2D": {"lbp2DMethod": "var", "lbp2DRadius": 1.5, "binCount": 16}},
}
"""Image types, with settings of their own, of the cases that name them."""
FILES = {
    "brain1": ("brain1_image.nrrd", "brain1_label.nrrd"),
    "brain2": ("brain2_image.nrrd", "brain2_label.nrrd"),
    "breast1": ("breast1_image.nrrd", "breast1_label.nrrd"),
    "prostate": ("prostate_phantom_subvolume.nrrd", "prostate_phantom_subvolume-label.nrrd"),
}
CASES = (
    *(("synthetic", name) for name in (*SETTINGS, "types", "patterns", "wide patterns")),
    *(("synthetic", name) for name in ("numbers", "turned numbers", "variances")),
    ("synthetic flat", "plain"),
    ("synthetic slice", "plain"),
    ("synthetic sparse", "plain"),
    ("brain1", "plain"),
    ("brain1", "combined"),
    ("brain1", "patterns"),
    ("breast1", "patterns"),
    ("brain2", "plain"),
    ("brain2", "resampled"),
    ("brain2", "combined"),
    ("breast1", "plain"),
    ("breast1", "planar"),
    ("prostate", "plain"),
)


MAPS: dict[str, dict[str, Any]] = {
    "masked": {},
    "unmasked": {"maskedKernel": False},
    "radius": {"kernelRadius": 2},
    "planar": {"force2D": True},
    "distances": {"kernelRadius": 2, "distances": [1, 2]},
}
SHOWN = (0, 30, 66, 100, 131)  # voxels of a map that are kept


def images(name: str, folder: Path) -> tuple[Any, Any]:
    """Return image and mask of a case: made here, or one of PyRadiomics' own."""
    if name in FILES:
        image, mask = (sitk.ReadImage(str(folder / file)) for file in FILES[name])
        return image, mask
    rng = np.random.RandomState(7)
    z, y, x = np.mgrid[:14, :22, :25]
    wave = 300 + 120 * np.sin(x / 3.0 + y / 5.0) + 60 * np.cos(z / 2.0 + x / 7.0)
    array = wave + rng.randint(-40, 41, wave.shape)
    inside = ((z - 6) / 5.0) ** 2 + ((y - 11) / 8.0) ** 2 + ((x - 12) / 9.0) ** 2 < 1
    inside &= rng.randint(0, 20, wave.shape) > 0
    if name == "synthetic flat":
        array[:] = 77
    elif name == "synthetic slice":
        inside[:6] = inside[7:] = False
    elif name == "synthetic sparse":
        inside &= rng.randint(0, 12, wave.shape) == 0
    elif name == "synthetic part":
        inside[:5] = inside[7:] = False
        inside[:, :9] = inside[:, 13:] = False
    image = sitk.GetImageFromArray(array.astype(np.int16))
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    for made in (image, mask):
        made.SetSpacing((0.9, 1.1, 2.5))
        made.SetOrigin((-10.0, 5.0, 30.0))
    return image, mask


def values(extractor: Any, name: str, kind: str, folder: Path) -> dict[str, float]:
    """Return the features of a case by an extractor's class."""
    made = extractor(additionalInfo=False, **SETTINGS.get(kind, {}))
    if kind in ENABLED:
        made.disableAllImageTypes()
        made.enableImageTypes(**ENABLED[kind])
    image, mask = images(name, folder)
    return {key: float(value) for key, value in made.execute(image, mask).items()}


def mapped(extractor: Any, kind: str) -> dict[str, list[float]]:
    """Return some voxels of each map."""
    image, mask = images("synthetic part", Path())
    made = extractor(additionalInfo=False, **MAPS[kind]).execute(image, mask, voxelBased=True)
    image, mask = images("synthetic part", Path())
    found = {}
    for key, value in made.items():
        assert value.GetDimension() == 3
        low = [image.TransformPhysicalPointToIndex(value.GetOrigin())[a] for a in range(3)]
        size = value.GetSize()
        part = mask[low[0] : low[0] + size[0], low[1] : low[1] + size[1], low[2] : low[2] + size[2]]
        inside = sitk.GetArrayFromImage(part) == 1
        values = sitk.GetArrayFromImage(value)[inside]
        found[key] = [float(values[number]) for number in SHOWN]
    return found


def main() -> None:
    import radiomics
    from radiomics import featureextractor

    radiomics.setVerbosity(logging.ERROR)
    with Path(sys.argv[2]).open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for name, kind in CASES:
            found = values(
                featureextractor.RadiomicsFeatureExtractor, name, kind, Path(sys.argv[1])
            )
            for key, value in found.items():
                writer.writerow([f"{name}, {kind}", key, f"{value:.12g}"])
        for kind in MAPS:
            for key, voxels in mapped(featureextractor.RadiomicsFeatureExtractor, kind).items():
                if key != "original_glcm_MCC":  # one empty direction, and the whole map is empty
                    text = " ".join(f"{value:.12g}" for value in voxels)
                    writer.writerow([f"maps, {kind}", key, text])


if __name__ == "__main__":
    main()
