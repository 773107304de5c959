"""Mechanics of several settings in one run: each has its own values and reasons, in any order."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from radiomics.pipelines.batch.chain import collect_only
from radiomics.pipelines.batch.records import Records
from radiomics.pipelines.batch.request import Request
from radiomics.types import InputError
from tests.cohorts import (
    rows_of,
    run_inline,
    settle,
    table_of,
    write_case,
    write_cohort,
    write_rows,
)

Patch = pytest.MonkeyPatch
STRICT = "families: [intensity]\nresegment: {range: [5000, 6000]}\n"
"""Settings that refuse every case: no voxel is left."""


@pytest.fixture(autouse=True)
def times(monkeypatch: Patch) -> None:
    """Believe the times of files: a test changes them faster than a coarse clock ticks."""
    monkeypatch.setattr("radiomics.pipelines.batch.case_files.COARSEST_NS", 0)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    manifest = write_cohort(tmp_path / "in", 3)
    (tmp_path / "in" / "strict.yaml").write_text(STRICT)
    settings = tuple(str(tmp_path / "in" / f"{name}.yaml") for name in ("quick", "strict"))
    return Request(manifest, tmp_path / "out", settings, quiet=True)


def both(request: Request) -> list[list[str]]:
    names = ("features_quick.parquet", "features_strict.parquet")
    return [table_of(request.output, name)["status"].tolist() for name in names]


def bytes_of(request: Request) -> list[bytes]:
    return [path.read_bytes() for path in sorted(request.output.glob("features*.parquet"))]


def failures(request: Request) -> int:
    records = Records(request.output / "records.sqlite", write=False)
    return records.counts()[1]


def test_a_row_that_cannot_be_read_fails_under_all_settings(
    request_: Request, monkeypatch: Patch
) -> None:
    rows = rows_of(3)
    rows[1]["label"] = 7
    write_rows(request_.manifest, rows)
    other = request_.manifest.parent / "other.yaml"
    other.write_text("families: [intensity]\n")
    request = replace(request_, settings=(request_.settings[0], str(other)))
    outcome, _, _ = run_inline(monkeypatch, request)
    assert (outcome.done, outcome.failed) == (2, 1)
    for path in outcome.written:
        table = table_of(request.output, path.name)
        assert table["status"].tolist() == ["done", "failed", "done"]
        assert "label 7 must occur" in table["reason"][1]
    assert failures(request) == 2


def test_one_settings_failure_is_not_the_others_however_often_it_runs(
    request_: Request, monkeypatch: Patch
) -> None:
    outcome, _, _ = run_inline(monkeypatch, request_)
    assert (outcome.done, outcome.failed) == (0, 3)
    assert both(request_) == [["done"] * 3, ["failed"] * 3]
    before = bytes_of(request_)
    for _ in range(2):  # only the missing settings are wanted then
        run_inline(monkeypatch, request_)
        assert bytes_of(request_) == before


def test_settings_that_are_added_fail_by_themselves(request_: Request, monkeypatch: Patch) -> None:
    first, second = request_.settings
    run_inline(monkeypatch, replace(request_, settings=(first,)))
    alone = table_of(request_.output)
    run_inline(monkeypatch, request_)
    assert both(request_) == [["done"] * 3, ["failed"] * 3]
    assert table_of(request_.output, "features_quick.parquet").equals(alone)
    # the table of the earlier run would be of nobody knows what
    names = sorted(path.name for path in request_.output.glob("features*"))
    assert names == ["features_quick.parquet", "features_strict.parquet"]
    Path(second).write_text("families: [intensity]\n")
    outcome, _, _ = run_inline(monkeypatch, request_)
    assert (outcome.done, outcome.failed) == (3, 0)
    assert both(request_) == [["done"] * 3, ["done"] * 3]
    assert failures(request_) == 0


def test_a_reason_goes_when_its_settings_have_a_value_though_others_fail(
    request_: Request, monkeypatch: Patch
) -> None:
    first = request_.settings[0]
    Path(first).write_text(STRICT)
    run_inline(monkeypatch, request_)
    assert both(request_) == [["failed"] * 3, ["failed"] * 3]
    Path(first).write_text("families: [intensity]\n")
    run_inline(monkeypatch, request_)
    assert both(request_) == [["done"] * 3, ["failed"] * 3]


def test_collecting_shows_no_values_of_other_files(request_: Request, monkeypatch: Patch) -> None:
    request = replace(request_, settings=request_.settings[:1])
    run_inline(monkeypatch, request)
    rows = rows_of(3)
    rows[0]["image"], rows[1]["image"] = rows[1]["image"], rows[0]["image"]
    write_rows(request.manifest, rows)
    folder = request.manifest.parent
    write_case(folder, 7)
    (folder / "mask7.nii.gz").replace(folder / "mask2.nii.gz")  # corrected, under the same name
    settle(folder / "mask2.nii.gz")
    collect_only(request, lambda _: None)
    table = table_of(request.output)
    assert table["status"].tolist() == ["waiting"] * 3
    assert table["reason"].str.contains("run the batch").all()
    assert table.filter(like="original_").isna().all(axis=None)
    run_inline(monkeypatch, request)
    assert table_of(request.output)["status"].tolist() == ["done"] * 3


def test_a_store_with_names_is_not_taken_for_one_without(
    request_: Request, monkeypatch: Patch
) -> None:
    request = replace(request_, settings=request_.settings[:1])
    run_inline(monkeypatch, replace(request, keep_identifiers=True))
    with pytest.raises(InputError, match="records of a batch with --keep-identifiers"):
        run_inline(monkeypatch, request)
    outcome, _, _ = run_inline(monkeypatch, replace(request, keep_identifiers=True))
    assert outcome.done == 3


def test_a_disk_that_is_full_at_the_start_is_told(request_: Request, monkeypatch: Patch) -> None:
    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Records, "layout", full)
        with pytest.raises(InputError, match="make room"):
            run_inline(patch, request_)
    outcome, _, _ = run_inline(monkeypatch, replace(request_, settings=request_.settings[:1]))
    assert outcome.done == 3


def test_a_kind_of_suv_that_there_is_not_is_refused_at_once(
    request_: Request, monkeypatch: Patch
) -> None:
    with pytest.raises(InputError, match="lbm_james"):
        run_inline(monkeypatch, replace(request_, reading=(("suv", "foo"),)))
    assert not request_.output.exists()
