"""The summary page of a batch: what failed and why, how features lie, which cases stand out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from radiomics.compat import CLASSES
from radiomics.pipelines.batch.case_files import local_copy
from radiomics.pipelines.batch.cohort import ADDED, BLOCK, CHOICES, Cohort
from radiomics.pipelines.batch.modalities import modality_code
from radiomics.pipelines.batch.planning import source_of
from radiomics.pipelines.batch.statuses import IN_WORDS
from radiomics.pipelines.batch.tasks import Row, Source
from radiomics.pipelines.batch.worker import read_masks_of
from radiomics.pipelines.store import write_whole
from radiomics.plugins import names as plugin_names
from radiomics.reporting import figures
from radiomics.reporting.distributions import distributions
from radiomics.reporting.html import Section, Table, render
from radiomics.types import Case, Volume

Jobs = Sequence[Callable[[], str]]

LOOKED_AT = 20_000
"""Lines of a table that distributions are taken from, evenly spread."""
DRAWN = 200
"""Columns of a table that are drawn."""
FAR = 5.0
"""Robust standard deviations from the median at which a value stands out."""
FEWEST = 5
"""Lines from which deviations can be told."""
SHOWN, NAMED, SITES = 8, 8, 8

SCALE = "modality"
"""Column of a manifest whose values have intensities that cannot be pooled."""
PARTS = (SCALE, "site")
"""Columns of a manifest by which a page sets cases apart."""

SPARED = {status: words.capitalize() for status, words in IN_WORDS.items()}
"""What lines are called that are not to be computed, by their status."""

QUOTED = re.compile(r"'[^']*'")
"""Names in reasons, which would set cases apart that have one reason."""


class TableSample:
    """The lines of a table without their values, and the values (N, F) of some lines."""

    def __init__(self, path: Path) -> None:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        self.columns: list[str] = names[names.index(ADDED[-1]) + 1 :]
        carried = [n for n in ("group", *PARTS) if n in names[: names.index("status")]]
        wanted = ["id", "roi", "status", "reason", "verdict", "notes"]
        self.lines = file.read([*wanted, *carried])
        self.parts = [name for name in PARTS if name in carried]
        done = np.array(self.lines["status"].combine_chunks().to_pylist()) == "done"
        every = max(1, -(-len(done) // LOOKED_AT))
        self.chosen = np.flatnonzero(done)[::every]
        self.values = self._values(file)
        named = [self.named(name) for name in self.parts]
        sites = [" ".join(words) for words in zip(*named, strict=True)] or ["all"] * len(done)
        common = [name for name, _ in Counter(sites).most_common(SITES)]
        self.sites = np.array([s if s in common else "other" for s in sites])
        self.scales = np.array(self.named(SCALE) if SCALE in self.parts else ["all"] * len(done))

    def named(self, column: str) -> list[str]:
        """Return the cells of a carried column, empty ones by a name."""
        cells: list[Any] = self.lines[column].to_pylist()
        return [f"{column} unknown" if cell in (None, "") else str(cell) for cell in cells]

    def _values(self, file: pq.ParquetFile) -> NDArray[np.float64]:
        found = []
        first = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            mine = self.chosen[(self.chosen >= first) & (self.chosen < first + count)] - first
            if len(mine):
                part = file.read_row_group(group, self.columns).take(pa.array(mine))
                arrays = [column.to_numpy() for column in part.columns]
                found.append(np.stack(arrays, axis=1))
            first += count
        return np.concatenate(found) if found else np.empty((0, len(self.columns)))


def call_in_turn(jobs: Jobs) -> list[str]:
    """Do jobs one after the other."""
    return [job() for job in jobs]


def write_summary(
    tables: Sequence[tuple[str, Path]],
    cohort: Cohort,
    source: Source,
    folder: Path,
    do: Callable[[Jobs], list[str]] = call_in_turn,
) -> None:
    """Write ``summary.html`` from the tables of a batch, each with its label.

    ``do`` is how the figures are drawn.
    """
    sample = {label: TableSample(path) for label, path in tables}
    first = next(iter(sample.values()))
    counts = Counter(first.lines["status"].to_pylist())
    summary = {
        "Lines": str(len(first.lines)),
        "Patients": str(len(set(first.lines["group"].to_pylist()))),
        "Done": str(counts["done"]),
        "Failed": str(counts["failed"]),
        "Not computed yet": str(counts["waiting"]),
        **{text: str(counts[status]) for status, text in SPARED.items() if counts[status]},
        "Features": ", ".join(str(len(one.columns)) for one in sample.values()),
    }
    sections: list[Section | None] = []
    for label, one in sample.items():
        name = f", {label}" if len(sample) > 1 else ""
        sections += [
            failures(one, name), spared(one, name), per_site(one, name), notes(one, name),
            spread(one, name, do), outliers(one, name, cohort, source),
        ]  # fmt: skip
    text = (folder / "provenance.json").read_text(encoding="utf-8")
    code = json.dumps(json.loads(text), indent=1)
    sections.append(Section("Provenance", "What the tables were made from.", code=code))
    page = render("Batch summary", summary, [section for section in sections if section])
    write_whole(folder / "summary.html", page)


def failures(sample: TableSample, name: str) -> Section | None:
    """Show why cases have no values: one line a reason, those with the most cases first."""
    groups: dict[str, list[tuple[str, str]]] = {}
    columns = (sample.lines[c].to_pylist() for c in ("id", "status", "reason"))
    for case, status, reason in zip(*columns, strict=True):
        if status == "failed":
            rule, _, detail = reason.partition("; found: ")
            groups.setdefault(QUOTED.sub("'…'", rule), []).append((case, detail))
    if not groups:
        return None
    rows = []
    for rule, members in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        ids = ", ".join(case for case, _ in members[:NAMED])
        more = ", …" if len(members) > NAMED else ""
        rows.append([len(members), rule, members[0][1].replace("; remedy: ", ". "), f"{ids}{more}"])
    table = Table(["Cases", "Reason", "Found, and what to do (first case)", "Ids"], rows)
    return Section(f"Failures{name}", "Failed cases are tried again by the next run.", table)


def spared(sample: TableSample, name: str) -> Section | None:
    """Show what is there and was not to be computed: one line a reason."""
    columns = (sample.lines[c].to_pylist() for c in ("id", "status", "reason"))
    groups: dict[tuple[str, str], list[str]] = {}
    for case, status, reason in zip(*columns, strict=True):
        if status in SPARED:
            groups.setdefault((SPARED[status], reason), []).append(case)
    rows = [
        [len(cases), *why, ", ".join(cases[:NAMED]) + (", …" if len(cases) > NAMED else "")]
        for why, cases in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    table = Table(["Cases", "", "Reason", "Ids"], rows)
    return Section(f"Not to be computed{name}", "", table) if rows else None


def per_site(sample: TableSample, name: str) -> Section | None:
    """Show how many cases each site has, and how many failed."""
    if not sample.parts:
        return None
    status = np.array(sample.lines["status"].to_pylist())
    rows = []
    for site in sorted(set(sample.sites)):
        here = status[sample.sites == site]
        counts = [int((here == s).sum()) for s in ("done", "failed")]
        rows.append([site, len(here), *counts, int(np.isin(here, list(SPARED)).sum())])
    title = _parts_title(sample)
    names = [title, "Lines", "Done", "Failed", "Not to be computed"]
    if not any(row[-1] for row in rows):
        names, rows = names[:-1], [row[:-1] for row in rows]
    return Section(f"{title}{name}", "", Table(names, rows))


def notes(sample: TableSample, name: str) -> Section | None:
    """Show what was noted while reading, most frequent first."""
    counts = Counter(text for text in sample.lines["notes"].to_pylist() if text)
    rows = [[count, text] for text, count in counts.most_common(20)]
    return Section(f"Notes on reading{name}", "", Table(["Cases", "Note"], rows)) if rows else None


def spread(
    sample: TableSample, name: str, do: Callable[[Jobs], list[str]] = call_in_turn
) -> Section | None:
    """Show the distribution of each feature at each site, a figure a family."""
    if not len(sample.values):
        return None
    columns = sample.columns[:DRAWN]
    sites = sample.sites[sample.chosen]
    families = list(dict.fromkeys(_family(column) for column in columns))
    jobs = []
    for family in families:
        places = [i for i, column in enumerate(columns) if _family(column) == family]
        values = {site: sample.values[sites == site][:, places] for site in sorted(set(sites))}
        names = [columns[i].removeprefix(f"{family}_") for i in places]
        jobs.append(partial(distributions, names, values))
    drawn = [
        f"<h3>{family}</h3>{figure}" for family, figure in zip(families, do(jobs), strict=True)
    ]
    left = len(sample.columns) - len(columns)
    text = (
        f"From {len(sample.values)} lines of the table. Each line here spans the 1st to the 99th "
        "percentile of a feature, which stand at its right, with the number of values (n) where "
        "some are missing; the thin bar is the 5th to 95th percentile, the thick one the "
        "quartiles, the dot the median."
    )
    if SCALE not in sample.parts:
        text += f" A column {SCALE} in the manifest draws CT, MR and PET apart."
    text += f" {left} more columns are in the table." if left else ""
    return Section(f"Distributions{name}", text, figures=["".join(drawn)])


def _family(column: str) -> str:
    """Return what a column of ours or of PyRadiomics begins with: its image and its family.

    >>> _family("log-sigma-1-0-mm-3D_firstorder_Mean")
    'log-sigma-1-0-mm-3D_firstorder'
    """
    names = (*plugin_names("radiomics.features"), *CLASSES)
    found = [(column.index(f"_{name}_"), name) for name in names if f"_{name}_" in column]
    place, name = min(found, default=(0, column))
    return column[: place + 1 + len(name)]


def outliers(sample: TableSample, name: str, cohort: Cohort, source: Source) -> Section | None:
    """Show the cases most of whose features lie far from the others', with a picture of each."""
    far = np.zeros(sample.values.shape)
    scales = sample.scales[sample.chosen]
    for scale in sorted(set(scales)):
        alike = scales == scale
        if alike.sum() >= FEWEST:
            far[alike] = _robust_deviations(sample.values[alike])
    counts = (np.abs(far) > FAR).sum(axis=1)
    order = np.argsort(-counts, kind="stable")[:SHOWN]
    order = order[counts[order] > 0]
    if not len(order):
        return None
    rows, cases, titles, unseen = [], [], [], []
    for place in order:
        line = int(sample.chosen[place])
        case, roi = (sample.lines[c][line].as_py() for c in ("id", "roi"))
        top = np.argsort(-np.nan_to_num(np.abs(far[place])), kind="stable")[:3]
        most = ", ".join(f"{sample.columns[i]} ({far[place, i]:+.0f})" for i in top)
        rows.append([case, roi, sample.sites[line], int(counts[place]), most])
        try:
            cases.append(picture(case, roi, cohort, source))
            titles.append(f"{case}\n{roi}: {counts[place]}")
        except Exception as error:  # a page without one picture beats no page
            unseen.append(f"{case} ({type(error).__name__})")
    text = (
        f"Lines with the most features further than {FAR:g} robust standard deviations (1.48 times "
        "the median absolute deviation) from the median"
        f"{' of their modality' if SCALE in sample.parts else ' of all'}; in brackets how far. "
        "Skewed features, and many that say the same, stand out together. They may be right: look "
        "at them. The pictures show the slice where the mask is largest, grey from the 1st to the "
        "99th percentile of that slice."
    )
    text += f"\n\nNot drawn: {', '.join(unseen)}." if unseen else ""
    drawn = [figures.gallery(cases, titles)] if cases else []
    table = Table(
        ["Case", "ROI", _parts_title(sample), "Features", "Most extreme (deviations)"], rows
    )
    return Section(f"Cases that stand out{name}", text, table, drawn)


