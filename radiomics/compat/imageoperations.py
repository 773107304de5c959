"""PyRadiomics' operations on SimpleITK images: checks, crops, resampling, normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from radiomics.compat.binning import bin_edges
from radiomics.compat.crops import cropToTumorMask
from radiomics.compat.images import TYPES, array_as_image
from radiomics.compat.splines import resample_image
from radiomics.kernels.cropping import bounding_box

WHOLE = (sitk.sitkUInt8, sitk.sitkUInt16, sitk.sitkUInt32, sitk.sitkInt16, sitk.sitkInt32)
EDGE = 1e-3  # voxels by which a region may leave the image through rounding


def getBinEdges(parameterValues: NDArray[Any], **settings: Any) -> NDArray[Any]:  # noqa: N802, N803
    """Return the edges of bins for intensities."""
    return bin_edges(np.asarray(parameterValues), settings)


def binImage(  # noqa: N802
    parameterMatrix: NDArray[Any],  # noqa: N803
    parameterMatrixCoordinates: Any = None,  # noqa: N803
    **settings: Any,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return grey levels 1, 2, ... (0 outside the coordinates), and the edges of bins."""
    array = np.asarray(parameterMatrix)
    chosen = Ellipsis if parameterMatrixCoordinates is None else parameterMatrixCoordinates
    values = array[chosen]
    edges = bin_edges(values.ravel(), settings)
    found = np.zeros(array.shape, dtype=int)
    found[chosen] = np.digitize(values, edges)
    return found, edges


def getMask(mask: Any, **settings: Any) -> Any:  # noqa: N802
    """Return a label image of one channel (``label_channel`` of those with more).

    Raises
    ------
    ValueError
        When the channel, or the label, is not there.
    """
    label, channel = int(settings.get("label", 1)), int(settings.get("label_channel", 0))
    if "vector" in mask.GetPixelIDTypeAsString().lower():
        count = mask.GetNumberOfComponentsPerPixel()
        if not 0 <= channel < count:
            raise ValueError(f"label_channel {channel} is not one of the mask's {count} channels")
        mask = sitk.VectorIndexSelectionCast(mask, channel)
    if mask.GetPixelID() not in WHOLE:
        mask = sitk.Cast(mask, sitk.sitkUInt32)
    array = sitk.GetArrayViewFromImage(mask)
    if not (array == label).any():
        labels = np.unique(array)
        there = ", ".join(map(str, labels[labels > 0][:20].tolist())) or "none but background"
        raise ValueError(f"Label ({label}) not present in mask. It has: {there}")
    return mask


def checkMask(imageNode: Any, maskNode: Any, **settings: Any) -> tuple[Any, Any]:  # noqa: N802, N803
    """Return the bounding box of a label, and the mask resampled onto the image if it had to be.

    Returns
    -------
    [x0, x1, y0, y1, z0, z1], last voxels included; the corrected mask, or None

    Raises
    ------
    ValueError
        For grids that differ (saying in what; ``correctMask`` mends it), a label that is not there,
        or a region of fewer dimensions or voxels than ``minimumROIDimensions``, ``minimumROISize``.
    """
    corrected = None
    differs = _describe_difference(imageNode, maskNode, settings)
    if differs:
        if not settings.get("correctMask", False):
            raise ValueError(
                f"Image/Mask geometry mismatch: {differs}. Set correctMask to resample the mask "
                "onto the image, or geometryTolerance when this is rounding"
            )
        _box_inside_image(imageNode, maskNode, settings)
        corrected = _resample_onto(imageNode, maskNode)
    mask = maskNode if corrected is None else corrected
    box = _label_box(mask, settings)
    sides = box[1::2] - box[0::2] + 1
    dims, least = int((sides > 1).sum()), int(settings.get("minimumROIDimensions", 2))
    if dims == 0:
        raise ValueError("mask only contains 1 segmented voxel! Cannot extract features for it.")
    if dims < least:
        raise ValueError(
            f"mask has too few dimensions (number of dimensions {dims}, minimum required {least})"
        )
    size = settings.get("minimumROISize")
    if size is not None:
        label = int(settings.get("label", 1))
        count = int((sitk.GetArrayViewFromImage(mask) == label).sum())
        if count <= size:
            raise ValueError(
                f"Size of the ROI is too small (minimum size: {size:g}, ROI size: {count:g})"
            )
    return box, corrected


