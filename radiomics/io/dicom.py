"""DICOM image series: header pass, a report with a verdict, and pixels into a Volume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError

from radiomics.io.geometry import stack_slices
from radiomics.types import InputError, Volume

HEADER_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "BitsStored",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "Units",
    "SUVType",
]
NEEDED = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


@dataclass(frozen=True, eq=False)
class Header:
    """The header of one DICOM file, without its pixels."""

    path: Path
    data: pydicom.Dataset

    def text(self, keyword: str) -> str:
        """Return a value as text, empty when it is absent."""
        return str(self.data.get(keyword) or "")

    def numbers(self, keyword: str) -> NDArray[np.float64]:
        """Return a value as an array of float64, empty when it is absent."""
        value = self.data.get(keyword)
        return np.atleast_1d(np.array([] if value is None else value, dtype=np.float64))

    @property
    def layout(self) -> tuple[Any, ...]:
        """What all slices of a volume share: matrix, pixel spacing, orientation (rounded)."""
        return (
            self.data.get("Rows"),
            self.data.get("Columns"),
            *np.round(self.numbers("PixelSpacing"), 4),
            *np.round(self.numbers("ImageOrientationPatient"), 3),
        )


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """One series: what it is, where it lies, and whether it can be believed.

    ``shape`` is (D, H, W), ``spacing`` (dz, dy, dx) in mm; ``headers`` are sorted along the
    slices' normal. ``verdict`` is ``"good"`` or ``"refused"``; ``defects`` says why.
    """

    path: Path
    series: str
    modality: str
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    defects: tuple[str, ...]
    headers: tuple[Header, ...]

    @property
    def verdict(self) -> str:
        """``"good"``, or ``"refused"`` when there is any defect."""
        return "refused" if self.defects else "good"

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel spacing (dz, dy, dx) in mm."""
        dz, dy, dx = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(dz), float(dy), float(dx)


