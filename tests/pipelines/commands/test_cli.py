"""Mechanics: the commands as a user types them; a wrong request is one message, exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import radiomics as radiomics_package
from radiomics import Volume, extract, read_image, read_mask, write_volume
from radiomics.io.files.tables import Manifest, read_table
from radiomics.pipelines.commands import shadows
from tests.conftest import shared
from tests.segs import write_seg
from tests.series import positions, write_series


def radiomics(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from radiomics.pipelines.commands.app import main; main()",
        *map(str, words),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture
def patient(small_cohort: Manifest) -> Path:
    return next(path.parent for path in small_cohort.folder.glob("P*/ct"))


def test_help_names_every_command() -> None:
    done = radiomics("--help")
    assert done.returncode == 0
    for command in ("inspect", "extract", "batch", "study", "demo", "features", "doctor"):
        assert command in done.stdout


def test_extract_to_standard_output_and_to_files(patient: Path, tmp_path: Path) -> None:
    words = ("extract", patient / "ct", patient / "rtstruct.dcm", "--roi", "Lesion 1")
    done = radiomics(*words, "--settings", "ibsi_c")
    assert done.returncode == 0, done.stderr
    header, values = (line.split(",") for line in done.stdout.splitlines())
    image = read_image(patient / "ct")
    mask = read_mask(patient / "rtstruct.dcm", like=image, roi="Lesion 1")
    expected = extract(image, mask, "ibsi_c")
    assert header == ["id", "roi", *expected]
    assert [float(v) for v in values[2:]] == list(expected.values())
    for suffix in ("json", "csv", "parquet"):
        path = tmp_path / f"out.{suffix}"
        assert radiomics(*words, "--settings", "ibsi_c", "--output", path).returncode == 0
        row = (
            json.loads(path.read_text())[0]
            if suffix == "json"
            else read_table(path).iloc[0].to_dict()
        )
        assert row["roi"] == "Lesion 1"
        assert row["original_morphology_volume"] == expected["original_morphology_volume"]
    record = json.loads((tmp_path / "out.provenance.json").read_text())
    assert record["settings"]["resample"]["spacing"] == [2, 2, 2]
    assert record["masks"]["Lesion 1"]["voxels"]["mask"] == int(mask.array.sum())
    assert [len(digest) for digest in record["inputs_sha256"]["image"]] == [64]


def test_features_and_inspect_write_tables(small_cohort: Manifest, tmp_path: Path) -> None:
    assert radiomics("features", "--output", tmp_path / "f.csv").returncode == 0
    table = pd.read_csv(tmp_path / "f.csv")
    assert list(table.columns) == ["name", "family", "ibsi_code", "unit"]
    assert len(table) == 174
    done = radiomics("inspect", small_cohort.folder)
    assert done.returncode == 0
    assert "Lesion 1" in done.stdout
    assert "good" in done.stdout
    radiomics("inspect", small_cohort.folder, "--output", tmp_path / "i.json")
    found = json.loads((tmp_path / "i.json").read_text())
    assert {row["kind"] for row in found} == {"image", "mask", "file"}


def test_doctor_is_content_here() -> None:
    done = radiomics("doctor")
    assert done.returncode == 0, done.stdout
    assert "all is well" in done.stdout
    assert "cpu" in done.stdout


def test_a_study_from_the_command_line(small_cohort: Manifest, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        f"data: {{name: cohort, manifest: {small_cohort.folder / 'manifest.csv'}}}\n"
        "evaluation: {resamples: 100}\n"
    )
    done = radiomics(
        "study", "s.yaml", "evaluation.folds=2", "models.0.C=1", "--output", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "ROC AUC" in done.stdout
    assert "features: " in done.stderr
    assert (tmp_path / "out" / "report.html").exists()
    quiet = radiomics(
        "study",
        "s.yaml",
        "evaluation.folds=2",
        "models.0.C=1",
        "--output",
        "out",
        "-q",
        cwd=tmp_path,
    )
    assert quiet.stderr == ""


def test_a_failed_case_ends_with_exit_code_1(small_cohort: Manifest, tmp_path: Path) -> None:
    rows = pd.read_csv(small_cohort.folder / "manifest.csv")
    rows.loc[rows.index[rows["image"].str.endswith("ct")][0], "roi"] = "Lesion 9"
    path = small_cohort.folder / "one-bad.csv"
    rows.to_csv(path, index=False)
    (tmp_path / "s.yaml").write_text(f"data: {{name: cohort, manifest: {path}}}\n")
    done = radiomics("study", "s.yaml", "evaluation.folds=2", "models.0.C=1", cwd=tmp_path)
    path.unlink()
    assert done.returncode == 1
    assert "ROI named 'Lesion 9'" in done.stderr


def bad_image(kind: str, folder: Path) -> Path:
    """Write a small series with the defect that the kind names."""
    stored, where = np.zeros((4, 6, 6), np.uint16), positions(6, 2)
    image = folder / "ct"
    order = {"missing slice": [0, 1, 2, 5], "duplicate": [0, 1, 1, 3]}.get(kind, [0, 1, 2, 3])
    if kind in ("empty folder", "no images"):
        image.mkdir()
        if kind == "no images":
            (image / "notes.txt").write_text("x")
    elif kind == "two series":
        write_series(image / "a", stored, where)
        write_series(image / "b", stored, where)
    else:
        drift = 0.5 if kind == "tilt" else 0.0
        write_series(image, stored, where[order] + np.outer(range(4), [0, drift, 0]))
    return image


def bad_input(kind: str, folder: Path) -> tuple[object, ...]:
    """Lay out one of the ways in which a request goes wrong; return the command's words."""
    image, mask, config = bad_image(kind, folder), folder / "mask.nii.gz", folder / "s.yaml"
    grid = np.array([[0, 0, 0.6, 0], [0, 0.8, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]])
    grid[:3, 3] = positions(1, 2)[0] + (500 if kind == "elsewhere" else 0)
    inside = np.zeros((4, 6, 6), bool)
    inside[1:3, 2:4, 2:4] = kind != "empty mask"
    write_volume(Volume(inside, grid), mask)
    (folder / "m.csv").write_text("id,image\na,b\n")
    config.write_text(
        {
            "misspelt key": "resampel: {}\n",
            "misspelt study key": "data: {name: phantom}\nevaluaton: {folds: 3}\n",
        }.get(kind, "data: {name: cohort, manifest: m.csv}\n")
    )
    extract = ("extract", image, mask, "--settings")
    special: dict[str, tuple[object, ...]] = {
        "misspelt key": (*extract, config),
        "misspelt study key": ("study", config, "--output", folder / "out"),
        "missing column": ("study", config, "--output", folder / "out"),
        "no such path": ("inspect", folder / "nowhere"),
        "wrong suffix": (*extract, "default", "--output", folder / "out.ods"),
    }
    return special.get(kind, (*extract, "ibsi_phantom"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("empty folder", "an empty folder"),
        ("no images", "no DICOM file with pixels"),
        ("two series", "2 series"),
        ("missing slice", "2 missing slice(s)"),
        ("duplicate", "1 duplicate slice(s)"),
        ("tilt", "gantry tilt of 14.04 degrees"),
        ("empty mask", "at least one voxel inside"),
        ("elsewhere", "must lie within the image"),
        ("misspelt key", "Did you mean 'resample'?"),
        ("misspelt study key", "Did you mean 'evaluation'?"),
        ("missing column", "no mask; columns: id, image"),
        ("no such path", "nothing there"),
        ("wrong suffix", ".csv, .json, .parquet, .xlsx"),
    ],
)
def test_bad_input_is_one_clear_message(kind: str, words: str, tmp_path: Path) -> None:
    done = radiomics(*bad_input(kind, tmp_path))
    assert done.returncode == 2, done.stdout
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(("roi", "words"), [("Lesion 7", "'Lesion 1'"), (None, "")])
def test_rois_and_frames_of_reference(
    roi: str | None, words: str, patient: Path, small_cohort: Manifest
) -> None:
    if roi is not None:
        done = radiomics("extract", patient / "ct", patient / "rtstruct.dcm", "--roi", roi)
    else:
        others = [p.parent for p in small_cohort.folder.glob("P*/ct") if p.parent != patient]
        words = "share one frame of reference"
        done = radiomics("extract", patient / "ct", others[0] / "rtstruct.dcm", "--roi", "Lesion 1")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_another_owner_of_our_names_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shadows.find_shadows() == []

    class Rival:
        version = "3.1.0"

        def locate_file(self, name: str) -> Path:
            return Path(radiomics_package.__file__).resolve().parent.parent / name

    def distribution(name: str) -> Rival:
        if name != "pyradiomics":
            raise shadows.PackageNotFoundError(name)
        return Rival()

    monkeypatch.setattr(shadows, "distribution", distribution)
    (problem,) = shadows.find_shadows()
    assert problem.startswith("pyradiomics 3.1.0 also installs the import name 'radiomics'")
    assert "pip uninstall --yes pyradiomics radiomics-pipelines" in problem


