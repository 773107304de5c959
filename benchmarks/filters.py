"""Write ``docs/filters.md``'s tables and figure: ``python -m benchmarks.filters [../shared]``.

Phase 1 of IBSI 2: the largest deviation of each response map from its reference, and a picture of
the slices of both with the largest range. Phase 2: feature values against reference and tolerance.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from radiomics import extract, read_image, read_mask
from radiomics.extraction.images import filtered
from radiomics.extraction.settings import load_settings
from radiomics.features import intensity
from radiomics.plugins import shipped

DOCS = Path(__file__).resolve().parent.parent / "docs"
MARK = "<!-- written by python -m benchmarks.filters -->\n"
PHANTOMS = {
    "impulse": ("1_b", "2_a", "3_a", "4_a", "5_", "9_a"),
    "sphere": ("4_b", "6_", "9_b"),
    "pattern_1": ("10_",),
}
COLUMNS = 6


def phantom(test: str) -> str:
    """Return the name of the phantom of a test of phase 1."""
    named = (name for name, starts in PHANTOMS.items() if test.startswith(starts))
    return next(named, "checkerboard")


def maps(folder: Path, test: str) -> tuple[Path, Path]:
    """Return the files of a test's phantom and of its reference map."""
    reference = folder / "reference_response_maps" / f"{test}-ValidCRM.nii.gz"
    return folder / "phantoms" / f"{phantom(test)}.nii.gz", reference


def phase_1(folder: Path) -> list[str]:
    lines = ["| test | filter | largest deviation | tolerance | |", "|---|---|---|---|---|"]
    tests = sorted(
        (path.stem for path in shipped("ibsi2", "phase1").glob("*.yaml")),
        key=lambda test: (int(test.split("_")[0]), test),
    )
    rows = -(-len(tests) // (COLUMNS // 2))
    figure = Figure(figsize=(1.6 * COLUMNS, 1.75 * rows), layout="constrained")
    axes = figure.subplots(rows, COLUMNS).ravel()
    for axis in axes:
        axis.set_axis_off()
    for index, test in enumerate(tests):
        image, reference = map(read_image, maps(folder, test))
        settings = load_settings(shipped("ibsi2", "phase1", f"{test}.yaml"))
        ((name, found),) = filtered(image, settings.filters[0])
        limit = 0.01 * float(np.ptp(reference.array))
        deviation = float(np.abs(found.array - reference.array).max())
        verdict = "yes" if deviation <= limit else "**no**"
        lines.append(f"| {test} | `{name}` | {deviation:.2g} | {limit:.3g} | {verdict} |")
        middle = int(np.ptp(reference.array, axis=(1, 2)).argmax())  # where there is most to see
        low, high = float(reference.array.min()), float(reference.array.max())
        for axis, volume, title in zip(
            axes[2 * index : 2 * index + 2], (found, reference), ("ours", "reference"), strict=True
        ):
            axis.imshow(volume.array[middle], cmap="gray", vmin=low, vmax=high)
            axis.set_title(f"{test} {title}", fontsize=7)
    figure.savefig(DOCS / "filters.png", dpi=80)
    return lines


def phase_2(shared: Path) -> list[str]:
    place = shared / "ibsi1" / "ct_phantom"
    image = read_image(place / "image.nii.gz")
    mask = read_mask(place / "mask.nii.gz", like=image)
    names = {code: name for name, code in intensity.IBSI.items()}
    with (shared / "ibsi2" / "reference_feature_values.csv").open() as stream:
        wanted = [row for row in csv.DictReader(stream) if row["consensus_value"]]
    lines = [
        "| test | feature | ours | reference | tolerance | deviation / tolerance |",
        "|---|---|---|---|---|---|",
    ]
    passed, values = 0, {}
    for row in wanted:
        test = row["filter_id"].replace(".", "_")
        if test not in values:
            values[test] = extract(image, mask, shipped("ibsi2", "phase2", f"{test}.yaml"))
        name = names[row["ibsi_code"]]
        (value,) = [v for k, v in values[test].items() if k.endswith(f"_intensity_{name}")]
        share = abs(value - float(row["consensus_value"])) / float(row["tolerance"])
        passed += share <= 1
        lines.append(
            f"| {row['filter_id']} | {name} | {value:.6g} | {row['consensus_value']} "
            f"| {row['tolerance']} | {share:.2f} |"
        )
    return [f"{passed} of {len(wanted)} values within their tolerance.", "", *lines]


def main() -> None:
    shared = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared") / "reference" / "ibsi"
    path = DOCS / "filters.md"
    text = path.read_text().partition(MARK)[0] + MARK
    one = "\n".join(phase_1(shared / "ibsi2"))
    two = "\n".join(phase_2(shared))
    text += f"\n## IBSI 2, phase 1\n\n{one}\n\n![Middle slices](filters.png)\n"
    path.write_text(f"{text}\n## IBSI 2, phase 2\n\n{two}\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
