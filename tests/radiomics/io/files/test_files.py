"""Oracle: round trips keep every voxel and the geometry. Mechanics: bad files are told in words."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radiomics import InputError, Volume, inspect, read_image, read_mask, write_volume
from radiomics.io import file_parts
from radiomics.io.files.images_2d import read_image2d
from radiomics.io.files.tables import read_manifest, read_table
from radiomics.preprocessing.axes import flip, inverse_order, permute
from tests.series import OBLIQUE, positions, write_series


@pytest.fixture
def oblique(tmp_path: Path) -> Volume:
    stored = np.random.default_rng(0).integers(0, 3000, (4, 5, 7)).astype(np.uint16)
    write_series(tmp_path / "ct", stored, positions(4, 2.5, OBLIQUE), OBLIQUE)
    return read_image(tmp_path / "ct")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_writing_keeps_voxels_and_geometry(oblique: Volume, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    write_volume(oblique, path)
    again = read_image(path)
    assert np.array_equal(again.array, oblique.array)
    scale = np.abs(oblique.affine).max()
    assert np.abs(again.affine - oblique.affine).max() / scale < 1e-6
    assert not list(tmp_path.glob(".*part*"))


def test_simpleitk_finds_the_same_point_in_a_written_file(oblique: Volume, tmp_path: Path) -> None:
    write_volume(oblique, tmp_path / "image.nrrd")
    image = sitk.ReadImage(str(tmp_path / "image.nrrd"))
    d, h, w = 3, 1, 6
    point = image.TransformIndexToPhysicalPoint((w, h, d))
    assert np.allclose(point, (oblique.affine @ [d, h, w, 1])[:3], atol=1e-6)
    assert image[w, h, d] == oblique.array[d, h, w]


def test_a_truncated_file_is_noticed(
    oblique: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk ITK's NIfTI writer writes less and says nothing; here it is cut by hand."""
    write = sitk.WriteImage

    def cut(image: sitk.Image, path: str, **options: bool) -> None:
        write(image, path, **options)
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: len(content) // 2])

    monkeypatch.setattr(sitk, "WriteImage", cut)
    for name in ("a.nii", "a.nii.gz"):
        with pytest.raises(InputError, match="must be written whole"):
            write_volume(oblique, tmp_path / name)
    assert not list(tmp_path.glob("*a.nii*"))


def test_masks_come_back_as_bool_and_by_label(oblique: Volume, tmp_path: Path) -> None:
    labels = np.zeros(oblique.shape, np.uint8)
    labels[1, 2, 3], labels[2] = 1, 4
    write_volume(Volume(labels, oblique.affine), tmp_path / "labels.nii.gz")
    with pytest.raises(InputError, match=r"2 values besides 0: \[1, 4\]"):
        read_mask(tmp_path / "labels.nii.gz", like=oblique)
    mask = read_mask(tmp_path / "labels.nii.gz", like=oblique, label=4)
    assert mask.array.dtype == np.bool_
    assert mask.array.sum() == 35
    with pytest.raises(InputError, match="label 3 must occur"):
        read_mask(tmp_path / "labels.nii.gz", like=oblique, label=3)
    write_volume(mask, tmp_path / "mask.mha")
    assert np.array_equal(read_mask(tmp_path / "mask.mha", like=oblique).array, mask.array)


def test_a_mask_of_another_grid_shows_both_grids(oblique: Volume, tmp_path: Path) -> None:
    write_volume(Volume(np.ones((4, 5, 7), bool), np.eye(4)), tmp_path / "mask.nii")
    with pytest.raises(InputError) as error:
        read_mask(tmp_path / "mask.nii", like=oblique)
    assert "image: shape (4, 5, 7)" in str(error.value)
    assert "mask:  shape (4, 5, 7)" in str(error.value)


def test_what_cannot_be_written_or_read_is_told(oblique: Volume, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="suffix chooses the format"):
        write_volume(oblique, tmp_path / "image.png")
    sheared = oblique.affine.copy()
    sheared[:3, 0] += sheared[:3, 1]
    with pytest.raises(InputError, match="orthogonal"):
        write_volume(Volume(oblique.array, sheared), tmp_path / "image.nii")
    (tmp_path / "broken.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputError, match="must be readable"):
        read_image(tmp_path / "broken.nii.gz")
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), str(tmp_path / "rgb.nrrd"))
    with pytest.raises(InputError, match="3 values a voxel"):
        read_image(tmp_path / "rgb.nrrd")


@pytest.mark.parametrize("order", ["DHW", "DWH", "HDW", "HWD", "WDH", "WHD"])
def test_axes_there_and_back_give_the_same_bytes(oblique: Volume, order: str) -> None:
    there = permute(oblique, order)
    back = permute(there, inverse_order(order))
    assert back.array.tobytes() == oblique.array.tobytes()
    assert back.affine.tobytes() == oblique.affine.tobytes()
    index = (1, 2, 3)
    moved = tuple(index["DHW".index(letter)] for letter in order)
    assert there.array[moved] == oblique.array[index]
    assert np.allclose(there.affine @ [*moved, 1], oblique.affine @ [*index, 1])


@pytest.mark.parametrize("axis", "DHW")
def test_flips_move_no_voxel_in_the_patient(oblique: Volume, axis: str) -> None:
    turned = flip(oblique, axis)
    k = "DHW".index(axis)
    moved = [1, 2, 3]
    moved[k] = oblique.shape[k] - 1 - moved[k]
    assert turned.array[tuple(moved)] == oblique.array[1, 2, 3]
    assert np.allclose(turned.affine @ [*moved, 1], oblique.affine @ [1, 2, 3, 1])


