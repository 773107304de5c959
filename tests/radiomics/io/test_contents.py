"""Oracle: a CT reads beside whatever else lies in its folder, or its reader says why not.

Each scene is a folder with a CT of four slices and something beside it; the right answer stands
with it. ``inspect`` and ``read_image`` must agree on all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from radiomics import InputError, inspect, read_image
from tests.series import positions, write_series

STORED = np.random.default_rng(0).integers(0, 4000, (4, 8, 8)).astype(np.uint16)
CT = ("1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2")
SECONDARY, CLIP = uid.SecondaryCaptureImageStorage, uid.UltrasoundMultiFrameImageStorage


def write_ct(folder: Path, count: int = 4, **extra: object) -> list[Path]:
    tags = {"SeriesInstanceUID": CT[0], "FrameOfReferenceUID": CT[1], **extra}
    tags["SOPInstanceUID"] = [f"{CT[0]}.{number}" for number in range(count)]
    return write_series(folder, STORED[:count], positions(count, 2.0), **tags)


def write_object(path: Path, kind: str, modality: str, **tags: object) -> Path:
    """Write an object of another series, without pixels unless the tags bring some."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = kind
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    data.Modality, data.PatientID = modality, "test"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", uid.generate_uid()
    for keyword, value in tags.items():
        setattr(data, keyword, value)
    if "PixelData" in data:
        data["PixelData"].VR = "OB"
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def picture(frames: int = 1, colours: int = 1) -> dict[str, object]:
    """Return the tags of pixels without a place: 10 x 12, 8 bits."""
    tags: dict[str, object] = {
        "Rows": 10,
        "Columns": 12,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "SamplesPerPixel": colours,
        "PhotometricInterpretation": "MONOCHROME2" if colours == 1 else "RGB",
        "PixelData": bytes(10 * 12 * frames * colours),
    }
    tags |= {"NumberOfFrames": frames} if frames > 1 else {}
    return tags | ({"PlanarConfiguration": 0} if colours > 1 else {})


def in_pieces(path: Path, kept: float | int) -> None:
    """Cut a file: to a share of it, or by so many bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else len(content) - kept])


def before(path: Path, element: bytes) -> None:
    """Cut a file before an element."""
    content = path.read_bytes()
    path.write_bytes(content[: content.index(element)])


def compress(path: Path, syntax: str = uid.RLELossless) -> None:
    data = pydicom.dcmread(path)
    data.compress(syntax, generate_instance_uid=False)
    data.save_as(path)


def enhance(path: Path, groups: int, frames: int, **tags: object) -> None:
    """Write a multi-frame object of the CT's series with so many functional groups."""
    extra = {"PerFrameFunctionalGroupsSequence": Sequence([Dataset() for _ in range(groups)])}
    tags = {**picture(frames), **extra, "SeriesInstanceUID": CT[0], **tags}
    write_object(path, uid.CTImageStorage, "CT", **tags)


Write = Callable[[Path], object]


@dataclass(frozen=True)
class Scene:
    """What lies beside the CT, what its notes say ("" nothing), or why reading it is refused."""

    write: Write
    note: str = ""
    refused: str = ""
    undecided: bool = False


def directory(folder: Path) -> None:
    record = Dataset()
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", "IM1"
    records = Sequence([record])
    path = folder / "DICOMDIR"
    write_object(path, uid.MediaStorageDirectoryStorage, "", DirectoryRecordSequence=records)


def foreign_and_broken(folder: Path) -> None:
    """Write an MR of the same study, its header broken behind SeriesInstanceUID."""
    (path,) = write_series(folder / "tmp", STORED[:1], positions(1, 1), Modality="MR")
    content = path.read_bytes().replace(b"-40\\12.5\\3 ", b"-40\\12.5\\x ")
    path.unlink()
    path.parent.rmdir()
    (folder / "mr.dcm").write_bytes(content)


def without_uid(folder: Path, modality: str = "CT", name: str = "x.dcm") -> None:
    """Write a slice that was cut before its SeriesInstanceUID."""
    kind = uid.CTImageStorage if modality == "CT" else uid.MRImageStorage
    (path,) = write_series(
        folder / "tmp", STORED[:1], positions(1, 1), Modality=modality, SOPClassUID=kind
    )
    before(path, b"\x20\x00\x0e\x00UI")
    path.rename(folder / name)
    (folder / "tmp").rmdir()


