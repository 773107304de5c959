"""Mechanics of the summary page: failures by reason, sites, distributions, cases that stand out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.batch import session
from pipelines.batch.checks import checked_of
from pipelines.batch.manifest import read_cohort
from pipelines.batch.session import Request
from pipelines.batch.summary import _family, _robust, write_summary
from pipelines.batch.tasks import Source
from radiomics import Volume, read_image, write_volume
from radiomics.reporting.distributions import distributions
from tests.cohorts import AFFINE, Inline, rows_of, write_cohort, write_rows


def test_the_page_tells_what_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_cohort(tmp_path / "in", 14)
    path = manifest.parent / "image4.nii.gz"
    write_volume(Volume(read_image(path).array * 9, AFFINE), path)
    rows = rows_of(14)
    for number in (1, 2, 3):
        rows[number]["label"] = 6 + number
    rows[5]["mask"] = "gone.nii.gz"
    write_rows(manifest, rows)
    monkeypatch.setattr(session, "make_pool", lambda _: Inline())
    settings = (str(manifest.parent / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, quiet=True)
    outcome = session.batch(request, lambda _: None)
    assert outcome.written[-1].name == "summary.html"
    page = outcome.written[-1].read_text()
    assert page.count("<svg") == 2
    assert 'src="data:image/png;base64' in page
    for text in ("the mask is not there", "label 7 must occur", "C004", "north", "Provenance"):
        assert text in page
    assert "<script" not in page
    again = tmp_path / "again"
    again.mkdir()
    (again / "provenance.json").write_bytes((tmp_path / "out" / "provenance.json").read_bytes())
    source = Source("", "", request.reading)
    write_summary([("quick", outcome.written[0])], checked_of(read_cohort(manifest)), source, again)
    assert (again / "summary.html").read_text() == page


def test_a_page_without_any_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    write_rows(manifest, [rows_of(1)[0] | {"mask": "gone"}])
    monkeypatch.setattr(session, "make_pool", lambda _: Inline())
    settings = (str(manifest.parent / "quick.yaml"),)
    outcome = session.batch(Request(manifest, tmp_path / "out", settings, quiet=True), print)
    assert outcome.failed == 1
    assert "the mask is not there" in outcome.written[-1].read_text()


@pytest.mark.parametrize(
    ("column", "family"),
    [
        ("original_histogram_intensity_histogram_mean", "original_histogram"),
        ("log_2mm_local_intensity_peak", "log_2mm_local_intensity"),
        ("wavelet_coif1_hhh_glcm_contrast__2d_merged", "wavelet_coif1_hhh_glcm"),
    ],
)
def test_families_of_columns(column: str, family: str) -> None:
    assert _family(column) == family


def test_deviations_are_robust_and_gaps_do_not_stand_out() -> None:
    values = np.array([[1.0, 5, np.nan], [2, 5, np.nan], [3, 5, np.nan], [100, 5, np.nan]])
    far = _robust(values)
    assert far[3, 0] == pytest.approx((100 - 2.5) / (1.4826 * 1.0))
    assert np.nan_to_num(far[:, 1:]).max() == 0


def test_distributions_draw_gaps_and_constants() -> None:
    values = {"a": np.array([[1.0, np.nan], [1.0, np.nan]]), "b": np.empty((0, 2))}
    assert distributions(["constant", "gap"], values).startswith("<svg")
