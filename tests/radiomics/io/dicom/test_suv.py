"""Oracle: SUV by closed forms. Mechanics: what is missing is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from radiomics import InputError, read_image
from tests.conftest import shared
from tests.series import positions, write_series

HALF_LIFE = 6586.2
TAGS: dict[str, Any] = {
    "Modality": "PT",
    "Units": "BQML",
    "RescaleSlope": 0.5,
    "RescaleIntercept": 0,
    "PatientWeight": 80,
    "PatientSize": 1.75,
    "PatientSex": "M",
    "DecayCorrection": "START",
    "SeriesDate": "20200102",
    "SeriesTime": "100000",
    "AcquisitionDate": "20200102",
    "AcquisitionTime": "100130.5",
}


def write(folder: Path, dose: dict[str, Any] | None = None, **changes: Any) -> None:
    item = Dataset()
    given = {
        "RadionuclideTotalDose": 370e6,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "090000",
    } | (dose or {})
    for keyword, value in given.items():
        if value is not None:
            setattr(item, keyword, value)
    corrected = changes.pop("CorrectedImage", ["ATTN", "DECY"])
    tags = TAGS | changes
    removed = [k for k, v in tags.items() if v is None]
    stored = np.full((2, 3, 3), 20_000, np.uint16)
    kept = {k: v for k, v in tags.items() if v is not None}
    for path in write_series(folder, stored, positions(2, 3), **kept):
        data = pydicom.dcmread(path)
        data.RadiopharmaceuticalInformationSequence = [item]
        data.CorrectedImage = corrected
        for keyword in removed:
            if keyword in data:
                delattr(data, keyword)
        data.save_as(path)


def expected(size: float, waited: float = 3600.0) -> float:
    return 10_000 * size / (370e6 * 0.5 ** (waited / HALF_LIFE))


@pytest.mark.parametrize(
    ("kind", "size", "unit"),
    [
        ("bw", 80_000, "SUVbw"),
        ("lbm", 1000 * 9270 * 80 / (6680 + 216 * 80 / 1.75**2), "SUVlbm"),
        ("lbm_james", 1000 * (1.1 * 80 - 128 * (80 / 175) ** 2), "SUVlbm"),
        ("bsa", 71.84 * 80**0.425 * 175**0.725, "SUVbsa"),
    ],
)
def test_suv_by_hand(tmp_path: Path, kind: str, size: float, unit: str) -> None:
    write(tmp_path)
    image = read_image(tmp_path, suv=kind)
    assert image.unit == unit
    assert image.array[0, 0, 0] == pytest.approx(expected(size), rel=1e-6)
    assert image.history == ("SUV from BQML",)
    assert read_image(tmp_path).unit == "BQML"


def test_women_have_their_own_lean_body_mass(tmp_path: Path) -> None:
    write(tmp_path, PatientSex="F")
    size = 1000 * 9270 * 80 / (8780 + 244 * 80 / 1.75**2)
    assert read_image(tmp_path, suv="lbm").array[0, 0, 0] == pytest.approx(expected(size), rel=1e-6)


def test_images_corrected_to_the_time_of_injection(tmp_path: Path) -> None:
    write(tmp_path, DecayCorrection="ADMIN")
    value = read_image(tmp_path, suv="bw").array[0, 0, 0]
    assert value == pytest.approx(expected(80_000, 0), rel=1e-6)


@pytest.mark.parametrize(
    ("dose", "changes", "waited"),
    [
        ({"RadiopharmaceuticalStartTime": "233000"}, {"SeriesTime": "003000"}, 3600),
        (
            {"RadiopharmaceuticalStartDateTime": "20200101233000.000"},
            {"SeriesTime": "003000"},
            3600,
        ),
        ({"RadiopharmaceuticalStartTime": "085900.5"}, {}, 3659.5),
        ({"RadiopharmaceuticalStartTime": "08"}, {}, 7200),
    ],
)
def test_midnight_and_fractions(
    tmp_path: Path, dose: dict[str, Any], changes: dict[str, Any], waited: float
) -> None:
    write(tmp_path, dose, **changes)
    value = read_image(tmp_path, suv="bw").array[0, 0, 0]
    assert value == pytest.approx(expected(80_000, waited), rel=1e-6)


@pytest.mark.parametrize(
    ("private", "factor"),
    [(0x1000, 0.002), (0x1009, 0.9)],
)
def test_counts_by_philips_factors(tmp_path: Path, private: int, factor: float) -> None:
    write(tmp_path, Units="CNTS")
    for path in tmp_path.glob("*.dcm"):
        data = pydicom.dcmread(path)
        block = data.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(private & 0xFF, "DS", factor)
        assert (0x7053, private) in data
        data.save_as(path)
    value = read_image(tmp_path, suv="bw").array[0, 0, 0]
    wanted = 10_000 * factor if private == 0x1000 else factor * expected(80_000)
    assert value == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("dose", "changes", "kind", "words"),
    [
        ({}, {"PatientWeight": None}, "bw", "missing: PatientWeight"),
        ({}, {"PatientSize": None, "PatientSex": None}, "lbm", "missing: PatientSize, PatientSex"),
        ({"RadionuclideTotalDose": None}, {}, "bw", "missing: RadionuclideTotalDose"),
        ({"RadionuclideHalfLife": None}, {}, "bw", "missing: RadionuclideHalfLife"),
        ({"RadiopharmaceuticalStartTime": None}, {}, "bw", "RadiopharmaceuticalStartTime"),
        ({}, {"DecayCorrection": "NONE"}, "bw", "START or ADMIN"),
        ({}, {"CorrectedImage": ["ATTN"]}, "bw", "ATTN and DECY"),
        ({}, {"Units": "CNTS"}, "bw", r"no \(7053,1000\)"),
        ({}, {"Units": "PROPCPS"}, "bw", "Units must be"),
        ({}, {"Units": "GML", "SUVType": "BW"}, "lbm", "SUVType BW"),
        ({}, {"AcquisitionTime": None}, "bw", "missing: AcquisitionTime"),
        ({"RadionuclideHalfLife": 1e-3}, {}, "bw", "RadionuclideHalfLife lies between"),
        ({}, {"Modality": "CT"}, "bw", "needs a PET image"),
        ({}, {}, "bodyweight", "suv is one of"),
        ({}, {"PatientSize": 175}, "lbm", "PatientSize lies between"),
        ({}, {"PatientWeight": 80_000}, "bw", "PatientWeight lies between"),
        ({"RadionuclideTotalDose": 370}, {}, "bw", "RadionuclideTotalDose lies between"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, dose: dict[str, Any], changes: dict[str, Any], kind: str, words: str
) -> None:
    write(tmp_path, dose, **changes)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path, suv=kind)


def test_real_pet_that_is_suv_already_stays_as_it_is() -> None:
    folder = shared("data", "sts", "dicom", "STS_002", "PET", "image")
    plain, suv = read_image(folder), read_image(folder, suv="bw")
    assert np.array_equal(plain.array, suv.array)
    assert suv.unit == "SUVbw"


@pytest.mark.parametrize(
    ("injected", "zone", "waited"),
    [
        ("20200102090000+0100", "+0100", 3600.0),
        ("20200102080000.5+0000", "+0100", 3599.5),
        ("20200102033000-0530", "+0000", 3600.0),
        ("20200102090000+0100", None, 3600.0),  # one clock, of which only one part tells its zone
    ],
)
def test_offsets_from_utc(tmp_path: Path, injected: str, zone: str | None, waited: float) -> None:
    write(tmp_path, {"RadiopharmaceuticalStartDateTime": injected}, TimezoneOffsetFromUTC=zone)
    image = read_image(tmp_path, suv="bw")
    assert image.array[0, 0, 0] == pytest.approx(expected(80_000, waited), rel=1e-6)


def test_the_first_bed_tells_whether_the_series_time_is_the_start(tmp_path: Path) -> None:
    """Beds follow each other: one was acquired before the time of the series, the other after."""
    write(tmp_path, AcquisitionTime=["095000", "100500"])
    image = read_image(tmp_path, suv="bw")
    assert image.array[0, 0, 0] == pytest.approx(expected(80_000, 3000), rel=1e-6)
    assert "SeriesTime 100000 lies after the first acquisition, 095000" in image.history[1]
    for path, time in zip(sorted(tmp_path.iterdir()), ("100500", "100100"), strict=True):
        data = pydicom.dcmread(path)
        data.AcquisitionTime = time
        data.save_as(path)
    image = read_image(tmp_path, suv="bw")
    assert image.array[0, 0, 0] == pytest.approx(expected(80_000, 3600), rel=1e-6)
    assert image.history == ("SUV from BQML",)


def test_an_altered_series_time_and_the_earliest_of_all_files(tmp_path: Path) -> None:
    """Two time points of one series: the later one alone would begin too late."""
    for part, time in enumerate(("100000", "102000")):
        write(
            tmp_path / str(part),
            SeriesInstanceUID="1.2.3.4",
            FrameOfReferenceUID="1.2.3.5",
            SeriesTime="180000",
            AcquisitionTime=time,
            TemporalPositionIdentifier=part + 1,
        )
    late = read_image(tmp_path, series="1.2.3.4#2", suv="bw")
    assert late.array[0, 0, 0] == pytest.approx(expected(80_000, 3600), rel=1e-6)


def test_an_altered_series_time_after_midnight(tmp_path: Path) -> None:
    dose = {"RadiopharmaceuticalStartTime": "233000"}
    tags = {"SeriesDate": "20200103", "SeriesTime": "110000", "AcquisitionDate": "20200102"}
    write(tmp_path, dose, AcquisitionTime="003000", **tags)
    value = read_image(tmp_path, suv="bw").array[0, 0, 0]
    assert value == pytest.approx(expected(80_000, 3600), rel=1e-6)


@pytest.mark.parametrize("vr", ["DT", "UN", "LO"])
@pytest.mark.parametrize("text", ["20200102095500.00", "20200102085500.00+0000"])
def test_ge_has_a_time_of_its_own(tmp_path: Path, text: str, vr: str) -> None:
    write(tmp_path, SeriesTime="113000", TimezoneOffsetFromUTC="+0100")
    for path in tmp_path.iterdir():
        data = pydicom.dcmread(path)
        block = data.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, vr, text.encode() if vr == "UN" else text)
        data.save_as(path)
    image = read_image(tmp_path, suv="bw")
    assert image.array[0, 0, 0] == pytest.approx(expected(80_000, 3300), rel=1e-6)
    assert "GE's private time (0009,100D)" in image.history[1]


def test_a_frame_tells_that_beds_before_it_are_missing(tmp_path: Path) -> None:
    """The average count rate of a frame of constant decay, by its integral (QIBA [1])."""
    duration, lead = 180.0, 600.0
    seconds = np.linspace(0, duration, 200_001)
    rates = 0.5 ** (seconds / HALF_LIFE)
    average = float(np.interp(-np.trapezoid(rates, seconds) / duration, -rates, seconds))
    tags = {"ActualFrameDuration": int(duration * 1000), "SeriesTime": "113000"}
    write(tmp_path, AcquisitionTime="101000", FrameReferenceTime=(lead + average) * 1000, **tags)
    image = read_image(tmp_path, suv="bw")
    assert image.array[0, 0, 0] == pytest.approx(expected(80_000, 3600), rel=1e-6)
    assert "began 600 s before it by FrameReferenceTime" in image.history[1]


@pytest.mark.parametrize(
    ("half_life", "days"),
    [(282_240.0, 4), (230_400.0, 2), (360_806.4, 9), (574_300.0, 20), (45_721.0, 2)],
)
def test_injections_days_before(tmp_path: Path, half_life: float, days: int) -> None:
    """Zr-89, Y-90, I-124, Lu-177, Cu-64; with F-18 nothing is left after a day."""
    start = f"202001{30 - days:02d}090000"
    dose = {"RadionuclideHalfLife": half_life, "RadiopharmaceuticalStartDateTime": start}
    dates = {"SeriesDate": "20200130", "AcquisitionDate": "20200130"}
    write(tmp_path, dose, **dates)
    value = read_image(tmp_path, suv="bw").array[0, 0, 0]
    waited = days * 86400 + 3600
    wanted = 10_000 * 80_000 / (370e6 * 0.5 ** (waited / half_life))
    assert value == pytest.approx(wanted, rel=1e-6)
    write(tmp_path, dose | {"RadionuclideHalfLife": HALF_LIFE}, **dates)
    with pytest.raises(InputError, match="within 10 half-lives of the injection"):
        read_image(tmp_path, suv="bw")
    write(tmp_path, dose | {"RadiopharmaceuticalStartDateTime": None}, **dates)
    with pytest.raises(InputError, match="it may have been on several days"):
        read_image(tmp_path, suv="bw")


def test_an_offset_of_one_clock_alone_is_noted(tmp_path: Path) -> None:
    write(tmp_path, {"RadiopharmaceuticalStartDateTime": "20200102090000+0100"})
    notes = read_image(tmp_path, suv="bw").history
    assert any("+0100 from UTC, the scan does not tell its zone" in note for note in notes)


def test_an_injection_after_the_scan_began_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"RadiopharmaceuticalStartDateTime": "20200102100100"})
    with pytest.raises(InputError, match="-60 s"):
        read_image(tmp_path, suv="bw")
    write(tmp_path, {"RadiopharmaceuticalStartTime": "100100"})  # then it was a day before
    with pytest.raises(InputError, match="86340 s"):
        read_image(tmp_path, suv="bw")