SCENES = {
    "alone": Scene(lambda _: None),
    "dose report": Scene(
        lambda f: write_object(f / "sr.dcm", uid.XRayRadiationDoseSRStorage, "SR"),
        r"left out: 1 X-Ray Radiation Dose SR",
    ),
    "dose page": Scene(
        lambda f: write_object(f / "page.dcm", SECONDARY, "CT", **picture()),
        "left out: 1 Secondary Capture Image",
    ),
    "colour page": Scene(
        lambda f: write_object(f / "page.dcm", SECONDARY, "OT", **picture(colours=3)),
        "left out: 1 Secondary Capture Image",
    ),
    "page in the CT's own series": Scene(
        lambda f: write_object(
            f / "page.dcm", SECONDARY, "CT", **picture(), SeriesInstanceUID=CT[0]
        ),
        "left out: 1 Secondary Capture Image",
    ),
    "ultrasound clip": Scene(
        lambda f: write_object(f / "us.dcm", CLIP, "US", **picture(3, 3)),
        "left out: 1 Ultrasound Multi-frame Image",
    ),
    "secondary capture clip": Scene(
        lambda f: write_object(f / "sc.dcm", SECONDARY, "OT", **picture(3)),
        "left out: 1 Secondary Capture Image",
    ),
    "spectroscopy": Scene(
        lambda f: write_object(
            f / "mrs.dcm", uid.MRSpectroscopyStorage, "MR", Rows=1, Columns=1, DataPointRows=1
        ),
        "left out: 1 MR Spectroscopy",
    ),
    "documents": Scene(
        lambda f: [
            write_object(
                f / f"{n}.dcm", uid.EncapsulatedPDFStorage, "DOC", EncapsulatedDocument=b""
            )
            for n in ("a", "b")
        ],
        "left out: 2 Encapsulated PDF",
    ),
    "presentation state": Scene(
        lambda f: write_object(f / "ps", uid.GrayscaleSoftcopyPresentationStateStorage, "PR"),
        "left out: 1 Grayscale Softcopy Presentation State",
    ),
    "structure set": Scene(
        lambda f: write_object(
            f / "rs.dcm", uid.RTStructureSetStorage, "RTSTRUCT", StructureSetROISequence=[]
        ),
    ),
    "an object of an unknown class": Scene(
        lambda f: write_object(f / "x.dcm", "1.2.3.4.5", "XX"), "left out: 1 XX"
    ),
    "scout": Scene(
        lambda f: write_series(
            f / "scout", STORED[:1], positions(1, 1), ImageType="ORIGINAL\\PRIMARY\\LOCALIZER"
        ),
        r"left out: 1 CT Image \(scout\)",
    ),
    "DICOMDIR and thumbnails": Scene(
        lambda f: (
            directory(f),
            (f / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600)),
            (f / "._000.dcm").write_bytes(b"\x00\x05\x16\x07" + bytes(600)),
            (f / "README").write_text("of the disc"),
        ),
    ),
    "a broken file of another series": Scene(
        foreign_and_broken, r"left out: 1 file\(s\) that cannot be read \(mr.dcm: ValueError"
    ),
    "an MR cut before its series": Scene(
        lambda f: without_uid(f, "MR"), r"left out: 1 file\(s\) that cannot be read \(x.dcm"
    ),
    "a broken file in another folder": Scene(
        lambda f: [(f / "b").mkdir(), without_uid(f, "CT", "b/x.dcm")],
        r"left out: 1 file\(s\) that cannot be read \(x.dcm",
    ),
    "a broken copy of a slice": Scene(
        lambda f: (f / "copy.dcm").write_bytes((f / "001.dcm").read_bytes()[:-20]),
        r"left out: 1 file\(s\) that cannot be read \(copy.dcm: .*the file ends 20 bytes early",
    ),
    "a copy of a slice, broken in its header": Scene(
        lambda f: (f / "copy.dcm").write_bytes((f / "001.dcm").read_bytes()[:-200]),
        r"left out: 1 file\(s\) that cannot be read \(copy.dcm: the file ends early",
    ),
    "a CT cut before its series": Scene(
        without_uid, refused=r"1 file\(s\) that cannot be read and may be slices of it: x.dcm"
    ),
    "an empty file": Scene(
        lambda f: (f / "004.dcm").write_bytes(b""), refused=r"004.dcm: .* and is empty"
    ),
    "a file of zeros": Scene(
        lambda f: (f / "IM0004").write_bytes(bytes(700)), refused="IM0004: .* and holds zeros"
    ),
    "a page in place of a download": Scene(
        lambda f: (f / "004.dcm").write_text("<html>404</html>"),
        refused="004.dcm: a file that is named like DICOM and is none",
    ),
    "the last slice, cut in its pixels": Scene(
        lambda f: in_pieces(f / "003.dcm", 20), refused="003.dcm: .*ends 20 bytes early"
    ),
    "the last slice, cut before its pixels": Scene(
        lambda f: before(f / "003.dcm", b"\xe0\x7f\x10\x00"), refused="003.dcm: no pixels"
    ),
    "the last slice, cut between elements": Scene(
        lambda f: before(f / "003.dcm", b"\x28\x00\x52\x10"), refused="003.dcm: no pixels"
    ),
    "the last slice, cut between Rows and Columns": Scene(
        lambda f: before(f / "003.dcm", b"\x28\x00\x11\x00"), refused="003.dcm: an image without"
    ),
    "the last slice, cut within an element": Scene(
        lambda f: before(f / "003.dcm", b"12.5\\9"), refused="003.dcm: .*ends early"
    ),
    "the last slice, with fewer pixels than its matrix": Scene(
        lambda f: _shorten(f / "003.dcm"), refused="003.dcm: .*64 of 128 bytes"
    ),
    "the last slice, with a broken position": Scene(
        lambda f: (f / "003.dcm").write_bytes(
            (f / "003.dcm").read_bytes().replace(b"-40\\12.5\\9", b"-40\\x2.5\\9")
        ),
        refused="003.dcm: ValueError",
    ),
    "a slice with more pixels than its matrix": Scene(
        lambda f: _lengthen(f / "003.dcm"), "more frames than .* 1 file.* 003.dcm"
    ),
    "frames of its series without their places": Scene(
        lambda f: enhance(f / "e.dcm", 2, 3), refused=r"e.dcm: 3 frames but 2 per-frame"
    ),
    "compressed slices": Scene(
        lambda f: [compress(path) for path in sorted(f.glob("*.dcm"))], undecided=True
    ),
    "compressed slices, one cut": Scene(
        lambda f: [
            [compress(path) for path in sorted(f.glob("*.dcm"))],
            in_pieces(f / "003.dcm", 30),
        ],
        refused=r"003.dcm: .*ends \d+ bytes early",
    ),
    "compressed slices, one of noise": Scene(
        lambda f: [
            [compress(path, uid.JPEGLSLossless) for path in sorted(f.glob("*.dcm"))],
            _spoil(f / "003.dcm"),
        ],
        refused="003.dcm: every slice needs readable pixels",
        undecided=True,
    ),
}


