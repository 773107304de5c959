"""Compare with PyRadiomics itself, in its own environment: values and times, case by case.

    python -m benchmarks.pyradiomics PYTHON CASE.json [--repeats 9] [--output docs/pyradiomics.json]

PYTHON is the interpreter of an environment with PyRadiomics (Python 3.9, ``pip install "numpy<2"
pyradiomics==3.1.0``). CASE.json lists what to run: ``[{"name", "image", "mask", "workload",
"binWidth"}]`` with files that SimpleITK reads. Workloads: W1 all seven classes of the original
image; W2 also Laplacian of Gaussian 1, 2, 3 mm and eight coif1 sub-bands; W3 resampled to cubes of
the smallest spacing; default: no settings at all. With ``"params"``, a parameter file, the workload
is what it says: ``features``, or ``maps``, of which finite voxels are counted, and their sum and
sum of squares compared. Both are asked in turn, images in memory; the first answer of each warms
up and is not counted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def work() -> None:
    """Answer requests on standard input, one JSON line each; runs in both environments."""
    import logging

    import SimpleITK as sitk

    import radiomics
    from radiomics import featureextractor

    radiomics.setVerbosity(logging.ERROR)
    for line in sys.stdin:
        case = json.loads(line)
        image, mask = sitk.ReadImage(case["image"]), sitk.ReadImage(case["mask"])
        settings: dict[str, Any] = {"additionalInfo": False}
        if "binWidth" in case:
            settings["binWidth"] = case["binWidth"]
        if case["workload"] == "W3":
            settings["resampledPixelSpacing"] = [min(image.GetSpacing())] * 3
        given = [case["params"]] if "params" in case else []
        extractor = featureextractor.RadiomicsFeatureExtractor(*given, **settings)
        if case["workload"] == "W2":
            extractor.enableImageTypeByName("LoG", customArgs={"sigma": [1.0, 2.0, 3.0]})
            extractor.enableImageTypeByName("Wavelet", customArgs={"wavelet": "coif1"})
        start = time.perf_counter()
        found = extractor.execute(image, mask, voxelBased=case["workload"] == "maps")
        seconds = time.perf_counter() - start
        values = {}
        for key, value in found.items():
            if not isinstance(value, sitk.Image):
                values[key] = float(value)
                continue
            voxels = sitk.GetArrayFromImage(value)
            voxels = voxels[voxels == voxels]
            values |= {f"{key} voxels": float(voxels.size), f"{key} sum": float(voxels.sum())}
            values[f"{key} squares"] = float((voxels * voxels).sum())
        print(json.dumps({"seconds": seconds, "values": values}), flush=True)


def started(python: str, path: str) -> subprocess.Popen[str]:
    """Start a worker where no other package stands in the way."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": path}
    code = f"import runpy; runpy.run_path({str(Path(__file__).resolve())!r})['work']()"
    return subprocess.Popen(
        [python, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd="/" if os.name == "posix" else None,
    )


def ask(worker: subprocess.Popen[str], case: dict[str, Any]) -> dict[str, Any]:
    """Return a worker's answer."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(case) + "\n")
    worker.stdin.flush()
    return dict(json.loads(worker.stdout.readline()))


def compare(theirs: dict[str, float], ours: dict[str, float]) -> dict[str, Any]:
    """Return how many values agree to 1e-6, and the largest relative difference."""
    worst, name, agree = 0.0, "", 0
    for key, value in theirs.items():
        own = ours.get(key, math.nan)
        same = math.isclose(value, own, rel_tol=1e-6, abs_tol=1e-11)
        agree += same
        away = abs(value - own) / max(abs(value), 1e-11) if abs(value - own) > 1e-11 else 0.0
        if not away <= worst:
            worst, name = away, key
    return {"values": len(theirs), "agree": agree, "largest": worst, "of": name}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("cases", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    root = str(Path(__file__).resolve().parent.parent)
    workers = {"theirs": started(given.python, ""), "ours": started(sys.executable, root)}
    rows = []
    for case in json.loads(given.cases.read_text()):
        first = {name: ask(worker, case) for name, worker in workers.items()}
        times: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(given.repeats):
            for name, worker in workers.items():
                times[name].append(float(ask(worker, case)["seconds"]))
        row = {"name": case["name"], "workload": case["workload"]}
        row |= compare(first["theirs"]["values"], first["ours"]["values"])
        if given.repeats:
            middle = {name: statistics.median(values) for name, values in times.items()}
            row |= {"seconds": middle, "ratio": middle["theirs"] / middle["ours"]}
            row |= {"range": {name: [min(v), max(v)] for name, v in times.items()}}
        rows.append(row)
        print(json.dumps(row), flush=True)
    if given.output is not None:
        given.output.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
