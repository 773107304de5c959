"""Images in a plane of their own: radiographs, mammograms, ultrasound and captures of screens [1]_.

They have no position in the patient, and none is invented: such an image is one slice that begins
at 0, 0, 0, with its columns along x and its rows along y. How far its pixels lie apart is what the
file says, by the rules of :func:`plane_of`; where it does not say, lengths are in pixels.

References
----------
.. [1] DICOM PS3.3: C.8.11.3 (DX), C.8.5.5 (US regions), C.8.6.1 (secondary capture), 10.7 (pixel
   spacing and its calibration).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from radiomics.io.dicom.headers import Header
from radiomics.io.planes import NO_SPACING
from radiomics.types import OWN_PLANE

DETECTOR = ("CR", "DX", "MG", "RF", "XA", "PX", "IO")
"""Modalities whose spacing at the detector is not that in the patient."""
PLANAR = (*DETECTOR, "US", "IVUS", "OT", "SC", "XC", "ES", "GM", "OP", "DG", "TG", "HD")
"""Modalities whose images may lie in a plane of their own."""
WHERE = ("ImagePositionPatient", "ImageOrientationPatient")
PLANES, CENTIMETRES = 1, 3
"""Codes of ultrasound regions: a region of 2D, and the unit of its deltas."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane of an image: distances of rows and of columns (2,), their unit, and notes.

    ``problem`` says why the image cannot be used, empty where it can.
    """

    spacing: Floats
    length_unit: str
    notes: tuple[str, ...]
    problem: str = ""


def plane_of(header: Header) -> Plane | None:
    """Return the plane of an image that has one of its own; None of others.

    The spacing is, by the first that there is: the deltas of an ultrasound region; PixelSpacing;
    ImagerPixelSpacing, divided by EstimatedRadiographicMagnificationFactor where that is there;
    NominalScannedPixelSpacing; PixelAspectRatio in pixels.
    """
    if header.text("Modality") not in PLANAR or all(tag in header.values for tag in WHERE):
        return None
    if header.sequence("PerFrameFunctionalGroupsSequence"):
        return None
    frames = header.integer("NumberOfFrames", 1)
    spacing, notes = _regions(header)
    if not spacing.size:
        spacing, more = _stated_spacing(header)
        notes += more
    unit = "mm"
    if not spacing.size:
        ratio = header.text("PixelAspectRatio").split("\\")
        high, wide = (float(part) for part in ratio) if _is_ratio(ratio) else (1.0, 1.0)
        spacing, unit = np.array([high / wide, 1.0]), "px"
        notes.append(NO_SPACING)
        if high != wide:
            notes.append(f"pixels are {high / wide:g} times as high as wide (PixelAspectRatio)")
    notes.insert(0, OWN_PLANE)
    notes += _value_notes(header)
    problem = f"a clip of {frames} frames, not one image" if frames > 1 else ""
    return Plane(spacing, unit, tuple(notes), problem)


def is_coloured(header: Header) -> bool:
    """Tell whether pixels are colours: of several numbers, or the indices of a palette."""
    palette = header.text("PhotometricInterpretation") == "PALETTE COLOR"
    return palette or header.integer("SamplesPerPixel", 1) != 1


def _is_ratio(parts: list[str]) -> bool:
    return len(parts) == 2 and all(part.isdigit() and int(part) > 0 for part in parts)


def _regions(header: Header) -> tuple[Floats, list[str]]:
    """Return the spacing of the calibrated regions of an ultrasound image, if it is one."""
    found: dict[tuple[float, float], Dataset] = {}
    for item in header.sequence("SequenceOfUltrasoundRegions"):
        units = item.get("PhysicalUnitsXDirection"), item.get("PhysicalUnitsYDirection")
        deltas = item.get("PhysicalDeltaY"), item.get("PhysicalDeltaX")
        if item.get("RegionSpatialFormat") != PLANES or units != (CENTIMETRES, CENTIMETRES):
            continue
        if all(isinstance(delta, float) and delta != 0 for delta in deltas):
            rows, columns = (round(abs(float(delta or 0)) * 10, 9) for delta in deltas)
            found.setdefault((rows, columns), item)
    if len(found) > 1:
        return np.zeros(0), [f"{len(found)} regions of different spacing, so that none is taken"]
    for spacing, item in found.items():
        corners = [
            item.get(f"RegionLocation{name}") for name in ("MinX0", "MaxX1", "MinY0", "MaxY1")
        ]
        where = "columns {} to {}, rows {} to {}".format(*corners)
        return np.array(spacing), [f"spacing of its ultrasound region ({where})"]
    return np.zeros(0), []


def _stated_spacing(header: Header) -> tuple[Floats, list[str]]:
    names = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    found = {name: header.numbers(name) for name in names}
    unusable = [n for n, steps in found.items() if steps.size and not _is_usable(steps)]
    notes = [f"{name} {header.text(name)} is no spacing" for name in unusable]
    found |= dict.fromkeys(unusable, np.zeros(0))
    spacing, more = _chosen_spacing(header, *found.values())
    return spacing, [*notes, *more]


def _is_usable(steps: Floats) -> bool:
    return steps.size == 2 and bool(np.isfinite(steps).all() and (steps > 0).all())


def _chosen_spacing(
    header: Header, spacing: Floats, imager: Floats, scanned: Floats
) -> tuple[Floats, list[str]]:
    projected = header.text("Modality") in DETECTOR
    if spacing.size == 2 and not (imager.size == 2 and np.allclose(spacing, imager, rtol=1e-6)):
        kind = header.text("PixelSpacingCalibrationType")
        if kind or imager.size == 2:
            return spacing, [f"PixelSpacing, calibrated ({kind or 'the file does not say how'})"]
        if projected:
            return spacing, ["PixelSpacing: the file does not say if at the detector"]
        return spacing, []
    if imager.size == 2:
        factor = header.numbers("EstimatedRadiographicMagnificationFactor")
        if factor.size == 1 and np.isfinite(factor[0]) and factor[0] > 0:
            text = (
                f"ImagerPixelSpacing, at the detector, divided by a magnification of {factor[0]:g}"
            )
            return imager / factor[0], [text]
        text = "ImagerPixelSpacing: at the detector, so lengths in the patient are smaller"
        return imager, [text]
    if scanned.size == 2:
        return scanned, ["NominalScannedPixelSpacing: that of the scanned film or paper"]
    return np.zeros(0), []


def _value_notes(header: Header) -> list[str]:
    """Say what is not as measured: turned scales, processing for display, loss."""
    notes = []
    if header.text("PhotometricInterpretation") == "MONOCHROME1":
        if header.text("Modality") in DETECTOR:
            notes.append("MONOCHROME1: values are turned round, so that larger ones are brighter")
        else:
            notes.append("MONOCHROME1: larger values are darker")
    if header.text("PresentationIntentType") == "FOR PRESENTATION":
        notes.append("for presentation: values were processed for display")
    return notes
