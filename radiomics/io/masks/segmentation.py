"""DICOM SEG: segments into masks on an image's grid, and masks into segments, by highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import highdicom as hd
import numpy as np
from highdicom.seg import Segmentation
from pydicom.sr.codedict import codes

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.writer import deterministic_uid
from radiomics.io.masks.grids import THRESHOLD, mask_on_grid
from radiomics.io.masks.segments import choose_segment
from radiomics.types import InputError, Volume


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
        seg = Segmentation.from_dataset(read_dataset(path, pixels=True), copy=False)
    except InputError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        found = str(error).splitlines()[0]
        raise InputError(path, "a SEG must be readable", found, "export it again") from None
    labels = {
        int(n): str(seg.get_segment_description(n).segment_label) for n in seg.segment_numbers
    }
    number, label = choose_segment(path, labels, segment)
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
    array, history = mask_on_grid(path, source, like, f"segment {label!r}")
    return Volume(array, like.affine, "1", like.frame, history)


def write_segmentation(
    path: Path, masks: Mapping[str, Volume], headers: tuple[Header, ...]
) -> None:
    """Write masks as a BINARY SEG that reads back to the same voxels.

    Parameters
    ----------
    masks : segment label to bool Volume on the grid of the series
    headers : the sorted headers of that series, as
        :func:`radiomics.io.dicom.series.find_series` gives
    """
    sources = [read_dataset(header.path, pixels=True) for header in headers]
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
