"""Mechanics of manifests: every problem that can be known is known before work, for every row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from radiomics.io.files.tables import Manifest
from radiomics.pipelines.batch.cohort import cohort_of
from radiomics.pipelines.batch.discovery import find_cases, write_manifest
from radiomics.pipelines.batch.manifest import read_manifest
from radiomics.types import InputError
from tests.cohorts import rows_of, write_cohort, write_rows
from tests.conftest import shared


def reasons(path: Path) -> list[str]:
    manifest = read_manifest(path)
    return [manifest.reasons[code] for code in manifest.codes]


def test_a_good_manifest_has_no_problem(tmp_path: Path) -> None:
    manifest = read_manifest(write_cohort(tmp_path, 3))
    assert manifest.problems() == []
    assert manifest.column("group").to_pylist() == ["C000", "C001", "C002"]
    assert manifest.column("label").to_pylist() == ["1", "1", "1"]
    assert manifest.column("target").type == pa.int64()
    assert manifest.column("code").to_pylist() == ["00", "01", "02"]  # no number: zeros would go
    assert [rows.tolist() for rows in cohort_of(manifest).images()] == [[0], [1], [2]]


def test_each_kind_of_problem_is_told_and_stops_no_other_row(tmp_path: Path) -> None:
    write_cohort(tmp_path, 8)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.nii.gz").mkdir()
    rows = rows_of(8)
    rows[1]["image"] = "nowhere.nii.gz"
    rows[2]["id"] = "C003"
    rows[4]["mask"] = ""
    rows[5]["image"] = "folder.nii.gz"
    rows[6]["mask"] = "empty"
    rows[7]["label"] = "tumour"
    path = write_rows(tmp_path / "m.csv", rows)
    assert reasons(path) == [
        "",
        "the image is not there",
        "the id is repeated with the same ROI",
        "the id is repeated with the same ROI",
        "the cell 'mask' is empty",
        "the image is a folder, its name is that of a file",
        "the mask is an empty folder",
        "the label is no whole number (names of ROIs stand in 'roi')",
    ]
    told = read_manifest(path).problems()
    assert told[0] == "2 row(s): the id is repeated with the same ROI: C003 (row 4), C003 (row 5)"
    assert not any("nowhere" in line for line in told)


def test_one_id_may_have_several_rois(tmp_path: Path) -> None:
    write_cohort(tmp_path, 1)
    rows = [rows_of(1)[0] | {"label": label} for label in (1, 2)]
    manifest = read_manifest(write_rows(tmp_path / "m.csv", rows))
    assert manifest.problems() == []
    assert [part.tolist() for part in cohort_of(manifest).images()] == [[0, 1]]


def test_rows_of_one_image_come_together(tmp_path: Path) -> None:
    write_cohort(tmp_path, 2)
    a, b = rows_of(2)
    rows = [a, b, a | {"label": 2}, b | {"label": 2}]
    manifest = read_manifest(write_rows(tmp_path / "m.csv", rows))
    assert [part.tolist() for part in cohort_of(manifest).images()] == [[0, 2], [1, 3]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    write_cohort(tmp_path, 1)
    rows = [rows_of(1)[0] | {"id": "Zoë", "site": "Köln"}]
    manifest = read_manifest(write_rows(tmp_path / "m.csv", rows, encoding))
    assert manifest.column("id").to_pylist() == ["Zoë"]
    assert manifest.column("site").to_pylist() == ["Köln"]
    assert bool(manifest.notes) == (encoding == "cp1252")


def test_rows_in_other_encodings_and_lengths(tmp_path: Path) -> None:
    write_cohort(tmp_path, 3)
    lines = (tmp_path / "manifest.csv").read_bytes().splitlines()
    lines[1] = lines[1].replace(b"south", "Köln".encode())
    lines[2] = lines[2].replace(b"north", "Köln".encode("cp1252"))
    lines[3] = lines[3].rpartition(b",")[0]
    path = tmp_path / "m.csv"
    path.write_bytes(b"\r\n".join(lines))
    manifest = read_manifest(path)
    assert manifest.column("site").to_pylist() == ["Köln", "Köln", "south"]
    assert manifest.notes == ["1 line(s) are no UTF-8 and were read as Windows-1252: 3"]
    assert manifest.reasons[manifest.codes[2]] == "the row has 6 cells, the header 7"


def test_semicolons_and_parquet_with_numbers(tmp_path: Path) -> None:
    write_cohort(tmp_path, 1)
    text = (tmp_path / "manifest.csv").read_text()
    (tmp_path / "s.csv").write_text(text.replace(",", ";"))
    assert read_manifest(tmp_path / "s.csv").problems() == []
    table = pa.table({"id": [7.0], "image": ["image0.nii.gz"], "mask": ["mask0.nii.gz"]})
    pq.write_table(table.append_column("label", pa.array([1])), tmp_path / "p.parquet")
    manifest = read_manifest(tmp_path / "p.parquet")
    assert manifest.problems() == []
    assert (manifest.column("id")[0].as_py(), manifest.column("label")[0].as_py()) == ("7", "1")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("m.csv", "id,image,mask\n", "0 rows"),
        ("m.csv", "", "an empty file"),
        ("m.csv", "id,image\na,b\n", "no mask; columns: id, image"),
        ("m.csv", "id,image,mask,mask\n", "twice: 'mask'"),
        ("m.xlsx", "x", "m.xlsx"),
        ("m.parquet", "x", "must be readable"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_manifest(tmp_path / name)


def test_many_rows_of_one_bad_path(tmp_path: Path) -> None:
    count = 20_000
    with (tmp_path / "m.csv").open("w") as stream:
        stream.write("id,image,mask\n")
        stream.writelines(f"{n},gone.nii,gone.nii\n" for n in range(count))
    (line,) = read_manifest(tmp_path / "m.csv").problems()
    assert line.startswith(f"{count} row(s): the image is not there: 0 (row 2)")


def test_a_folder_is_a_manifest(small_cohort: Manifest, tmp_path: Path) -> None:
    manifest = read_manifest(small_cohort.folder)
    masks = set(zip(small_cohort.rows["image"], small_cohort.rows["mask"], strict=True))
    found = zip(
        manifest.column("image").to_pylist(), manifest.column("mask").to_pylist(), strict=True
    )
    assert set(found) == masks
    assert not any("P0" in name for name in manifest.column("id").to_pylist())
    assert len(set(manifest.column("group").to_pylist())) == 12
    (tmp_path / "elsewhere").mkdir()
    written = tmp_path / "elsewhere" / "found.csv"
    write_manifest(manifest.usable_rows(), written, small_cohort.folder)
    again = read_manifest(written)
    assert (len(again), again.problems()) == (len(manifest), [])
    with pytest.raises(InputError, match="no mask on any"):
        read_manifest(tmp_path)


def test_the_sts_patients_are_found() -> None:
    manifest = read_manifest(shared("data", "sts", "dicom"))
    assert len(manifest) == 30
    assert len(set(manifest.column("group").to_pylist())) == 10
    pairs = zip(
        manifest.column("image").to_pylist(), manifest.column("mask").to_pylist(), strict=True
    )
    assert all(image.rpartition("/")[0] == mask.split("/mask")[0] for image, mask in pairs)


def test_lists_in_cells_are_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"id": ["a"], "image": ["a.nii"], "mask": ["b.nii"], "tags": [["x", "y"]]}
    pq.write_table(pa.table(columns), tmp_path / "m.parquet")
    with pytest.raises(InputError, match="lists or structures in tags"):
        read_manifest(tmp_path / "m.parquet")


@pytest.mark.parametrize(
    "rows",
    ['a,"i,k,x\nb,i,k,z\n', 'a,i,k,"x\nb,i,k,z\n', 'a,i,k,"x\nb,i,k,z"\n', 'a,i,k,"x\nb,i,k,"y"\n'],
)
def test_a_quote_that_is_not_closed_swallows_no_row(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"id,image,mask,note\n{rows}")
    with pytest.raises(InputError, match="opens in line 2 or before is not closed"):
        read_manifest(path)
    path.write_text('id,image,mask,note\na,i,k,"two\nlines, and more"\n')
    assert len(read_manifest(path).table) == 1


def test_folders_of_images_face_folders_of_labels(tmp_path: Path) -> None:
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (tmp_path / name).mkdir()
    images = ("a_0000", "a_0001", "b_0000", "case_2026")
    for name in images:
        (tmp_path / "imagesTr" / f"{name}.nii.gz").write_bytes(b"x")
    for name in ("a", "b", "case_2026"):
        (tmp_path / "labelsTr" / f"{name}.nii.gz").write_bytes(b"x")
    (tmp_path / "imagesTs" / "c_0000.nii.gz").write_bytes(b"x")  # nobody knows its mask
    cases = find_cases(tmp_path)
    found = [row for n, row in enumerate(cases.table.to_pylist()) if n not in cases.unusable]
    pairs = [(Path(row["image"]).name, Path(row["mask"]).name) for row in found]
    masks = ("a", "a", "b", "case_2026")
    assert pairs == [(f"{i}.nii.gz", f"{m}.nii.gz") for i, m in zip(images, masks, strict=True)]
    assert len({row["group"] for row in found}) == 3
    assert len({row["id"] for row in found}) == 4
    assert {row["roi"] for row in found} == {"*"}
    ((lone, (status, _)),) = cases.unusable.items()
    assert (cases.table.to_pylist()[lone]["image"], status) == ("imagesTs/c_0000.nii.gz", "no mask")
