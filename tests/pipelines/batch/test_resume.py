"""Mechanics of resuming: found again by content; what changed is computed, and only that."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from radiomics import Volume, read_image, write_volume
from radiomics.pipelines.batch.chain import collect_only
from radiomics.pipelines.batch.planning import AT_A_TIME
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.request import Request
from radiomics.types import InputError
from tests.cohorts import (
    AFFINE,
    QUICK,
    Inline,
    rows_of,
    run_inline,
    settle,
    table_of,
    write_cohort,
    write_rows,
)
from tests.segs import write_seg

Patch = pytest.MonkeyPatch


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    manifest = write_cohort(tmp_path / "in", 4)
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    return Request(manifest, tmp_path / "out", settings, quiet=True)


@pytest.fixture(autouse=True)
def times(monkeypatch: Patch) -> None:
    """Believe the times of files: a test changes them faster than a coarse clock ticks."""
    monkeypatch.setattr("radiomics.pipelines.batch.case_files.COARSEST_NS", 0)


def bytes_of(request: Request) -> bytes:
    return (request.output / "features.parquet").read_bytes()


def test_a_second_run_computes_and_hashes_nothing(request_: Request, monkeypatch: Patch) -> None:
    outcome, pool, _ = run_inline(monkeypatch, request_)
    assert (outcome.done, outcome.failed) == (4, 0)
    assert len(pool.computed()) == 4
    before = bytes_of(request_)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.tasks == []
    assert bytes_of(request_) == before


def test_values_are_those_of_extract(request_: Request, monkeypatch: Patch) -> None:
    from radiomics import extract, read_mask

    run_inline(monkeypatch, request_)
    row = table_of(request_.output).iloc[2]
    image = read_image(request_.manifest.parent / "image2.nii.gz")
    mask = read_mask(request_.manifest.parent / "mask2.nii.gz", like=image, label=1)
    with pytest.warns(UserWarning, match="without a unit"):
        expected = extract(image, mask, request_.settings[0])
    assert list(row.index[-len(expected) :]) == list(expected)
    assert [row[name] for name in expected] == list(expected.values())


def test_a_corrected_mask_is_computed_anew(request_: Request, monkeypatch: Patch) -> None:
    run_inline(monkeypatch, request_)
    before = table_of(request_.output)
    path = request_.manifest.parent / "mask1.nii.gz"
    mask = np.array(read_image(path).array)
    mask[2, 2, 2] = 0
    write_volume(Volume(mask, AFFINE), path)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert [row for row, _ in pool.computed()] == [1]
    after = table_of(request_.output)
    same = (before == after) | (before.isna() & after.isna())
    assert same.all(axis=1).tolist() == [True, False, True, True]


def test_a_touched_file_is_hashed_not_computed(request_: Request, monkeypatch: Patch) -> None:
    run_inline(monkeypatch, request_)
    settle(request_.manifest.parent / "mask1.nii.gz")
    os.utime(request_.manifest.parent / "image2.nii.gz")
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.computed() == []
    assert sorted(row.number for task in pool.tasks for row in task.rows) == [1, 2]
    _, pool, _ = run_inline(monkeypatch, Request(**{**vars(request_), "rehash": True}))
    assert pool.computed() == []
    assert sorted(row.number for task in pool.tasks for row in task.rows) == [0, 1, 2, 3]


def test_a_file_of_this_moment_is_hashed_again(request_: Request, monkeypatch: Patch) -> None:
    """A change in the same tick of a coarse clock could not be seen."""
    monkeypatch.setattr("radiomics.pipelines.batch.case_files.COARSEST_NS", 3600 * 10**9)
    run_inline(monkeypatch, request_)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.computed() == []
    assert len(pool.tasks) == 4


def test_one_familys_options_recompute_that_family(request_: Request, monkeypatch: Patch) -> None:
    run_inline(monkeypatch, request_)
    changed = QUICK.replace("bin_width: 25", "bin_width: 10")
    Path(request_.settings[0]).write_text(changed)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert {families for _, families in pool.computed()} == {("histogram",)}
    fresh = Request(**{**vars(request_), "output": request_.output.with_name("fresh")})
    run_inline(monkeypatch, fresh)
    assert bytes_of(request_) == bytes_of(fresh)
    Path(request_.settings[0]).write_text("families: [intensity]\n")
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.computed() == []  # known from other settings
    assert table_of(request_.output)["original_intensity_mean"].notna().all()


def test_a_renamed_row_and_a_renamed_file_are_known(request_: Request, monkeypatch: Patch) -> None:
    run_inline(monkeypatch, request_)
    folder = request_.manifest.parent
    (folder / "image3.nii.gz").rename(folder / "scan.nii.gz")
    rows = rows_of(4)
    rows[0]["id"] = "new"
    rows[3]["image"] = "scan.nii.gz"
    write_rows(request_.manifest, rows)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.computed() == []
    assert table_of(request_.output)["status"].tolist() == ["done"] * 4


def test_several_settings_read_an_image_once(request_: Request, monkeypatch: Patch) -> None:
    other = request_.manifest.parent / "other.yaml"
    other.write_text("families: [intensity]\nresample: {spacing: [2, 2, 2]}\n")
    both = Request(**{**vars(request_), "settings": (*request_.settings, str(other))})
    outcome, pool, _ = run_inline(monkeypatch, both)
    assert [path.name for path in outcome.written] == [
        "features_quick.parquet",
        "features_other.parquet",
    ]
    assert len(pool.tasks) == 8  # of each of 4 cases: look, compute
    assert table_of(both.output, "features_other.parquet")["status"].eq("done").all()


def test_failures_stand_in_the_table_and_are_tried_again(
    request_: Request, monkeypatch: Patch
) -> None:
    rows = rows_of(4)
    rows[1]["label"] = 7
    rows[2]["image"] = "gone.nii.gz"
    write_rows(request_.manifest, rows)
    outcome, _, said = run_inline(monkeypatch, request_)
    assert (outcome.done, outcome.failed) == (2, 2)
    table = table_of(request_.output)
    assert table["status"].tolist() == ["done", "failed", "failed", "done"]
    assert "label 7 must occur" in table["reason"][1]
    assert table["reason"][2] == "the image is not there"
    assert said == ["1 row(s): the image is not there: C002 (row 4)"]
    assert table.filter(like="original_").isna().all(axis=1).tolist() == [0, 1, 1, 0]
    _, pool, _ = run_inline(monkeypatch, request_)
    assert [row for row, _ in pool.computed()] == [1]
    write_rows(request_.manifest, rows_of(4))
    outcome, _, _ = run_inline(monkeypatch, request_)
    assert (outcome.done, outcome.failed) == (4, 0)
    assert table_of(request_.output)["reason"].eq("").all()
    records = Records(request_.output / "records.sqlite", write=False)
    assert records.counts()[1] == 0


def test_all_rois_of_a_pattern_are_rows(tmp_path: Path, monkeypatch: Patch) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    write_rows(manifest, [rows_of(1)[0] | {"label": "", "roi": "*"}])
    settings = (str(tmp_path / "in" / "quick.yaml"),)
    run_inline(monkeypatch, Request(manifest, tmp_path / "out", settings, quiet=True))
    table = table_of(tmp_path / "out")
    assert table["roi"].tolist() == ["1", "2"]
    assert table["id"].tolist() == ["C000", "C000"]


def test_a_mask_that_cannot_be_read_has_a_line_and_the_others_values(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    image = read_image(tmp_path / "in" / rows_of(1)[0]["image"])
    inside = np.zeros(image.shape, bool)
    inside[1:4, 2:6, 2:6] = True
    masks = {1: inside, 2: np.zeros_like(inside), 3: np.roll(inside, 1, axis=1)}
    write_seg(tmp_path / "in" / "seg.dcm", masks, image.affine)
    write_rows(manifest, [rows_of(1)[0] | {"label": "", "roi": "*", "mask": "seg.dcm"}])
    request = Request(manifest, tmp_path / "out", (str(tmp_path / "in" / "quick.yaml"),))
    outcome, _, _ = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed) == (1, 0)
    table = table_of(tmp_path / "out")
    assert table["roi"].tolist() == ["s1", "s3", "s2"]
    assert table["status"].tolist() == ["done", "done", "failed"]
    assert "segment 's2' has no frames" in table["reason"][2]
    before = bytes_of(request)
    _, pool, _ = run_inline(monkeypatch, request)
    assert pool.tasks == []
    assert bytes_of(request) == before


def test_a_file_that_changes_while_it_is_read_fails(request_: Request, monkeypatch: Patch) -> None:
    class Meddler(Inline):
        def do(self, task: object) -> object:  # type: ignore[override]
            event = super().do(task)  # type: ignore[arg-type]
            os.utime(request_.manifest.parent / "mask0.nii.gz")
            return event

    outcome, _, _ = run_inline(monkeypatch, request_, Meddler())
    assert outcome.failed == 1
    assert "a change between hashing and reading" in table_of(request_.output)["reason"][0]


def test_collecting_on_demand_tells_what_waits(request_: Request, monkeypatch: Patch) -> None:
    run_inline(monkeypatch, request_)
    whole = bytes_of(request_)
    write_rows(request_.manifest, [*rows_of(4), rows_of(1)[0] | {"id": "later"}])
    collect_only(request_, lambda _: None)
    assert table_of(request_.output)["status"].tolist() == ["done"] * 4 + ["waiting"]
    write_rows(request_.manifest, rows_of(4))
    for file in request_.manifest.parent.glob("*.nii.gz"):
        file.unlink()  # what is in the store needs no images
    collect_only(request_, lambda _: None)
    assert bytes_of(request_) == whole


def test_an_output_of_something_else_is_refused(request_: Request, monkeypatch: Patch) -> None:
    request_.output.mkdir()
    (request_.output / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="1 other file"):
        run_inline(monkeypatch, request_)
    (request_.output / "thesis.txt").unlink()
    run_inline(monkeypatch, request_)
    write_rows(request_.manifest, [row | {"id": f"other{row['id']}"} for row in rows_of(4)])
    with pytest.raises(InputError, match="none of this manifest's among them"):
        run_inline(monkeypatch, request_)
    outcome, _, _ = run_inline(monkeypatch, Request(**{**vars(request_), "force": True}))
    assert outcome.done == 4


def test_a_damaged_store_is_told(request_: Request, monkeypatch: Patch) -> None:
    request_.output.mkdir()
    (request_.output / "records.sqlite").write_bytes(b"not a store, and long enough" * 99)
    with pytest.raises(InputError, match="store that a batch wrote"):
        run_inline(monkeypatch, request_)


def test_more_rows_than_are_looked_at_in_one_go(request_: Request, monkeypatch: Patch) -> None:
    rows = [rows_of(1)[0] | {"id": f"R{n}"} for n in range(AT_A_TIME + 50)]
    write_rows(request_.manifest, rows)
    outcome, pool, _ = run_inline(monkeypatch, request_)
    assert outcome.done == len(rows)
    _, pool, _ = run_inline(monkeypatch, request_)
    assert pool.tasks == []
