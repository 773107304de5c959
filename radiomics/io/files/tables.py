"""Tables and cohort manifests, through pandas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiomics.types import Case, InputError

READERS = {".csv": pd.read_csv, ".tsv": pd.read_table, ".parquet": pd.read_parquet}
"""By suffix. From pandas 3.1 on, decimals are read to the last bit."""
NEEDED = ("id", "image", "mask")
TEXT = (*NEEDED, "series", "roi", "label", "segment", "group")
"""Columns that are names, even where they look like numbers: 001 is not 1."""
OUTCOME = ("target", "time", "split")
RESERVED = (*TEXT, *OUTCOME)


def read_table(path: str | Path, needed: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet table and demand columns.

    Raises
    ------
    InputError
        For an unknown suffix, an unreadable file or a missing column (those found are listed).
    """
    path = Path(path)
    reader: Any = READERS.get(path.suffix.lower())
    if reader is None:
        rule = f"a table's suffix is one of {', '.join(READERS)}"
        raise InputError(path, rule, path.name, "convert it first")
    try:
        table: pd.DataFrame = reader(path)
        if path.suffix.lower() != ".parquet":  # a patient called NA is no gap
            names = [column for column in table.columns if column in TEXT]
            table[names] = reader(path, usecols=names, dtype=str, keep_default_na=False)[names]
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(path, "the table must be readable", reason, "check the file") from None
    absent = [column for column in needed if column not in table.columns]
    if absent:
        raise InputError(
            path,
            f"the columns {', '.join(needed)} are needed",
            f"no {', '.join(absent)}; columns: {', '.join(map(str, table.columns))}",
            "add or rename the column",
        )
    return table


def _cell_text(value: object) -> str:
    """Return a cell as text: a whole number without its point, a gap as nothing."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


@dataclass(frozen=True, eq=False)
class Manifest:
    """A cohort: one row a case, files found relative to ``folder``, read only on demand.

    ``reading`` holds what :func:`radiomics.read_image` takes for all cases: repair, suv.
    """

    rows: pd.DataFrame
    folder: Path
    reading: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Case]:
        return (self.load(index) for index in range(len(self)))

    def files(self, index: int) -> tuple[Path, Path]:
        """Return the paths of a case's image and mask."""
        row = self.rows.iloc[index]
        return self.folder / row["image"], self.folder / row["mask"]

    def load(self, index: int) -> Case:
        """Read the image and the mask of one case."""
        from radiomics.io.images import read_image
        from radiomics.io.masks.reader import read_mask

        row = self.rows.iloc[index]
        image_path, mask_path = self.files(index)
        image = read_image(image_path, series=row["series"] or None, **self.reading)
        choice = {key: row[key] or None for key in ("roi", "segment")}
        label = int(row["label"]) if row["label"] else None
        mask = read_mask(mask_path, like=image, label=label, **choice)
        covariates = {k: row[k] for k in self.rows.columns if k not in RESERVED}
        return Case(row["id"], row["group"], image, mask, row.get("target"), covariates)


def read_manifest(path: str | Path, reading: Mapping[str, str] | None = None) -> Manifest:
    """Read a cohort manifest: columns id, image, mask; optional roi, label, ..., others.

    Paths are relative to the manifest's folder. Without ``group`` each case is a patient of its
    own. Every problem that can be seen without reading an image is reported here.

    Raises
    ------
    InputError
        For a missing column, a duplicate id, an empty cell or a missing file.
    """
    path = Path(path)
    rows = read_table(path, NEEDED)
    if rows.empty:
        raise InputError(path, "a manifest needs at least one row", "0 rows", "add cases")
    texts = {c: rows[c].map(_cell_text) if c in rows else "" for c in TEXT}
    texts["group"] = texts["group"] if "group" in rows else texts["id"]
    rows = rows.assign(**texts).reset_index(drop=True)
    for column in (*NEEDED, "group"):
        empty = rows.index[rows[column] == ""]
        if len(empty):
            found = f"row {empty[0] + 2} is empty"
            raise InputError(path, f"every row needs a value in {column!r}", found, "fill it")
    wrong = [label for label in rows["label"] if label and not label.lstrip("-").isdigit()]
    if wrong:
        raise InputError(path, "labels are whole numbers", f"{wrong[0]!r}", "name ROIs in 'roi'")
    repeated = rows["id"][rows["id"].duplicated()].tolist()
    if repeated:
        raise InputError(path, "ids are unique", f"repeated: {', '.join(repeated[:5])}", "rename")
    manifest = Manifest(rows, path.parent, reading or {})
    missing = sorted(
        {str(f) for i in range(len(rows)) for f in manifest.files(i) if not f.exists()}
    )
    if missing:
        raise InputError(
            path,
            "every image and mask must exist",
            f"{len(missing)} missing, such as {', '.join(missing[:3])}",
            "paths are relative to the manifest's folder",
        )
    return manifest


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """A cohort whose features are there already: one row a case, without images.

    ``rows`` has the columns id, group, target and others; ``features`` names those with features.
    """

    rows: pd.DataFrame
    features: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


def feature_table(rows: pd.DataFrame, where: object, ignore: tuple[str, ...] = ()) -> FeatureTable:
    """Return a table of features, checked; columns that are none of the names below are features.

    The names are id, group (the patient; without it each row is one), site, target, time, split.

    Raises
    ------
    InputError
        For no rows, a duplicate or empty id, an infinite value or an unknown name in ``ignore``.
    """
    if rows.empty:
        raise InputError(where, "a table of features needs rows", "0 rows", "add cases")
    unknown = [name for name in ignore if name not in rows]
    if unknown:
        found = f"no {', '.join(unknown)}; columns: {', '.join(map(str, rows.columns[:20]))}"
        raise InputError(where, "columns to ignore are in the table", found, "correct data.ignore")
    rows = rows.drop(columns=list(ignore)).copy()  # in one block, where there are many columns
    ids = rows["id"].map(_cell_text)
    groups = rows["group"].map(_cell_text) if "group" in rows else ids
    rows = rows.assign(id=ids, group=groups).reset_index(drop=True)
    for column in ("id", "group"):
        if (rows[column] == "").any():
            raise InputError(where, f"every row needs a value in {column!r}", "a gap", "fill it")
    repeated = rows["id"][rows["id"].duplicated()].tolist()
    if repeated:
        raise InputError(where, "ids are unique", f"repeated: {', '.join(repeated[:5])}", "rename")
    names = [str(c) for c in rows.columns if c not in ("id", "group", "site", *OUTCOME)]
    numbers = rows[names].select_dtypes("number")
    infinite = [str(c) for c in numbers if np.isinf(numbers[c].to_numpy(dtype=np.float64)).any()]
    if infinite:
        remedy = "correct them, or leave the cells empty: gaps are imputed inside the folds"
        raise InputError(where, "features are finite", ", ".join(infinite[:5]), remedy)
    return FeatureTable(rows, tuple(names))
