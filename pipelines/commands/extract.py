"""``radiomics extract``: the features of one image inside one mask, or several of one file."""

from __future__ import annotations

from collections.abc import Mapping
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
    from radiomics.pipelines.spreadsheet import SUFFIX

    log_libraries(verbose)
    check_suffix(output)
    if output is not None and output.suffix.lower() == SUFFIX:
        check_suffix(output, _column_count(settings))
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
    from radiomics.extraction.rules import advice, rules_used
    from radiomics.extraction.settings import load_settings
    from radiomics.io import file_parts, read_image
    from radiomics.io.masks.boxes import Masks
    from radiomics.pipelines.provenance import installed
    from radiomics.pipelines.store import digest_file
    from radiomics.types import InputError

    loaded = load_settings(settings)
    volume = read_image(image, **reading)
    checked = settings_for(volume, loaded)
    name = image.name.split(".")[0] if image.is_file() else image.resolve().name
    rows, masks = [], {}
    regions = _masks(mask, volume, choice)
    left_out = dict(regions.refused) if isinstance(regions, Masks) else {}
    several = isinstance(regions, Masks) and len(regions) + len(left_out) > 1
    for roi, region in regions.items():
        try:
            prepared = prepare(volume, region, checked)
            done = compute(prepared, checked)
        except InputError as error:
            if not several:
                raise
            left_out[roi] = error
            continue
        rows.append({"id": name, "roi": roi, **done.features})
        if save is not None:
            _save(prepared, save, f"{name}_{roi}" if roi else name)
        masks[roi] = _mask_record(region, prepared, done)
    reasons = {roi: f"{error.rule}; found: {error.found}" for roi, error in left_out.items()}
    if not rows:
        listed = "; ".join(f"{roi!r}: {reason}" for roi, reason in reasons.items())
        rule, remedy = "features are computed in at least one mask", "choose masks of this image"
        raise InputError(mask, rule, listed, remedy)
    of_masks = [note for mask in masks.values() for note in mask["notes"]]
    of_masks += [f"left out {roi!r}: {reason}" for roi, reason in reasons.items()]
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
            "grey_levels": rules_used(checked, volume.unit),
            "shape": volume.shape,
            "spacing": volume.spacing,
            "length_unit": volume.length_unit,
            "verdict": volume.verdict,
        },
        "masks": masks,
        "left_out": reasons,
        "notes": list(dict.fromkeys([*volume.history, *of_masks, *advice(checked, volume.unit)])),
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


def _column_count(settings: str) -> int:
    """Return how many columns the table of some settings has."""
    from radiomics.extraction.columns import columns_of
    from radiomics.extraction.settings import load_settings

    return len(columns_of(load_settings(settings))) + len(("id", "roi"))


def _save(prepared: Prepared, folder: Path, name: str) -> None:
    """Write what was computed on, cut to the mask's box, as NIfTI with its place in the patient."""
    from radiomics.io import write_volume

    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    write_volume(prepared.image, folder / f"{stem}_image.nii.gz")
    write_volume(prepared.intensity_mask, folder / f"{stem}_intensity_mask.nii.gz")
    write_volume(prepared.morphological_mask, folder / f"{stem}_morphological_mask.nii.gz")


def _masks(path: Path, like: Volume, choice: dict[str, Any]) -> Mapping[str, Volume]:
    from radiomics.io import read_mask, read_masks

    roi = choice["roi"] or ""
    if roi.startswith("re:") or set("*?") & set(roi):
        return read_masks(path, like=like, choose=roi)
    chosen = next((str(value) for value in choice.values() if value is not None), "")
    return {chosen: read_mask(path, like=like, **choice)}
