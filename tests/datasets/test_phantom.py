"""Oracle: the cohort is what its docstring says. Mechanics: real DICOM, same seed, same bytes."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radiomics import InputError, read_image, read_mask
from radiomics.datasets import cohort, phantom
from radiomics.evaluation.metrics import roc_auc
from radiomics.io.files.tables import Manifest
from radiomics.pipelines.store import digest_file


def test_every_case_reads_with_its_mask_inside(small_cohort: Manifest) -> None:
    assert small_cohort.rows["group"].nunique() == 12
    assert len(small_cohort) > 12  # some patients have two lesions
    kinds = set()
    for case in small_cohort:
        assert case.mask is not None
        voxel = np.prod(case.image.spacing)
        assert 300 < case.mask.array.sum() * voxel < 40_000
        assert 0.6 <= case.image.spacing[1] <= 1.0
        assert 1.0 <= case.image.spacing[0] <= 3.0
        assert case.image.array[0, 0, 0] < -900
        kinds.add((case.covariates["site"], case.image.unit))
    assert kinds == {("north", "HU"), ("south", "HU"), ("west", "")}


def test_two_lesions_share_patient_outcome_and_image_but_no_voxel(small_cohort: Manifest) -> None:
    rows = small_cohort.rows
    pairs = rows[rows["group"].duplicated(keep=False)].groupby("group")
    assert pairs.ngroups >= 1
    for _, pair in pairs:
        assert pair["target"].nunique() == pair["image"].nunique() == 1
        one, two = (small_cohort.load(i).mask for i in pair.index)
        assert one is not None
        assert two is not None
        assert not (one.array & two.array).any()


def test_simpleitk_reads_the_same_series(small_cohort: Manifest) -> None:
    folder = next(small_cohort.folder.glob("P*/ct"))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    other, ours = reader.Execute(), read_image(folder)
    assert np.array_equal(sitk.GetArrayFromImage(other), ours.array)
    assert np.allclose(other.GetSpacing()[::-1], ours.spacing)
    assert np.allclose(other.GetOrigin(), ours.origin, atol=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        options = phantom.Options(patients=2, seed=seed, folder=tmp_path / name)
        made.append(phantom.open(options).folder)
    digests = [digest_file(folder) for folder in made]
    assert digests[0] == digests[1] != digests[2]


def test_a_patient_does_not_depend_on_how_many_there_are(
    small_cohort: Manifest, tmp_path: Path
) -> None:
    fewer = phantom.open(phantom.Options(patients=2, seed=3, folder=tmp_path))
    assert digest_file(fewer.folder / "P002") == digest_file(small_cohort.folder / "P002")


def test_an_interrupted_cohort_is_finished_not_trusted(tmp_path: Path) -> None:
    options = phantom.Options(patients=3, seed=5, folder=tmp_path)
    folder = phantom.open(options).folder
    before = digest_file(folder)
    (folder / "manifest.csv").unlink()
    left = folder / ".P002-killed"
    (folder / "P002").rename(left)
    next(left.rglob("*.*")).unlink()
    phantom.open(options)
    shutil.rmtree(left)  # it could be another process's, so it is left alone
    assert digest_file(folder) == before


def test_several_processes_make_one_cohort(tmp_path: Path) -> None:
    alone = phantom.open(phantom.Options(patients=3, seed=5, folder=tmp_path / "one")).folder
    options = phantom.Options(patients=3, seed=5, folder=tmp_path / "two")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        done = [pool.submit(phantom.open, options) for _ in range(2)]
        folders = {job.result().folder for job in done}
    (folder,) = folders
    assert digest_file(folder) == digest_file(alone)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_the_first_of_several_writers_stays(tmp_path: Path) -> None:
    def write(place: Path) -> None:
        place.mkdir()
        (place / "a").write_text("second")
        if not (tmp_path / "P001").exists():  # another process is done meanwhile
            (tmp_path / "P001").mkdir()
            (tmp_path / "P001" / "a").write_text("first")

    phantom.write_folder_whole(tmp_path / "P001", write)
    assert (tmp_path / "P001" / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["P001"]


def test_the_oracle_reaches_the_auc_that_the_docstring_states() -> None:
    """Draw the latent traits of many patients by the model and score them by the oracle."""
    rng = np.random.default_rng(0)
    d = np.array(list(phantom.TRAITS.values()))
    y = rng.integers(0, 2, 40_000)
    z = d * (y[:, None] - 0.5) + rng.normal(size=(40_000, 4))
    ones = np.ones((1, len(y)))
    assert roc_auc(y, z @ d, ones)[0] == pytest.approx(phantom.ORACLE_AUC, abs=0.005)
    assert roc_auc(y, z[:, 0], ones)[0] == pytest.approx(phantom.VOLUME_AUC, abs=0.008)
    assert pytest.approx(0.895, abs=5e-4) == phantom.ORACLE_AUC
    assert pytest.approx(0.638, abs=5e-4) == phantom.VOLUME_AUC


def test_traits_show_in_the_images(small_cohort: Manifest) -> None:
    truth = pd.read_csv(small_cohort.folder / "truth.csv").set_index("id")
    volumes, means = [], []
    for case in small_cohort:
        assert case.mask is not None
        volumes.append(case.mask.array.sum() * np.prod(case.image.spacing))
        means.append(case.image.array[case.mask.array].mean())
    ids = small_cohort.rows["id"]
    size, attenuation = truth["size"].loc[ids], truth["attenuation"].loc[ids]
    assert np.corrcoef(np.log(volumes), size)[0, 1] > 0.8
    assert np.corrcoef(means, attenuation)[0, 1] > 0.6


def test_a_cohort_of_ones_own(small_cohort: Manifest, tmp_path: Path) -> None:
    path = small_cohort.folder / "manifest.csv"
    again = cohort.open(cohort.Options(manifest=path))
    assert len(again) == len(small_cohort)
    case = again.load(0)
    image_path, mask_path = again.files(0)
    image = read_image(image_path)
    mask = read_mask(mask_path, like=image, roi=again.rows["roi"][0] or None)
    assert np.array_equal(case.mask.array, mask.array)  # type: ignore[union-attr]
    (tmp_path / "m.csv").write_text("id,mask\na,b\n")
    with pytest.raises(InputError, match="no image"):
        cohort.open(cohort.Options(manifest=tmp_path / "m.csv"))
