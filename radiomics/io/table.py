"""Tables and cohort manifests, through pandas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radiomics.types import Case, InputError

READERS = {".csv": pd.read_csv, ".tsv": pd.read_table, ".parquet": pd.read_parquet}
NEEDED = ("id", "image", "mask")
RESERVED = (*NEEDED, "roi", "group", "site", "target")


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
        known = ", ".join(READERS)
        raise InputError(path, f"a table's suffix is one of {known}", path.name, "convert it first")
    try:
        table: pd.DataFrame = reader(path)
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


@dataclass(frozen=True, eq=False)
class Manifest:
    """A cohort: one row a case, files found relative to ``folder``, read only on demand."""

    rows: pd.DataFrame
    folder: Path

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
        from radiomics.io import read_image, read_mask

        row = self.rows.iloc[index]
        image_path, mask_path = self.files(index)
        image = read_image(image_path)
        mask = read_mask(mask_path, like=image, roi=row["roi"] or None)
        known = {k: row[k] for k in self.rows.columns if k not in RESERVED or k == "site"}
        return Case(row["id"], row["group"], image, mask, row.get("target"), known)


def read_manifest(path: str | Path) -> Manifest:
    """Read a cohort manifest: columns id, image, mask; optional roi, group, site, target, others.

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
    for column in NEEDED:
        empty = rows.index[rows[column].isna()]
        if len(empty):
            raise InputError(
                path,
                f"every row needs a value in {column!r}",
                f"row {empty[0] + 2} is empty",
                "fill",
            )
    rows = rows.assign(id=rows["id"].astype(str))
    rows["group"] = rows["group"].astype(str) if "group" in rows else rows["id"]
    rows["roi"] = rows["roi"].fillna("").astype(str) if "roi" in rows else ""
    repeated = rows["id"][rows["id"].duplicated()].tolist()
    if repeated:
        raise InputError(path, "ids are unique", f"repeated: {', '.join(repeated[:5])}", "rename")
    manifest = Manifest(rows.reset_index(drop=True), path.parent)
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
