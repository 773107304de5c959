"""The ``diagnostics_*`` entries: what went in, on what grid, with which versions."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
import SimpleITK as sitk


def version_entries() -> dict[str, Any]:
    """Return the versions; PyRadiomics' own is that of this package."""
    found = {"PyRadiomics": version("radiomics-pipelines"), "Numpy": np.__version__}
    found |= {"SimpleITK": sitk.Version().VersionString(), "PyWavelet": version("PyWavelets")}
    found["Python"] = platform.python_version()
    return {f"diagnostics_Versions_{name}": value for name, value in found.items()}


def configuration_entries(settings: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    """Return settings and image types."""
    return {
        "diagnostics_Configuration_Settings": dict(settings),
        "diagnostics_Configuration_EnabledImageTypes": dict(types),
    }


def image_entries(node: Any, stage: str) -> dict[str, Any]:
    """Return what an image is at a stage: original, interpolated."""
    prefix = f"diagnostics_Image-{stage}_"
    found: dict[str, Any] = {}
    if stage == "original":
        found["Hash"] = sitk.Hash(node)
        found["Dimensionality"] = f"{node.GetDimension()}D"
    array = sitk.GetArrayViewFromImage(node)
    found |= {"Spacing": node.GetSpacing(), "Size": node.GetSize()}
    found |= {"Mean": float(array.mean(dtype=np.float64))}
    found |= {"Minimum": float(array.min()), "Maximum": float(array.max())}
    return {prefix + name: value for name, value in found.items()}


def mask_entries(node: Any, values: Any, label: int, stage: str) -> dict[str, Any]:
    """Return what a mask is at a stage: original, corrected, interpolated, resegmented."""
    prefix = f"diagnostics_Mask-{stage}_"
    found: dict[str, Any] = {}
    if stage == "original":
        found["Hash"] = sitk.Hash(sitk.Cast(node, sitk.sitkUInt32))
    found |= {"Spacing": node.GetSpacing(), "Size": node.GetSize()}
    inside = sitk.GetArrayViewFromImage(node) == label
    places = np.argwhere(inside)[:, ::-1]
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
        found["BoundingBox"] = tuple(map(int, [*low, *(high - low + 1)]))
        found["VoxelNum"] = len(places)
        binary = sitk.BinaryThreshold(node, label, label, 1, 0)
        components = sitk.ConnectedComponent(binary, True)
        found["VolumeNum"] = int(sitk.GetArrayViewFromImage(components).max())
        centre = places.mean(axis=0)
        found["CenterOfMassIndex"] = tuple(map(float, centre))
        found["CenterOfMass"] = node.TransformContinuousIndexToPhysicalPoint(centre.tolist())
        if values is not None:
            values_inside = sitk.GetArrayViewFromImage(values)[inside]
            found["Mean"] = float(values_inside.mean(dtype=np.float64))
            found |= {"Minimum": float(values_inside.min()), "Maximum": float(values_inside.max())}
    return {prefix + name: value for name, value in found.items()}
