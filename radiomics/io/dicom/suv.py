r"""Standardised uptake values of PET: activity concentration over injected activity per body size.

.. math:: SUV = \frac{C}{A} \cdot S

with the concentration :math:`C` in Bq/ml, the injected activity :math:`A` in Bq, decayed to the
time to which the images are decay corrected, and the body size :math:`S`: weight in g (``bw``),
lean body mass in g by Janmahasatian (``lbm``) [2]_ or James (``lbm_james``) [3]_, body surface in
cm^2 by Du Bois (``bsa``) [4]_. What the header lacks is named, never assumed.

References
----------
.. [1] QIBA FDG-PET/CT SUV technical committee, vendor-neutral pseudo-code for SUV calculation.
.. [2] Janmahasatian et al., Clin Pharmacokinet 2005;44:1051-1065.
.. [3] James, Research on obesity, HMSO London 1976.
.. [4] Du Bois, Du Bois, Arch Intern Med 1916;17:863-871.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from radiomics.io.dicom.opening import read_dataset
from radiomics.types import InputError

KINDS = {"bw": "SUVbw", "lbm": "SUVlbm", "lbm_james": "SUVlbm", "bsa": "SUVbsa"}
WEIGHT_KG, HEIGHT_M, DOSE_BQ = (0.3, 500.0), (0.2, 2.6), (1e5, 1e11)
PHILIPS_SUV, PHILIPS_ACTIVITY = (0x7053, 0x1000), (0x7053, 0x1009)


def check_kind(kind: str) -> None:
    """Demand a kind of SUV that there is.

    Raises
    ------
    InputError
        For any other.
    """
    if kind not in KINDS:
        raise InputError("suv", f"suv is one of {', '.join(KINDS)}", kind, "choose one")


def suv_factor(path: Path, kind: str) -> tuple[float, str, str]:
    """Return what turns the rescaled values of a PET file into SUV.

    Parameters
    ----------
    path : one DICOM file of the series
    kind : ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``

    Returns
    -------
    factor, unit (``"SUVbw"``, ``"SUVlbm"``, ``"SUVbsa"``), and how it was found

    Raises
    ------
    InputError
        Not a PET image, unknown units, other corrections than expected, or tags that are missing.
    """
    check_kind(kind)
    data = read_dataset(path)
    units = str(data.get("Units") or "")
    if data.get("Modality") != "PT":
        raise _suv_error(path, "SUV needs a PET image", f"Modality {data.get('Modality')}")
    if units in ("GML", "CM2ML"):
        return 1.0, *_unit_of_stored_suv(path, data, kind)
    size = body_size(path, data, kind)
    if units == "BQML":
        return size / injected_activity(path, data), KINDS[kind], f"SUV from {units}"
    if units == "CNTS":
        return _philips_factor(path, data, kind, size)
    raise _suv_error(path, "Units must be BQML, CNTS, GML or CM2ML", f"Units {units!r}")


def _unit_of_stored_suv(path: Path, data: Dataset, kind: str) -> tuple[str, str]:
    stored = {"BW": "bw", "LBM": "lbm", "LBMJANMA": "lbm", "LBMJAMES128": "lbm_james", "BSA": "bsa"}
    found = str(data.get("SUVType") or "BW")
    if stored.get(found) != kind:
        raise _suv_error(path, f"the file must hold SUV of kind {kind}", f"SUVType {found}")
    return KINDS[kind], f"values are SUV already (SUVType {found})"


def _philips_factor(path: Path, data: Dataset, kind: str, size: float) -> tuple[float, str, str]:
    """Use Philips' private factors: counts to SUVbw, else counts to Bq/ml."""
    direct, activity = (_private_number(data, tag) for tag in (PHILIPS_SUV, PHILIPS_ACTIVITY))
    if direct:
        weight = body_size(path, data, "bw")
        return direct * size / weight, KINDS[kind], "SUV from CNTS by Philips' factor (7053,1000)"
    if activity:
        factor = activity * size / injected_activity(path, data)
        return factor, KINDS[kind], "SUV from CNTS by Philips' factor (7053,1009)"
    raise _suv_error(
        path, "CNTS needs Philips' private factors", "no (7053,1000) and no (7053,1009)"
    )


def body_size(path: Path, data: Dataset, kind: str) -> float:
    """Return weight or lean body mass in g, or body surface in cm^2."""
    needed = ["PatientWeight"] if kind == "bw" else ["PatientWeight", "PatientSize"]
    needed += ["PatientSex"] if kind.startswith("lbm") else []
    _require_tags(path, data, needed)
    weight = _check_limits(path, "PatientWeight", float(data.PatientWeight), WEIGHT_KG)
    if kind == "bw":
        return 1000 * weight
    height = _check_limits(path, "PatientSize", float(data.PatientSize), HEIGHT_M)
    if kind == "bsa":
        return float(71.84 * weight**0.425 * (100 * height) ** 0.725)
    sex = str(data.PatientSex)
    if sex not in ("M", "F"):
        raise _suv_error(path, "lean body mass needs PatientSex M or F", f"{sex!r}")
    if kind == "lbm":
        index = weight / height**2
        return 1000 * 9270 * weight / ((6680 + 216 * index) if sex == "M" else (8780 + 244 * index))
    a, b = (1.10, 128) if sex == "M" else (1.07, 148)
    return 1000 * (a * weight - b * (weight / (100 * height)) ** 2)