def _shorten(path: Path) -> None:
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData[:64]
    data.save_as(path)


def _lengthen(path: Path) -> None:
    data = pydicom.dcmread(path)
    data.PixelData = data.PixelData * 2
    data.save_as(path)


def _spoil(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\xff\xd8\xff\xf7", b"\xff\xd8\xff\x00"))


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Scene]:
    folder, found = tmp_path / "study", SCENES[request.param]
    write_ct(folder)
    found.write(folder)
    return folder, found


@pytest.mark.parametrize("series", [None, CT[0]])
def test_a_series_reads_beside_what_is_not_of_it(
    scene: tuple[Path, Scene], series: str | None
) -> None:
    folder, right = scene
    if right.refused:
        with pytest.raises(InputError, match=right.refused):
            read_image(folder, series=series)
        return
    image = read_image(folder, series=series)
    assert np.array_equal(image.array, STORED.astype(int) - 1024)
    assert image.verdict == "good"
    notes = " | ".join(image.history)
    assert re.search(right.note, notes) if right.note else notes == ""


def outcome_of(folder: str, series: str) -> tuple[str, str]:
    """Return good, repairable or refused, and what was found, of reading."""
    try:
        return read_image(folder, series=series).verdict, ""
    except InputError as error:
        words = f"{error.found} | {Path(error.where).name}: {error.rule}: {error.found}"
        return ("repairable" if "--repair" in error.remedy else "refused"), words