def _resample_onto(image: Any, mask: Any) -> Any:
    """Return a mask on the grid of an image, by nearest neighbour."""
    return sitk.Resample(mask, image, sitk.Transform(), sitk.sitkNearestNeighbor)


def _describe_difference(image: Any, mask: Any, settings: dict[str, Any]) -> str:
    """Say how two grids differ; nothing when they are one."""
    if image.GetSize() != mask.GetSize():
        return f"size {image.GetSize()} against {mask.GetSize()}"
    tolerance = settings.get("geometryTolerance") or 1e-6
    spacing = np.array(image.GetSpacing())
    for name in ("GetOrigin", "GetSpacing", "GetDirection"):
        one, two = np.array(getattr(image, name)()), np.array(getattr(mask, name)())
        allowed = tolerance * (1 if name == "GetDirection" else spacing[0])
        if np.abs(one - two).max() > allowed:
            return f"{name[3:].lower()} {one.tolist()} against {two.tolist()}"
    return ""


def _label_box(mask: Any, settings: dict[str, Any]) -> NDArray[np.int64]:
    label = int(settings.get("label", 1))
    inside = sitk.GetArrayViewFromImage(mask) == label
    if not inside.any():
        raise ValueError(f"Label ({label}) not present in mask")
    parts = bounding_box(inside.reshape((1,) * (3 - inside.ndim) + inside.shape))
    ends = [(part.start, part.stop - 1) for part in reversed(parts)][: inside.ndim]
    return np.array(ends).ravel()


def _box_inside_image(image: Any, mask: Any, settings: dict[str, Any]) -> NDArray[np.int64]:
    """Demand that the region lies in the image; return its box in the mask."""
    box = _label_box(mask, settings)
    corners = []
    for ends in (box[0::2] - 0.5, box[1::2] + 0.5):
        point = mask.TransformContinuousIndexToPhysicalPoint(ends.tolist())
        corners.append(image.TransformPhysicalPointToContinuousIndex(point))
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    if (low < -0.5 - EDGE).any() or (high > np.array(image.GetSize()) - 0.5 + EDGE).any():
        raise ValueError(
            f"Bounding box of ROI is larger than image space: it reaches from {low.tolist()} to "
            f"{high.tolist()} in an image of {image.GetSize()} voxels"
        )
    return box


def resampleImage(imageNode: Any, maskNode: Any, **settings: Any) -> tuple[Any, Any]:  # noqa: N802, N803
    """Return image and mask resampled around the region; grids share the image's corner.

    ``resampledPixelSpacing`` (x, y, z) mm, 0 keeps an axis, as does an axis in which the region has
    one voxel; ``interpolator`` names one of SimpleITK's; ``padDistance`` (5) new voxels are kept
    around the region. The mask is resampled by nearest neighbour.

    Raises
    ------
    ValueError
        For missing input, a region outside the image, or another number of axes.
    """
    if imageNode is None or maskNode is None:
        raise ValueError("Requires both image and mask to resample")
    wanted = np.array(settings["resampledPixelSpacing"], dtype=np.float64)
    old = np.array(maskNode.GetSpacing())
    if len(wanted) != len(old):
        raise ValueError(f"resampledPixelSpacing {wanted.tolist()} needs {len(old)} values")
    box = _box_inside_image(imageNode, maskNode, settings)
    low, high = box[0::2], box[1::2]
    wanted = np.where((wanted == 0) | (low == high), old, wanted)
    if np.allclose(imageNode.GetSpacing(), wanted):
        mask = _resample_onto(imageNode, maskNode)
        box = _label_box(mask, settings)
        return cropToTumorMask(imageNode, mask, box, **{"padDistance": 5, **settings})
    ratio, pad = old / wanted, int(settings.get("padDistance", 5))
    last = np.ceil(np.array(maskNode.GetSize()) * ratio) - 1
    first = np.maximum(np.floor((low - 0.5) * ratio - pad), 0)
    end = np.minimum(np.ceil((high + 0.5) * ratio + pad), last)
    start = 0.5 * (wanted - old) / old + first / ratio
    grid = sitk.ResampleImageFilter()
    grid.SetOutputSpacing(wanted.tolist())
    grid.SetOutputDirection(maskNode.GetDirection())
    grid.SetSize((end - first + 1).astype(int).tolist())
    grid.SetOutputOrigin(maskNode.TransformContinuousIndexToPhysicalPoint(start.tolist()))
    found = []
    ways = (_interpolator(settings), sitk.sitkNearestNeighbor)
    for node, way in zip((imageNode, maskNode), ways, strict=True):
        grid.SetOutputPixelType(node.GetPixelID())
        grid.SetInterpolator(way)
        found.append(resample_image(node, grid))
    return found[0], found[1]