def read_headers(path: Path) -> Iterator[Header]:
    """Yield the header of each DICOM file at ``path`` (a file, or a folder and all below it)."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        try:
            data = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(HEADER_TAGS))
        except InvalidDicomError:
            continue
        yield Header(file, data)


def find_series(path: Path) -> list[SeriesReport]:
    """Report on each image series at a path: a file, or a folder and all below it."""
    return group_series(path, read_headers(path))


def group_series(path: Path, headers: Iterable[Header]) -> list[SeriesReport]:
    """Group the headers of image files by SeriesInstanceUID and report on each series."""
    series: dict[str, list[Header]] = {}
    for header in headers:
        if header.data.get("Rows") and header.data.get("Columns"):
            series.setdefault(header.text("SeriesInstanceUID"), []).append(header)
    return [report_series(path, members) for members in series.values()]


def report_series(path: Path, headers: list[Header]) -> SeriesReport:
    """Measure the geometry of one series and list its defects."""
    first = headers[0]
    defects = _structural_defects(headers)
    order: tuple[int, ...] = tuple(range(len(headers)))
    affine = np.eye(4)
    if not defects:
        positions = np.array([h.numbers("ImagePositionPatient") for h in headers])
        thickness = first.numbers("SliceThickness")
        stack = stack_slices(
            positions,
            first.numbers("ImageOrientationPatient"),
            first.numbers("PixelSpacing"),
            float(thickness[0]) if thickness.size else None,
        )
        order, affine, defects = stack.order, stack.affine, stack.defects
    shape = (len(headers), int(first.data.Rows), int(first.data.Columns))
    ordered = tuple(headers[i] for i in order)
    uid = first.text("SeriesInstanceUID")
    return SeriesReport(path, uid, first.text("Modality"), shape, affine, defects, ordered)


def _structural_defects(headers: list[Header]) -> tuple[str, ...]:
    """Name what keeps a group of files from being one stack of plain single-frame slices."""
    for header in headers:
        if int(header.data.get("NumberOfFrames") or 1) > 1:
            return (f"{header.path.name} is a multi-frame object, which is not read yet",)
        if int(header.data.get("SamplesPerPixel") or 1) != 1:
            return (f"{header.path.name} holds colour pixels",)
        absent = [tag for tag in NEEDED if not header.numbers(tag).size]
        if absent:
            return (f"{header.path.name} lacks {', '.join(absent)}",)
        sizes = {tag: header.numbers(tag) for tag in NEEDED}
        wrong = [t for t, n in zip(NEEDED, (3, 6, 2), strict=True) if sizes[t].size != n]
        if wrong or not all(np.isfinite(v).all() for v in sizes.values()):
            return (f"{header.path.name} has unusable values in {', '.join(wrong or NEEDED)}",)
        if sizes["PixelSpacing"].min() <= 0:
            return (f"{header.path.name} has a PixelSpacing of zero or less",)
    layouts = {header.layout for header in headers}
    if len(layouts) > 1:
        return (f"{len(layouts)} different orientations, matrices or pixel spacings in one series",)
    if len({header.text("FrameOfReferenceUID") for header in headers}) > 1:
        return ("slices of several frames of reference in one series",)
    return ()


def read_series(path: Path, series: str | None = None) -> Volume:
    """Read one CT, MR or PET series as a Volume in rescaled units.

    Parameters
    ----------
    path : a folder (searched with all below it) or one DICOM file
    series : SeriesInstanceUID, needed when the folder holds several image series

    Raises
    ------
    InputError
        No images, several series and none chosen, or a series with defects (each is named).
    """
    found = find_series(path)
    if not found:
        raise (
            InputError(
                path,
                "a DICOM folder needs image files",
                "no DICOM file with pixels" if any(path.iterdir()) else "an empty folder",
                "point to the folder that holds the CT, MR or PET slices",
            )
            if path.is_dir()
            else InputError(
                path,
                "a DICOM image is needed",
                "a file that is no DICOM image",
                "give an image file",
            )
        )
    chosen = found if series is None else [r for r in found if r.series == series]
    if len(chosen) != 1:
        listing = "; ".join(f"{r.modality} {r.series} ({len(r.headers)} files)" for r in found)
        raise InputError(
            path,
            "exactly one image series is needed",
            f"{len(found)} series: {listing}",
            "choose one with series=UID (library) or --series UID (command line)",
        )
    return read_pixels(chosen[0])


def read_pixels(report: SeriesReport) -> Volume:
    """Read the pixels of a reported series; refuse one with defects.

    Whole-number rescaling gives int16 (int32 where that is too small), any other float32.
    """
    if report.defects:
        raise InputError(
            report.path,
            f"a {report.modality} series must be a regular grid of slices",
            "; ".join(report.defects),
            "export the series again, complete and once; repair is not offered yet",
        )
    volume = np.empty(report.shape, dtype=_result_dtype(report.headers))
    for index, header in enumerate(report.headers):
        volume[index] = _read_slice(header, report.shape[1:], volume.dtype)
    first = report.headers[0]
    return Volume(volume, report.affine, _unit(first), first.text("FrameOfReferenceUID"))


def _read_slice(header: Header, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        stored = pydicom.dcmread(header.path).pixel_array
    except (AttributeError, ValueError, RuntimeError, NotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            header.path, "every slice needs readable pixels", reason, "export this file again"
        ) from error
    if stored.shape != shape:
        raise InputError(
            header.path,
            f"every slice needs a matrix of {shape}",
            f"{stored.shape}",
            "export this file again",
        )
    slope, intercept = _rescale(header)
    if dtype.kind == "i":
        return np.asarray(stored.astype(dtype) + dtype.type(intercept))
    return np.asarray(stored.astype(np.float64) * slope + intercept, dtype=dtype)


def _rescale(header: Header) -> tuple[float, float]:
    slope, intercept = header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    return float(slope[0]) if slope.size else 1.0, float(intercept[0]) if intercept.size else 0.0


def _result_dtype(headers: tuple[Header, ...]) -> np.dtype[Any]:
    pairs = [_rescale(header) for header in headers]
    if any(slope != 1 or intercept != round(intercept) for slope, intercept in pairs):
        return np.dtype(np.float32)
    bits = max(int(h.data.get("BitsStored") or 16) for h in headers)
    signed = any(h.data.get("PixelRepresentation") == 1 for h in headers)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    shifts = [intercept for _, intercept in pairs]
    fits = low + min(shifts) >= -(2**15) and high + max(shifts) <= 2**15
    return np.dtype(np.int16 if fits else np.int32)


def _unit(header: Header) -> str:
    """Return the unit of rescaled values: HU for CT, SUV or the Units tag for PET, else 1."""
    modality = header.text("Modality")
    if modality == "PT":
        suv = {"BW": "SUVbw", "LBM": "SUVlbm", "BSA": "SUVbsa"}.get(header.text("SUVType"))
        units = header.text("Units")
        return suv if suv and units in ("GML", "CM2ML") else units or "1"
    return "HU" if modality == "CT" else "1"
