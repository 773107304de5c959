"""Write CT series as DICOM files, with identifiers that follow from a seed text."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from radiomics.types import Volume

INTERCEPT = -1024


@dataclass(frozen=True)
class Scan:
    """What a CT header says besides geometry: the patient, the scanner, the protocol."""

    patient: str
    age: int
    sex: str
    manufacturer: str
    model: str
    kernel: str
    kvp: int = 120


def deterministic_uid(*texts: str) -> str:
    """Return the DICOM UID that belongs to these texts: the same texts, the same UID."""
    return str(generate_uid(entropy_srcs=list(texts)))


def write_ct_series(volume: Volume, folder: Path, scan: Scan) -> None:
    """Write a volume in HU as one uncompressed CT Image Storage file per slice.

    Parameters
    ----------
    volume : (D, H, W) in HU, rounded to integers from -1024 to 3071
    folder : made if needed; files are named ``0001.dcm`` and so on along the slices' normal
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = np.clip(np.rint(volume.array), INTERCEPT, 3071).astype(np.int32) - INTERCEPT
    series = deterministic_uid(scan.patient, "series")
    frame = volume.frame or deterministic_uid(scan.patient, "frame of reference")
    for index, pixels in enumerate(stored.astype("<u2")):
        data = _series_attributes(scan, volume)
        data.SeriesInstanceUID, data.FrameOfReferenceUID = series, frame
        data.SOPInstanceUID = deterministic_uid(series, str(index))
        data.InstanceNumber = index + 1
        position = volume.affine[:3, 3] + index * volume.affine[:3, 0]
        data.ImagePositionPatient = [_decimal_string(x) for x in position]
        data.SliceLocation = _decimal_string(float(position @ volume.direction[:, 0]))
        data.PixelData = pixels.tobytes()
        write_dataset(data, folder / f"{index + 1:04d}.dcm")


def write_dataset(data: Dataset, path: Path) -> None:
    """Write one DICOM file under a temporary name and rename it when it is complete."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    temporary = path.with_name(f".{path.name}.part")
    try:
        data.save_as(temporary, enforce_file_format=True)
        os.replace(temporary, path)  # noqa: PTH105
    finally:
        temporary.unlink(missing_ok=True)


def _series_attributes(scan: Scan, volume: Volume) -> Dataset:
    """Return the attributes that all slices of a series share."""
    data = Dataset()
    data.SOPClassUID, data.Modality = CTImageStorage, "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.PatientName = data.PatientID = scan.patient
    data.PatientBirthDate, data.PatientSex, data.PatientAge = "", scan.sex, f"{scan.age:03d}Y"
    data.StudyInstanceUID = deterministic_uid(scan.patient, "study")
    data.StudyDate, data.StudyTime, data.StudyID = "20200101", "120000", "1"
    data.AccessionNumber, data.ReferringPhysicianName = "", ""
    data.SeriesNumber, data.AcquisitionNumber, data.PatientPosition = 1, 1, "HFS"
    data.PositionReferenceIndicator = ""
    data.Manufacturer, data.ManufacturerModelName = scan.manufacturer, scan.model
    data.ConvolutionKernel, data.KVP = scan.kernel, scan.kvp
    dz, dy, dx = volume.spacing
    data.SliceThickness, data.PixelSpacing = (
        _decimal_string(dz),
        [_decimal_string(dy), _decimal_string(dx)],
    )
    row, column = volume.direction[:, 2], volume.direction[:, 1]
    data.ImageOrientationPatient = [_decimal_string(x) for x in (*row, *column)]
    data.Rows, data.Columns = volume.shape[1:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation = 0
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, INTERCEPT, "HU"
    return data


def _decimal_string(value: float) -> str:
    """Return a DICOM decimal string: at most 16 characters."""
    return f"{float(value) + 0.0:.9g}"