def test_inspect_and_reading_agree(scene: tuple[Path, Scene]) -> None:
    folder, right = scene
    for pixels in (False, True):
        found = inspect(folder, pixels=pixels)
        images = [f for f in found if f.kind == "image"]
        verdicts = {f.verdict for f in images if f.name.startswith(CT[0])}
        assert ("undecided" in verdicts) == (right.undecided and not pixels)
        for finding in images:
            verdict, words = outcome_of(finding.path, finding.name)
            if finding.verdict != "undecided":
                assert verdict == finding.verdict, finding
                assert verdict == "good" or any(one in words for one in finding.defects)
    broken = {Path(f.path).name for f in found if f.kind == "file"}
    if "cannot be read" in right.note + right.refused:
        assert broken


def test_files_that_may_be_slices_are_left_out_only_on_request(tmp_path: Path) -> None:
    write_ct(tmp_path)
    (tmp_path / "004.dcm").write_bytes(b"")
    with pytest.raises(InputError, match="--repair"):
        read_image(tmp_path)
    image = read_image(tmp_path, repair="unreadable")
    assert np.array_equal(image.array, STORED.astype(int) - 1024)
    assert image.verdict == "repairable"
    assert any("read without 1 file(s)" in note and "004.dcm" in note for note in image.history)
    with pytest.raises(InputError, match="may be slices"):
        read_image(tmp_path, repair="missing,tilt")


def test_a_slice_known_to_be_lost_is_not_left_out_on_request(tmp_path: Path) -> None:
    paths = write_ct(tmp_path)
    in_pieces(paths[3], 20)
    with pytest.raises(InputError, match="1 file\\(s\\) of it that cannot be read"):
        read_image(tmp_path, repair="all")


def test_many_broken_files_are_counted_and_the_first_named(tmp_path: Path) -> None:
    write_ct(tmp_path / "ct")
    for number in range(40):
        (tmp_path / f"{number:02d}.dcm").write_bytes(b"")
    (note,) = read_image(tmp_path).history
    assert "40 file(s)" in note
    assert "35 more" in note
    assert "39.dcm" not in note
    assert len(note) < 600


def test_two_volumes_beside_a_page_have_to_be_chosen_from(tmp_path: Path) -> None:
    write_ct(tmp_path / "a")
    write_series(tmp_path / "b", STORED, positions(4, 2.0))
    write_object(tmp_path / "page.dcm", SECONDARY, "OT", **picture())
    with pytest.raises(InputError, match="exactly one image series"):
        read_image(tmp_path)
    assert read_image(tmp_path, series=CT[0]).history == ("left out: 1 Secondary Capture Image",)


def test_a_defective_volume_is_never_passed_over_for_a_sound_one(tmp_path: Path) -> None:
    write_ct(tmp_path / "a")
    where = np.delete(positions(5, 2.0), 2, axis=0)
    write_series(tmp_path / "b", STORED, where)
    with pytest.raises(InputError, match="2 series"):
        read_image(tmp_path)


def test_an_image_without_places_alone_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = write_object(tmp_path / "us.dcm", CLIP, "US", **picture(3, 3))
    series = pydicom.dcmread(path).SeriesInstanceUID
    for choice in (None, series):
        with pytest.raises(InputError, match="a clip of 3 frames, not one image"):
            read_image(tmp_path, series=choice)
    (found,) = inspect(tmp_path)
    assert (found.kind, found.name, found.verdict) == ("image", series, "refused")


