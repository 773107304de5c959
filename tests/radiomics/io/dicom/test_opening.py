"""Oracle: one object reads the same however its file begins, by every reader that opens it."""

from __future__ import annotations

import logging
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence

import radiomics
from radiomics import InputError, Volume, inspect, read_image, read_mask
from radiomics.io.dicom.identifiers import identifiers
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.series import find_series
from radiomics.io.masks.rtstruct import write_rtstruct
from radiomics.io.masks.segmentation import write_segmentation
from radiomics.pipelines.batch.discovery import find_cases
from tests.series import positions, write_series

STORED = np.random.default_rng(0).integers(0, 4000, (4, 8, 8)).astype(np.uint16)
FORMS = {
    # how a file begins: preamble, meta header (and the syntax it names), encoding of the rest
    "ordinary": (True, uid.ExplicitVRLittleEndian, "explicit"),
    "meta without preamble": (False, uid.ExplicitVRLittleEndian, "explicit"),
    "implicit meta without preamble": (False, uid.ImplicitVRLittleEndian, "implicit"),
    "bare implicit": (False, "", "implicit"),
    "bare explicit": (False, "", "explicit"),
    "bare big-endian": (False, "", "big"),
    "preamble without meta": (True, "", "explicit"),
    "implicit, where the meta header says explicit": (True, uid.ExplicitVRLittleEndian, "implicit"),
    "explicit, where the meta header says implicit": (True, uid.ImplicitVRLittleEndian, "explicit"),
}


def rewrite(path: Path, form: str) -> None:
    """Write a file in another form, with the same elements."""
    preamble, syntax, encoding = FORMS[form]
    data = pydicom.dcmread(path)
    body = DicomBytesIO()
    body.is_little_endian, body.is_implicit_VR = encoding != "big", encoding == "implicit"
    bare = Dataset(data)
    if encoding == "big" and bare.get("BitsAllocated") == 16:
        bare.PixelData = np.frombuffer(bare.PixelData, "<u2").astype(">u2").tobytes()
    pydicom.filewriter.write_dataset(body, bare)
    start = DicomBytesIO()
    if preamble:
        start.write(bytes(128) + b"DICM")
    if syntax:
        meta = data.file_meta
        meta.TransferSyntaxUID = uid.UID(syntax)
        pydicom.filewriter.write_file_meta_info(start, meta, enforce_standard=False)
    path.write_bytes(start.getvalue() + body.getvalue())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let pydicom say that files are not what they claim to be."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


