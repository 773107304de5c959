"""A manifest of many rows with a store that knows all of them but the last: to measure resuming."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from radiomics.pipelines.batch.case_files import fingerprint_both, short_hash
from radiomics.pipelines.batch.cohort import cohort_of
from radiomics.pipelines.batch.layouts import layouts_of
from radiomics.pipelines.batch.manifest import read_manifest
from radiomics.pipelines.batch.planning import Planner, content_key, make_plan, row_key
from radiomics.pipelines.batch.records import Input, Record, Records
from radiomics.pipelines.batch.request import STORE
from radiomics.pipelines.batch.tasks import Row, Source
from tests.cohorts import write_cohort

PER_FOLDER = 1000
READING = (("repair", "refuse"),)


def fill_store(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write ``rows`` images and masks (hard links to two files each) and records of all but one.

    The settings are the default ones, so that a record has all 174 values.
    """
    write_cohort(folder / "one", 1)
    settings = folder / "settings.yaml"
    settings.write_text("{}\n")
    manifest, out = _write_files(folder, rows)
    cohort = cohort_of(read_manifest(manifest))
    records = Records(out / STORE)
    chosen = make_plan(layouts_of([str(settings)])[0], records)
    planner = Planner(cohort, [chosen], records, Source(""), False)
    environment = records.environment({"made": "up"})
    rng = np.random.default_rng(0)
    notes = {"notes": [], "verdict": ""}
    for number in range(rows - 1):
        cells = planner.cells(number)
        source = Source(cohort.path(cells["image"]), "", READING)
        row = Row(number, cohort.path(cells["mask"]), (("label", "1"),))
        content = content_key(source, row, short_hash(str(number).encode()))
        records.put_input(
            row_key(cells), Input(fingerprint_both(source.image, row.mask).digest, content, 10**8)
        )
        values = rng.normal(size=(1, len(chosen.layout.columns)))
        records.put(content, chosen.number, Record(("",), values, notes, environment))
        if number % 10_000 == 0:
            records.commit()
    records.close()
    return manifest, out


def _write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write the manifest and the files that it names; return it and the output folder."""
    manifest, out = folder / "manifest.csv", folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    with manifest.open("w") as stream:
        stream.write("id,image,mask,label,site\n")
        for number in range(rows):
            place = f"files/{number // PER_FOLDER}/{number}"
            if number % PER_FOLDER == 0:
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
            for kind in ("image", "mask"):
                if not (folder / f"{place}{kind}.nii.gz").exists():
                    os.link(_source(folder, kind, number), folder / f"{place}{kind}.nii.gz")
            site = f"site{number % 5}"
            stream.write(f"id{number:07d},{place}image.nii.gz,{place}mask.nii.gz,1,{site}\n")
    return manifest, out


def _source(folder: Path, kind: str, number: int) -> Path:
    """Return the file to link to: one for each 50,000 links, which file systems allow at least."""
    original = folder / "one" / f"{kind}0.nii.gz"
    copy = folder / "one" / f"{kind}0-{number // 50_000}.nii.gz"
    if not copy.exists():
        copy.write_bytes(original.read_bytes())
        os.utime(copy, (1_600_000_000, 1_600_000_000))
    return copy