def test_an_axis_order_must_be_a_permutation(oblique: Volume) -> None:
    with pytest.raises(ValueError, match="permutation"):
        permute(oblique, "DDW")


def test_2d_images_come_channels_first(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    iio.imwrite(tmp_path / "c.png", colour)
    iio.imwrite(tmp_path / "g.png", colour[:, :, 0])
    assert np.array_equal(read_image2d(tmp_path / "c.png"), colour.transpose(2, 0, 1))
    assert read_image2d(tmp_path / "g.png").shape == (1, 5, 7)
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"no\.png"):
        read_image2d(tmp_path / "no.png")


def test_tables_by_suffix_and_columns(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b"], "age": [3.5, 4]})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert read_table(tmp_path / name).to_dict() == table.to_dict()
    with pytest.raises(InputError, match="no mask; columns: id, age"):
        read_table(tmp_path / "t.csv", ("id", "mask"))
    with pytest.raises(InputError, match="suffix"):
        read_table(tmp_path / "t.xyz")
    with pytest.raises(InputError, match="readable"):
        read_table(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,image\na,x\n", "no mask"),
        ("id,image,mask\n", "0 rows"),
        ("id,image,mask\na,x,y\n", "2 missing"),
        ("id,image,mask,group\na,t.csv,t.csv,\n", "value in 'group'"),
        ("id,image,mask,label\na,t.csv,t.csv,x\n", "labels are whole numbers"),
        ("id,image,mask\na,x,\n", "row 2 is empty"),
        ("id,image,mask\na,t.csv,t.csv\na,t.csv,t.csv\n", "repeated: a"),
        ("id,image,mask\n001,1,2\n", "2 missing, such as .*/1, "),
    ],
)
def test_a_manifest_tells_its_problems_first(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_manifest(tmp_path / "t.csv")


def test_inspect_reports_images_masks_and_defects(oblique: Volume, tmp_path: Path) -> None:
    write_volume(oblique, tmp_path / "copy.nii.gz")
    (tmp_path / "bad.nrrd").write_bytes(b"x")
    stored = np.zeros((5, 3, 3), np.uint16)
    where = positions(6, 2.0)
    write_series(tmp_path / "gap", stored, np.delete(where, 2, axis=0))
    found = {Path(f.path).name: f for f in inspect(tmp_path)}
    assert found["ct"].verdict == "good"
    assert found["ct"].shape == (4, 5, 7)
    assert found["ct"].spacing == pytest.approx((2.5, 0.8, 0.6))
    assert found["gap"].verdict == "repairable"
    assert "1 missing slice" in found["gap"].defects[0]
    assert found["copy.nii.gz"].kind == "file"
    assert found["bad.nrrd"].verdict == "refused"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_not_a_number_stays_one(tmp_path: Path, suffix: str, dtype: type) -> None:
    """ITK's NIfTI reader turns NaN and infinities into 0 and says nothing."""
    array = np.arange(24, dtype=dtype).reshape(2, 3, 4)
    array[1, 2, 3], array[0, 0, 1] = np.nan, np.inf
    write_volume(Volume(array, np.eye(4)), tmp_path / f"a{suffix}")
    assert np.array_equal(read_image(tmp_path / f"a{suffix}").array, array, equal_nan=True)


def test_half_precision_and_new_folders_are_written(tmp_path: Path) -> None:
    array = np.ones((2, 3, 4), np.float16)
    write_volume(Volume(array, np.eye(4)), tmp_path / "new" / "a.nii")
    assert read_image(tmp_path / "new" / "a.nii").array.dtype == np.float32


def test_names_stay_text_in_a_manifest(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).write_text("x")
    (tmp_path / "m.csv").write_text("id,image,mask,group,roi\n001,1,2,NA,1\n002,1,2,7,\n")
    rows = read_manifest(tmp_path / "m.csv").rows
    assert rows["id"].tolist() == ["001", "002"]
    assert rows["group"].tolist() == ["NA", "7"]
    assert rows["roi"].tolist() == ["1", ""]
    pd.DataFrame(
        {"id": [1, 2], "image": ["1", "1"], "mask": ["2", "2"], "roi": [3.0, None]}
    ).to_parquet(tmp_path / "m.parquet")
    assert read_manifest(tmp_path / "m.parquet").rows["roi"].tolist() == ["3", ""]


def test_a_header_with_a_data_file_counts_as_both(oblique: Volume, tmp_path: Path) -> None:
    for name in ("a.mhd", "b.nhdr", "c.nrrd"):
        write_volume(oblique, tmp_path / name)
    assert [p.name for p in file_parts(tmp_path / "a.mhd")] == ["a.mhd", "a.zraw"]
    assert [p.name for p in file_parts(tmp_path / "b.nhdr")] == ["b.nhdr", "b.raw.gz"]
    assert file_parts(tmp_path / "c.nrrd") == [tmp_path / "c.nrrd"]


def test_a_choice_that_the_file_cannot_make_is_refused(oblique: Volume, tmp_path: Path) -> None:
    write_volume(Volume(np.ones(oblique.shape, bool), oblique.affine), tmp_path / "m.nrrd")
    with pytest.raises(InputError, match="takes no roi"):
        read_mask(tmp_path / "m.nrrd", like=oblique, roi="GTV")
    with pytest.raises(InputError, match="Modality 'CT'"):
        read_mask(tmp_path / "ct" / "000.dcm", like=oblique, label=3)
