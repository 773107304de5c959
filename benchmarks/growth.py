"""Time features over balls of 1e3 to 1e7 voxels: ``python -m benchmarks.growth FIGURE.png [RUNS]``.

Workload W1 of :mod:`benchmarks.features` on correlated noise. Prints a line a size and the slope of
time over voxels on logarithmic axes, from the sizes where fixed costs are small, and draws both.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmarks.features import SETTINGS
from radiomics import Volume, extract
from radiomics.pipelines.provenance import installed

SIZES = (1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7)
LARGE = 1e5
"""Voxels from which the slope is fitted."""


def ball(voxels: float) -> tuple[Volume, Volume]:
    radius = (voxels * 3 / (4 * np.pi)) ** (1 / 3)
    side = int(2 * np.ceil(radius) + 1)
    axis = np.arange(side) - side // 2
    inside = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 <= radius**2
    noise: NDArray[np.float64] = np.random.default_rng(0).normal(size=inside.shape)
    image = 40 + 150 * gaussian_filter(noise, 0.5)
    return Volume(image.astype(np.float32), np.eye(4), "HU"), Volume(inside, np.eye(4), "1")


def main() -> None:
    path, runs = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    sizes, medians = [], []
    for wanted in SIZES:
        image, mask = ball(wanted)
        times = []
        for _ in range(runs + 1):  # the first warms up
            start = time.perf_counter()
            extract(image, mask, SETTINGS)
            times.append(time.perf_counter() - start)
        sizes.append(int(mask.array.sum()))
        medians.append(statistics.median(times[1:]))
        low, high = min(times[1:]) * 1e3, max(times[1:]) * 1e3
        spread = f"{low:.1f} to {high:.1f}, n {runs}"
        print(f"{sizes[-1]:10d} voxels {medians[-1] * 1e3:8.1f} ms ({spread})", flush=True)
    large = np.array(sizes) >= LARGE * 0.9
    slope, offset = np.polyfit(np.log(np.array(sizes)[large]), np.log(np.array(medians)[large]), 1)
    print(f"slope {slope:.2f} from {LARGE:g} voxels on")
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.loglog(sizes, medians, "o", label="median")
    line = np.array([LARGE, SIZES[-1]])
    axes.loglog(line, np.exp(offset) * line**slope, label=f"slope {slope:.2f}")
    axes.set(xlabel="voxels in the mask", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)
    versions = {k: v for k, v in installed().items() if k in ("python", "numpy", "numba", "scipy")}
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {versions}")


if __name__ == "__main__":
    main()