def test_objects_without_pixels_are_listed_as_what_they_are(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tags = {"SeriesDescription": "dose", "SeriesInstanceUID": "1.2.3"}
        write_object(tmp_path / name, uid.XRayRadiationDoseSRStorage, "SR", **tags)
    (found,) = inspect(tmp_path)
    assert (found.kind, found.name, found.modality) == ("object", "1.2.3", "SR")
    assert (found.verdict, found.description) == ("no image", "dose")
    assert found.defects == ("X-Ray Radiation Dose SR (2 files): no image and no mask",)
    with pytest.raises(InputError, match="no image, but X-Ray Radiation Dose SR"):
        read_image(tmp_path)


@pytest.mark.parametrize("cut", [20, 200])
def test_a_file_cut_short_alone_says_so(tmp_path: Path, cut: int) -> None:
    (path, *_) = write_ct(tmp_path)
    in_pieces(path, cut)
    with pytest.raises(InputError, match="cut short"):
        read_image(path)


def test_a_cut_segmentation_is_no_good_mask(tmp_path: Path) -> None:
    tags = {**picture(), "SegmentSequence": Sequence([Dataset()])}
    path = write_object(tmp_path / "seg.dcm", uid.SegmentationStorage, "SEG", **tags)
    in_pieces(path, 30)
    (found,) = inspect(tmp_path)
    assert found.verdict == "refused"
    assert "ends 30 bytes early" in found.defects[0]


def test_inspect_and_reading_agree_on_one_file_of_many(tmp_path: Path) -> None:
    where = np.delete(positions(5, 2.0), 2, axis=0)
    path, *_ = write_series(tmp_path, STORED, where, SliceThickness=2.0)
    (alone,), (together,) = inspect(path), inspect(tmp_path)
    assert (alone.path, alone.verdict) == (str(path), "good")
    assert (together.path, together.verdict) == (str(tmp_path), "repairable")
    assert read_image(alone.path, series=alone.name).shape == (1, 8, 8)


def halves(root: Path) -> tuple[Path, Path]:
    """Spread the CT over two folders, two slices each."""
    paths = write_ct(root / "a")
    (root / "b").mkdir()
    for path in paths[2:]:
        path.rename(root / "b" / path.name)
    return root / "a", root / "b"


def test_a_series_in_two_folders_is_shown_with_both_and_read_from_above(tmp_path: Path) -> None:
    halves(tmp_path)
    (found,) = inspect(tmp_path)
    assert (found.path, found.shape, found.verdict) == (str(tmp_path), (4, 8, 8), "good")
    assert found.defects == ("its files lie in 2 folders: a (2), b (2)",)
    image = read_image(found.path, series=found.name)
    assert image.history == found.defects
    assert np.array_equal(image.array, STORED.astype(int) - 1024)


def test_reading_one_of_two_folders_says_that_there_is_another(tmp_path: Path) -> None:
    text = "1 folder(s) beside the one that was read hold files of this series, too"
    for folder in halves(tmp_path):
        image = read_image(folder)
        assert image.shape == (2, 8, 8)
        assert image.history == (text,)
        assert inspect(folder)[0].defects == (text,)


def test_copies_and_links_of_a_folder_are_no_other_part(tmp_path: Path) -> None:
    paths = write_ct(tmp_path / "a")
    (tmp_path / "copy").mkdir()
    for path in paths:
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "link").symlink_to(tmp_path / "a")
    write_series(tmp_path / "other", STORED, positions(4, 2.0))
    assert read_image(tmp_path / "a").history == ()


def test_of_thousands_of_folders_only_the_nearest_are_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radiomics.io.dicom import scanning

    for number in range(60):
        (tmp_path / f"{number:02d}").mkdir()
        (tmp_path / f"{number:02d}" / "x").write_text("x")
    read: list[Path] = []
    original = scanning.read_header
    monkeypatch.setattr(scanning, "read_header", lambda p: read.append(p) or original(p))
    scanning.files_beside(tmp_path / "30")
    assert len(read) == 2 * scanning.NEIGHBOURS


def test_an_index_keeps_what_sizes_tell(tmp_path: Path) -> None:
    paths = write_ct(tmp_path / "ct")
    compress(paths[1])
    in_pieces(paths[3], 20)
    index = tmp_path / "index.sqlite"
    first = inspect(tmp_path / "ct", index=index)
    assert inspect(tmp_path / "ct", index=index) == first
    assert "003.dcm" in first[0].defects[0]


def test_the_terminal_says_what_is_undecided_and_pixels_decide(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from radiomics.pipelines.commands.app import app

    for path in write_ct(tmp_path):
        compress(path)
    run = CliRunner().invoke(app, ["inspect", str(tmp_path), "--quiet"])
    assert run.exit_code == 0
    assert "undecided" in run.stdout
    assert "1 series undecided: --pixels" in run.output
    run = CliRunner().invoke(app, ["inspect", str(tmp_path), "--quiet", "--pixels"])
    assert "undecided" not in run.output
    assert "good" in run.stdout
