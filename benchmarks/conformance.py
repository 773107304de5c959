"""Write docs/conformance.md: agreement with IBSI and with real patients, from the shared data.

``python -m benchmarks.conformance ../shared`` recomputes every figure in that page.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from radiomics import Volume, extract, feature_catalogue, read_image, read_mask

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATIONS = ("digital_phantom", *(f"config_{c}" for c in "abcde"))
CODES = {
    row.ibsi_code: (row.family, f"original_{row.family}_{row.name}")
    for row in feature_catalogue().itertuples(index=False)
}
HEAD = """# Conformance

Made by `python -m benchmarks.conformance ../shared`; the same comparisons run in the tests.

## IBSI 1

Passed of compared, with the rule of the initiative: the value, rounded to three significant digits,
lies within the tolerance of the consensus value. Features that are not built yet are not counted.
Input is the NIfTI copy, and again the DICOM series with its RTSTRUCT.

"""


def passed(values: dict[str, float], configuration: str) -> dict[str, list[bool]]:
    """Compare one configuration; return pass or fail of each feature by family."""
    path = ROOT / "tests" / "data" / "ibsi1" / f"{configuration}.csv"
    found: dict[str, list[bool]] = {}
    with path.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["ibsi_code"] not in CODES or not row["reference_value"]:
                continue
            family, column = CODES[row["ibsi_code"]]
            off = abs(float(f"{values[column]:.2e}") - float(row["reference_value"]))
            good = off <= float(row["tolerance"]) * (1 + 1e-9)
            found.setdefault(family, []).append(good)
    return found


def ibsi_rows(shared: Path) -> list[str]:
    lines = [
        "| configuration | input | " + " | ".join(sorted({f for f, _ in CODES.values()})) + " |"
    ]
    lines.append("|---" * (2 + len({f for f, _ in CODES.values()})) + "|")
    folder = shared / "reference" / "ibsi" / "ibsi1"
    for configuration in CONFIGURATIONS:
        digital = configuration == "digital_phantom"
        place = folder / ("digital_phantom" if digital else "ct_phantom")
        preset = "ibsi_phantom" if digital else configuration.replace("config", "ibsi")
        for kind in ("NIfTI",) if digital else ("NIfTI", "DICOM"):
            image, mask = load(place, kind)
            found = passed(extract(image, mask, preset), configuration)
            cells = [f"{sum(found[f])}/{len(found[f])}" for f in sorted(found)]
            lines.append(f"| {preset} | {kind} | " + " | ".join(cells) + " |")
    return lines


def load(place: Path, kind: str) -> tuple[Volume, Volume]:
    if kind == "DICOM":
        image = read_image(place / "dicom")
        return image, read_mask(place / "rtstruct.dcm", like=image, roi="GTV-1")
    image = read_image(place / "image.nii.gz")
    return image, read_mask(place / "mask.nii.gz", like=image)


def copies(shared: Path) -> list[str]:
    """Compare DICOM with NIfTI copies of the same scans, voxel by voxel."""
    lines = [
        "| scan | slices x rows x columns | largest difference of values | of geometry, mm "
        "| mask voxels | that differ |",
        "|---|---|---|---|---|---|",
    ]
    place = shared / "reference" / "ibsi" / "ibsi1" / "ct_phantom"
    pairs = [("IBSI CT phantom", load(place, "DICOM"), load(place, "NIfTI"))]
    data = shared / "data" / "sts"
    for patient in sorted((data / "dicom").iterdir()):
        for modality in ("CT", "MR_T1", "PET"):
            nifti = data / "nifti" / patient.name / f"{modality}_image.nii.gz"
            if nifti.exists():
                image = read_image(patient / modality / "image")
                mask = read_mask(patient / modality / "mask" / "RS.dcm", like=image)
                copy = read_image(nifti)
                other = read_mask(nifti.with_name(f"{modality}_mask.nii.gz"), like=copy)
                pairs.append((f"{patient.name} {modality}", (image, mask), (copy, other)))
    for name, (image, mask), (copy, other) in pairs:
        values = np.abs(image.array.astype(np.float64) - copy.array).max()
        geometry = np.abs(image.affine - copy.affine).max()
        differ = np.count_nonzero(mask.array != other.array)
        shape = " x ".join(map(str, image.shape))
        inside = np.count_nonzero(mask.array)
        lines.append(f"| {name} | {shape} | {values:.1g} | {geometry:.1g} | {inside} | {differ} |")
    return lines


def main() -> None:
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared")
    text = HEAD + "\n".join(ibsi_rows(shared))
    text += (
        "\n\n## DICOM against NIfTI copies\n\n"
        "Masks are rasters of the RTSTRUCT by the even-odd rule at voxel centres. Differences of "
        "values and\ngeometry are the rounding of the copies to float32.\n\n"
    )
    (ROOT / "docs" / "conformance.md").write_text(text + "\n".join(copies(shared)) + "\n")
    print(text)


if __name__ == "__main__":
    main()
