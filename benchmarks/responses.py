"""Time filters and measure their memory: ``python -m benchmarks.responses [SIDE] [RUNS]``.

Each run of each filter is a process of its own, in turn, on a cube of float32 noise with voxels of
2 mm. Kernels are compiled on a small cube first. Memory is by how much the process grew from then
to its peak, as a multiple of the cube. Prints the table of ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

SIXTH = [[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
ONE_SCALE = [{"name": "simoncelli"}, *({"name": "riesz", "order": o, "level": 1} for o in SIXTH)]
CASES: dict[str, list[dict[str, Any]]] = {
    "mean, 15 voxels": [{"name": "mean", "support": 15}],
    "Gaussian, 3 mm": [{"name": "gaussian", "sigma_mm": 3}],
    "Laplacian of Gaussian, 3 mm": [{"name": "log", "sigma_mm": 3}],
    "Laws L5E5S5, maximum over 24 rotations, energy 7": [
        {"name": "laws", "kernel": "L5E5S5", "pooling": "max", "energy": 7}
    ],
    "Gabor, 10 mm, 8 angles, 3 planes": [
        {"name": "gabor", "sigma_mm": 10, "lambda_mm": 4, "theta_step": 22.5, "planes": True}
    ],
    "Gabor, three wavelengths of that width, one image": [
        {"name": "gabor", "sigma_mm": 10, "lambda_mm": wave, "theta_step": 22.5, "planes": True}
        for wave in (4, 6, 8)
    ],
    "coif1 HHH, mean over 24 rotations": [
        {"name": "wavelet", "family": "coif1", "band": "HHH", "pooling": "mean"}
    ],
    "coif1, level 2, eight decimated sub-bands": [
        {"name": "wavelet", "family": "coif1", "level": 2, "decimated": True}
    ],
    "Simoncelli, level 1": [{"name": "simoncelli"}],
    "Riesz (1, 1, 0) of Simoncelli": [{"name": "riesz", "order": [1, 1, 0], "level": 1}],
    "Riesz (1, 1, 0) of Simoncelli, steered, tensor 4 mm": [
        {"name": "riesz", "order": [1, 1, 0], "level": 1, "tensor_sigma_mm": 4}
    ],
    "Riesz (1, 1, 0) of LoG, 3 mm": [{"name": "riesz", "order": [1, 1, 0], "sigma_mm": 3}],
    "Riesz (1, 1, 0) of LoG, 3 mm, steered, tensor 4 mm": [
        {"name": "riesz", "order": [1, 1, 0], "sigma_mm": 3, "tensor_sigma_mm": 4}
    ],
    "Simoncelli and its six Riesz (order 2), one image": ONE_SCALE,
    "Gabor, 10 mm, 8 angles, 3 planes, float32": [
        {
            "name": "gabor",
            "sigma_mm": 10,
            "lambda_mm": 4,
            "theta_step": 22.5,
            "planes": True,
            "precision": "float32",
        }
    ],
    "Simoncelli, level 1, float32": [{"name": "simoncelli", "precision": "float32"}],
    "Riesz (1, 1, 0) of Simoncelli, float32": [
        {"name": "riesz", "order": [1, 1, 0], "level": 1, "precision": "float32"}
    ],
    "gradient": [{"name": "gradient"}],
    "LBP in slices, 8 samples": [{"name": "lbp", "by_slice": True}],
    "LBP in space, 42 points, three layers": [{"name": "lbp3d"}],
    "LBP in space, cubic": [{"name": "lbp3d", "order": "cubic"}],
}


def peak() -> int:
    """Return the largest memory of this process so far, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(name: str, side: int) -> tuple[float, float]:
    """Return seconds, and the rise of the peak as a multiple of the volume."""
    from radiomics import Volume
    from radiomics.extraction.images import group_of, responses, sharing

    cube = np.random.default_rng(0).normal(size=(side,) * 3).astype(np.float32)
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    small, image = (Volume(part, affine, "1") for part in (cube[:48, :48, :48], cube))
    groups = [group_of(spec) for spec in CASES[name]]
    for given in (small, image):
        common, order = sharing(groups, given.spacing)
        before, start = peak(), time.perf_counter()
        for index in order:
            responses(given, groups[index], common)
        seconds, grown = time.perf_counter() - start, peak() - before
    return seconds, grown / cube.nbytes


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
        return
    side, runs = (int(word) for word in (sys.argv[1:3] + ["256", "5"][len(sys.argv) - 1 :]))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(runs):
        for name, values in found.items():
            words = [sys.executable, "-m", "benchmarks.responses", "--one", name, str(side)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            values.append(tuple(json.loads(done.stdout)))
    print(f"| filter | s, median of {runs} | range | times the volume |\n|---|---|---|---|")
    for name, values in found.items():
        seconds = [value[0] for value in values]
        memory = max(value[1] for value in values)
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"| {name} | {median(seconds):.1f} | {spread} | {memory:.1f} |")


if __name__ == "__main__":
    main()
