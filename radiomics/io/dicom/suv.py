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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from radiomics.types import InputError

KINDS = {"bw": "SUVbw", "lbm": "SUVlbm", "lbm_james": "SUVlbm", "bsa": "SUVbsa"}
WEIGHT_KG, HEIGHT_M, DOSE_BQ = (0.3, 500.0), (0.2, 2.6), (1e5, 1e11)
HALF_LIFE_S = (30.0, 1e8)
LONGEST_WAIT = 10
"""Half-lives from injection to scan after which nothing is left to be seen: a thousandth."""
FRAME_LEAD_S = 10.0
"""Seconds from which FrameReferenceTime and the first acquisition disagree."""
PHILIPS_SUV, PHILIPS_ACTIVITY = (0x7053, 0x1000), (0x7053, 0x1009)


def convert_values(data: Dataset) -> None:
    """Let pydicom convert what SUV needs: where a value is broken, errors of many kinds rise."""
    for keyword in NEEDED:
        data.get(keyword)
    for item in list(data.get("RadiopharmaceuticalInformationSequence") or [])[:1]:
        for keyword in OF_DOSE:
            item.get(keyword)
    for tag in (PHILIPS_SUV, PHILIPS_ACTIVITY):
        _private_number(data, tag)
    _ge_scan_time(data)


def check_kind(kind: str) -> None:
    """Demand a kind of SUV that there is.

    Raises
    ------
    InputError
        For any other.
    """
    if kind not in KINDS:
        raise InputError("suv", f"suv is one of {', '.join(KINDS)}", kind, "choose one")