def _parts_title(sample: TableSample) -> str:
    return " and ".join(sample.parts).capitalize() or "Site"


def _robust_deviations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many robust standard deviations values (N, F) lie from their column's median."""
    finite = np.where(np.isfinite(values), values, np.nan)
    empty = np.isnan(finite).all(axis=0)
    finite[:, empty] = 0.0
    middle = np.nanmedian(finite, axis=0)
    spread_ = 1.4826 * np.nanmedian(np.abs(finite - middle), axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spread_ > 0, (finite - middle) / spread_, 0.0)


def picture(case: str, roi: str, cohort: Cohort, source: Source) -> Case:
    """Return the slice with the largest section of one case, with its mask."""
    from radiomics.io import read_image

    number = _row_of(case, roi, cohort)
    (cells,) = cohort.rows.read(number, 1).to_pylist()
    modality = modality_code(str(cells.get(SCALE) or ""))
    read = source_of(source, cohort.path(cells["image"]), cells["series"], modality)
    with local_copy(read.image, read.scratch) as path:
        image = read_image(path, series=read.series or None, **dict(read.reading))
    row = Row(number, cohort.path(cells["mask"]), tuple((k, cells[k]) for k in CHOICES if cells[k]))
    masks = read_masks_of(read, row, image)
    mask = masks.get(roi) or next(iter(masks.values()))
    index = int(mask.array.sum(axis=(1, 2)).argmax())
    one = slice(index, index + 1)
    slices = [Volume(v.array[one].copy(), image.affine) for v in (image, mask)]
    return Case(case, case, slices[0], slices[1])


def _row_of(case: str, roi: str, cohort: Cohort) -> int:
    """Return the row of an id: the one with this ROI, else the first (its ROI is a pattern)."""
    import pyarrow.compute as pc

    found = -1
    for start in range(0, len(cohort), BLOCK):
        part = cohort.rows.read(start, BLOCK)
        same = np.flatnonzero(pc.equal(part.column("id"), case).to_numpy())
        for place in map(int, same):
            if part.column("roi")[place].as_py() == roi:
                return start + place
            found = start + place if found < 0 else found
    return found
