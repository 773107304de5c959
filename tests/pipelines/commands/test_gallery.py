"""Mechanics: pictures of what was read; verdicts and notes beside every value."""

from __future__ import annotations

import json
from pathlib import Path

import imageio.v3 as iio
import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from radiomics import InputError, Volume, read_image
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.commands.gallery import write_gallery
from radiomics.reporting.mosaic import chosen_slices, mosaic
from tests.pipelines.commands.test_cli import radiomics
from tests.radiomics.io.dicom.test_planes import write_plane
from tests.series import positions, write_series


@pytest.fixture
def patient(small_cohort: Manifest) -> Path:
    return next(path.parent for path in small_cohort.folder.glob("P*/ct"))


def coloured(path: Path) -> int:
    """Count the pixels of a picture that are strongly coloured: outlines, letters, legend."""
    rgb = iio.imread(path)[..., :3].astype(int)
    return int((rgb.max(axis=2) - rgb.min(axis=2) > 100).sum())


def test_inspect_draws_every_series_with_its_masks(patient: Path, tmp_path: Path) -> None:
    done = radiomics("inspect", patient, "--gallery", tmp_path / "g", "--index", tmp_path / "i.db")
    assert done.returncode == 0, done.stderr
    (with_masks,) = (tmp_path / "g").glob("*.png")
    assert write_gallery(patient / "ct", tmp_path / "bare") == []
    (bare,) = (tmp_path / "bare").glob("*.png")
    assert coloured(with_masks) > 2 * coloured(bare) > 0
    again = radiomics("inspect", patient, "--index", tmp_path / "i.db")
    assert again.stdout == radiomics("inspect", patient).stdout


def test_what_cannot_be_drawn_is_named(patient: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gap"
    write_series(folder, np.zeros((4, 8, 8), np.uint16), positions(5, 2.0)[[0, 1, 3, 4]])
    (folder / "rs.dcm").write_bytes((patient / "rtstruct.dcm").read_bytes())
    left = write_gallery(folder, tmp_path / "g")
    assert "1 missing slice(s)" in left[0]
    assert left[1].endswith("rs.dcm: lies on no series here")
    assert not list((tmp_path / "g").iterdir())


def test_what_reading_refuses_is_not_drawn(tmp_path: Path) -> None:
    """The last slice is cut in its header: without it the series would look whole."""
    paths = write_series(tmp_path / "ct", np.zeros((4, 8, 8), np.uint16), positions(4, 2.0))
    paths[3].write_bytes(paths[3].read_bytes()[:400])
    (left,) = write_gallery(tmp_path / "ct", tmp_path / "g")
    assert "cannot be read" in left
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "ct")
    assert not list((tmp_path / "g").iterdir())


def test_slices_cover_the_masks_with_some_room() -> None:
    inside = np.zeros((200, 4, 4), bool)
    inside[50:130] = True
    chosen = chosen_slices(200, [inside])
    assert (chosen[0], chosen[-1], len(chosen)) == (40, 139, 20)
    assert chosen_slices(7, []) == list(range(7))


def test_the_same_volume_gives_the_same_bytes() -> None:
    image = Volume(np.random.default_rng(0).normal(size=(3, 9, 7)), np.eye(4), "SUVbw")
    assert mosaic(image, {}, "title") == mosaic(image, {}, "title")


def test_no_letters_where_the_file_does_not_say_how_an_image_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mammogram, a picture and a NIfTI file without orientation: letters would be invented."""
    drawn: list[str] = []
    monkeypatch.setattr(
        "radiomics.reporting.mosaic.draw_letters", lambda *_: drawn.append(known.history[0])
    )
    Image.fromarray(np.eye(9, dtype=np.uint8)).save(tmp_path / "a.png")
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 3)), None), tmp_path / "a.nii")
    write_plane(tmp_path / "mg.dcm", "MG")
    for name in ("a.png", "a.nii", "mg.dcm"):
        known = read_image(tmp_path / name)
        assert not known.has_sides
        mosaic(known, {}, "title")
    assert drawn == []
    known = Volume(np.zeros((2, 3, 4)), np.eye(4), history=("placed",))
    mosaic(known, {}, "title")
    assert drawn == ["placed"] * 2


def test_the_verdict_and_its_notes_travel_with_the_features(patient: Path, tmp_path: Path) -> None:
    series = sorted((patient / "ct").iterdir())
    for path in series:
        data = pydicom.dcmread(path)
        data.ImageType = ["DERIVED", "SECONDARY"]
        (tmp_path / "ct").mkdir(exist_ok=True)
        data.save_as(tmp_path / "ct" / path.name)
    (tmp_path / "ct" / "copy.dcm").write_bytes((tmp_path / "ct" / series[3].name).read_bytes())
    words = ("extract", tmp_path / "ct", patient / "rtstruct.dcm", "--roi", "Lesion 1")
    done = radiomics(*words, "--repair", "duplicates", "--output", tmp_path / "x.json")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "x.provenance.json").read_text())
    assert record["image"]["verdict"] == "repairable"
    assert record["notes"][0] == "derived, not original, images"
    assert record["notes"][1].startswith("dropped duplicates: 1 duplicate slice(s)")
    assert "note: derived, not original, images" in done.stderr
