"""One image and one mask from files to a row of features with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radiomics.extraction import Extraction, Prepared, compute, prepare, versions
from radiomics.extraction.images import filtered, resampled
from radiomics.extraction.settings import (
    ExtractionSettings,
    default_discretisation,
    default_ivh,
    load_settings,
    unit_in,
)
from radiomics.io import file_parts, read_image, read_mask, read_masks, write_volume
from radiomics.pipelines.provenance import installed
from radiomics.pipelines.store import digest_file
from radiomics.plugins import ConfigurationError
from radiomics.types import Volume

SUFFIXES = (".csv", ".json", ".parquet")


def check_suffix(path: Path) -> None:
    """Demand a suffix that a table can be written to.

    Raises
    ------
    ConfigurationError
        Naming the suffixes there are.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigurationError(f"{path}: the suffix of a table is one of {', '.join(SUFFIXES)}")


def extract_files(
    image: Path,
    mask: Path,
    settings: str,
    choices: tuple[dict[str, Any], dict[str, Any]],
    save: Path | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read, prepare and compute one image; return a row (id, roi, features) a mask, and provenance.

    ``choices`` are the keyword arguments of :func:`radiomics.read_image` and of
    :func:`radiomics.read_mask`; a ``roi`` with ``*``, ``?`` or ``re:`` stands for all that fit.
    ``save`` is a folder for the preprocessed image and masks.
    """
    from_image, from_mask = choices
    checked = load_settings(settings)
    volume = read_image(image, **from_image)
    name = image.name.split(".")[0] if image.is_file() else image.resolve().name
    rows, masks = [], {}
    for roi, region in _masks(mask, volume, from_mask).items():
        prepared = prepare(volume, region, checked)
        done = compute(prepared, checked)
        rows.append({"id": name, "roi": roi, **done.features})
        if save is not None:
            _save(prepared, save, f"{name}_{roi}" if roi else name)
        masks[roi] = _about(region, prepared, done)
    record = {
        "settings": checked.model_dump(mode="json"),
        "code": versions(checked),
        "versions": installed(),
        "inputs_sha256": {
            kind: [digest_file(part) for part in file_parts(path)]
            for kind, path in (("image", image), ("mask", mask))
        },
        "image": {
            "unit": volume.unit,
            "grey_levels": _rules(volume, checked),
            "shape": volume.shape,
            "spacing": volume.spacing,
            "verdict": volume.verdict,
        },
        "masks": masks,
        "notes": [*volume.history, *dict.fromkeys(n for m in masks.values() for n in m["notes"])],
    }
    return rows, record


def _about(region: Volume, prepared: Prepared, done: Extraction) -> dict[str, Any]:
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


def _rules(image: Volume, settings: ExtractionSettings) -> dict[str, Any]:
    """Return how grey levels are made of an image, also where the settings leave that open."""
    unit, _ = unit_in(image.unit, settings)
    levels = settings.discretisation or default_discretisation(unit)
    histogram = settings.ivh or default_ivh(unit)
    return {
        "unit": unit,
        "discretisation": levels.model_dump(mode="json"),
        "ivh": histogram.model_dump(mode="json"),
    }


def filter_file(
    image: Path, settings: str, output: Path, choices: dict[str, Any]
) -> tuple[float, float]:
    """Write the response of the settings' one filter to a whole image; return its range.

    The image is resampled first where the settings say so.

    Raises
    ------
    ConfigurationError
        When the settings ask for several images.
    InputError
        When the image cannot be read, or the filter does not fit it.
    """
    checked = load_settings(settings)
    if checked.pyradiomics is not None:
        raise ConfigurationError(f"{settings}: a map is of one of our filters, not of PyRadiomics'")
    volume = resampled(read_image(image, **choices), checked)
    responses = [pair for spec in checked.filters for pair in filtered(volume, spec)]
    if len(responses) != 1:
        found = ", ".join(name for name, _ in responses)
        raise ConfigurationError(f"{settings}: a map is of one filter and one band; found: {found}")
    response = responses[0][1]
    write_volume(response, output)
    return float(response.array.min()), float(response.array.max())


def _save(prepared: Prepared, folder: Path, name: str) -> None:
    """Write what was computed on, cut to the mask's box, as NIfTI with its place in the patient."""
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    write_volume(prepared.image, folder / f"{stem}_image.nii.gz")
    write_volume(prepared.intensity_mask, folder / f"{stem}_intensity_mask.nii.gz")
    write_volume(prepared.morphological_mask, folder / f"{stem}_morphological_mask.nii.gz")


def _masks(path: Path, like: Volume, choice: dict[str, Any]) -> dict[str, Volume]:
    roi = choice["roi"] or ""
    if roi.startswith("re:") or set("*?") & set(roi):
        return read_masks(path, like=like, choose=roi)
    chosen = next((str(value) for value in choice.values() if value is not None), "")
    return {chosen: read_mask(path, like=like, **choice)}
