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
        ({}, {"SeriesTime": "110000"}, "bw", "after AcquisitionTime"),
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
    with pytest.raises(InputError, match="SeriesTime 100000 after AcquisitionTime 095000"):
        read_image(tmp_path, suv="bw")
    for path, time in zip(sorted(tmp_path.iterdir()), ("100500", "100100"), strict=True):
        data = pydicom.dcmread(path)
        data.AcquisitionTime = time
        data.save_as(path)
    assert read_image(tmp_path, suv="bw").unit == "SUVbw"