def _interpolator(settings: dict[str, Any]) -> Any:
    named = settings.get("interpolator", sitk.sitkBSpline)
    return getattr(sitk, named, sitk.sitkBSpline) if isinstance(named, str) else named


def normalizeImage(image: Any, **settings: Any) -> Any:  # noqa: N802
    """Return an image of mean 0 and spread ``normalizeScale``, outliers brought to a limit."""
    image = sitk.Normalize(image)
    limit = settings.get("removeOutliers")
    if limit is not None:
        image = array_as_image(np.clip(sitk.GetArrayFromImage(image), -limit, limit), image)
    return image * settings.get("normalizeScale", 1)


def resegmentMask(imageNode: Any, maskNode: Any, **settings: Any) -> Any:  # noqa: N802, N803
    """Return the mask without voxels beyond ``resegmentRange``.

    ``resegmentMode`` counts the range in intensities (``absolute``), in shares of the largest
    (``relative``), or in standard deviations from the mean (``sigma``).

    Raises
    ------
    ValueError
        For another mode or length of the range, or when at most one voxel would be left.
    """
    limits = settings["resegmentRange"]
    if limits is None or not 1 <= len(limits) <= 2:
        raise ValueError(f"resegmentRange has one or two values, not {limits}")
    mode, label = settings.get("resegmentMode", "absolute"), int(settings.get("label", 1))
    array = sitk.GetArrayFromImage(imageNode)
    mask = sitk.GetArrayFromImage(maskNode) == label
    values = array[mask]
    ends = np.array(sorted(limits), dtype=np.float64)
    if mode == "relative":
        ends = values.max() * ends
    elif mode == "sigma":
        ends = values.mean() + values.std() * ends
    elif mode != "absolute":
        raise ValueError(f"Resegment mode '{mode}' is not one of absolute, relative, sigma")
    kept = values >= ends[0]
    if len(ends) == 2:
        kept &= values <= ends[1]
    if kept.sum() <= 1:
        raise ValueError(
            f"Resegmentation excluded too many voxels with label {label} (retained "
            f"{int(kept.sum())} voxel(s))! The range is {ends.tolist()}, intensities of the region "
            f"are {values.min():g} to {values.max():g}"
        )
    mask[mask] = kept
    return array_as_image((mask * label).astype(np.int32), maskNode)


def __getattr__(name: str) -> Any:
    """Return PyRadiomics' generator of an image type: ``getLoGImage`` and its like."""
    kind = name.removeprefix("get").removesuffix("Image")
    if name != f"get{kind}Image" or kind not in TYPES:
        raise AttributeError(f"module 'radiomics.imageoperations' has no attribute '{name}'")

    def generate(image: Any, mask: Any, **settings: Any) -> Iterator[tuple[Any, str, Any]]:
        whole = tuple(slice(0, side) for side in reversed(image.GetSize()))
        for array, column in TYPES[kind](image, mask, settings, whole):
            yield array_as_image(array, image), column, settings

    return generate
