"""Mechanics of PyRadiomics' command line: one case, a batch, and what cannot be used."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

from radiomics.compat.featureextractor import RadiomicsFeatureExtractor
from tests.oracles.pyradiomics import images


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    image, mask = images("synthetic", Path())
    sitk.WriteImage(image, str(folder / "image.nrrd"))
    sitk.WriteImage(mask, str(folder / "mask.nrrd"))
    (folder / "params.yaml").write_text(
        "featureClass: {firstorder: , glcm: [Contrast]}\nsetting: {binWidth: 20}\n"
    )
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from radiomics.pipelines.commands.pyradiomics import main; main()",
    ]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, cwd=folder
    )


def test_one_case_to_a_row(folder: Path) -> None:
    done = run(folder, "image.nrrd", "mask.nrrd", "--param", "params.yaml", "-o", "one.csv")
    assert done.returncode == 0, done.stderr
    with (folder / "one.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    extractor = RadiomicsFeatureExtractor(folder / "params.yaml")
    expected = extractor.execute(str(folder / "image.nrrd"), str(folder / "mask.nrrd"))
    assert list(row)[:2] == ["Image", "Mask"]
    assert list(row)[2:] == list(expected)
    assert float(row["original_glcm_Contrast"]) == float(expected["original_glcm_Contrast"])
    text = run(folder, "image.nrrd", "mask.nrrd", "-p", "params.yaml", "-s", "binWidth:40").stdout
    assert "Case-1_original_firstorder_Mean: " in text


def test_a_batch_keeps_columns_and_goes_on_after_a_failure(folder: Path) -> None:
    (folder / "batch.csv").write_text(
        "ID,Image,Mask,Label\na,image.nrrd,mask.nrrd,1\nb,image.nrrd,none.nrrd,1\n"
        "c,image.nrrd,mask.nrrd,7\nd,image.nrrd,mask.nrrd,\n"
    )
    found = []
    for jobs in ("1", "2"):
        name = f"batch-{jobs}.csv"
        done = run(folder, "batch.csv", "-p", "params.yaml", "-o", name, "-j", jobs)
        assert done.returncode == 1
        assert "case 2" in done.stderr
        assert "Label (7) not present" in done.stderr
        assert "Traceback" not in done.stderr
        found.append((folder / name).read_text())
    assert found[0] == found[1]
    rows = list(csv.DictReader(found[0].splitlines()))
    assert [row["ID"] for row in rows] == ["a", "b", "c", "d"]
    assert rows[0]["original_firstorder_Mean"] == rows[3]["original_firstorder_Mean"] != ""
    assert rows[1]["original_firstorder_Mean"] == ""
    out = run(folder, "batch.csv", "-p", "params.yaml", "-f", "json").stdout
    assert len(json.loads(out)) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("image.nrrd", "mask.nrrd", "-s", "binwidth:3"), "Did you mean 'binWidth'"),
        (("image.nrrd", "mask.nrrd", "-s", "binWidth"), "NAME:VALUE"),
        (("image.nrrd", "mask.nrrd", "-p", "none.yaml"), "does not exist"),
        (("params.yaml",), "Image and Mask are needed"),
        (("none.csv",), "not readable"),
        (("image.nrrd", "mask.nrrd", "-f", "xml"), "csv, json, txt"),
    ],
)
def test_wrong_requests_are_told(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
