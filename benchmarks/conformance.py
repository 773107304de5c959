"""Write docs/conformance.md: agreement with IBSI and with real patients, from the shared data.

``python -m benchmarks.conformance ../shared`` recomputes every figure in that page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from radiomics import Volume, read_image, read_mask
from radiomics.conformance.verification import CONFIGURATIONS, compare, summary, verify

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Conformance

Made by `python -m benchmarks.conformance ../shared`; the same comparisons run in the tests.

## IBSI 1

Passed of compared, with the rule of the initiative: the value, rounded to three significant digits,
lies within the tolerance of the consensus value. Configurations A to E are the CT phantom, from its
NIfTI copy and again from the DICOM series with its RTSTRUCT. `radiomics verify` makes the first row
anywhere, `radiomics verify --ct-phantom FOLDER` the others.

"""


def ibsi_rows(shared: Path) -> list[str]:
    folder = shared / "reference" / "ibsi" / "ibsi1" / "ct_phantom"
    inputs = [("digital phantom", verify())]
    for kind in ("NIfTI", "DICOM"):
        volumes = load(folder, kind)
        checks = [check for c in CONFIGURATIONS for check in compare(c, *volumes)]
        inputs.append((kind, checks))
    rows = [{"input": kind} | row for kind, checks in inputs for row in summary(checks)]
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    return lines + ["| " + " | ".join(row[name] for name in names) + " |" for row in rows]


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