NEEDED = (
    "Modality", "Units", "SUVType", "PatientWeight", "PatientSize", "PatientSex",
    "DecayCorrection", "CorrectedImage", "SeriesDate", "SeriesTime", "AcquisitionDate",
    "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration", "TimezoneOffsetFromUTC",
)  # fmt: skip
OF_DOSE = (
    "RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)  # fmt: skip


@dataclass(frozen=True)
class SuvFactor:
    """What turns rescaled values into SUV, the unit then, and how it was found."""

    factor: float
    unit: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Moment:
    """A point in time, and what was assumed to find it."""

    time: datetime
    notes: tuple[str, ...] = ()


def suv_factor(
    path: Path, data: Dataset, kind: str, acquisitions: Sequence[tuple[str, str]]
) -> SuvFactor:
    """Return what turns the rescaled values of a PET series into SUV.

    Parameters
    ----------
    path : the file of the series that was acquired first, for messages
    data : its header
    kind : ``"bw"``, ``"lbm"``, ``"lbm_james"`` or ``"bsa"``
    acquisitions : AcquisitionDate and AcquisitionTime of all files of the series

    Raises
    ------
    InputError
        Not a PET image, unknown units, other corrections than expected, or tags that are missing.
    """
    check_kind(kind)
    units = str(data.get("Units") or "")
    if data.get("Modality") != "PT":
        raise _suv_error(path, "SUV needs a PET image", f"Modality {data.get('Modality')}")
    if units in ("GML", "CM2ML"):
        unit, how = _unit_of_stored_suv(path, data, kind)
        return SuvFactor(1.0, unit, (how,))
    size = body_size(path, data, kind)
    if units == "BQML":
        activity, notes = injected_activity(path, data, acquisitions)
        return SuvFactor(size / activity, KINDS[kind], (f"SUV from {units}", *notes))
    if units == "CNTS":
        return _philips_factor(path, data, kind, size, acquisitions)
    raise _suv_error(path, "Units must be BQML, CNTS, GML or CM2ML", f"Units {units!r}")


def _unit_of_stored_suv(path: Path, data: Dataset, kind: str) -> tuple[str, str]:
    stored = {"BW": "bw", "LBM": "lbm", "LBMJANMA": "lbm", "LBMJAMES128": "lbm_james", "BSA": "bsa"}
    found = str(data.get("SUVType") or "BW")
    if stored.get(found) != kind:
        raise _suv_error(path, f"the file must hold SUV of kind {kind}", f"SUVType {found}")
    return KINDS[kind], f"values are SUV already (SUVType {found})"


def _philips_factor(
    path: Path, data: Dataset, kind: str, size: float, acquisitions: Sequence[tuple[str, str]]
) -> SuvFactor:
    """Use Philips' private factors: counts to SUVbw, else counts to Bq/ml."""
    direct, concentration = (_private_number(data, tag) for tag in (PHILIPS_SUV, PHILIPS_ACTIVITY))
    how = "SUV from CNTS by Philips' factor"
    if direct:
        weight = body_size(path, data, "bw")
        return SuvFactor(direct * size / weight, KINDS[kind], (f"{how} (7053,1000)",))
    if concentration:
        activity, notes = injected_activity(path, data, acquisitions)
        factor = concentration * size / activity
        return SuvFactor(factor, KINDS[kind], (f"{how} (7053,1009)", *notes))
    raise _suv_error(
        path, "CNTS needs Philips' private factors", "no (7053,1000) and no (7053,1009)"
    )


def body_size(path: Path, data: Dataset, kind: str) -> float:
    """Return weight or lean body mass in g, or body surface in cm^2."""
    needed = ["PatientWeight"] if kind == "bw" else ["PatientWeight", "PatientSize"]
    needed += ["PatientSex"] if kind.startswith("lbm") else []
    _require_tags(path, data, needed)
    weight = _number_within(path, data, "PatientWeight", WEIGHT_KG)
    if kind == "bw":
        return 1000 * weight
    height = _number_within(path, data, "PatientSize", HEIGHT_M)
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


def injected_activity(
    path: Path, data: Dataset, acquisitions: Sequence[tuple[str, str]]
) -> tuple[float, tuple[str, ...]]:
    """Return the injected activity at the time to which images are decay corrected, and notes.

    In Bq. That time is the start of the scan (START) or of the injection (ADMIN).
    """
    _require_tags(path, data, ["RadiopharmaceuticalInformationSequence", "DecayCorrection"])
    dose = data.RadiopharmaceuticalInformationSequence[0]
    _require_tags(path, dose, ["RadionuclideTotalDose"])
    corrected = [str(c) for c in data.get("CorrectedImage") or []]
    missing = [c for c in ("ATTN", "DECY") if c not in corrected]
    if missing:
        raise _suv_error(path, "CorrectedImage must hold ATTN and DECY", f"{corrected}")
    activity = _number_within(path, dose, "RadionuclideTotalDose", DOSE_BQ)
    kind = str(data.DecayCorrection)
    if kind == "ADMIN":
        return activity, ()
    if kind != "START":
        raise _suv_error(path, "DecayCorrection must be START or ADMIN", kind)
    _require_tags(path, dose, ["RadionuclideHalfLife"])
    half_life = _number_within(path, dose, "RadionuclideHalfLife", HALF_LIFE_S)
    scan = scan_start(path, data, acquisitions, half_life)
    injection = injection_time(path, data, dose, scan.time, half_life)
    waited = (scan.time - injection.time).total_seconds()
    if not 0 <= waited <= LONGEST_WAIT * half_life:
        raise _suv_error(
            path,
            f"the scan starts within {LONGEST_WAIT} half-lives of the injection",
            f"{waited:.0f} s, where the half-life is {half_life:g} s",
        )
    decayed = activity * math.exp(-math.log(2) * waited / half_life)
    return decayed, (*scan.notes, *injection.notes)


def scan_start(
    path: Path, data: Dataset, acquisitions: Sequence[tuple[str, str]], half_life: float
) -> Moment:
    """Return the start of the scan, by the rules of QIBA [1]_.

    That is the series' time, unless it was set after the first acquisition, as when images were
    processed anew. Then it is GE's own time of the scan; else the first acquisition of all files,
    or earlier where that file's FrameReferenceTime says so: then those before are not here.
    """
    _require_tags(path, data, ["SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime"])
    series = _parse_time(path, str(data.SeriesDate), str(data.SeriesTime))
    known = [pair for pair in acquisitions if all(pair)]
    known = known or [(str(data.AcquisitionDate), str(data.AcquisitionTime))]
    earliest = min(_parse_time(path, *pair) for pair in known)
    if series <= earliest:
        return Moment(series)
    altered = f"SeriesTime {data.SeriesTime} lies after the first acquisition"
    if text := _ge_scan_time(data):
        private = _parse_date_time(path, data, text, "(0009,100D)")
        if private.time <= earliest:
            note = f"{altered}: the scan began by GE's private time (0009,100D)"
            return Moment(private.time, (note, *private.notes))
    lead = _time_before_frame(data, half_life)
    if lead is not None and lead > FRAME_LEAD_S:
        first = _parse_time(path, str(data.AcquisitionDate), str(data.AcquisitionTime))
        note = f"{altered}: the scan began {lead:.0f} s before it by FrameReferenceTime"
        return Moment(first - timedelta(seconds=lead), (note,))
    return Moment(earliest, (f"{altered}, {earliest:%H%M%S}: the scan began with that",))


def _time_before_frame(data: Dataset, half_life: float) -> float | None:
    """Return how long before a frame's acquisition the scan began, in s; None where not known.

    FrameReferenceTime is the time from there to the moment of the frame's average count rate.
    """
    reference, duration = (
        _to_number(data.get(keyword)) / 1000  # DICOM has milliseconds
        for keyword in ("FrameReferenceTime", "ActualFrameDuration")
    )
    decay = math.log(2) / half_life
    if not (0 < reference < math.inf and 1e-6 < decay * duration < 100):
        return None
    fraction = decay * duration
    return reference - math.log(fraction / -math.expm1(-fraction)) / decay


def _ge_scan_time(data: Dataset) -> str:
    """Return GE's private date and time of the scan, empty where there is none."""
    for block in range(0x10, 0x100):
        if (0x0009, block) in data and str(data[0x0009, block].value).strip() == "GEMS_PETD_01":
            tag = (0x0009, block << 8 | 0x0D)
            value = data[tag].value if tag in data else ""
            text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
            return text.strip(" \0")
    return ""


def injection_time(
    path: Path, data: Dataset, dose: Dataset, scan: datetime, half_life: float
) -> Moment:
    """Return the time of injection.

    Where its date is not told, it is the one day on which the scan came within some half-lives.
    """
    start = str(dose.get("RadiopharmaceuticalStartDateTime") or "")
    if len(start) >= 14:
        return _parse_date_time(path, data, start, "RadiopharmaceuticalStartDateTime")
    _require_tags(path, dose, ["RadiopharmaceuticalStartTime"])
    clock = str(dose.RadiopharmaceuticalStartTime)
    moment = _parse_time(path, scan.strftime("%Y%m%d"), clock)
    if moment > scan:
        moment -= timedelta(days=1)
    before = (scan - moment).total_seconds() + 86400
    if before <= LONGEST_WAIT * half_life:
        raise _suv_error(
            path,
            "the date of the injection must be told by RadiopharmaceuticalStartDateTime",
            f"only its time {clock}, and a half-life of {half_life / 3600:.3g} h: it may have been "
            "on several days",
        )
    return Moment(moment)


def _parse_date_time(path: Path, data: Dataset, text: str, name: str) -> Moment:
    """Return a date with time on the clock of the scan, whose offset from UTC may be another."""
    clock, sign, zone = text[8:].replace("-", " -").replace("+", " +").partition(" ")
    moment = _parse_time(path, text[:8], clock)
    local = str(data.get("TimezoneOffsetFromUTC") or "")
    if sign and local:
        return Moment(moment + _utc_offset(path, local) - _utc_offset(path, zone))
    if not sign:
        return Moment(moment)
    note = f"{name} is {zone} from UTC, the scan does not tell its zone: taken for the same"
    return Moment(moment, (note,))


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


def _number_within(path: Path, data: Dataset, keyword: str, limits: tuple[float, float]) -> float:
    """Return a number; refuse one in another unit than DICOM's: centimetres, megabecquerels."""
    value = _to_number(data.get(keyword))
    if not limits[0] <= value <= limits[1]:
        rule = f"{keyword} lies between {limits[0]:g} and {limits[1]:g}"
        found = f"{value:g}" if math.isfinite(value) else str(data.get(keyword))
        raise _suv_error(path, rule, found)
    return value


def _to_number(value: Any) -> float:
    """Return the number that a value is, NaN where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _private_number(data: Dataset, tag: tuple[int, int]) -> float:
    value: Any = data[tag].value if tag in data else None
    number = _to_number(value) if value not in (None, "") else 0.0
    return number if math.isfinite(number) else 0.0


def _require_tags(path: Path, data: Dataset, keywords: list[str]) -> None:
    absent = [k for k in keywords if data.get(k) in (None, "") or not data.get(k)]
    if absent:
        raise _suv_error(path, "SUV needs these tags with a value", f"missing: {', '.join(absent)}")


def _suv_error(path: Path, rule: str, found: str) -> InputError:
    return InputError(path, rule, found, "complete the header, or read the image without SUV")
