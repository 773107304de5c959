"""``radiomics extract``: the features of one image inside one mask, or several of one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from radiomics.pipelines.commands.options import (
    Channel,
    Image,
    Label,
    Like,
    Output,
    Quiet,
    Repair,
    Roi,
    Segment,
    Series,
    Spacing,
    Suv,
    Verbose,
    log_libraries,
)

if TYPE_CHECKING:
    from radiomics.extraction import Extraction, Prepared
    from radiomics.extraction.settings import ExtractionSettings
    from radiomics.types import Volume


def extract(
    image: Image,
    mask: Annotated[
        Path, typer.Argument(help="RTSTRUCT, SEG, or a label image (NIfTI, NRRD, PNG, TIFF, ...).")
    ],
    roi: Roi = None,
    label: Label = None,
    segment: Segment = None,
    series: Series = None,
    suv: Suv = None,
    repair: Repair = "refuse",
    spacing: Spacing = None,
    channel: Channel = None,
    like: Like = None,
    settings: Annotated[str, typer.Option(help="Preset or YAML file.")] = "default",
    output: Output = None,
    save_preprocessed: Annotated[
        Path | None, typer.Option(help="Folder for the image and masks that were computed on.")
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compute the features of one IMAGE inside one MASK; CSV to standard output, or to a file."""
    from radiomics.pipelines.commands.tables import check_suffix, print_csv, write_features

    log_libraries(verbose)
    check_suffix(output)
    reading: dict[str, Any] = {"series": series, "repair": repair, "suv": suv, "like": like}
    reading |= {"spacing": spacing, "channel": channel}
    choice = {"roi": roi, "label": label, "segment": segment}
    rows, record = extract_files(image, mask, settings, reading, choice, save_preprocessed)
    for note in [] if quiet else record["notes"]:
        typer.echo(f"note: {note}", err=True)
    if output is None:
        print_csv(rows)
    else:
        write_features(rows, record, output)


def extract_files(
    image: Path,
    mask: Path,
    settings: str,
    reading: dict[str, Any],
    choice: dict[str, Any],
    save: Path | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read, prepare and compute one image; return a row (id, roi, features) a mask, and provenance.

    ``reading`` are the keyword arguments of :func:`radiomics.read_image`, ``choice`` those of
    :func:`radiomics.read_mask`; a ``roi`` with ``*``, ``?`` or ``re:`` stands for all that fit.
    ``save`` is a folder for the preprocessed image and masks.
    """
    from radiomics.extraction import compute, prepare, settings_for, versions
    from radiomics.extraction.settings import load_settings
    from radiomics.io import file_parts, read_image
    from radiomics.pipelines.provenance import installed
    from radiomics.pipelines.store import digest_file

    loaded = load_settings(settings)
    volume = read_image(image, **reading)
    checked = settings_for(volume, loaded)
    name = image.name.split(".")[0] if image.is_file() else image.resolve().name
    rows, masks = [], {}
    for roi, region in _masks(mask, volume, choice).items():
        prepared = prepare(volume, region, checked)
        done = compute(prepared, checked)
        rows.append({"id": name, "roi": roi, **done.features})
        if save is not None:
            _save(prepared, save, f"{name}_{roi}" if roi else name)
        masks[roi] = _mask_record(region, prepared, done)
    record = {
        "settings": checked.model_dump(mode="json"),
        "code": versions(checked),
        "versions": installed(),
        "inputs_sha256": {
            kind: [digest_file(part) for part in file_parts(path)]
            for kind, path in (("image", image), ("mask", mask), ("like", reading.get("like")))
            if path is not None
        },
        "image": {
            "unit": volume.unit,
            "grey_levels": _grey_levels(volume, checked),
            "shape": volume.shape,
            "spacing": volume.spacing,
            "length_unit": volume.length_unit,
            "verdict": volume.verdict,
        },
        "masks": masks,
        "notes": [*volume.history, *dict.fromkeys(n for m in masks.values() for n in m["notes"])],
    }
    return rows, record


def _mask_record(region: Volume, prepared: Prepared, done: Extraction) -> dict[str, Any]:
    """Return what is recorded of one mask."""
    return {
        "notes": [*region.history, *done.notes],
        "missing": done.missing,
        "voxels": {
            "mask": int(region.array.sum()),
            "morphological": int(prepared.morphological_mask.array.sum()),
            "intensity": int(prepared.intensity_mask.array.sum()),
        },
    }


def _grey_levels(image: Volume, settings: ExtractionSettings) -> dict[str, Any]:
    """Return how grey levels are made of an image, also where the settings leave that open."""
    from radiomics.extraction.settings import default_discretisation, default_ivh, unit_in

    unit, _ = unit_in(image.unit, settings)
    levels = settings.discretisation or default_discretisation(unit)
    histogram = settings.ivh or default_ivh(unit)
    return {
        "unit": unit,
        "discretisation": levels.model_dump(mode="json"),
        "ivh": histogram.model_dump(mode="json"),
    }


def _save(prepared: Prepared, folder: Path, name: str) -> None:
    """Write what was computed on, cut to the mask's box, as NIfTI with its place in the patient."""
    from radiomics.io import write_volume

    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    write_volume(prepared.image, folder / f"{stem}_image.nii.gz")
    write_volume(prepared.intensity_mask, folder / f"{stem}_intensity_mask.nii.gz")
    write_volume(prepared.morphological_mask, folder / f"{stem}_morphological_mask.nii.gz")


def _masks(path: Path, like: Volume, choice: dict[str, Any]) -> dict[str, Volume]:
    from radiomics.io import read_mask, read_masks

    roi = choice["roi"] or ""
    if roi.startswith("re:") or set("*?") & set(roi):
        return read_masks(path, like=like, choose=roi)
    chosen = next((str(value) for value in choice.values() if value is not None), "")
    return {chosen: read_mask(path, like=like, **choice)}
