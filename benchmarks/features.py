"""Time feature extraction in process, alternating with another tool's worker process if given.

``python -m benchmarks.features INPUTS [RUNS] [-- RIVAL COMMAND ...]`` reads pairs
``NAME_image.nii.gz`` and ``NAME_mask.nii.gz`` from the folder INPUTS. The rival reads lines
``NAME WORKLOAD`` from standard input and answers each with a line of JSON with ``seconds``.

Workload W1: no resampling, bin width 25, statistics, shape (without Moran's I and Geary's C, which
need the whole region's pairs) and all texture matrices merged over directions. W3: the same after
cubic resampling to 1 mm (2 mm for ``synthetic_big``). W2, for ``ibsi_ct``: W1 on the image, on its
Laplacians of Gaussian of 1, 2 and 3 mm, and on the eight sub-bands of a coif1 wavelet; the mask's
shape is computed once.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from radiomics import extract, read_image, read_mask
from radiomics.pipelines.provenance import installed

AWAKE = 1
"""Calls right before each timed one, of both tools, so that caches and processors are awake."""
TEXTURES = ["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]
SETTINGS: dict[str, Any] = {
    "discretisation": {"method": "fixed_bin_size", "bin_width": 25},
    "aggregation": "3d_merged",
    "families": ["morphology", "intensity", *TEXTURES],
    "spatial_autocorrelation": False,
}


def settings(name: str, workload: str) -> dict[str, Any]:
    if workload == "W1":
        return SETTINGS
    if workload == "W2":
        logs = [{"name": "log", "sigma_mm": sigma} for sigma in (1, 2, 3)]
        wavelet = {"name": "wavelet", "family": "coif1"}
        return SETTINGS | {"filters": [{"name": "original"}, *logs, wavelet]}
    size = 2 if name == "synthetic_big" else 1
    return SETTINGS | {"resample": {"spacing": [size] * 3, "order": "cubic"}}


def main() -> None:
    words, _, rival = (list(part) for part in _split(sys.argv[1:]))
    folder, runs = Path(words[0]), int(words[1]) if len(words) > 1 else 9
    other = subprocess.Popen(rival, stdin=-1, stdout=-1, text=True) if rival else None
    for image_file in sorted(folder.glob("*_image.nii.gz")):
        name = image_file.name.removesuffix("_image.nii.gz")
        image = read_image(image_file)
        mask = read_mask(folder / f"{name}_mask.nii.gz", like=image)
        for workload in ("W1", "W2", "W3") if name == "ibsi_ct" else ("W1", "W3"):
            times: dict[str, list[float]] = {"ours": [], "rival": []}
            chosen = settings(name, workload)
            for run in range(runs + 1):  # the first warms up
                for _ in range(AWAKE + 1):
                    start = time.perf_counter()
                    count = len(extract(image, mask, chosen))
                    seconds = time.perf_counter() - start
                for _ in range(AWAKE if other else 0):
                    _ask(other, f"{name} {workload}")
                theirs = _ask(other, f"{name} {workload}") if other else float("nan")
                if run:
                    times["ours"].append(seconds)
                    times["rival"].append(theirs)
            _tell(name, workload, times, count)
    if other:
        other.terminate()
    versions = {k: v for k, v in installed().items() if k in ("python", "numpy", "numba", "scipy")}
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {versions}")


def _split(words: list[str]) -> tuple[list[str], list[str], list[str]]:
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at : at + 1], words[at + 1 :]


def _ask(other: subprocess.Popen[str] | None, line: str) -> float:
    assert other is not None
    assert other.stdin is not None
    assert other.stdout is not None
    other.stdin.write(line + "\n")
    other.stdin.flush()
    return float(json.loads(other.stdout.readline())["seconds"])


def _tell(name: str, workload: str, times: dict[str, list[float]], count: int) -> None:
    middle = {key: statistics.median(values) for key, values in times.items()}
    spread = f"{min(times['ours']) * 1e3:.1f} to {max(times['ours']) * 1e3:.1f}"
    told = f"{spread}, n {len(times['ours'])}, {count} features"
    text = f"{name:14} {workload} ours {middle['ours'] * 1e3:7.1f} ms ({told})"
    if middle["rival"] == middle["rival"]:
        ratio = middle["ours"] / middle["rival"]
        low, high = min(times["rival"]) * 1e3, max(times["rival"]) * 1e3
        text += (
            f"  rival {middle['rival'] * 1e3:7.1f} ms ({low:.1f} to {high:.1f})  ratio {ratio:.2f}"
        )
    print(text, flush=True)


if __name__ == "__main__":
    main()