def test_the_ibsi_phantom_through_the_command_line(tmp_path: Path) -> None:
    folder = shared("reference", "ibsi", "ibsi1", "ct_phantom")
    words = ("extract", folder / "dicom", folder / "rtstruct.dcm", "--roi", "GTV-1")
    done = radiomics(*words, "--settings", "ibsi_c", "--output", tmp_path / "c.json")
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "c.json").read_text())[0]
    assert f"{row['original_intensity_mean']:.2e}" == "-4.90e+01"
    assert row["original_morphology_volume"] == pytest.approx(367_000, abs=6000)


def test_a_repair_is_done_on_request_and_noted(tmp_path: Path) -> None:
    where = positions(7, 2.0)
    stored = np.random.default_rng(0).integers(900, 1100, (6, 9, 9)).astype(np.uint16)
    write_series(tmp_path / "ct", stored, np.delete(where, 3, axis=0))
    image = read_image(tmp_path / "ct", repair="missing")
    inside = np.zeros(image.shape, bool)
    inside[2:6, 2:7, 2:7] = True
    write_volume(Volume(inside, image.affine), tmp_path / "m.nrrd")
    words = ("extract", tmp_path / "ct", tmp_path / "m.nrrd", "--settings", "default")
    assert "or allow a repair" in radiomics(*words).stderr
    done = radiomics(*words, "--repair", "missing", "--output", tmp_path / "o.json")
    assert done.returncode == 0, done.stderr
    assert "note: interpolated slices: 1 missing slice(s)" in done.stderr
    record = json.loads((tmp_path / "o.provenance.json").read_text())
    assert "interpolated slices" in record["notes"][0]
    quiet = radiomics(*words, "--repair", "all", "--quiet")
    assert quiet.stderr == ""


