"""Cases per second beside PyRadiomics' batch mode.

``python -m benchmarks.batch_rival FOLDER SOURCE RIVAL [default|images] [RUNS]``

SOURCE holds folders ``PATIENT/MODALITY/image`` and ``.../mask``; RIVAL is the Python of an
environment with PyRadiomics. Both take the same parameter file of PyRadiomics: its defaults, or the
images of its example for CT (five Laplacians of Gaussian, eight wavelet sub-bands, resampled to 1
mm). NIfTI files for both, two processes each, in turn.
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


def against(folder: Path, source: Path, rival: Path, name: str, runs: int) -> None:
    ours, theirs, count = _nifti_pairs(folder, source)
    settings = folder / f"{name}.yaml"
    settings.write_text(PARAMETERS[name])
    code = "from radiomics.scripts import parse_args; parse_args()"
    options = ["--format", "csv", "--jobs", "2", "--verbosity", "1", "--param", str(settings)]
    times: dict[str, list[float]] = {"whole command": [], "at work": [], "PyRadiomics": []}
    for run in range(runs + 1):  # the first warms up
        out, log = folder / f"ours-{name}-{run}", folder / f"ours-{name}-{run}.jsonl"
        words = (ours, "--settings", settings, "--workers", 2, "--log", log)
        began = time.perf_counter()
        assert start(*words, "--output", out).wait() == 0
        seconds = [time.perf_counter() - began]
        events = [json.loads(line) for line in log.read_text().splitlines()]
        seconds.append(seconds_of(events[-1]["time"]) - seconds_of(events[0]["time"]))
        began = time.perf_counter()
        result = folder / f"theirs-{name}-{run}.csv"
        command = [str(rival), "-c", code, str(theirs), "--out", str(result), *options]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=folder)
        assert len(result.read_text().splitlines()) == count + 1
        seconds.append(time.perf_counter() - began)
        for what, value in zip(times, seconds, strict=True) if run else ():
            times[what].append(value)
        print(f"run {run}: {', '.join(f'{value:.1f} s' for value in seconds)}", flush=True)
    for what, values in times.items():
        rates = sorted(count / value for value in values)
        told = f"{rates[0]:.2f} to {rates[-1]:.2f}, n {runs}"
        ratio = statistics.median(times["PyRadiomics"]) / statistics.median(values)
        print(f"{what}: median {statistics.median(rates):.2f} cases/s ({told}), {ratio:.1f} times")


PARAMETERS = {
    "default": "setting: {binWidth: 25}\n",
    "images": """
imageType: {Original: {}, LoG: {sigma: [1.0, 2.0, 3.0, 4.0, 5.0]}, Wavelet: {}}
setting:
  binWidth: 25
  interpolator: sitkBSpline
  resampledPixelSpacing: [1, 1, 1]
  padDistance: 10
""",
}


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
    name, runs = [*sys.argv[4:6], *["default", "3"][len(sys.argv[4:6]) :]]
    against(folder.absolute(), source, rival.absolute(), name, int(runs))


if __name__ == "__main__":
    main()
