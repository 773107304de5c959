"""One image and one mask from files to a row of features with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.environment import installed
from pipelines.store import digest_file
from radiomics.extraction import compute, load_settings, prepare, versions
from radiomics.io import file_parts, read_image, read_mask
from radiomics.plugins import ConfigurationError

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
    image: Path, mask: Path, settings: str, choices: tuple[dict[str, Any], dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read, prepare and compute one case; return its row (id, roi, features) and provenance.

    ``choices`` are the keyword arguments of :func:`radiomics.read_image` and of
    :func:`radiomics.read_mask`.
    """
    from_image, from_mask = choices
    checked = load_settings(settings)
    volume = read_image(image, **from_image)
    region = read_mask(mask, like=volume, **from_mask)
    prepared = prepare(volume, region, checked)
    done = compute(prepared, checked)
    name = image.name.split(".")[0] if image.is_file() else image.resolve().name
    chosen = next((str(value) for value in from_mask.values() if value is not None), "")
    record = {
        "settings": checked.model_dump(mode="json"),
        "code": versions(checked),
        "versions": installed(),
        "inputs_sha256": {
            kind: [digest_file(part) for part in file_parts(path)]
            for kind, path in (("image", image), ("mask", mask))
        },
        "image": {"unit": volume.unit, "shape": volume.shape, "spacing": volume.spacing},
        "notes": [*volume.history, *region.history],
        "voxels": {
            "mask": int(region.array.sum()),
            "morphological": int(prepared.morphological_mask.array.sum()),
            "intensity": int(prepared.intensity_mask.array.sum()),
        },
        "missing": done.missing,
    }
    return {"id": name, "roi": chosen, **done.features}, record
