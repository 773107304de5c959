"""DICOM SEG: segments into masks on an image's grid, and masks into segments, by highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from highdicom.seg import Segmentation, segread
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from radiomics.io.dicom_writer import deterministic_uid
from radiomics.io.headers import Header
from radiomics.io.streams import BoundedReader
from radiomics.types import InputError, Volume, grids_differ

THRESHOLD = 0.5
"""Probability or occupancy from which a voxel of a FRACTIONAL segment is inside."""


def read_segment(path: Path, like: Volume, segment: int | str | None = None) -> Volume:
    """Read one segment of a SEG onto the grid of an image.

    Frames that were left out are empty. A SEG on another grid is resampled by linear interpolation
    with a threshold of one half, which stands in the mask's history.

    Parameters
    ----------
    segment : number or label; not needed where there is only one

    Raises
    ------
    InputError
        Unknown segment (those that exist are listed), another frame of reference, a segment that
        reaches beyond the image.
    """
    try:
        with BoundedReader(path) as stream:
            seg = segread(stream)
    except (ValueError, TypeError, AttributeError, pydicom.errors.InvalidDicomError) as error:
        found = str(error).splitlines()[0]
        raise InputError(path, "a SEG must be readable", found, "export it again") from None
    known = {int(n): str(seg.get_segment_description(n).segment_label) for n in seg.segment_numbers}
    number, label = choose_segment(path, known, segment)
    frame = str(seg.get("FrameOfReferenceUID") or "")
    if like.frame and frame and like.frame != frame:
        raise InputError(
            path,
            "SEG and image must share one frame of reference",
            f"FrameOfReferenceUID {frame} in the SEG, {like.frame} in the image",
            "use the SEG that was made from this image, or register the two first",
        )
    try:
        volume = seg.get_volume(segment_numbers=[number])
    except (ValueError, RuntimeError) as error:
        found = str(error).splitlines()[0]
        raise InputError(path, "a SEG must form a volume", found, "export it again") from None
    values = np.asarray(volume.array, dtype=np.float64).reshape(volume.array.shape[:3])
    source = Volume(values >= THRESHOLD, volume.affine, "1", frame)
    array, history = onto_grid(path, source, like, f"segment {label!r}")
    return Volume(array, like.affine, "1", like.frame, history)


def choose_segment(
    path: Path, known: Mapping[int, str], segment: int | str | None
) -> tuple[int, str]:
    """Return number and label of the one segment that was asked for by either.

    Raises
    ------
    InputError
        When none fits, or several do; all are listed.
    """
    listing = ", ".join(f"{number}: {label!r}" for number, label in known.items())
    if segment is None:
        chosen, rule = list(known), "a segment is needed unless there is exactly one"
    else:
        chosen = [n for n, label in known.items() if str(segment) in (str(n), label)]
        rule = f"exactly one segment {segment!r}"
    if len(chosen) != 1:
        raise InputError(
            path,
            rule,
            f"{len(chosen)} of these fit: {listing}",
            "choose one with segment=... or --segment",
        )
    return chosen[0], known[chosen[0]]


def onto_grid(
    path: Path, mask: Volume, like: Volume, what: str
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Bring a mask onto another grid: by copying where the voxels coincide, else by resampling.

    Returns
    -------
    (D, H, W) bool on the grid of ``like``, and a note where it was resampled
    """
    if mask.shape == like.shape and not grids_differ(mask, like):
        return mask.array, ()
    occupied = np.argwhere(mask.array)
    if not len(occupied):
        return np.zeros(like.shape, dtype=np.bool_), ()
    to_like = np.linalg.inv(like.affine) @ mask.affine
    index = occupied @ to_like[:3, :3].T + to_like[:3, 3]
    if np.any(index < -0.75) or np.any(index > np.array(like.shape) - 0.25):
        raise InputError(
            path,
            f"{what} must lie within the image",
            f"it reaches beyond the image ({like.describe()})",
            "use the image from which it was made, uncropped",
        )
    result = np.zeros(like.shape, dtype=np.bool_)
    whole = np.round(index)
    if np.abs(index - whole).max() < 0.01 and np.isclose(abs(np.linalg.det(to_like[:3, :3])), 1):
        result[tuple(whole.astype(np.intp).T)] = True
        return result, ()
    low = np.maximum(np.floor(index.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0)) + 2, like.shape).astype(int)
    result[tuple(map(slice, low, high))] = _interpolated(mask, like, low, high)
    return result, (f"{what} was resampled from another grid ({mask.describe()})",)


def _interpolated(
    mask: Volume, like: Volume, low: NDArray[np.int64], high: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Interpolate a mask linearly at the voxel centres of a box of another grid."""
    from scipy.ndimage import map_coordinates

    places = np.indices(tuple(high - low)).reshape(3, -1) + low[:, None]
    back = np.linalg.inv(mask.affine) @ like.affine
    index = back[:3, :3] @ places + back[:3, 3:]
    soft = map_coordinates(mask.array.astype(np.float64), index, order=1, mode="constant")
    return np.asarray(soft.reshape(tuple(high - low)) >= THRESHOLD - 1e-6, dtype=np.bool_)


def write_segmentation(
    path: Path, masks: Mapping[str, Volume], headers: tuple[Header, ...]
) -> None:
    """Write masks as a BINARY SEG that reads back to the same voxels.

    Parameters
    ----------
    masks : segment label to bool Volume on the grid of the series
    headers : the sorted headers of that series, as :func:`radiomics.io.series.find_series` gives
    """
    sources = [pydicom.dcmread(header.path) for header in headers]
    seed = headers[0].text("SeriesInstanceUID")
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Lesion,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(masks, start=1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names of one part, copied as they are
        seg = Segmentation(
            source_images=sources,
            pixel_array=np.stack([mask.array for mask in masks.values()], axis=-1).astype(np.uint8),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=descriptions,
            series_instance_uid=deterministic_uid(seed, "SEG series"),
            series_number=3,
            sop_instance_uid=deterministic_uid(seed, "SEG"),
            instance_number=1,
            manufacturer="radiomics-pipelines",
            manufacturer_model_name="radiomics-pipelines",
            software_versions="1",
            device_serial_number="0",
        )
    temporary = path.with_name(f".{path.name}.part")
    try:
        seg.save_as(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
