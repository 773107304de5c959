"""Mechanics of the summary page: failures by reason, sites, distributions, cases that stand out."""

from __future__ import annotations

import errno
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from pyarrow.parquet import read_table

from radiomics import Volume, read_image, write_volume
from radiomics.pipelines.batch import chain, summary, summary_process
from radiomics.pipelines.batch.cohort import cohort_of
from radiomics.pipelines.batch.manifest import read_manifest
from radiomics.pipelines.batch.request import Request
from radiomics.pipelines.batch.summary import _family, _robust_deviations, write_summary
from radiomics.pipelines.batch.summary_process import SMALL, SummaryProcess
from radiomics.pipelines.batch.tasks import Source
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
    monkeypatch.setattr(chain, "make_pool", lambda _: Inline())
    settings = (str(manifest.parent / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, quiet=True)
    outcome = chain.run_batch(request, lambda _: None)
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
    write_summary(
        [("quick", outcome.written[0])], cohort_of(read_manifest(manifest)), source, again
    )
    assert (again / "summary.html").read_text() == page


def test_modalities_are_not_pooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fourteen quiet CTs and six loud PETs: no PET stands out by being a PET, one CT by itself."""
    manifest = write_cohort(tmp_path / "in", 20)
    for number in (3, *range(14, 20)):
        path = manifest.parent / f"image{number}.nii.gz"
        write_volume(Volume(read_image(path).array * 50, AFFINE), path)
    rows = [{**row, "modality": "CT" if n < 14 else "PT"} for n, row in enumerate(rows_of(20))]
    write_rows(manifest, rows)
    monkeypatch.setattr(chain, "make_pool", lambda _: Inline())
    settings = (str(manifest.parent / "quick.yaml"),)
    outcome = chain.run_batch(Request(manifest, tmp_path / "out", settings, quiet=True), print)
    page = outcome.written[-1].read_text()
    assert "Modality and site" in page
    assert "CT south" in page
    stand_out = page[page.index("<h2>Cases that stand out") : page.index("<h2>Provenance")]
    found = re.findall(r"<td[^>]*>(C\d+)</td>\s*<td[^>]*>[^<]*</td>\s*<td[^>]*>(\w+) ", stand_out)
    assert found[0] == ("C003", "CT")
    assert "of their modality" in stand_out
    loud = read_table(outcome.written[0], columns=["original_intensity_mean"]).column(0).to_numpy()
    pooled = _robust_deviations(loud[:, None])[14:]
    assert np.abs(pooled).min() > 5  # what pooling would have said of all PETs


def test_a_page_without_any_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    write_rows(manifest, [rows_of(1)[0] | {"mask": "gone"}])
    monkeypatch.setattr(chain, "make_pool", lambda _: Inline())
    settings = (str(manifest.parent / "quick.yaml"),)
    outcome = chain.run_batch(Request(manifest, tmp_path / "out", settings, quiet=True), print)
    assert outcome.failed == 1
    assert "the mask is not there" in outcome.written[-1].read_text()


def test_a_full_disk_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "summary.html"))

    manifest = write_cohort(tmp_path / "in", 1)
    monkeypatch.setattr(summary, "write_summary", write)
    cohort = cohort_of(read_manifest(manifest))
    with pytest.raises(SystemExit, match=r"^summary\.html: No space left on device$"):
        summary_process.write_page(
            Request(manifest, tmp_path), cohort, (tmp_path / "features.parquet",)
        )


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
    far = _robust_deviations(values)
    assert far[3, 0] == pytest.approx((100 - 2.5) / (1.4826 * 1.0))
    assert np.nan_to_num(far[:, 1:]).max() == 0


def test_distributions_draw_gaps_and_constants() -> None:
    values = {"a": np.array([[1.0, np.nan], [1.0, np.nan]]), "b": np.empty((0, 2))}
    assert distributions(["constant", "gap"], values).startswith("<svg")


def test_the_process_of_the_page_may_begin_early_and_may_die(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    large = tmp_path / "large.csv"
    large.write_text("x" * (SMALL + 1))
    with closing(SummaryProcess()) as process:
        for path in (large, tmp_path / "nowhere.csv"):
            process.start_early(path)
            assert process.process is None
        process.start_early(manifest)
        assert process.process.is_alive()
        pid = process.process.pid
    assert not Path(f"/proc/{pid}").exists()
    settings = (str(manifest.parent / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, workers=1, quiet=True)
    pages = []
    for kill in (False, True):
        process = SummaryProcess()
        process.start_early(manifest)
        early = process.process
        if kill:
            early.kill()
            early.join()
        outcome = chain.run_batch(request, lambda _: None, process)
        assert outcome.written[-1].name == "summary.html"
        pages.append(outcome.written[-1].read_bytes())
        outcome.written[-1].unlink()
        assert not early.is_alive()
    assert pages[0] == pages[1]


def test_a_page_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "in", 1)
    settings = (str(manifest.parent / "quick.yaml"),)
    request = Request(manifest, tmp_path / "out", settings, workers=1, quiet=True)
    (tmp_path / "out" / "summary.html").mkdir(parents=True)
    (tmp_path / "out" / "records.sqlite").touch()
    said: list[str] = []
    outcome = chain.run_batch(request, said.append)
    assert [path.name for path in outcome.written] == ["features.parquet"]
    (line,) = said
    assert line.startswith("the summary page could not be written; the tables are complete")


def test_what_a_copy_could_not_do_is_done_here() -> None:
    code = (
        "import os, sys\n"
        "from radiomics.pipelines.batch import children\n"
        "os.cpu_count = lambda: 3\n"
        "me = os.getpid()\n"
        "def job(n):\n"
        "    if n == 4 and os.getpid() != me:\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return n, os.getpid() == me\n"
        "jobs = [lambda n=n: job(n) for n in range(8)]\n"
        "print(*children.call_in_copies(jobs), children.call_in_copies([]), sep='\\n')\n"
        "def wrong():\n"
        "    raise ValueError('both here and there')\n"
        "children.call_in_copies([lambda: 1, wrong])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    # every third from the first is ours; the second's copy died at 4; the third's did its own
    here = [n % 3 != 2 or sys.platform != "linux" for n in range(8)]
    assert done.stdout.splitlines() == [*(str(pair) for pair in enumerate(here)), "[]"]
    assert done.stderr.count("both here and there") == 1