@pytest.fixture(params=FORMS)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write a CT, an RTSTRUCT, a SEG and a PET of one person, then rewrite them in a form."""
    person = {"PatientName": "Hasenbein^Otto", "PatientID": "MUELLER1955"}
    person |= {"InstitutionName": "Klinikum Waldheim", "PatientSex": "M", "PatientWeight": 80}
    files = write_series(tmp_path / "ct", STORED, positions(4, 2.0), **person)
    image = read_image(tmp_path / "ct")
    mask = np.zeros(image.shape, bool)
    mask[1:3, 2:6, 1:7] = True
    (series,) = find_series(tmp_path / "ct")
    masks = {"GTV": Volume(mask, image.affine)}
    write_rtstruct(tmp_path / "rs.dcm", masks, series.headers)
    write_pet(tmp_path / "pet", **person)
    for file in files:  # highdicom asks for what a SEG takes over
        data = pydicom.dcmread(file)
        for tag in ("PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"):
            setattr(data, tag, "")
        data.ReferringPhysicianName = data.Manufacturer = data.PositionReferenceIndicator = ""
        data.save_as(file)
    write_segmentation(tmp_path / "seg.dcm", masks, series.headers)
    for path in tmp_path.rglob("*.dcm"):
        if "big-endian" not in request.param or path.name != "seg.dcm":  # highdicom refuses it
            rewrite(path, request.param)
    return tmp_path


def write_pet(folder: Path, **person: object) -> None:
    dose = Dataset()
    dose.RadionuclideTotalDose, dose.RadionuclideHalfLife = 4e8, 6586.2
    dose.RadiopharmaceuticalStartTime = "090000"
    tags = {"Modality": "PT", "Units": "BQML", "DecayCorrection": "START", "SeriesDate": "20240102"}
    tags |= {"AcquisitionDate": "20240102", "SeriesTime": "100000", "AcquisitionTime": "100000"}
    tags |= {"SOPClassUID": uid.PositronEmissionTomographyImageStorage}
    for path in write_series(
        folder, STORED, positions(4, 2.0), RescaleIntercept=0, **tags, **person
    ):
        data = pydicom.dcmread(path)
        data.RadiopharmaceuticalInformationSequence = Sequence([dose])
        data.CorrectedImage = ["DECY", "ATTN"]
        data.save_as(path)


def test_every_reader_opens_every_form(study: Path) -> None:
    image = read_image(study / "ct")
    assert np.array_equal(image.array, STORED.astype(int) - 1024)
    assert (image.history, image.verdict) == ((), "good")
    expected = np.zeros(image.shape, bool)
    expected[1:3, 2:6, 1:7] = True
    for mask in ("rs.dcm", "seg.dcm"):
        assert np.array_equal(read_mask(study / mask, like=image).array, expected)
    suv = read_image(study / "pet", suv="bw")
    np.testing.assert_allclose(suv.array, STORED * 2.92127e-4, rtol=1e-5)


def test_every_form_is_listed_found_and_looked_at_for_names(study: Path) -> None:
    found = inspect(study)
    assert sorted((f.modality, f.verdict) for f in found) == [
        ("CT", "good"),
        ("PT", "good"),
        ("RTSTRUCT", "good"),
        ("SEG", "good"),
    ]
    assert find_cases(study).table.num_rows >= 2
    names = {"Hasenbein", "Otto", "MUELLER1955", "MUELLER", "Waldheim"}
    for path in (study / "ct", study / "rs.dcm", study / "seg.dcm", study / "pet" / "000.dcm"):
        here = identifiers(path)
        assert names - {"Waldheim"} <= here
    assert names <= identifiers(study)
    with zipfile.ZipFile(study / "ct.zip", "w") as archive:
        for path in (study / "ct").iterdir():
            archive.write(path, path.name)
    assert names <= identifiers(study / "ct.zip")
    assert read_image(study / "ct.zip").shape == STORED.shape


def test_names_are_found_in_other_alphabets_and_sequences(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, STORED[:1], positions(1, 1))
    data = pydicom.dcmread(path)
    data.SpecificCharacterSet = ["ISO 2022 IR 6", "ISO 2022 IR 87"]
    data.PatientName = "Yamada^Tarou=山田^太郎"
    data.Modality = "RTSTRUCT"
    observation, other = Dataset(), Dataset()
    observation.ROIInterpreter, other.PatientID = "Birnbaum^Eva", "HX998877"
    data.RTROIObservationsSequence, data.OtherPatientIDsSequence = [observation], [other]
    data.OperatorsName, data.ReviewerName = "Lee^A", "Meyer-Schmidt^B"
    data.save_as(path)
    wanted = {"Yamada", "山田", "太郎", "Birnbaum", "HX998877", "998877", "Lee", "Schmidt"}
    assert wanted <= identifiers(tmp_path)


def test_words_of_anatomy_and_short_numbers_name_nobody(tmp_path: Path) -> None:
    """Else the ROIs of LUNG1-001 would lose their names, and messages their numbers."""
    place = {"PatientID": "LUNG1-001", "InstitutionName": "University Brain Hospital, Aachen"}
    write_series(tmp_path, STORED[:1], positions(1, 1), **place, StudyID="1")
    found = identifiers(tmp_path)
    assert found >= {"LUNG1-001", "Aachen", "University Brain Hospital, Aachen"}
    assert not {"lung", "brain", "hospital", "001", "1"} & {text.lower() for text in found}


def test_a_file_cut_short_names_whom_it_named_before(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, STORED[:1], positions(1, 1), PatientName="Hasenbein^Otto")
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\x20\x00\x32\x00DS")])
    assert "Hasenbein" in identifiers(tmp_path)


@pytest.mark.parametrize("lost", [1, 40, 200])
def test_an_object_without_pixels_that_was_cut_short_is_refused(tmp_path: Path, lost: int) -> None:
    """Of a cut sequence pydicom gives the items before: contours would be lost without a word."""
    write_series(tmp_path / "ct", STORED, positions(4, 2.0))
    image = read_image(tmp_path / "ct")
    (series,) = find_series(tmp_path / "ct")
    mask = Volume(np.ones(image.shape, bool), image.affine)
    write_rtstruct(tmp_path / "rs.dcm", {"a": mask}, series.headers)
    content = (tmp_path / "rs.dcm").read_bytes()
    (tmp_path / "rs.dcm").write_bytes(content[:-lost])
    with pytest.raises(InputError, match="cut short"):
        read_dataset(tmp_path / "rs.dcm")
    with pytest.raises(InputError, match="cut short"):
        read_mask(tmp_path / "rs.dcm", like=image)
    found = {Path(f.path).name: f for f in inspect(tmp_path)}
    assert found["rs.dcm"].verdict == "refused"
    assert "cut short" in found["rs.dcm"].defects[0]


@pytest.mark.parametrize(
    "content", [b"", b"\x08\x00", b"PK\x03\x04 archive", b"\x02\x00\x00\x01xx  "]
)
def test_what_is_no_dicom_is_told_as_that(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="no DICOM file"):
        read_dataset(tmp_path / "x")
    assert identifiers(tmp_path) == set()
    assert inspect(tmp_path) == []


def test_nothing_opens_a_dicom_file_past_the_one_way() -> None:
    root = Path(radiomics.__file__).parent
    calls = re.compile(r"\b(dcmread|read_partial|segread|srread|hd\.imread)\(")
    users = {
        p.relative_to(root).as_posix() for p in root.rglob("*.py") if calls.search(p.read_text())
    }
    assert users == {"io/dicom/opening.py"}
