"""Write DICOM SEG objects straight with pydicom, as many makers write them, for our reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    SegmentationStorage,
    generate_uid,
)

Masks = Mapping[int, np.ndarray]
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def shared_group(
    affine: np.ndarray, between: float | None = None, thickness: float | None = None
) -> Dataset:
    """Return what all frames share: orientation and pixel measures."""
    axes = affine[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [f"{x:.12g}" for x in spacing[1:]]
    if between is not None:
        measures.SpacingBetweenSlices = f"{between:.12g}"
    if thickness is not None:
        measures.SliceThickness = f"{thickness:.12g}"
    plane.ImageOrientationPatient = [
        f"{x:.12g}" for x in (*(axes[:, 2] / spacing[2]), *(axes[:, 1] / spacing[1]))
    ]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([plane])
    return shared


def write_seg(
    path: Path,
    masks: Masks,
    affine: np.ndarray,
    *,
    kind: str = "BINARY",
    labels: Mapping[int, str] | None = None,
    frame: str = "",
    between: float | None = None,
    thickness: float | None = None,
    keep_empty: bool = False,
    shuffle: int | None = None,
    edit: Callable[[Dataset], None] | None = None,
) -> Dataset:
    """Write segments, one frame each and slice; positions come from the affine alone.

    Parameters
    ----------
    masks : segment number to (D, H, W): bool, or for FRACTIONAL uint8 of at most 200
    affine : (4, 4) from (slice, row, column) to LPS
    shuffle : seed of a random order of the frames
    edit : what else is done to the dataset before it is written
    """
    frames = []
    if kind == "LABELMAP":
        label_map = sum(number * mask.astype(np.uint8) for number, mask in masks.items())
        frames = [(0, index, section) for index, section in enumerate(label_map)]
    else:
        for number, mask in masks.items():
            frames += [(number, i, s) for i, s in enumerate(mask) if keep_empty or s.any()]
    if shuffle is not None:
        order = np.random.default_rng(shuffle).permutation(len(frames))
        frames = [frames[i] for i in order]
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = LABEL_MAP if kind == "LABELMAP" else SegmentationStorage
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Modality, data.PatientID, data.SegmentationType = "SEG", "test", kind
    if frame:
        data.FrameOfReferenceUID = frame
    if kind == "FRACTIONAL":
        data.MaximumFractionalValue, data.SegmentationFractionalType = 200, "PROBABILITY"
    data.SegmentSequence = Sequence()
    for number in masks:
        segment = Dataset()
        segment.SegmentNumber = number
        segment.SegmentLabel = (labels or {}).get(number, f"s{number}")
        data.SegmentSequence.append(segment)
    data.SharedFunctionalGroupsSequence = Sequence([shared_group(affine, between, thickness)])
    groups = []
    for number, index, _ in frames:
        group, place = Dataset(), Dataset()
        place.ImagePositionPatient = [f"{x:.12g}" for x in (affine @ [index, 0, 0, 1])[:3]]
        group.PlanePositionSequence = Sequence([place])
        if number:
            identity = Dataset()
            identity.ReferencedSegmentNumber = number
            group.SegmentIdentificationSequence = Sequence([identity])
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.NumberOfFrames = len(frames)
    data.Rows, data.Columns = frames[0][2].shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 1 if kind == "BINARY" else 8
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    pixels = np.array([section for _, _, section in frames])
    if bits == 1:
        content = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    else:
        content = pixels.astype(np.uint8).tobytes()
    data.PixelData = content + b"\0" * (len(content) % 2)
    data["PixelData"].VR = "OB"
    if edit is not None:
        edit(data)
    data.preamble = b"\0" * 128
    pydicom.dcmwrite(path, data, implicit_vr=False, little_endian=True, force_encoding=True)
    return data
