"""Write small DICOM series straight with pydicom, for tests of our reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = (0.8, 0.6, 0.0, -0.48, 0.64, -0.6)


def normal(orientation: Sequence[float]) -> np.ndarray:
    return np.cross(orientation[:3], orientation[3:])


def positions(count: int, step: float, orientation: Sequence[float] = AXIAL) -> np.ndarray:
    """Return origins of slices along the normal, starting off centre."""
    return np.array([-40.0, 12.5, 3.0]) + np.outer(np.arange(count) * step, normal(orientation))


def affine_of_plane(
    orientation: Sequence[float], spacing: tuple[float, float, float]
) -> np.ndarray:
    """Return the (4, 4) affine of slices along the normal, from (slice, row, column) to LPS."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([normal(orientation), column, row]) * spacing
    affine[:3, 3] = -40.0, 12.5, 3.0
    return affine


def write_series(
    folder: Path,
    stored: np.ndarray,
    where: np.ndarray,
    orientation: Sequence[float] = AXIAL,
    spacing: tuple[float, float] = (0.8, 0.6),
    **extra: Any,
) -> list[Path]:
    """Write one file a slice; keyword arguments set attributes, lists of them one a slice."""
    folder.mkdir(parents=True, exist_ok=True)
    uids = {k: generate_uid() for k in ("SeriesInstanceUID", "FrameOfReferenceUID")}
    paths = []
    for index, pixels in enumerate(stored):
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.Modality, data.PatientID, data.StudyInstanceUID = "CT", "test", "1.2.3"
        data.SeriesInstanceUID = uids["SeriesInstanceUID"]
        data.FrameOfReferenceUID = uids["FrameOfReferenceUID"]
        data.InstanceNumber, data.SliceThickness = index + 1, 9.9
        data.ImagePositionPatient = [f"{x:.10g}" for x in where[index]]
        data.ImageOrientationPatient = list(orientation)
        data.PixelSpacing = list(spacing)
        data.Rows, data.Columns = pixels.shape
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1 if stored.dtype.kind == "i" else 0
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        for keyword, value in extra.items():
            setattr(data, keyword, value[index] if isinstance(value, list) else value)
        data.PixelData = pixels.astype(f"<{stored.dtype.kind}2").tobytes()
        path = folder / f"{index:03d}.dcm"
        data.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
