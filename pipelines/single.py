"""One image and one mask from files to a row of features with its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.environment import installed
from pipelines.store import digest_file
from radiomics.extraction import compute, load_settings, prepare, versions
from radiomics.io import read_image, read_mask


def extract_files(
    image: Path,
    mask: Path,
    settings: str,
    *,
    roi: str | None = None,
    label: int | None = None,
    series: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read, prepare and compute one case; return its row (id, roi, features) and provenance."""
    checked = load_settings(settings)
    volume = read_image(image, series=series)
    region = read_mask(mask, like=volume, roi=roi, label=label)
    prepared = prepare(volume, region, checked)
    done = compute(prepared, checked)
    name = image.name.split(".")[0] if image.is_file() else image.resolve().name
    chosen = roi if roi is not None else "" if label is None else str(label)
    record = {
        "settings": checked.model_dump(mode="json"),
        "code": versions(checked),
        "versions": installed(),
        "inputs_sha256": {"image": digest_file(image), "mask": digest_file(mask)},
        "image": {"unit": volume.unit, "shape": volume.shape, "spacing": volume.spacing},
        "voxels": {
            "mask": int(region.array.sum()),
            "morphological": int(prepared.morphological_mask.array.sum()),
            "intensity": int(prepared.intensity_mask.array.sum()),
        },
        "missing": done.missing,
    }
    return {"id": name, "roi": chosen, **done.features}, record