def test_all_rois_in_one_call(small_cohort: Manifest) -> None:
    rows = small_cohort.rows
    pairs = rows[rows["group"].duplicated(keep=False) & rows["image"].str.endswith("ct")]
    folder = small_cohort.folder / pairs["group"].iloc[0]
    done = radiomics("extract", folder / "ct", folder / "rtstruct.dcm", "--roi", "Lesion *")
    assert done.returncode == 0, done.stderr
    lines = [line.split(",") for line in done.stdout.splitlines()]
    assert [line[1] for line in lines] == ["roi", "Lesion 1", "Lesion 2"]
    assert lines[1][2] != lines[2][2]


def test_a_mask_that_cannot_be_read_is_named_beside_the_others(
    patient: Path, tmp_path: Path
) -> None:
    image = read_image(patient / "ct")
    inside = np.zeros(image.shape, bool)
    inside[1:4, 2:9, 2:9] = True
    masks = {1: inside, 2: np.zeros_like(inside)}
    write_seg(tmp_path / "seg.dcm", masks, image.affine, frame=image.frame)
    words = ("extract", patient / "ct", tmp_path / "seg.dcm", "--roi", "*")
    done = radiomics(*words, "--output", tmp_path / "o.csv")
    assert done.returncode == 0, done.stderr
    assert "note: left out 's2': a mask needs at least one voxel" in done.stderr
    record = json.loads((tmp_path / "o.provenance.json").read_text())
    assert list(record["masks"]) == ["s1"]
    assert list(record["left_out"]) == ["s2"]
    gone = radiomics(*words[:3], "--segment", "s2")
    assert gone.returncode == 2
    assert "segment 's2' has no frames" in gone.stderr


def test_what_was_computed_on_can_be_had(patient: Path, tmp_path: Path) -> None:
    words = ("extract", patient / "ct", patient / "rtstruct.dcm", "--roi", "Lesion 1")
    words = (*words, "--settings", "ibsi_c", "--save-preprocessed", tmp_path / "p")
    done = radiomics(*words)
    assert done.returncode == 0, done.stderr
    image = read_image(tmp_path / "p" / "ct_Lesion_1_image.nii.gz")
    mask = read_mask(tmp_path / "p" / "ct_Lesion_1_intensity_mask.nii.gz", like=image)
    assert image.spacing == pytest.approx((2, 2, 2))
    header, values = (line.split(",") for line in done.stdout.splitlines())
    mean = float(values[header.index("original_intensity_mean")])
    assert image.array[mask.array].mean() == pytest.approx(mean)
    original = read_image(patient / "ct")
    inside = read_mask(patient / "rtstruct.dcm", like=original, roi="Lesion 1")
    centres = [
        (v.affine @ [*np.argwhere(m.array).mean(axis=0), 1])[:3]
        for v, m in ((image, mask), (original, inside))
    ]
    assert np.linalg.norm(centres[0] - centres[1]) < 0.5
