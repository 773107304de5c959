"""Cases per second beside PyRadiomics' batch mode.

``python -m benchmarks.batch_rival FOLDER SOURCE RIVAL``

SOURCE holds folders ``PATIENT/MODALITY/image`` and ``.../mask``; RIVAL is the Python of an
environment with PyRadiomics. Its default settings, and ours that compute the same families; NIfTI
files for both, two processes each, in turn.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.batch import seconds_of, start


def against(folder: Path, source: Path, rival: Path, runs: int = 3) -> None:
    ours, theirs, count = _nifti_pairs(folder, source)
    (folder / "settings.yaml").write_text(PYRADIOMICS)
    code = "from radiomics.scripts import parse_args; parse_args()"
    options = ["--format", "csv", "--jobs", "2", "--verbosity", "1"]
    times: dict[str, list[float]] = {"whole command": [], "at work": [], "PyRadiomics": []}
    for run in range(runs + 1):  # the first warms up
        out, log = folder / f"ours-{run}", folder / f"ours-{run}.jsonl"
        words = (ours, "--settings", folder / "settings.yaml", "--workers", 2, "--log", log)
        began = time.perf_counter()
        assert start(*words, "--output", out).wait() == 0
        seconds = [time.perf_counter() - began]
        events = [json.loads(line) for line in log.read_text().splitlines()]
        seconds.append(seconds_of(events[-1]["time"]) - seconds_of(events[0]["time"]))
        began = time.perf_counter()
        result = folder / f"theirs-{run}.csv"
        command = [str(rival), "-c", code, str(theirs), "--out", str(result), *options]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=folder)
        assert len(result.read_text().splitlines()) == count + 1
        seconds.append(time.perf_counter() - began)
        for name, value in zip(times, seconds, strict=True) if run else ():
            times[name].append(value)
    for name, values in times.items():
        rates = sorted(count / value for value in values)
        told = f"{rates[0]:.2f} to {rates[-1]:.2f}, n {runs}"
        ratio = statistics.median(times["PyRadiomics"]) / statistics.median(values)
        print(f"{name}: median {statistics.median(rates):.2f} cases/s ({told}), {ratio:.1f} times")


PYRADIOMICS = """
families: [morphology, intensity, glcm, glrlm, glszm, ngtdm, ngldm]
discretisation: {method: fixed_bin_size, bin_width: 25}
spatial_autocorrelation: false
"""


def _nifti_pairs(folder: Path, source: Path) -> tuple[Path, Path, int]:
    """Write images and masks as NIfTI; return a manifest for each tool, and how many."""
    from radiomics import read_image, read_masks, write_volume

    folder.mkdir(parents=True, exist_ok=True)
    ours, theirs = ["id,image,mask"], ["Image,Mask"]
    for image in sorted(source.glob("*/*/image")):
        name = f"{image.parent.parent.name}_{image.parent.name}"
        places = [folder / f"{name}_{kind}.nii.gz" for kind in ("image", "mask")]
        if not places[1].exists():
            volume = read_image(image)
            (mask,) = read_masks(image.parent / "mask", like=volume).values()
            write_volume(volume, places[0])
            write_volume(mask, places[1])
        ours.append(f"{name},{places[0].name},{places[1].name}")
        theirs.append(f"{places[0]},{places[1]}")
    (folder / "ours.csv").write_text("\n".join(ours) + "\n")
    (folder / "theirs.csv").write_text("\n".join(theirs) + "\n")
    return folder / "ours.csv", folder / "theirs.csv", len(ours) - 1


def main() -> None:
    folder, source, rival = map(Path, sys.argv[1:4])
    against(folder.absolute(), source, rival.absolute())


if __name__ == "__main__":
    main()