def injected_activity(path: Path, data: Dataset) -> float:
    """Return the injected activity in Bq at the time to which the images are decay corrected."""
    _require_tags(path, data, ["RadiopharmaceuticalInformationSequence", "DecayCorrection"])
    dose = data.RadiopharmaceuticalInformationSequence[0]
    _require_tags(path, dose, ["RadionuclideTotalDose"])
    corrected = [str(c) for c in data.get("CorrectedImage") or []]
    missing = [c for c in ("ATTN", "DECY") if c not in corrected]
    if missing:
        raise _suv_error(path, "CorrectedImage must hold ATTN and DECY", f"{corrected}")
    activity = float(dose.RadionuclideTotalDose)
    _check_limits(path, "RadionuclideTotalDose", activity, DOSE_BQ)
    kind = str(data.DecayCorrection)
    if kind == "ADMIN":
        return activity
    if kind != "START":
        raise _suv_error(path, "DecayCorrection must be START or ADMIN", kind)
    _require_tags(path, dose, ["RadionuclideHalfLife"])
    waited = (_scan_start_time(path, data) - _injection_time(path, data, dose)).total_seconds()
    if not 0 <= waited < 86400:
        raise _suv_error(path, "the scan starts within a day of the injection", f"{waited:.0f} s")
    return activity * math.exp(-math.log(2) * waited / float(dose.RadionuclideHalfLife))


def _scan_start_time(path: Path, data: Dataset) -> datetime:
    """Return the start of the scan: the series' time unless it was set after the acquisition."""
    _require_tags(path, data, ["SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime"])
    series = _parse_time(path, str(data.SeriesDate), str(data.SeriesTime))
    acquired = _parse_time(path, str(data.AcquisitionDate), str(data.AcquisitionTime))
    if series > acquired:
        raise _suv_error(
            path,
            "the series time must be the start of the scan",
            f"SeriesTime {data.SeriesTime} after AcquisitionTime {data.AcquisitionTime}",
        )
    return series


def _injection_time(path: Path, data: Dataset, dose: Dataset) -> datetime:
    """Return the time of injection; a bare time later than the scan was the evening before."""
    start = str(dose.get("RadiopharmaceuticalStartDateTime") or "")
    if len(start) >= 14:
        clock, sign, zone = start[8:].replace("-", " -").replace("+", " +").partition(" ")
        moment = _parse_time(path, start[:8], clock)
        local = str(data.get("TimezoneOffsetFromUTC") or "")
        if not (sign and local):
            return moment
        return moment + _utc_offset(path, local) - _utc_offset(path, zone)
    _require_tags(path, dose, ["RadiopharmaceuticalStartTime"])
    scan = _scan_start_time(path, data)
    moment = _parse_time(path, scan.strftime("%Y%m%d"), str(dose.RadiopharmaceuticalStartTime))
    return moment - timedelta(days=1) if moment > scan else moment


def _utc_offset(path: Path, zone: str) -> timedelta:
    """Return an offset from UTC, written as +HHMM or -HHMM."""
    digits = zone[1:5]
    if zone[:1] not in ("+", "-") or len(digits) != 4 or not digits.isdigit():
        raise _suv_error(path, "an offset from UTC is written +HHMM or -HHMM", repr(zone))
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def _parse_time(path: Path, date: str, time: str) -> datetime:
    clock, _, fraction = time.replace(":", "").partition(".")
    text = date.replace(".", "") + clock.ljust(6, "0")
    try:
        moment = datetime.strptime(text, "%Y%m%d%H%M%S")
        return moment + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError:
        raise _suv_error(path, "dates are YYYYMMDD, times HHMMSS", f"{date!r}, {time!r}") from None


def _check_limits(path: Path, tag: str, value: float, limits: tuple[float, float]) -> float:
    """Refuse a value in another unit than DICOM's: centimetres, grams, megabecquerels."""
    if not limits[0] <= value <= limits[1]:
        raise _suv_error(path, f"{tag} lies between {limits[0]:g} and {limits[1]:g}", f"{value:g}")
    return value


def _private_number(data: Dataset, tag: tuple[int, int]) -> float:
    value: Any = data[tag].value if tag in data else None
    return float(value) if value not in (None, "") else 0.0


def _require_tags(path: Path, data: Dataset, keywords: list[str]) -> None:
    absent = [k for k in keywords if data.get(k) in (None, "") or not data.get(k)]
    if absent:
        raise _suv_error(path, "SUV needs these tags with a value", f"missing: {', '.join(absent)}")


def _suv_error(path: Path, rule: str, found: str) -> InputError:
    return InputError(path, rule, found, "complete the header, or read the image without SUV")
